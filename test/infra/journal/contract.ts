/** What every journal store must do (design §5). The suite knows the port alone; a harness says where the content lives. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { CommitOutcome, EncodedEvent, EncodedRecord, LoadedJournal } from '../../../src/core/journal/batch.ts';
import type { EventRetention } from '../../../src/core/journal/retention.ts';
import { followContract } from './contract-follow.ts';
import { type ContractTools, readContract, replaceContract } from './contract-replace.ts';
import { drop, Leader, put } from './leader.ts';

export interface JournalHarness {
  /** A store over the same content, as a restarted process would make it. */
  readonly store: (retention?: EventRetention) => JournalStore;
  /** Lets another leader take the epoch, while the first one is still there. */
  readonly fence: () => Promise<void>;
  /** Moves the clock that event retention looks at. */
  readonly advance: (ms: number) => void;
  readonly dispose: () => Promise<void>;
}

const event = (n: number): EncodedEvent => ({
  type: 'status_update_event',
  json: JSON.stringify({ n, text: 'naïve\n✓' }),
});

const contentOf = (loaded: LoadedJournal): ReadonlyMap<string, string | undefined> =>
  new Map([...loaded.records].map((r) => [`${r.kind} ${JSON.stringify(r.key)}`, `${r.format} ${r.json}`]));

