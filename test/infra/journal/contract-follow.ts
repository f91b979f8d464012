/** What followers of every journal store see (design §5.8). */
import { expect, it } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { Batch, EncodedEvent } from '../../../src/core/journal/batch.ts';
import type { ContractTools } from './contract-replace.ts';
import { drop, put } from './leader.ts';

const event = (n: number): EncodedEvent => ({ type: 'status_update_event', json: JSON.stringify({ n }) });

/** Tests of `follow`. */
export function followContract({ lead, fence }: ContractTools): void {
  /** Resolves once `count` batches came, or `reload` was called. */
  const following = (store: JournalStore, from: number, count: number) => {
    const seen: Batch[] = [];
    let stop = (): void => {};
    const done = new Promise<'complete' | 'reload'>((resolve) => {
      const apply = (batch: Batch): void => {
        seen.push(batch);
        if (seen.length === count) resolve('complete');
      };
      stop = store.follow(from, apply, () => resolve('reload'));
    });
    return { seen, done, stop: () => stop() };
  };

  it('delivers earlier and concurrent batches in order, without gaps, with all their content', async () => {
    const leader = await lead();
    const from = leader.loaded.nextBatch;
    const batches = Array.from({ length: 60 }, (_, i) => leader.batch([put(`k${i}`, i), drop('gone')], [event(i)]));
    for (const batch of batches.slice(0, 20)) await leader.send(batch);
    const early = following(leader.store, from, 60);
    const late = following(leader.store, from + 15, 45);
    for (const batch of batches.slice(20)) await leader.send(batch);
    expect(await Promise.all([early.done, late.done])).toEqual(['complete', 'complete']);
    expect(early.seen).toEqual(batches);
    expect(late.seen).toEqual(batches.slice(15));
    early.stop();
    late.stop();
  });

  it('waits for a batch that does not exist yet', async () => {
    const leader = await lead();
    const follower = following(leader.store, leader.loaded.nextBatch + 1, 1);
    await leader.commit([put('a', 1)]);
    await leader.commit([put('a', 2)]);
    expect(await follower.done).toBe('complete');
    expect(follower.seen.map((batch) => batch.number)).toEqual([leader.loaded.nextBatch + 1]);
    follower.stop();
  });

  it('delivers nothing that was fenced, and nothing after it was stopped', async () => {
    const leader = await lead();
    const follower = following(leader.store, leader.loaded.nextBatch, 1);
    await leader.commit([put('a', 1)]);
    expect(await follower.done).toBe('complete');
    follower.stop();
    const other = following(leader.store, leader.loaded.nextBatch, 2);
    await leader.commit([put('a', 2)]);
    await other.done;
    await fence();
    expect(await leader.commit([put('a', 3)])).toMatchObject({ type: 'fenced' });
    expect(follower.seen.length).toBe(1);
    expect(other.seen.length).toBe(2);
    other.stop();
  });

  it('asks for a reload when the journal no longer reaches back that far', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    const follower = following(leader.store, leader.loaded.nextBatch - 1, 99);
    expect(await follower.done).toBe('reload');
    expect(follower.seen).toEqual([]);
  });
}
