/** What every journal store must do for backup and restore: `read` and `replace`, and what others see of a replacement. */
import { expect, it } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { EncodedEvent, EncodedRecord } from '../../../src/core/journal/batch.ts';
import type { EventRetention } from '../../../src/core/journal/retention.ts';
import { drop, Leader, put } from './leader.ts';

/** What `journalContract` gives to its parts. */
export interface ContractTools {
  /** One more store over the same content; closed after the test. */
  readonly store: () => JournalStore;
  readonly lead: (retention?: EventRetention) => Promise<Leader>;
  readonly reopen: (leader: Leader) => Promise<Leader>;
  /** As `JournalHarness.fence`. */
  readonly fence: () => Promise<void>;
}

const event: EncodedEvent = { type: 'status_update_event', json: '{}' };

const byKey = (records: Iterable<EncodedRecord>): readonly string[] =>
  [...records].map(({ kind, key, format, json }) => JSON.stringify([kind, key, format, json])).sort();

const read = async (store: JournalStore): Promise<readonly string[]> => byKey((await store.read()).records);

/** Tests of `read`, which takes part in nothing. */
export function readContract({ store, lead }: ContractTools): void {
  it('gives what is stored, with generation and next event, and disturbs no leader', async () => {
    const leader = await lead();
    await leader.commit([put('/a', { id: '/a' }, 'app'), put('gone', 1)], [event, event]);
    await leader.commit([drop('gone'), put('x', 'ünïcode \u{1f600} \n')]);
    for (const reader of [leader.store, store()]) {
      const { generation, nextEvent, records } = await reader.read();
      expect(byKey(records)).toEqual(byKey([put('/a', { id: '/a' }, 'app'), put('x', 'ünïcode \u{1f600} \n')]));
      expect({ generation, nextEvent }).toEqual({
        generation: leader.loaded.generation,
        nextEvent: leader.loaded.nextEvent + 2,
      });
    }
    expect(await leader.commit([put('b', 1)])).toEqual({ type: 'committed' });
    expect((await leader.store.read()).nextEvent).toBe(leader.loaded.nextEvent + 2);
  });

  it('is one consistent state, whatever is committed while it is read', async () => {
    const leader = await lead();
    const groupOf = (n: number) => Array.from({ length: 2_500 }, (_, i) => put(`${i}`, { n, pad: 'x'.repeat(100) }));
    await leader.commit(groupOf(0));
    for (let n = 1; n <= 3; n++) {
      const content = await leader.store.read();
      const records = content.records[Symbol.iterator]();
      const seen: EncodedRecord[] = [];
      const take = (count: number): void => {
        for (let i = 0; i < count; i++) {
          const next = records.next();
          if (next.done) return;
          seen.push(next.value);
        }
      };
      take(5);
      expect(await leader.commit(groupOf(n))).toEqual({ type: 'committed' });
      take(1_500);
      expect(
        await leader.commit([
          ...groupOf(n)
            .slice(0, 2_000)
            .map((r) => drop(r.key)),
          put('new', n),
        ]),
      ).toEqual({
        type: 'committed',
      });
      take(5_000);
      const written = seen.filter((r) => r.key !== 'new').map((r) => (JSON.parse(r.json ?? '') as { n: number }).n);
      expect(new Set(written)).toEqual(new Set([n - 1]));
      expect(new Set(seen.map((r) => r.key)).size).toBe(seen.length);
      expect(seen.length).toBe(n === 1 ? 2_500 : 501);
    }
  });
}

