import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, quantiles, windowMs } from '../../../src/infra/metrics/histogram.ts';
import { Meter } from '../../../src/infra/metrics/meter.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('Histogram', () => {
  it('is off by 4 % at most, for any values', () => {
    const values = fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, (recorded) => {
        const histogram = new Histogram(createVirtualClock());
        for (const value of recorded) histogram.record(value);
        const sorted = [...recorded].sort((a, b) => a - b);
        const shot = histogram.snapshot();
        expect([shot.count, shot.min, shot.max]).toEqual([recorded.length, sorted[0], sorted.at(-1)]);
        quantiles.forEach(([q], index) => {
          const exact = sorted[Math.ceil(q * sorted.length) - 1] ?? 0;
          expect(Math.abs((shot.quantiles[index] ?? 0) - exact) / exact).toBeLessThanOrEqual(0.04);
        });
      }),
    );
  });

  it('takes zero, negative, tiny and huge values', () => {
    const histogram = new Histogram(createVirtualClock());
    for (const value of [0, -1, Number.NaN, 1e-9, 1e15]) histogram.record(value);
    const shot = histogram.snapshot();
    expect([shot.count, shot.min, shot.max]).toEqual([5, 0, 1e15]);
    expect(shot.quantiles).toHaveLength(quantiles.length);
  });

  it('forgets values after two windows, but not the count', () => {
    const clock = createVirtualClock();
    const histogram = new Histogram(clock);
    histogram.record(5);
    clock.advance(windowMs);
    histogram.record(1);
    expect(histogram.snapshot().max).toBe(5);
    clock.advance(windowMs);
    expect(histogram.snapshot().max).toBe(1);
    clock.advance(windowMs * 10);
    expect(histogram.snapshot()).toMatchObject({ count: 2, max: 0, mean: 0 });
  });
});

describe('Meter', () => {
  it('decays as the load average does', () => {
    const clock = createVirtualClock();
    const meter = new Meter(clock);
    meter.mark(3);
    clock.advance(5_000);
    expect(meter.rates().m1Rate).toBeCloseTo(0.6, 6);
    clock.advance(60_000);
    const { m1Rate, m5Rate, m15Rate } = meter.rates();
    expect(m1Rate).toBeCloseTo(0.220_727_66, 6);
    expect(m5Rate).toBeCloseTo(0.491_238_45, 6);
    expect(m15Rate).toBeCloseTo(0.561_304_22, 6);
  });

  it('gives the same rates whether it was asked meanwhile or not', () => {
    const clock = createVirtualClock();
    const [asked, silent] = [new Meter(clock), new Meter(clock)];
    for (let n = 0; n < 20; n += 1) {
      asked.mark(n);
      silent.mark(n);
      clock.advance(3_000);
      asked.rates();
    }
    expect(asked.rates()).toEqual(silent.rates());
  });
});
