import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appAllowance, type Bucket, isForgotten, takeOne, tokensIn } from '../../../src/core/health/kill-budget.ts';

const budget = { perMinute: 200, perAppShare: 0.2 };

describe('The budget of health kills', () => {
  it.each([
    [0, 5],
    [1, 5],
    [25, 5],
    [26, 6],
    [1_000, 200],
  ])('lets an app of %i instances lose %i in a minute', (instances, allowance) => {
    expect(appAllowance(budget, instances)).toBe(allowance);
  });

  it('has no limit where none is set', () => {
    expect(appAllowance({ ...budget, perAppShare: Number.POSITIVE_INFINITY }, 0)).toBe(Number.POSITIVE_INFINITY);
    let bucket: Bucket | undefined;
    for (let i = 0; i < 1_000; i++) bucket = takeOne(bucket, Number.POSITIVE_INFINITY, 0);
    expect(bucket).toBeDefined();
  });

  it('gives a minute’s allowance at once, then evenly', () => {
    let bucket: Bucket | undefined;
    for (let i = 0; i < 5; i++) bucket = takeOne(bucket, 5, 1_000);
    expect(takeOne(bucket, 5, 1_000)).toBeUndefined();
    expect(takeOne(bucket, 5, 12_999)).toBeUndefined();
    expect(takeOne(bucket, 5, 13_000)).toBeDefined();
    expect(isForgotten(bucket!, 60_999)).toBe(false);
    expect(isForgotten(bucket!, 61_000)).toBe(true);
  });

  it('never gives more than the allowance and what has filled up since, whoever asks when', () => {
    const asks = fc.array(fc.nat({ max: 20_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(asks, fc.integer({ min: 1, max: 50 }), (gaps, perMinute) => {
        let bucket: Bucket | undefined;
        let nowMs = 0;
        const given: number[] = [];
        for (const gapMs of gaps) {
          nowMs += gapMs;
          const left = takeOne(bucket, perMinute, nowMs);
          if (!left) continue;
          bucket = left;
          given.push(nowMs);
          expect(tokensIn(bucket, perMinute, nowMs)).toBeGreaterThanOrEqual(0);
        }
        for (const [i, fromMs] of given.entries()) {
          const inMinute = given.slice(i).filter((ms) => ms < fromMs + 60_000).length;
          expect(inMinute).toBeLessThanOrEqual(2 * perMinute);
        }
      }),
    );
  });
});
