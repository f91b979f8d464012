/** What a standby decodes ahead of the day when it leads. */
import { describe, expect, it } from 'vitest';
import type { EncodedRecord } from '../../../src/core/journal/batch.ts';
import { Preparation } from '../../../src/infra/zk-journal/preparation.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentMetrics } from '../../support/null-observers.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { drop, Leader, put } from './leader.ts';
import { giveEachTestAPlace, lead, store } from './zookeeper-place.ts';

giveEachTestAPlace('preparation');

const decoded = (record: EncodedRecord): object => ({ is: JSON.parse(record.json as string) as unknown });

describe('The preparation of a standby', () => {
  function create(prepare: (record: EncodedRecord) => object | undefined = decoded) {
    const clock = createVirtualClock();
    return { clock, preparation: new Preparation(prepare, clock) };
  }

  it('decodes by and by what has come, a bounded number at once, and then rests', () => {
    const { clock, preparation } = create();
    const records = Array.from({ length: 1_000 }, (_, i) => put(`k${i}`, i));
    for (const record of records) preparation.put(record, undefined);
    clock.advance(999);
    expect(preparation.size).toBe(0);
    clock.advance(1);
    expect(preparation.size).toBe(400);
    clock.advance(50);
    expect(preparation.size).toBe(800);
    clock.advance(10_000);
    expect(preparation.size).toBe(1_000);
    expect(clock.pending()).toBe(0);
    for (const [i, record] of records.entries()) expect(preparation.take(record)).toEqual({ is: i });
  });

  it('does not decode what changes while it is gathered', () => {
    let calls = 0;
    const { clock, preparation } = create((record) => {
      calls++;
      return decoded(record);
    });
    const versions = Array.from({ length: 40 }, (_, i) => put('a', i));
    for (const [i, record] of versions.entries()) {
      preparation.put(record, versions[i - 1]);
      clock.advance(20);
    }
    clock.advance(10_000);
    expect(calls).toBe(1);
    expect(versions.map((record) => preparation.take(record)).filter((value) => value !== undefined)).toEqual([
      { is: 39 },
    ]);
    // One that changes while it waits for its turn, and one that is there already.
    const [first, second] = [put('b', 1), put('b', 2)] as const;
    const others = Array.from({ length: 400 }, (_, i) => put(`o${i}`, i));
    for (const record of [...others, first]) preparation.put(record, undefined);
    clock.advance(1_000);
    expect(preparation.size).toBe(400);
    preparation.put(second, first);
    preparation.put(drop('o7'), others[7]);
    clock.advance(10_000);
    expect(preparation.size).toBe(400);
    expect([preparation.take(first), preparation.take(second)]).toEqual([undefined, { is: 2 }]);
  });

  it('gives each value once, and nothing that was replaced or deleted', () => {
    const { clock, preparation } = create();
    const [old, gone, kept, late] = [put('a', 1), put('b', 1), put('c', 1), put('a', 2)] as const;
    for (const record of [old, gone, kept]) preparation.put(record, undefined);
    clock.advance(2_000);
    preparation.stop();
    preparation.put(late, old);
    preparation.put(drop('b'), gone);
    clock.advance(1_000);
    expect([old, gone, late].map((record) => preparation.take(record))).toEqual([undefined, undefined, undefined]);
    expect(preparation.take(kept)).toEqual({ is: 1 });
    expect(preparation.take(kept)).toBeUndefined();
    expect(clock.pending()).toBe(0);
    preparation.start();
    clock.advance(2_000);
    expect(preparation.take(late)).toEqual({ is: 2 });
    expect(clock.pending()).toBe(0);
  });

  it('leaves what cannot be decoded to whoever loads it', () => {
    const { clock, preparation } = create((record) => {
      if (record.key === 'bad') throw new Error('a format of tomorrow');
      return decoded(record);
    });
    const [bad, good] = [put('bad', 1), put('good', 2)] as const;
    for (const record of [bad, good]) preparation.put(record, undefined);
    clock.advance(2_000);
    expect([preparation.take(bad), preparation.take(good)]).toEqual([undefined, { is: 2 }]);
  });
});

describe.skipIf(zooKeeperMissing)('A standby that takes over', () => {
  it('hands over what it has decoded, and nothing of it that has changed since', async () => {
    const leader = await lead();
    await leader.commit([put('stays', 1), put('changes', 1), put('goes', 1)]);
    const metrics = createSilentMetrics();
    const standby = store({ metrics });
    let calls = 0;
    // Somebody follows the events before anybody says how to decode.
    let seen = 0;
    standby.follow(
      1,
      (batch) => {
        seen = batch.number;
      },
      () => {},
    );
    standby.standBy((record) => {
      calls++;
      return decoded(record);
    });
    const ready = (): number => metrics.gauged('journal.mirror.prepared') ?? 0;
    await eventually('three records', () => seen === 1 && ready() === 3);
    await leader.commit([put('changes', 2), drop('goes')]);
    await leader.commit([put('comes', 3)]);
    await eventually('three again', () => seen === 3 && ready() === 3);
    const next = await Leader.of(standby);
    const callsBefore = calls;
    const prepared = [...next.loaded.records].map((record) => [record.key, next.loaded.prepared?.(record)]);
    expect(Object.fromEntries(prepared)).toEqual({ stays: { is: 1 }, changes: { is: 2 }, comes: { is: 3 } });
    expect(ready()).toBe(0);
    expect(await next.commit([put('stays', 4)])).toEqual({ type: 'committed' });
    expect(calls).toBe(callsBefore);
    // And once more, when another one has led.
    next.store.standBy(decoded);
    await eventually('all of them anew', () => ready() === 3);
    const again = await Leader.of(standby);
    for (const record of again.loaded.records) expect(again.loaded.prepared?.(record)).toEqual(decoded(record));
  });

  it('goes on without anything decoded if nobody said how', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    const standby = store();
    standby.standBy();
    const next = await Leader.of(standby);
    expect([...next.loaded.records]).toHaveLength(1);
    expect(next.loaded.prepared).toBeUndefined();
  });
});
