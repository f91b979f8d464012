/** Standbys that follow the journal in a real ZooKeeper (design §5.8), and what a replacement does to them (§5.9). */
import { describe, expect, it } from 'vitest';
import type { Clock, JournalStore } from '../../../src/actors/ports.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import type { OpenSession } from '../../../src/infra/zk-journal/sessions.ts';
import { openSession } from '../../../src/infra/zookeeper/session.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { Leader, put } from './leader.ts';
import { createMeddler, type Meddling } from './meddler.ts';
import { shiftedClock } from './zookeeper-harness.ts';
import { direct, event, giveEachTestAPlace, keysOf, lead, member, relay, store } from './zookeeper-place.ts';

giveEachTestAPlace('following');

/** Numbers of the batches that a follower got; -1 for a reload. */
function follow(standby: JournalStore, from: number): { readonly seen: readonly number[]; readonly stop: () => void } {
  const seen: number[] = [];
  const stop = standby.follow(
    from,
    (batch) => seen.push(batch.number),
    () => seen.push(-1),
  );
  return { seen, stop };
}

async function commit(leader: Leader, batches: number): Promise<void> {
  for (let i = 0; i < batches; i++)
    expect(await leader.commit([put(`k${leader.nextBatch}`, i)])).toEqual({ type: 'committed' });
}

const upTo = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i + 1);