/** Tests of `replace`. */
export function replaceContract({ store, lead, reopen }: ContractTools): void {
  it('puts the new content in the place of all that was there, under a new generation; numbers go on', async () => {
    const leader = await lead();
    await leader.commit([put('old', 1), put('both', 1)], [event, event, event]);
    const before = leader.nextBatch;
    const records = [put('both', 2), put('/a', { id: '/a' }, 'app'), put('k'.repeat(3_000), 'é', 'appVersion')];
    await leader.store.replace({ records });
    expect(await read(leader.store)).toEqual(byKey(records));
    const again = await reopen(leader);
    expect(byKey(again.loaded.records)).toEqual(byKey(records));
    expect(again.loaded.generation).not.toBe(leader.loaded.generation);
    expect(again.loaded.generation).toMatch(/^[0-9A-Za-z-]{1,64}$/);
    expect(again.loaded.nextEvent).toBe(leader.nextEvent);
    expect(again.loaded.nextBatch).toBeGreaterThanOrEqual(before);
    expect(await again.commit([put('b', 1)], [event])).toEqual({ type: 'committed' });
    expect(await read(again.store)).toEqual(byKey([...records, put('b', 1)]));
  });

  it('drops the stored events, whose ids say nothing in the new generation', async () => {
    const leader = await lead();
    await leader.commit([], [event, event, event]);
    await leader.store.replace({ records: [] });
    const again = await reopen(leader);
    expect(await again.store.readEvents(0, 10)).toEqual({ first: leader.nextEvent, events: [] });
  });

  it('fences whoever led before, and nothing of it is lost to a later commit', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    await store().replace({ records: [put('restored', 1)] });
    expect(await leader.commit([put('a', 2)])).toMatchObject({ type: 'fenced', reason: expect.any(String) });
    expect(await leader.commit([put('a', 3)])).toMatchObject({ type: 'fenced' });
    const again = await reopen(leader);
    expect(byKey(again.loaded.records)).toEqual(byKey([put('restored', 1)]));
    expect(again.loaded.epoch).toBeGreaterThan(leader.loaded.epoch);
  });

  it('leaves everything as it was, the leader too, if the new content breaks off midway', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1), put('b', 1)], [event]);
    function* broken(): Generator<EncodedRecord> {
      for (let i = 0; i < 3_000; i++) yield put(`new-${i}`, 'x'.repeat(200));
      throw new Error('the source broke off');
    }
    await expect(leader.store.replace({ records: broken() })).rejects.toThrow('the source broke off');
    expect(await read(leader.store)).toEqual(byKey([put('a', 1), put('b', 1)]));
    expect(await leader.commit([put('c', 1)])).toEqual({ type: 'committed' });
    const again = await reopen(leader);
    expect(byKey(again.loaded.records)).toEqual(byKey([put('a', 1), put('b', 1), put('c', 1)]));
    expect(again.loaded.generation).toBe(leader.loaded.generation);
    expect((await again.store.readEvents(0, 10)).events).toEqual([event]);
  });

  it('refuses content of a format that no server of this version could read, and keeps what is there', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    const records = [put('b', 1), { ...put('c', 1), format: 9 }];
    await expect(leader.store.replace({ records })).rejects.toThrow(/^[^\n]*format 9[^\n]*$/);
    expect(await leader.commit([put('a', 2)])).toEqual({ type: 'committed' });
    expect(await read(leader.store)).toEqual(byKey([put('a', 2)]));
  });

  it('takes 20,000 records, on an empty store as well as on a full one', async () => {
    const recordsOf = (n: number) => Array.from({ length: 20_000 }, (_, i) => put(`app.${i}`, { n, i, pad: 'xyz' }));
    const fresh = store();
    await fresh.replace({ records: recordsOf(1) });
    const leader = await lead();
    expect(byKey(leader.loaded.records)).toEqual(byKey(recordsOf(1)));
    await leader.store.replace({ records: recordsOf(2) });
    expect(byKey((await reopen(leader)).loaded.records)).toEqual(byKey(recordsOf(2)));
  });

  it('is seen by a store that was standing by, and makes followers reload', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    const standby = store();
    standby.standBy();
    standby.standBy();
    let stop = (): void => {};
    const reloaded = new Promise<void>((resolve) => {
      stop = standby.follow(leader.nextBatch, () => {}, resolve);
    });
    await leader.commit([put('a', 2)]);
    await leader.store.replace({ records: [put('restored', 1)] });
    await reloaded;
    stop();
    const next = await Leader.of(standby);
    expect(byKey(next.loaded.records)).toEqual(byKey([put('restored', 1)]));
    expect(await next.commit([put('b', 1)])).toEqual({ type: 'committed' });
  });
}
