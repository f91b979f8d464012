import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/core/journal/batch.ts';
import { createRecentBatches, recentBatchLimit, recentSizeLimit } from '../../src/infra/recent-batches.ts';

const batchOf = (number: number, size = 0): Batch => ({
  number,
  id: '',
  epoch: 1,
  records: [{ kind: 'app', key: '', format: 1, json: 'x'.repeat(size) }],
  firstEvent: 1,
  events: [],
});

/** What a follower from `from` on gets at once. */
const seenFrom = async (recent: ReturnType<typeof createRecentBatches>, from: number) => {
  const seen: (number | 'reload')[] = [];
  const stop = recent.follow(
    from,
    (batch) => seen.push(batch.number),
    () => seen.push('reload'),
  );
  expect(seen).toEqual([]);
  await Promise.resolve();
  stop();
  return seen;
};

describe('recent batches', () => {
  it('reach back a bounded number of batches', async () => {
    const recent = createRecentBatches(1, () => {});
    for (let n = 1; n <= recentBatchLimit + 5; n++) recent.publish(batchOf(n));
    expect((await seenFrom(recent, 6)).length).toBe(recentBatchLimit);
    expect(await seenFrom(recent, 5)).toEqual(['reload']);
  });

  it('reach back a bounded size, but always hold the newest', async () => {
    const recent = createRecentBatches(1, () => {});
    for (let n = 1; n <= 3; n++) recent.publish(batchOf(n, recentSizeLimit));
    expect(await seenFrom(recent, 3)).toEqual([3]);
    expect(await seenFrom(recent, 2)).toEqual(['reload']);
  });

  it('end a follower that throws, report it, and go on with the others', async () => {
    const errors: unknown[] = [];
    const recent = createRecentBatches(1, (error) => errors.push(error));
    const seen: number[] = [];
    recent.follow(
      1,
      () => {
        throw new Error('broken');
      },
      () => {},
    );
    recent.follow(
      1,
      (batch) => seen.push(batch.number),
      () => {},
    );
    recent.publish(batchOf(1));
    await Promise.resolve();
    recent.publish(batchOf(2));
    await Promise.resolve();
    expect({ errors: errors.length, seen }).toEqual({ errors: 1, seen: [1, 2] });
  });
});
