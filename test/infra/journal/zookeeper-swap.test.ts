/** The swap of a snapshot in a real ZooKeeper, and the events that move with it (design §5.7, §5.9). */
import { describe, expect, it } from 'vitest';
import { entryPath, manifestPath } from '../../../src/infra/zk-journal/layout.ts';
import { eventually } from '../../support/eventually.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { put } from './leader.ts';
import { createMeddler, type Meddling, type Seen } from './meddler.ts';
import { byKey, chunks, compacted, fill, gate, isSwap, lead, manifest, prepareSnapshots } from './snapshot-tools.ts';
import { shiftedClock } from './zookeeper-harness.ts';
import { direct, event, store } from './zookeeper-place.ts';

prepareSnapshots('swap');

describe.skipIf(zooKeeperMissing)('the swap of a snapshot', () => {
  it.each(['loseAnswer', 'loseRequest'] as const)('%s: is found out, and either way nothing is lost', async (how) => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    let losses = 1;
    meddler.meddle((one) => (isSwap(one) && losses-- > 0 ? how : 'pass'));
    await fill(leader, 0, 10);
    if (how === 'loseAnswer') await compacted(1);
    await eventually('the attempt', () => losses < 1);
    await fill(leader, 10, 25);
    await compacted(how === 'loseAnswer' ? 2 : 1);
    const next = await lead();
    expect(Object.keys(byKey(next.loaded.records)).length).toBe(25);
    expect((await next.store.readEvents(0, 100)).events.length).toBe(25);
  });

  it('that was done although nobody could find out is taken over by the next one', async () => {
    const clock = shiftedClock();
    const meddler = createMeddler();
    const leader = await lead({ clock, openSession: meddler.openSession });
    let isLosing = false;
    meddler.meddle((one): Meddling => {
      if (isSwap(one)) {
        isLosing = true;
        return 'loseAnswer';
      }
      // The look at the manifest after it is lost as well.
      return isLosing && one.path === manifestPath ? 'loseRequest' : 'pass';
    });
    await fill(leader, 0, 10);
    await eventually('the swap', async () => (await manifest()).entry === 11);
    isLosing = false;
    meddler.meddle(undefined);
    await fill(leader, 10, 18);
    await compacted(1);
    expect((await manifest()).entry).toBeGreaterThan(11);
    clock.advance(61_000);
    await leader.store.compact();
    expect((await chunks()).size).toBe(1);
    expect((await store().readEvents(0, 100)).events).toEqual(Array.from({ length: 18 }, (_, i) => event(i)));
  });

  it('that comes late does not put an older snapshot in the place of a newer one', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    let late: Seen | undefined;
    meddler.meddle((one): Meddling => {
      if (!isSwap(one) || late) return 'pass';
      late = one;
      return 'loseRequest';
    });
    await fill(leader, 0, 10);
    await eventually('the lost one', () => late !== undefined);
    await fill(leader, 10, 25);
    await compacted(1);
    // Nothing of it is under way any more, and nobody else has taken the epoch.
    await leader.store.close();
    const now = await manifest();
    expect(await direct.multi(late?.operations ?? []).catch((error: unknown) => error)).toMatchObject({
      code: 'BAD_VERSION',
      operation: 1,
    });
    expect(await manifest()).toEqual(now);
  });

  it('is sure of its place also the very first time', async () => {
    await lead();
    expect((await direct.exists(manifestPath))?.version).toBe(1);
    expect(await direct.exists(entryPath(0))).toBeDefined();
  });
});

describe.skipIf(zooKeeperMissing)('stored events', () => {
  it('design §5.9: are all there, in order, whichever snapshots come between', async () => {
    const leader = await lead();
    for (let i = 0; i < 60; i++) {
      const first = 3 * i;
      await leader.commit([put('a', i)], [event(first), event(first + 1), event(first + 2)]);
    }
    await compacted(4);
    const all = Array.from({ length: 180 }, (_, i) => event(i));
    const start = leader.loaded.nextEvent;
    for (const reader of [leader.store, store()]) {
      for (const [from, limit] of [
        [0, 1_000],
        [7, 50],
        [100, 1],
        [28, 4],
        [179, 9],
      ] as const) {
        expect(await reader.readEvents(start + from, limit)).toEqual({
          first: start,
          events: all.slice(from, from + limit),
        });
      }
    }
    // Few chunks hold them, or the manifest would grow with every snapshot.
    expect((await manifest()).events.length).toBe(1);
  });

  it('design §5.9: are all in an answer during which a snapshot is finished', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    await fill(leader, 0, 15);
    await compacted(1);
    const reached = gate();
    const held = gate();
    meddler.meddle(async ({ verb, path: at }): Promise<Meddling> => {
      if (verb === 'get' && at.startsWith('/state/events/')) {
        meddler.meddle(undefined);
        reached.open();
        await held.passed;
      }
      return 'pass';
    });
    const answer = leader.store.readEvents(0, 100);
    await reached.passed;
    await fill(leader, 15, 22);
    await compacted(2);
    held.open();
    expect((await answer).events).toEqual(Array.from({ length: 15 }, (_, i) => event(i)));
  });

  it('design §5.9: that have expired are left out of the next snapshot', async () => {
    const clock = shiftedClock();
    const retention = { minEvents: 5, minAgeMs: 1_000, maxEvents: 1_000 };
    const leader = await lead({ clock, retention });
    await leader.commit(
      [],
      Array.from({ length: 1_200 }, (_, i) => event(i)),
    );
    await fill(leader, 0, 9);
    await compacted(1);
    clock.advance(2_000);
    await fill(leader, 9, 19);
    await compacted(2);
    await leader.store.compact();
    await fill(leader, 19, 29);
    await compacted(3);
    const next = await lead({ retention });
    const { first, events } = await next.store.readEvents(0, 10_000);
    expect(first).toBeGreaterThan(leader.loaded.nextEvent + 1_000);
    expect(first + events.length).toBe(next.loaded.nextEvent);
    expect(events.length).toBeGreaterThanOrEqual(5);
  });
});
