import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HealthCensus } from '../../../src/core/health/census.ts';
import type { AppId, InstanceId } from '../../../src/core/ids.ts';

const windowMs = 30_000;
const appOf = (n: number): AppId => `/app${n % 3}` as AppId;
const idOf = (n: number): InstanceId => `i${n}` as InstanceId;

type Step = readonly [what: 'healthy' | 'failing' | 'forget', instance: number, laterMs: number];
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('healthy' as const, 'failing' as const, 'forget' as const),
  fc.nat({ max: 8 }),
  fc.constantFrom(0, 1, 10_000, 29_999, 30_000),
);

describe('The census of once-healthy tasks', () => {
  it('counts what a list of them would show, after any history', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.subarray([0, 1, 2]), (steps, excluded) => {
        const census = new HealthCensus(windowMs);
        const list = new Map<number, number | undefined>();
        let nowMs = 0;
        for (const [what, n, laterMs] of steps) {
          nowMs += laterMs;
          if (what === 'healthy') {
            census.healthy(idOf(n), appOf(n));
            list.set(n, undefined);
          } else if (what === 'failing') {
            census.failing(idOf(n), nowMs);
            if (list.has(n)) list.set(n, list.get(n) ?? nowMs);
          } else {
            census.forget(idOf(n));
            list.delete(n);
          }
        }
        const counted = [...list].filter(([n]) => !excluded.includes(n % 3));
        const failing = counted.flatMap(([, sinceMs]) => (sinceMs === undefined ? [] : [sinceMs]));
        expect(census.facts(nowMs, excluded.map(appOf))).toEqual({
          tasks: counted.length,
          failing: failing.length,
          fresh: failing.filter((sinceMs) => sinceMs > nowMs - windowMs).length,
        });
      }),
    );
  });

  it('does not count a task that was never healthy', () => {
    const census = new HealthCensus(windowMs);
    census.failing(idOf(1), 0);
    expect(census.facts(0, [])).toEqual({ tasks: 0, failing: 0, fresh: 0 });
  });
});
