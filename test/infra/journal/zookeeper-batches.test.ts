/** Batches of every size, and the sessions that carry them (design §5.3, §5.6), in a real ZooKeeper. */
import { describe, expect, it } from 'vitest';
import { decodeHeader } from '../../../src/infra/zk-journal/entry.ts';
import { entryPath, partBytes, wholeEntryBytes } from '../../../src/infra/zk-journal/layout.ts';
import { defaultLimits } from '../../../src/infra/zk-journal/limits.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentMetrics } from '../../support/null-observers.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { incompressible } from './incompressible.ts';
import { put } from './leader.ts';
import { createMeddler, entryOf, type Meddling } from './meddler.ts';
import { direct, event, giveEachTestAPlace, keysOf, lead, member, store } from './zookeeper-place.ts';

const maxNodeBytes = 512 * 1024;

giveEachTestAPlace('batches');

async function headers() {
  const names = [...(await direct.children('/state/journal'))].sort();
  return Promise.all(
    names.map(async (name) => {
      const { data } = await direct.get(`/state/journal/${name}`);
      return { bytes: data.length, ...decodeHeader(data) };
    }),
  );
}

describe.skipIf(zooKeeperMissing)('the size of a batch', () => {
  it('design §5.6: records are compressed; up to 64 KB it is one node, above that it comes in parts', async () => {
    const leader = await lead();
    const texts = ['x'.repeat(2_000_000), incompressible(40_000), incompressible(100_000), incompressible(1_500_000)];
    for (const [i, text] of texts.entries()) await leader.commit([put(`k${i}`, text)], [event(i)]);
    const found = (await headers()).slice(1);
    expect(found.map((one) => (one.type === 'batch' ? [one.number, one.part, one.parts] : one.type))).toEqual([
      [1, 1, 1],
      [2, 1, 1],
      [3, 1, 1],
      ...[1, 2, 3, 4, 5].map((part) => [4, part, 5]),
    ]);
    expect(found[0]?.bytes).toBeLessThan(20_000);
    // A header, and at most 64 KB or a part.
    for (const one of found.slice(0, 2)) expect(one.bytes).toBeLessThan(wholeEntryBytes + 1_024);
    for (const one of found) expect(one.bytes).toBeLessThan(partBytes + 1_024);
    const again = await lead();
    expect([...again.loaded.records]).toEqual(texts.map((text, i) => put(`k${i}`, text)));
    expect((await again.store.readEvents(0, 10)).events).toEqual([0, 1, 2, 3].map(event));
  });

  // deviation(servers): state in ZooKeeper (`--zk`)
  //   Marathon: a node for each fact, gzip, up to 1 MB
  //   here: a snapshot in chunks and a journal, no node over 512 KB; another layout, so that a Marathon's path is
  //     refused
  //   why: a change is one transaction; a new leader reads what came last
  it('design §5.6: above 64 MB it is refused; what came before it is committed, and no node is ever over 512 KB', async () => {
    const metrics = createSilentMetrics();
    const meddler = createMeddler();
    expect(defaultLimits.maxBatchBytes).toBe(64 * 1_048_576);
    const journalLimits = { maxBatchBytes: 1_000_000 };
    const leader = await lead({ metrics, openSession: meddler.openSession, journalLimits });
    let largest = 0;
    const hold: { release: () => void } = { release: () => {} };
    const isHeld = new Promise<void>((resolve) => {
      hold.release = resolve;
    });
    meddler.meddle(async (one): Promise<Meddling> => {
      for (const operation of one.operations) {
        if (operation.type === 'create') largest = Math.max(largest, operation.data.length);
      }
      if ((entryOf(one) ?? 0) >= 1) await isHeld;
      return 'pass';
    });
    const before = leader.commit([put('before', incompressible(600_000))], [event(1)]);
    const large = leader.commit([put('large', incompressible(1_500_000))]);
    const after = leader.commit([put('after', 1)]);
    // The large one is refused while the one before it is still on its way.
    await eventually('encoded', async () => metrics.counted('journal.refused') === 1);
    expect(leader.answered).toEqual([]);
    hold.release();
    expect(await before).toEqual({ type: 'committed' });
    expect(await large).toMatchObject({
      type: 'failed',
      reason: expect.stringContaining('over the limit of 1000000'),
    });
    expect(await after).toMatchObject({ type: 'failed' });
    expect(leader.answered).toEqual([1, 2, 3]);
    expect(largest).toBeLessThan(maxNodeBytes);
    const again = await lead();
    expect(keysOf(again.loaded.records)).toEqual(['before']);
    expect(await again.commit([put('next', 1)])).toEqual({ type: 'committed' });
  });

  it.each([1, 2, 3, 4])(
    'design §5.6: of which %i of 5 parts exist never was, for leader, follower and loader',
    async (parts) => {
      const meddler = createMeddler();
      const leader = await lead({ openSession: meddler.openSession, sessionTimeoutMs: 900 });
      await leader.commit([put('whole', 1)], [event(0)]);
      const follower = store();
      const seen: number[] = [];
      const stop = follower.follow(
        leader.loaded.nextBatch,
        (batch) => seen.push(batch.number),
        () => {},
      );
      await eventually('the first', () => seen.length === 1);
      let isDead = false;
      meddler.meddle((one): Meddling => {
        isDead ||= (entryOf(one) ?? 0) > 1 + parts;
        return isDead ? 'loseRequest' : 'pass';
      });
      void leader.commit([put('half', incompressible(1_500_000))], [event(1)]);
      await eventually('the parts', async () => (await headers()).length === 2 + parts);
      expect(keysOf((await store().read()).records)).toEqual(['whole']);
      const next = await lead();
      expect(keysOf(next.loaded.records)).toEqual(['whole']);
      expect(next.loaded).toMatchObject({ nextBatch: 2, nextEvent: leader.loaded.nextEvent + 1 });
      expect((await headers()).at(-1)).toMatchObject({ type: 'discard', epoch: 2 });
      expect(await next.commit([put('new', incompressible(300_000))], [event(2)])).toEqual({ type: 'committed' });
      await eventually('the follower', () => seen.length === 2);
      expect(seen).toEqual([1, 2]);
      stop();
      const last = await lead();
      expect(keysOf(last.loaded.records)).toEqual(['new', 'whole']);
      expect((await last.store.readEvents(0, 10)).events).toEqual([event(0), event(2)]);
    },
  );

  it('design §5.6: a discard whose answer is lost is written once', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession, sessionTimeoutMs: 900 });
    meddler.meddle((one) => ((entryOf(one) ?? 0) > 1 ? 'loseRequest' : 'pass'));
    void leader.commit([put('half', incompressible(400_000))]);
    await eventually('the first part', async () => (await headers()).length === 2);
    for (const how of ['loseAnswer', 'loseRequest'] as const) {
      const other = createMeddler();
      let losses = 1;
      other.meddle((one) => (entryOf(one) !== undefined && losses-- > 0 ? how : 'pass'));
      const next = store({ openSession: other.openSession });
      await next.open().catch(() => {});
      expect((await next.open()).nextBatch).toBe(1);
    }
    expect((await headers()).map(({ type }) => type)).toEqual(['discard', 'batch', 'discard']);
  });

  it('takes what decodes to nothing but itself: line ends, tabs and any characters in keys and values', async () => {
    const leader = await lead();
    const texts = ['a\tb', 'a\nb', '\\n', '"', '\u2028', '\ud800', 'x\u0000'];
    const records = texts.flatMap((text) => [put(text, text), put(`${text}2`, { [text]: [text] })]);
    const spread = { ...put('spread', 1), json: '{\n  "a": 1,\n\t"b": "c"\n}' };
    await leader.commit([...records, spread], [{ type: 'status_update_event', json: '{\n"a": "\\n"}' }]);
    const again = await lead();
    expect([...again.loaded.records]).toEqual([...records, { ...spread, json: '{"a":1,"b":"c"}' }]);
    expect((await again.store.readEvents(0, 1)).events[0]?.json).toBe('{"a":"\\n"}');
  });
});

