/** Snapshots of the journal in a real ZooKeeper (design §5.7): when, how, and that they lose nothing. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/actors/ports.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { epochPath, manifestPath, snapshotPath } from '../../../src/infra/zk-journal/layout.ts';
import { defaultLimits } from '../../../src/infra/zk-journal/limits.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentLogger } from '../../support/null-observers.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { incompressible } from './incompressible.ts';
import { drop, put } from './leader.ts';
import { createMeddler, type Meddling } from './meddler.ts';
import {
  byKey,
  chunks,
  compacted,
  entries,
  fill,
  holdUp,
  isChunk,
  isSwap,
  lead,
  manifest,
  metrics,
  prepareSnapshots,
} from './snapshot-tools.ts';
import { shiftedClock } from './zookeeper-harness.ts';
import { direct, event, store } from './zookeeper-place.ts';

prepareSnapshots('snapshot');

describe.skipIf(zooKeeperMissing)('a snapshot', () => {
  it('design §5.7: is fuzzy: writes go on, the manifest names the start, and nothing is lost or brought back', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    const { reached, held } = holdUp(meddler, isChunk);
    await fill(leader, 0, 10);
    await reached.passed;
    const start = leader.nextBatch;
    await leader.commit([put('k0', 'changed'), drop('k1'), put('new', 1)], [event(100)]);
    await leader.commit([drop('k0'), put('k1', 'back')]);
    held.open();
    await compacted(1);
    expect((await manifest()).entry).toBe(start);
    await leader.commit([put('after', 1)], [event(101)]);
    const expected: Record<string, unknown> = { k1: 'back', new: 1, after: 1 };
    for (let i = 2; i < 10; i++) expected[`k${i}`] = i;
    expect(byKey((await store().read()).records)).toEqual(expected);
    const next = await lead();
    expect(byKey(next.loaded.records)).toEqual(expected);
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    expect((await next.store.readEvents(0, 100)).events).toEqual([...numbers, 100, 101].map(event));
  });

  it('design §5.7: is swapped in under the fence: a leader that is over cannot bring it in', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    const { reached, held } = holdUp(meddler, isSwap);
    await fill(leader, 0, 10);
    await reached.passed;
    const next = await lead({ journalLimits: {} });
    await next.commit([put('k0', 'next')]);
    held.open();
    await leader.store.close();
    expect((await manifest()).entry).toBe(1);
    expect((await store().read()).records).toContainEqual(put('k0', 'next'));
  });

  it('design §5.7: chunks of one that was fenced are not written at all', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    const { reached, held } = holdUp(meddler, isChunk);
    await fill(leader, 0, 10);
    await reached.passed;
    await direct.setData(epochPath, Buffer.from('other'), 'any');
    held.open();
    await leader.store.close();
    expect((await chunks()).size).toBe(0);
  });

  it('design §5.7: the one before it, and the journal before that, stay for 60 s', async () => {
    const clock = shiftedClock();
    const leader = await lead({ clock });
    await fill(leader, 0, 10);
    await compacted(1);
    const first = await chunks();
    await fill(leader, 10, 20);
    await compacted(2);
    const second = new Set([...(await chunks())].filter((id) => !first.has(id)));
    expect([first.size, second.size]).toEqual([1, 1]);
    await leader.store.compact();
    clock.advance(55_000);
    await leader.store.compact();
    expect(await chunks()).toEqual(new Set([...first, ...second]));
    expect(await entries()).toEqual(Array.from({ length: 21 }, (_, i) => i));
    clock.advance(6_000);
    await leader.store.compact();
    expect(await chunks()).toEqual(second);
    // The predecessor of the next one stays.
    expect(await entries()).toEqual([20]);
    await fill(leader, 20, 22);
    expect(Object.keys(byKey((await lead({ journalLimits: {} })).loaded.records)).length).toBe(22);
  });

  it('design §5.7: a new leader does not take for old what was replaced just before it came', async () => {
    const clock = shiftedClock();
    const leader = await lead({ clock });
    await fill(leader, 0, 10);
    await compacted(1);
    await fill(leader, 10, 20);
    await compacted(2);
    const before = await chunks();
    const next = await lead({ clock, journalLimits: {} });
    clock.advance(55_000);
    await next.store.compact();
    expect([await chunks(), (await entries()).length]).toEqual([before, 21]);
    clock.advance(6_000);
    await next.store.compact();
    expect(await entries()).toEqual([20]);
    // Nobody has told it whose the other one is.
    expect(await chunks()).toEqual(before);
    clock.advance(600_000);
    await next.store.compact();
    expect((await chunks()).size).toBe(1);
    expect(Object.keys(byKey((await store().read()).records)).length).toBe(20);
  });

  it('design §5.7: a reader whose chunk has vanished starts again at the manifest', async () => {
    const clock = shiftedClock();
    const leader = await lead({ clock });
    await fill(leader, 0, 10);
    await compacted(1);
    const meddler = createMeddler();
    const { reached, held } = holdUp(meddler, ({ verb, path: at }) => verb === 'get' && at.startsWith(snapshotPath));
    const reading = store({ openSession: meddler.openSession }).read();
    await reached.passed;
    await fill(leader, 10, 20);
    await compacted(2);
    clock.advance(61_000);
    await leader.store.compact();
    await fill(leader, 20, 23);
    held.open();
    expect(Object.keys(byKey((await reading).records)).length).toBe(23);
    expect(meddler.seen.filter((one) => one.path === manifestPath).length).toBeGreaterThan(1);
  });

  it('design §5.7: chunks that nobody names are garbage: our own at once, others when nobody can mean to name them', async () => {
    const clock = shiftedClock();
    const meddler = createMeddler();
    const logger = createSilentLogger();
    const leader = await lead({ clock, logger, openSession: meddler.openSession });
    await direct.create(`${snapshotPath}/stray.0`, Buffer.from('x'));
    await leader.commit(Array.from({ length: 3_000 }, (_, i) => put(`r${i}`, 'x'.repeat(1_000))));
    let attempts = 0;
    meddler.meddle((one) => (isChunk(one) && ++attempts === 3 ? 'loseRequest' : 'pass'));
    await fill(leader, 0, 9);
    await eventually('a failed attempt', () => logger.of('journal.compact-failed').length > 0);
    expect((await chunks()).size).toBe(3);
    meddler.meddle((one) => (isChunk(one) ? 'loseRequest' : 'pass'));
    await leader.store.compact().catch(() => {});
    meddler.meddle(undefined);
    await leader.store.compact();
    await leader.store.compact();
    const named = (await manifest()).records.map(({ id }) => id);
    expect(await chunks()).toEqual(new Set([...named, 'stray']));
    clock.advance(590_000);
    await leader.store.compact();
    expect(await chunks()).toContain('stray');
    clock.advance(20_000);
    await leader.store.compact();
    expect(await chunks()).toEqual(new Set((await manifest()).records.map(({ id }) => id)));
  });

  it('design §5.7: the process dies between two chunks: the old snapshot counts, and the next leader makes its own', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession, sessionTimeoutMs: 900 });
    await leader.commit(Array.from({ length: 3_000 }, (_, i) => put(`r${i}`, 'x'.repeat(1_000))));
    let written = 0;
    let isDead = false;
    meddler.meddle((one): Meddling => {
      isDead ||= isChunk(one) && ++written > 2;
      return isDead ? 'loseRequest' : 'pass';
    });
    await fill(leader, 0, 9);
    await eventually('death', () => isDead);
    const next = await lead({ journalLimits: { dueBatches: 1, minPauseMs: 0 } });
    expect((await manifest()).entry).toBe(1);
    expect([...next.loaded.records].length).toBe(3_009);
    await next.commit([put('next', 1)]);
    await compacted(1);
    expect((await manifest()).entry).toBeGreaterThan(10);
    expect([...(await store().read()).records].length).toBe(3_010);
  });
});

describe.skipIf(zooKeeperMissing)('when a snapshot is made', () => {
  it('design §5.7: at 2,000 batches', async () => {
    const leader = await lead({ journalLimits: {} });
    const send = async (n: number): Promise<void> => {
      for (let i = 0; i < n; i += 4)
        await Promise.all([1, 2, 3, 4].slice(0, n - i).map(() => leader.commit([put('a', i)])));
    };
    await send(1_999);
    await leader.store.compact();
    expect(metrics.counted('journal.compactions')).toBe(0);
    expect(metrics.gauged('journal.tail.batches')).toBe(1_999);
    await send(1);
    await compacted(1);
    expect((await manifest()).entry).toBe(2_001);
    expect(metrics.gauged('journal.tail.batches')).toBe(0);
  });

  it('design §5.7: at 16 MB', async () => {
    const leader = await lead({ journalLimits: {} });
    for (let i = 0; i < 15; i++) await leader.commit([put('a', incompressible(1_398_000))]);
    await leader.store.compact();
    expect(metrics.counted('journal.compactions')).toBe(0);
    await leader.commit([put('a', incompressible(1_500_000))]);
    await compacted(1);
    expect(metrics.gauged('journal.tail.bytes')).toBe(0);
  });

  it('rests between two of them unless the journal grows fast, and comes back to it by itself', async () => {
    expect(defaultLimits.minPauseMs).toBe(20_000);
    const shifted = shiftedClock();
    let comeBack: (() => void) | undefined;
    const after: Clock['after'] = (ms, run) => {
      if (ms < 40_000 || ms > 50_000) return shifted.after(ms, run);
      comeBack = run;
      return { cancel: () => {} };
    };
    const leader = await lead({
      clock: { ...shifted, after },
      journalLimits: { dueBatches: 5, minPauseMs: 50_000 },
    });
    await fill(leader, 0, 5);
    await compacted(1);
    await fill(leader, 5, 10);
    await leader.store.compact();
    expect(metrics.counted('journal.compactions')).toBe(1);
    shifted.advance(50_000);
    comeBack?.();
    await compacted(2);
    const patient = await lead({ journalLimits: { dueBatches: 5, minPauseMs: 60_000, urgentBytes: 1_000_000 } });
    await fill(patient, 10, 15);
    await compacted(3);
    await fill(patient, 15, 20);
    await patient.store.compact();
    expect(metrics.counted('journal.compactions')).toBe(3);
    await patient.commit([put('large', incompressible(1_500_000))]);
    await compacted(4);
  });

  it('design §5.7: above 128 MB the store says that it is full, until it is compacted', async () => {
    expect(defaultLimits.maxBytes).toBe(128 * 1_048_576);
    const meddler = createMeddler();
    meddler.meddle((one) => (isChunk(one) ? 'loseRequest' : 'pass'));
    const leader = await lead({
      openSession: meddler.openSession,
      journalLimits: { maxBytes: 2_000_000, dueBytes: 1_000_000, minPauseMs: 0 },
    });
    await leader.commit([put('a', incompressible(1_500_000))]);
    expect(leader.store.status()).toEqual({ type: 'ready' });
    await leader.commit([put('a', incompressible(1_500_000))]);
    expect(leader.store.status()).toEqual({
      type: 'stalled',
      reason: expect.stringMatching(/^the journal in ZooKeeper has grown to 2 MB and must be compacted first$/),
    });
    meddler.meddle(undefined);
    await leader.store.compact().catch(() => {});
    await leader.store.compact();
    expect(leader.store.status()).toEqual({ type: 'ready' });
  });

  it('design §5.7: works in slices of at most 5 ms, and others get their turn between them', async () => {
    // Each look at this clock takes a millisecond.
    let nowMs = 0;
    const clock = { ...systemClock, monotonic: () => ++nowMs };
    const meddler = createMeddler();
    const leader = await lead({ clock, openSession: meddler.openSession });
    await leader.commit(Array.from({ length: 500 }, (_, i) => put(`r${i}`, i)));
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (metrics.counted('journal.compactions') === 0) setImmediate(turn);
    };
    await fill(leader, 0, 9);
    turn();
    await compacted(1);
    const slices = metrics.timed('journal.compact.slice');
    expect(slices.length).toBeGreaterThan(50);
    expect(Math.max(...slices)).toBeLessThanOrEqual(5);
    expect(turns).toBeGreaterThanOrEqual(slices.length);
  });
});
