import { describe, expect, it } from 'vitest';
import { upgradeLimits } from '../../../src/core/deploy/rolling.ts';

type Row = readonly [
  v: string,
  n: number,
  minimum: number,
  over: number,
  total: number,
  healthy: number,
  minHealthy: number,
  maxCapacity: number,
  killNow: number,
];

describe('the limits of a rolling upgrade (behaviour §13.5)', () => {
  const strategy = (minimumHealthCapacity: number, maximumOverCapacity: number) => ({
    minimumHealthCapacity,
    maximumOverCapacity,
  });

  const rows: readonly Row[] = [
    ['V61', 1, 1, 1, 1, 1, 1, 2, 0],
    ['V62', 1, 0.5, 0, 1, 1, 1, 2, 0],
    ['V63', 1, 0.5, 0, 0, 0, 1, 1, 0],
    ['V64', 2, 0.5, 0, 2, 2, 1, 2, 1],
    ['V65', 4, 1, 0, 4, 4, 4, 5, 0],
    ['V66', 10, 0.1, 0, 1, 1, 1, 10, 0],
    ['V67', 10, 0.1, 1, 10, 10, 1, 20, 9],
    ['V68', 10, 1, 1, 10, 10, 10, 20, 0],
    ['V69', 10, 0.75, 0.25, 10, 10, 8, 12, 2],
    ['V70', 3, 1, 0.3, 4, 4, 3, 4, 1],
    ['V71', 3, 1, 0.7, 3, 3, 3, 5, 0],
    ['V72', 4, 0, 0, 4, 4, 0, 4, 4],
  ];
  it.each(rows)('%s: n %d, %d / %d, %d there, %d healthy', (_, n, min, over, total, healthy, ...expected) => {
    const { minHealthy, maxCapacity, killNow } = upgradeLimits(n, strategy(min, over), total, healthy, false);
    expect([minHealthy, maxCapacity, killNow]).toEqual(expected);
  });

  const resident: readonly Row[] = [
    ['V73', 1, 0.5, 0, 1, 1, 1, 1, 1],
    ['V74', 1, 0.5, 0, 1, 0, 1, 1, 0],
    ['V75', 5, 0.5, 0, 5, 5, 3, 5, 2],
    ['V76, all healthy', 5, 1, 0, 5, 5, 5, 5, 1],
    ['V76, three healthy', 5, 1, 0, 5, 3, 5, 5, 0],
    ['V76, two too many', 5, 1, 0, 7, 7, 5, 5, 3],
  ];
  it.each(resident)(
    '%s, resident: n %d, %d / %d, %d there, %d healthy',
    (_, n, min, over, total, healthy, ...expected) => {
      const { minHealthy, maxCapacity, killNow } = upgradeLimits(n, strategy(min, over), total, healthy, true);
      expect([minHealthy, maxCapacity, killNow]).toEqual(expected);
    },
  );

  it('are computed in plain doubles, without rounding for looks', () => {
    expect(upgradeLimits(100, strategy(0.07, 0.15), 0, 0, false)).toEqual({
      minHealthy: 8,
      maxCapacity: 114,
      killNow: 0,
    });
  });
});
