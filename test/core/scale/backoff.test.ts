import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditions } from '../../../src/core/instance/instance.ts';
import type { Backoff } from '../../../src/core/scale/backoff.ts';
import { advanced, countsAsFailure, currentBackoff, grown, notBeforeMs } from '../../../src/core/scale/backoff.ts';
import { v1, v2 } from '../instance/given.ts';
import { anApp } from '../offer/fixtures.ts';

const config = (seconds: number, factor: number, max = 300) =>
  anApp({ backoffSeconds: seconds, backoffFactor: factor, maxLaunchDelaySeconds: max });

function afterFailures(count: number, app = config(1, 1.15), nowMs = 0): Backoff {
  let backoff: Backoff | undefined;
  for (let i = 0; i < count; i++) backoff = grown(backoff, app, nowMs);
  return backoff!;
}

describe('the launch delay (behaviour §5)', () => {
  const rows: readonly (readonly [failures: number, seconds: number])[] = [
    [1, 1],
    [2, 1.15],
    [3, 1.3225],
    [10, 3.518],
    [20, 14.23],
    [41, 267.9],
    [42, 300],
    [43, 300],
  ];
  it.each(rows)('V88: after %d failures is %d s', (failures, seconds) => {
    expect(afterFailures(failures).delayMs / 1000).toBeCloseTo(seconds, seconds > 100 ? 0 : 2);
  });

  it('V89: two failures at t with 10 s and factor 2 allow the next launch at t + 20 s', () => {
    expect(notBeforeMs(afterFailures(2, config(10, 2), 5_000))).toBe(25_000);
  });

  it('V90: is never longer than the maximum', () => {
    expect(afterFailures(1, config(600, 1.15)).delayMs).toBe(300_000);
  });

  it('V91: keeps its size when the app runs, and counts from then', () => {
    const app = config(1, 2);
    const running = advanced(afterFailures(3, app), app, 60_000);
    expect(running).toMatchObject({ delayMs: 4_000, referenceMs: 60_000 });
    expect(notBeforeMs(running)).toBe(64_000);
    expect(grown(running, app, 70_000).delayMs).toBe(8_000);
    expect(advanced(undefined, app, 60_000)).toBeUndefined();
  });

  it('V92: ends after the maximum of quiet since the last launch', () => {
    const app = config(1, 2);
    const launched = advanced(afterFailures(3, app), app, 10_000);
    expect(currentBackoff(launched, app, 310_000)).toBe(launched);
    expect(currentBackoff(launched, app, 310_001)).toBeUndefined();
    expect(grown(launched, app, 310_001).delayMs).toBe(1_000);
    expect(advanced(launched, app, 310_001)).toBeUndefined();
  });

  it('does not take waiting for quiet: at its largest it stays the largest while the app goes on failing', () => {
    const app = config(1, 2, 300);
    let backoff = afterFailures(12, app);
    for (let round = 0; round < 3; round++) {
      const launchedMs = notBeforeMs(backoff)! + 250;
      backoff = grown(advanced(backoff, app, launchedMs), app, launchedMs + 50);
      expect(backoff.delayMs).toBe(300_000);
    }
  });

  it('V93: grows by Dropped, Error, Failed, Gone and Finished alone', () => {
    expect(conditions.filter(countsAsFailure)).toEqual(['Error', 'Failed', 'Finished', 'Gone', 'Dropped']);
  });

  it('V94: stays when the app is scaled, and is none for another configuration', () => {
    const app = config(10, 2);
    const backoff = afterFailures(2, app);
    const scaled = { ...app, instances: 3, version: v2 };
    expect(currentBackoff(backoff, scaled, 0)).toBe(backoff);
    const changed = {
      ...app,
      version: v2,
      versionInfo: { lastScalingAt: v1, lastConfigChangeAt: '2099-01-01T00:00:00.000Z' },
    };
    expect(currentBackoff(backoff, changed, 0)).toBeUndefined();
    expect(grown(backoff, changed, 0).delayMs).toBe(10_000);
  });

  it('is none before the first failure', () => {
    expect(notBeforeMs(undefined)).toBeUndefined();
  });
});

describe('any launch delay', () => {
  const configs = fc
    .record({
      first: fc.integer({ min: 0, max: 5_000 }),
      factor: fc.integer({ min: 100, max: 400 }),
      max: fc.integer({ min: 0, max: 4_000 }),
    })
    .map(({ first, factor, max }) => config(first, factor / 100, max));
  /** What happens to the app, and how long after the thing before. */
  const history = fc.array(
    fc.record({ what: fc.constantFrom('fails', 'fails', 'launches'), afterMs: fc.integer({ min: 0, max: 3_000_000 }) }),
    { maxLength: 40 },
  );

  it('never exceeds its maximum, never shrinks but by quiet, and always lets the app launch again', () => {
    fc.assert(
      fc.property(configs, history, (app, events) => {
        const maxMs = app.maxLaunchDelaySeconds * 1000;
        let backoff: Backoff | undefined;
        let nowMs = 0;
        for (const { what, afterMs } of events) {
          nowMs += afterMs;
          const before = currentBackoff(backoff, app, nowMs);
          backoff = what === 'fails' ? grown(backoff, app, nowMs) : advanced(backoff, app, nowMs);
          expect(backoff === undefined).toBe(what === 'launches' && before === undefined);
          if (backoff === undefined) continue;
          expect(backoff.delayMs).toBeLessThanOrEqual(maxMs);
          expect(backoff.delayMs).toBeGreaterThanOrEqual(before?.delayMs ?? 0);
          if (what === 'launches') expect(backoff.delayMs).toBe(before?.delayMs);
          expect(notBeforeMs(backoff)).toBe(nowMs + backoff.delayMs);
          expect(currentBackoff(backoff, app, nowMs)).toBe(backoff);
        }
        if (backoff === undefined) return;
        expect(currentBackoff(backoff, app, nowMs + 2 * maxMs + 1)).toBeUndefined();
      }),
    );
  });

  it('after n failures in a row is the first one times the factor, n − 1 times, up to the maximum', () => {
    fc.assert(
      fc.property(configs, fc.integer({ min: 1, max: 30 }), (app, n) => {
        const { delayMs } = afterFailures(n, app);
        const maxMs = app.maxLaunchDelaySeconds * 1000;
        const expected = Math.min(maxMs, app.backoffSeconds * 1000 * app.backoffFactor ** (n - 1));
        expect(Math.abs(delayMs - expected)).toBeLessThanOrEqual(expected * 1e-9);
      }),
    );
  });
});