describe.skipIf(zooKeeperMissing)('a standby', () => {
  it('design §5.8: is woken by each new batch, whenever it comes', async () => {
    const leader = await lead();
    // The look that comes every 2 s would find a batch of which the wake-up was missed: in this time it does not come.
    const never = { cancel: () => {} };
    const after: Clock['after'] = (ms, run) => (ms === 2_000 ? never : systemClock.after(ms, run));
    const standby = store({ clock: { ...systemClock, after } });
    const { seen } = follow(standby, 1);
    for (let i = 1; i <= 60; i++) {
      await commit(leader, 1);
      await eventually('the batch', () => seen.length === i);
      // At all moments of the follower's own cycle.
      await new Promise((resolve) => setTimeout(resolve, i % 30));
    }
    expect(seen).toEqual(upTo(60));
  });

  it('design §5.8: reads 8 at a time', async () => {
    const leader = await lead();
    const meddler = createMeddler();
    const standby = store({ openSession: meddler.openSession });
    const { seen } = follow(standby, 1);
    await commit(leader, 1);
    await eventually('the first', () => seen.length === 1);
    let [now, most] = [0, 0];
    meddler.meddle(async ({ verb }): Promise<Meddling> => {
      if (verb !== 'get') return 'pass';
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      return 'pass';
    });
    await Promise.all(upTo(40).map((n) => leader.commit([put('a', n)])));
    await eventually('all', () => seen.length === 41);
    expect(most).toBe(8);
  });

  it('design §5.8, fault 8: keeps one watch, and few whatever happens', async () => {
    const leader = await lead();
    const metrics = createSilentMetrics();
    const meddler = createMeddler();
    const standby = store({ openSession: meddler.openSession, metrics });
    const { seen } = follow(standby, 1);
    await commit(leader, 3);
    await eventually('the third', () => seen.length === 3);
    await eventually('its watch', async () => (await member.watches()) >= 1);
    const quiet = await member.watches();
    expect(quiet).toBeLessThanOrEqual(3);
    // Many at once.
    for (let i = 0; i < 150; i++) await Promise.all([1, 2, 3, 4].map((n) => leader.commit([put('a', n)])));
    await eventually('all', () => seen.length === 603);
    expect(await member.watches()).toBeLessThanOrEqual(quiet + 32);
    // The worst there is: each entry comes just before the watch for it is set.
    let isRacing = true;
    meddler.meddle(async ({ verb }): Promise<Meddling> => {
      if (isRacing && verb === 'exists') await commit(leader, 1);
      return 'pass';
    });
    await commit(leader, 1);
    await eventually('many races', () => seen.length > 603 + 100);
    isRacing = false;
    expect(await member.watches()).toBeLessThanOrEqual(34);
    expect(metrics.gauged('journal.mirror.watches')).toBeLessThanOrEqual(33);
    await commit(leader, 1);
    await eventually('the last', () => seen.length === leader.nextBatch - 1);
    expect(seen).toEqual(upTo(seen.length));
  });

  it('design §5.8: looks every 2 s whatever its watches say', async () => {
    const leader = await lead();
    const deaf: OpenSession = async (options) => {
      const real = await openSession(options);
      return {
        ...real,
        get timeoutMs() {
          return real.timeoutMs;
        },
        exists: (at) => real.exists(at),
      };
    };
    const standby = store({ openSession: deaf });
    const { seen } = follow(standby, 1);
    await commit(leader, 1);
    await eventually('the first', () => seen.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await commit(leader, 1);
    await eventually('the second', () => seen.length === 2);
  });

  it('design §5.8: reloads when the manifest starts after what it has, and goes on from there', async () => {
    const clock = shiftedClock();
    const leader = await lead({ clock, journalLimits: { dueBatches: 20, minPauseMs: 0 } });
    const standby = store({ sessionTimeoutMs: 900 }, relay.address);
    const { seen } = follow(standby, 1);
    await commit(leader, 5);
    await eventually('the fifth', () => seen.length === 5);
    relay.cut('reset');
    await commit(leader, 40);
    await leader.store.compact();
    clock.advance(61_000);
    await leader.store.compact();
    expect((await direct.children('/state/journal')).length).toBeLessThan(10);
    relay.heal();
    await eventually('the reload', () => seen.includes(-1));
    expect(seen).toEqual([...upTo(5), -1]);
    const again = follow(standby, leader.nextBatch);
    await commit(leader, 2);
    await eventually('what comes next', () => again.seen.length === 2);
    await leader.store.close();
    const next = await Leader.of(standby);
    expect(keysOf(next.loaded.records).length).toBe(47);
  });

  it('design §5.8: whose next entries were swept while it read them reloads, and does not ask for ever', async () => {
    const clock = shiftedClock();
    const metrics = createSilentMetrics();
    const leader = await lead({ clock, metrics, journalLimits: { dueBatches: 20, minPauseMs: 0 } });
    const meddler = createMeddler();
    const standby = store({ openSession: meddler.openSession });
    const { seen } = follow(standby, 1);
    await commit(leader, 17);
    await eventually('17', () => seen.length === 17);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    meddler.meddle(async ({ verb }): Promise<Meddling> => {
      if (verb === 'get') await held;
      return 'pass';
    });
    // The snapshot covers up to 20 or, on a slow machine, some more; the last one stays as a predecessor, 18 and 19 go.
    await commit(leader, 6);
    await eventually('the snapshot', () => metrics.counted('journal.compactions') === 1);
    clock.advance(61_000);
    await leader.store.compact();
    const left = (await direct.children('/state/journal')).map(Number);
    expect([left.includes(18), left.includes(19), left.includes(23)]).toEqual([false, false, true]);
    const asked = meddler.seen.length;
    meddler.meddle(undefined);
    release();
    await eventually('the reload', () => seen.includes(-1));
    expect(meddler.seen.length - asked).toBeLessThan(200);
    expect(seen).toEqual([...upTo(17), -1]);
    const again = follow(standby, leader.nextBatch);
    await commit(leader, 1);
    await eventually('what comes next', () => again.seen.length === 1);
  });

  it('goes on over lost connections and ended sessions without a gap', async () => {
    const leader = await lead();
    const standby = store({ sessionTimeoutMs: 900 }, relay.address);
    const { seen } = follow(standby, 1);
    for (const kind of ['reset', 'blackHole', 'reset'] as const) {
      await commit(leader, 3);
      relay.cut(kind);
      await commit(leader, 3);
      await new Promise((resolve) => setTimeout(resolve, kind === 'blackHole' ? 1_000 : 50));
      relay.heal();
    }
    await eventually('all', () => seen.length === 18);
    expect(seen).toEqual(upTo(18));
  });

  it('becomes a leader with what it has, and a standby again when it is over', async () => {
    const stores = [store(), store()];
    for (const one of stores) one.standBy();
    let expected = 0;
    for (let turn = 0; turn < 6; turn++) {
      const leader = await Leader.of(stores[turn % 2] as JournalStore);
      expect(keysOf(leader.loaded.records).length).toBe(expected);
      for (let i = 0; i < 3; i++) {
        expect(await leader.commit([put(`t${turn}-${i}`, i)], [event(3 * turn + i)])).toEqual({ type: 'committed' });
      }
      expected += 3;
      // The other one is still standing by; this one steps down with a batch in flight that nobody will hear of.
      void leader.commit([put('same', turn)], []);
      leader.store.standBy();
    }
    const last = await lead();
    expect(keysOf(last.loaded.records).filter((key) => key !== 'same').length).toBe(18);
    expect((await last.store.readEvents(0, 100)).events).toEqual(Array.from({ length: 18 }, (_, i) => event(i)));
  });

  it('that is asked twice at a time to lead reads each entry once, and leads for whoever asked last', async () => {
    const one = store();
    await Leader.of(one);
    const other = await lead();
    for (let i = 0; i < 50; i++)
      expect(await other.commit([put(`k${i}`, i)], [event(i)])).toEqual({ type: 'committed' });
    const [first, second] = await Promise.all([Leader.of(one), Leader.of(one)]);
    expect([first.loaded.nextBatch, second.loaded.nextBatch]).toEqual([other.nextBatch, other.nextBatch]);
    expect(second.loaded.epoch).toBeGreaterThan(first.loaded.epoch);
    expect(await second.commit([put('more', 1)], [event(50)])).toEqual({ type: 'committed' });
    expect((await one.readEvents(0, 100)).events).toEqual(Array.from({ length: 51 }, (_, i) => event(i)));
  });

  it('that leads again before its last snapshot has come to an end reads each entry once', async () => {
    const meddler = createMeddler();
    const one = store({ openSession: meddler.openSession, journalLimits: { dueBatches: 4, minPauseMs: 0 } });
    const leader = await Leader.of(one);
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isHeld = false;
    meddler.meddle(async ({ path }): Promise<Meddling> => {
      if (!path.startsWith('/state/snapshot/')) return 'pass';
      isHeld = true;
      await held;
      return 'pass';
    });
    for (let i = 0; i < 4; i++)
      expect(await leader.commit([put(`k${i}`, i)], [event(i)])).toEqual({ type: 'committed' });
    await eventually('a snapshot is under way', () => isHeld);
    one.standBy();
    const other = await lead();
    for (let i = 4; i < 60; i++)
      expect(await other.commit([put(`k${i}`, i)], [event(i)])).toEqual({ type: 'committed' });
    const again = Leader.of(one);
    goOn();
    const next = await again;
    expect(next.loaded.nextBatch).toBe(other.nextBatch);
    expect(await next.commit([put('k60', 60)], [event(60)])).toEqual({ type: 'committed' });
    expect((await one.readEvents(0, 100)).events).toEqual(Array.from({ length: 61 }, (_, i) => event(i)));
  });

  it('says why it cannot follow, and follows when it can', async () => {
    const logger = createSilentLogger();
    const standby = store({ logger });
    standby.standBy();
    await eventually('a warning', () => logger.of('journal.follow-interrupted').length > 0);
    const leader = await lead();
    const { seen } = follow(standby, 1);
    await commit(leader, 1);
    await eventually('the batch', () => seen.length === 1);
  });
});

describe.skipIf(zooKeeperMissing)('a replacement', () => {
  it.each(['loseAnswer', 'loseRequest'] as const)(
    'design §5.5: %s at its last step: it is done once, and nothing of it is missing',
    async (how) => {
      const leader = await lead();
      await commit(leader, 3);
      const meddler = createMeddler();
      let losses = 2;
      const isSwap = (paths: readonly string[]): boolean => paths.includes('/state/manifest') && paths.length > 2;
      meddler.meddle(({ operations }) => (isSwap(operations.map((one) => one.path)) && losses-- > 0 ? how : 'pass'));
      const records = Array.from({ length: 5_000 }, (_, i) => put(`r${i}`, 'x'.repeat(500)));
      await store({ openSession: meddler.openSession }).replace({ records });
      expect(losses).toBeLessThan(1);
      const next = await lead();
      expect(keysOf(next.loaded.records)).toEqual(keysOf(records));
      expect(next.loaded.generation).not.toBe(leader.loaded.generation);
      expect(await leader.commit([put('old', 1)])).toMatchObject({ type: 'fenced' });
    },
  );

  it('design §5.5: of which nobody knows whether it was done leaves its chunks alone', async () => {
    const leader = await lead();
    await commit(leader, 3);
    const meddler = createMeddler();
    let lost: (() => Promise<unknown>) | undefined;
    meddler.meddle(async ({ operations }): Promise<Meddling> => {
      if (!operations.some((one) => one.type === 'setData' && one.path === '/state/manifest')) return 'pass';
      lost ??= () => direct.multi(operations);
      // The connection is gone for good, and the request on its way.
      await meddler.sessions[0]?.close();
      return 'loseRequest';
    });
    const records = [put('restored', 1)];
    await expect(store({ openSession: meddler.openSession }).replace({ records })).rejects.toMatchObject({
      code: 'STORE_AWAY',
    });
    expect(lost).toBeDefined();
    await lost?.();
    expect(keysOf((await lead()).loaded.records)).toEqual(['restored']);
  });

  it('design §5.5: that was done, while the look for it is lost, leaves its chunks alone', async () => {
    const leader = await lead();
    await commit(leader, 3);
    const meddler = createMeddler();
    let isDone = false;
    meddler.meddle(({ verb, operations }): Meddling => {
      if (isDone && verb === 'get') return 'loseRequest';
      if (isDone || !operations.some((one) => one.type === 'setData' && one.path === '/state/manifest')) return 'pass';
      isDone = true;
      return 'loseAnswer';
    });
    const replacing = store({ openSession: meddler.openSession }).replace({ records: [put('restored', 1)] });
    await expect(replacing).rejects.toMatchObject({ code: 'STORE_AWAY' });
    expect(keysOf((await lead()).loaded.records)).toEqual(['restored']);
  });

  it('design §5.9: begins a new generation; the ids of its events go on, and the old ones are gone for all readers', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)], [event(1), event(2)]);
    const standby = store();
    const { seen } = follow(standby, 1);
    await eventually('the batch', () => seen.length === 1);
    expect((await standby.readEvents(0, 10)).events).toEqual([event(1), event(2)]);
    await leader.store.replace({ records: [put('b', 1)] });
    await eventually('the reload', () => seen.includes(-1));
    expect(await standby.readEvents(0, 10)).toEqual({ first: leader.nextEvent, events: [] });
    const next = await lead();
    expect(next.loaded.generation).not.toBe(leader.loaded.generation);
    expect(next.loaded.nextEvent).toBe(leader.nextEvent);
    await next.commit([], [event(3)]);
    await eventually('the new one', async () => (await standby.readEvents(0, 10)).events.length === 1);
    expect(await standby.readEvents(0, 10)).toEqual({ first: leader.nextEvent, events: [event(3)] });
  });
});