/** Runs the suite; each test gets a harness of its own. */
export function journalContract(name: string, makeHarness: () => Promise<JournalHarness>): void {
  describe(`${name} journal`, () => {
    let harness: JournalHarness;
    let opened: JournalStore[];
    const lead = async (retention?: EventRetention): Promise<Leader> => {
      const store = harness.store(retention);
      opened.push(store);
      return Leader.of(store);
    };
    const another = (): JournalStore => {
      const store = harness.store();
      opened.push(store);
      return store;
    };
    const reopen = async (leader: Leader, retention?: EventRetention): Promise<Leader> => {
      await leader.store.close();
      return lead(retention);
    };
    beforeEach(async () => {
      harness = await makeHarness();
      opened = [];
    });
    afterEach(async () => {
      for (const store of opened) await store.close();
      await harness.dispose();
    });

    const tools: ContractTools = { store: another, lead, reopen, fence: () => harness.fence() };
    describe('read', () => readContract(tools));
    describe('replace', () => replaceContract(tools));

    it('is ready for commits once it is open', async () => {
      expect((await lead()).store.status()).toEqual({ type: 'ready' });
    });

    describe('content', () => {
      it('is empty at first, with an epoch of at least 1 and a generation', async () => {
        const { loaded } = await lead();
        expect([...loaded.records]).toEqual([]);
        expect(loaded.epoch).toBeGreaterThanOrEqual(1);
        expect(loaded.nextBatch).toBeGreaterThanOrEqual(1);
        expect(loaded.generation).toMatch(/^[0-9A-Za-z-]+$/);
      });

      it('is what was committed, after the store was closed and opened again', async () => {
        const leader = await lead();
        const records = [
          put('/a', { id: '/a' }, 'app'),
          put('/a', 'same key, other kind'),
          put('x', 'ünïcode \u{1f600} \n'),
        ];
        expect(await leader.commit(records)).toEqual({ type: 'committed' });
        const again = await reopen(leader);
        expect(contentOf(again.loaded).size).toBe(3);
        expect([...again.loaded.records]).toEqual(expect.arrayContaining(records));
        expect(again.loaded.nextBatch).toBe(leader.nextBatch);
        expect(again.loaded.epoch).toBeGreaterThan(leader.loaded.epoch);
        expect(again.loaded.generation).toBe(leader.loaded.generation);
      });

      it('takes puts and deletes as absolute: the last one counts, and deleting what is not there does no harm', async () => {
        const leader = await lead();
        await leader.commit([put('a', 1), put('b', 1)]);
        await leader.commit([put('a', 2), drop('b'), drop('never there')]);
        await leader.commit([put('a', 2)]);
        expect([...(await reopen(leader)).loaded.records]).toEqual([put('a', 2)]);
      });

      it('keeps an empty batch as a step of its own', async () => {
        const leader = await lead();
        expect(await leader.commit([])).toEqual({ type: 'committed' });
        expect((await reopen(leader)).loaded.nextBatch).toBe(leader.nextBatch);
      });

      it('takes a batch of 10,000 records with 10,000 events as one', async () => {
        const leader = await lead();
        const records = Array.from({ length: 10_000 }, (_, i) => put(`web.instance-${i}`, { i, pad: 'x'.repeat(100) }));
        const events = records.map((_, i) => event(i));
        expect(await leader.commit(records, events)).toEqual({ type: 'committed' });
        const again = await reopen(leader);
        expect(contentOf(again.loaded).size).toBe(10_000);
        expect((await again.store.readEvents(leader.loaded.nextEvent + 9_990, 100)).events).toEqual(
          events.slice(9_990),
        );
      });

      it('takes a value of a megabyte', async () => {
        const leader = await lead();
        const large = put('large', 'é'.repeat(500_000));
        expect(await leader.commit([large])).toEqual({ type: 'committed' });
        expect([...(await reopen(leader)).loaded.records]).toEqual([large]);
      });

      it('takes keys of any length and any characters, apart from each other', async () => {
        const leader = await lead();
        const long = `/${'group/'.repeat(1_000)}`;
        const keys = [
          '',
          ' ',
          '\0',
          'a\0b',
          '\ud800',
          '\udfff',
          '\ufffd',
          '\u{1f600}',
          'ü'.repeat(950),
          'ü'.repeat(951),
          `${long}a`,
        ];
        keys.push(
          `${long}b`,
          'k'.repeat(1_900),
          'k'.repeat(1_901),
          'k'.repeat(1_978),
          'k'.repeat(1_979),
          '/a@1',
          '\n',
          '"',
        );
        await leader.commit(keys.map((key, i) => put(key, i, 'appVersion')));
        const again = await reopen(leader);
        expect(contentOf(again.loaded).size).toBe(keys.length);
        expect([...again.loaded.records]).toEqual(
          expect.arrayContaining(keys.map((key, i) => put(key, i, 'appVersion'))),
        );
        await again.commit(keys.map((key) => drop(key, 'appVersion')));
        expect([...(await reopen(again)).loaded.records]).toEqual([]);
      });

      it('equals a model after random batches and reopenings', async () => {
        const key = fc.oneof(fc.constantFrom('a', 'b', '/c/d'), fc.string({ unit: 'binary', maxLength: 4 }));
        const kind = fc.constantFrom('app', 'instance', 'meta') as fc.Arbitrary<EncodedRecord['kind']>;
        const write = fc.tuple(kind, key, fc.option(fc.jsonValue(), { nil: undefined }));
        const step = fc.record({ writes: fc.array(write, { maxLength: 6 }), reopens: fc.boolean() });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
            const own = await makeHarness();
            let leader = await Leader.of(own.store());
            const model = new Map<string, string>();
            try {
              for (const { writes, reopens } of steps) {
                const records = writes.map(([k, id, value]) => (value === undefined ? drop(id, k) : put(id, value, k)));
                expect(await leader.commit(records)).toEqual({ type: 'committed' });
                for (const { kind: k, key: id, json } of records) {
                  const name = `${k} ${JSON.stringify(id)}`;
                  if (json === undefined) model.delete(name);
                  else model.set(name, `1 ${json}`);
                }
                if (!reopens) continue;
                await leader.store.close();
                leader = await Leader.of(own.store());
                expect(contentOf(leader.loaded)).toEqual(model);
              }
              await leader.store.close();
              leader = await Leader.of(own.store());
              expect(contentOf(leader.loaded)).toEqual(model);
            } finally {
              await leader.store.close();
              await own.dispose();
            }
          }),
          { numRuns: 15 },
        );
      });
    });

    describe('order', () => {
      it('answers commits in the order of their numbers, never before commit has returned', async () => {
        const leader = await lead();
        const batches = Array.from({ length: 20 }, (_, i) => leader.batch([put('a', i)]));
        const answers: Promise<CommitOutcome>[] = [];
        for (let i = 0; i < batches.length; i += leader.store.maxInFlight) {
          const group = batches.slice(i, i + leader.store.maxInFlight).map((batch) => leader.send(batch));
          expect(leader.answered.length).toBe(i);
          answers.push(...group);
          await Promise.all(group);
        }
        expect(await Promise.all(answers)).toEqual(batches.map(() => ({ type: 'committed' })));
        expect(leader.answered).toEqual(batches.map((batch) => batch.number));
        expect([...(await reopen(leader)).loaded.records]).toEqual([put('a', 19)]);
      });

      it('refuses a number that is not the next one, and writes nothing of it', async () => {
        const leader = await lead();
        await leader.commit([put('a', 1)]);
        const skipped = { ...leader.batch([put('b', 1)]), number: leader.nextBatch + 1 };
        expect(await leader.send(skipped)).toMatchObject({ type: 'fenced', reason: expect.any(String) });
        const repeated = { ...skipped, number: leader.loaded.nextBatch, id: 'other' };
        expect(await leader.send(repeated)).toMatchObject({ type: 'fenced' });
        const again = await reopen(leader);
        expect([...again.loaded.records]).toEqual([put('a', 1)]);
        expect(again.loaded.nextBatch).toBe(leader.loaded.nextBatch + 1);
      });

      it('answers what was pending when it is closed, and has it afterwards', async () => {
        const leader = await lead();
        const pending = [1, 2, 3].slice(0, leader.store.maxInFlight).map((n) => leader.commit([put(`k${n}`, n)]));
        await leader.store.close();
        expect(await Promise.all(pending)).toEqual(pending.map(() => ({ type: 'committed' })));
        expect(contentOf((await lead()).loaded).size).toBe(pending.length);
      });

      it('fails a commit after it was closed', async () => {
        const leader = await lead();
        await leader.store.close();
        expect(await leader.commit([put('a', 1)])).toMatchObject({ type: 'failed', reason: expect.any(String) });
        expect([...(await lead()).loaded.records]).toEqual([]);
      });
    });

    describe('fence', () => {
      it('refuses the very first leader once another one has taken the epoch', async () => {
        const leader = await lead();
        await harness.fence();
        expect(await leader.commit([put('a', 1)])).toMatchObject({ type: 'fenced', reason: expect.any(String) });
        expect([...(await reopen(leader)).loaded.records]).toEqual([]);
      });

      it('refuses a later leader likewise, and everything it sends after that', async () => {
        const leader = await reopen(await lead());
        await leader.commit([put('a', 1)]);
        await harness.fence();
        expect(await leader.commit([put('a', 2)])).toMatchObject({ type: 'fenced' });
        expect(await leader.commit([put('a', 3)])).toMatchObject({ type: 'fenced' });
        expect([...(await reopen(leader)).loaded.records]).toEqual([put('a', 1)]);
      });

      it('gives every opening a higher epoch', async () => {
        const first = await lead();
        const second = await reopen(first);
        const third = await reopen(second);
        expect(second.loaded.epoch).toBeGreaterThan(first.loaded.epoch);
        expect(third.loaded.epoch).toBeGreaterThan(second.loaded.epoch);
      });
    });

    describe('events', () => {
      it('are numbered on across reopenings and read back by ranges', async () => {
        let leader = await lead();
        const start = leader.loaded.nextEvent;
        const all = Array.from({ length: 700 }, (_, i) => event(i));
        for (const [from, to] of [
          [0, 1],
          [1, 4],
          [4, 4],
          [4, 600],
        ] as const)
          await leader.commit([], all.slice(from, to));
        leader = await reopen(leader);
        expect(leader.loaded.nextEvent).toBe(start + 600);
        await leader.commit([put('a', 1)], all.slice(600));
        const read = (from: number, limit: number) => leader.store.readEvents(start + from, limit);
        for (const [from, limit] of [
          [0, 1],
          [0, 700],
          [0, 9_999],
          [2, 3],
          [255, 300],
          [599, 2],
          [699, 5],
        ] as const) {
          expect(await read(from, limit)).toEqual({ first: start, events: all.slice(from, from + limit) });
        }
        expect(await read(700, 5)).toEqual({ first: start, events: [] });
        expect(await read(5_000, 5)).toEqual({ first: start, events: [] });
        expect(await read(0, 0)).toEqual({ first: start, events: [] });
      });

      it('begin at the oldest kept one when asked for older ones', async () => {
        const leader = await lead();
        await leader.commit([], [event(0)]);
        const { first, events } = await leader.store.readEvents(-5, 10);
        expect({ first, events }).toEqual({ first: leader.loaded.nextEvent, events: [event(0)] });
      });

      it('say where the next one will be when there are none', async () => {
        const leader = await lead();
        expect(await leader.store.readEvents(0, 10)).toEqual({ first: leader.loaded.nextEvent, events: [] });
      });

      it('are kept by number or by age, whichever keeps more, and dropped only by compact', async () => {
        const leader = await lead({ minEvents: 3, minAgeMs: 1_000, maxEvents: 1_000 });
        const start = leader.loaded.nextEvent;
        const first = async (): Promise<number> => (await leader.store.readEvents(0, 1)).first - start;
        for (let i = 0; i < 10; i++) await leader.commit([], [event(i)]);
        await leader.store.compact();
        expect(await first()).toBe(0);
        harness.advance(1_000);
        for (let i = 10; i < 12; i++) await leader.commit([], [event(i)]);
        expect(await first()).toBe(0);
        await leader.store.compact();
        expect(await first()).toBe(9);
        harness.advance(1_000);
        await leader.store.compact();
        expect((await leader.store.readEvents(start + 9, 10)).events).toEqual([event(9), event(10), event(11)]);
        expect((await reopen(leader)).loaded.nextEvent).toBe(start + 12);
      });

      it('are never more than the absolute maximum after compact, however young', async () => {
        const leader = await lead({ minEvents: 3, minAgeMs: 1_000_000, maxEvents: 400 });
        const start = leader.loaded.nextEvent;
        for (let i = 0; i < 300; i++) await leader.commit([], [event(2 * i), event(2 * i + 1)]);
        await leader.store.compact();
        const { first, events } = await leader.store.readEvents(0, 1_000);
        expect({ first: first - start, count: events.length }).toEqual({ first: 200, count: 400 });
      });
    });

    describe('follow', () => followContract(tools));
  });
}
