import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/infra/clock.ts';

describe('the system clock', () => {
  it('never fires early', async () => {
    const early: number[] = [];
    const waits = Array.from({ length: 200 }, (_, at) => {
      const delayMs = at / 10;
      const began = systemClock.monotonic();
      return new Promise<void>((resolve) =>
        systemClock.after(delayMs, () => {
          const tookMs = systemClock.monotonic() - began;
          if (tookMs < delayMs) early.push(tookMs - delayMs);
          resolve();
        }),
      );
    });
    await Promise.all(waits);
    expect(early).toEqual([]);
  });

  it('does not fire what was cancelled, nor at once what is due in a month', async () => {
    const fired: string[] = [];
    systemClock.after(0, () => void fired.push('cancelled')).cancel();
    const month = systemClock.after(31 * 24 * 3_600_000, () => void fired.push('month'));
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    month.cancel();
    expect(fired).toEqual([]);
  });
});