describe.skipIf(zooKeeperMissing)('a data session that is replaced', () => {
  it('fault 9, design §5.3: because it is worn out costs no batch, and the epoch stays', async () => {
    const meddler = createMeddler({ maxRequests: 120 });
    const leader = await lead({ openSession: meddler.openSession });
    for (let i = 0; i < 60; i++) {
      const outcomes = [1, 2, 3].map((n) => leader.commit([put(`k${i}-${n}`, i)], [event(i)]));
      for (const outcome of outcomes) expect(await outcome).toEqual({ type: 'committed' });
    }
    expect(meddler.sessions.length).toBeGreaterThan(2);
    const again = await lead();
    expect(keysOf(again.loaded.records).length).toBe(180);
    expect(again.loaded).toMatchObject({ epoch: 2, nextBatch: 181, nextEvent: leader.loaded.nextEvent + 180 });
  });

  it('design §5.3: because ZooKeeper stood still costs no batch', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession, sessionTimeoutMs: 900 });
    await leader.commit([put('before', 1)]);
    member?.freeze();
    const outcomes = [1, 2, 3].map((n) => leader.commit([put(`during-${n}`, n)]));
    try {
      await eventually('the end of the session', () => meddler.sessions[0]?.state() === 'ended');
      expect(leader.store.status().type).toBe('stalled');
      expect(leader.answered.length).toBeLessThan(4);
    } finally {
      member?.thaw();
    }
    for (const outcome of outcomes) expect(await outcome).toEqual({ type: 'committed' });
    expect(meddler.sessions.length).toBeGreaterThan(1);
    expect(keysOf((await lead()).loaded.records)).toEqual(['before', 'during-1', 'during-2', 'during-3']);
  });

  it('is also one for a follower, who misses nothing', async () => {
    const leader = await lead();
    const meddler = createMeddler({ maxRequests: 60 });
    const follower = store({ openSession: meddler.openSession });
    const seen: number[] = [];
    const stop = follower.follow(
      leader.loaded.nextBatch,
      (batch) => seen.push(batch.number),
      () => seen.push(-1),
    );
    for (let i = 0; i < 40; i++) {
      await leader.commit([put('a', i)]);
      if (i % 10 === 9) await eventually('so far', () => seen.length === i + 1);
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(meddler.sessions.length).toBeGreaterThan(1);
    stop();
  });

  it('leaves nothing open behind a store that was closed at any moment', async () => {
    const meddler = createMeddler();
    for (let i = 0; i < 8; i++) {
      const one = store({ openSession: meddler.openSession });
      const use = [() => one.open(), () => one.standBy(), () => one.read(), () => one.compact()][i % 4];
      const used = Promise.resolve(use?.()).catch(() => {});
      if (i >= 4) await used;
      await one.close();
      await used;
      expect(await one.read().catch((error: unknown) => (error as { code?: string }).code)).toBe('STORE_AWAY');
    }
    expect(meddler.sessions.map((session) => session.state())).toEqual(meddler.sessions.map(() => 'ended'));
    expect(await direct.exists(entryPath(0))).toBeDefined();
  });
});
