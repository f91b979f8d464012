import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeploymentHistory } from '../../../src/core/deploy/history.ts';
import type { FinishedDeployment } from '../../../src/core/deploy/plan-types.ts';
import type { AppId, DeploymentId } from '../../../src/core/ids.ts';
import { v1 } from '../instance/given.ts';

const action = { action: 'ScaleApplication', app: '/a' as AppId } as const;

/** It weighs one more than its apps; without a step it changed nothing. */
const finished = (name: number, apps = 0, isIdle = false): FinishedDeployment => ({
  deployment: {
    id: `d${name}` as DeploymentId,
    version: v1,
    startedAtMs: 0,
    affected: Array.from({ length: apps }, (_, i) => ({ id: `/${i}` as AppId })),
    steps: isIdle ? [] : [{ actions: [action] }],
    currentStep: 0,
  },
  result: 'succeeded',
  endedAtMs: name,
});

describe('the history of deployments', () => {
  it('forgets the oldest when there are too many', () => {
    const history = new DeploymentHistory([], { deployments: 2, idle: 1, weight: 100 });
    expect([1, 2, 3, 4].map((n) => history.add(finished(n)))).toEqual([[], [], ['d1'], ['d2']]);
    expect(history.size).toBe(2);
  });

  it('forgets as many as it takes when they are too large, but never the newest', () => {
    const history = new DeploymentHistory([], { deployments: 10, idle: 1, weight: 10 });
    for (const n of [1, 2, 3]) history.add(finished(n, 2));
    expect(history.add(finished(4, 6))).toEqual(['d1', 'd2']);
    expect(history.add(finished(5, 1_000))).toEqual(['d3', 'd4']);
    expect([history.size, history.weight]).toEqual([1, 1_001]);
  });

  it('goes on where it stood, by the times of the ends', () => {
    const history = new DeploymentHistory([finished(3), finished(1), finished(2)], {
      deployments: 3,
      idle: 1,
      weight: 100,
    });
    expect(history.add(finished(4))).toEqual(['d1']);
  });

  it('keeps those that changed nothing apart, so that they push out nobody else', () => {
    const history = new DeploymentHistory([finished(1)], { deployments: 1, idle: 2, weight: 100 });
    expect([2, 3, 4, 5].map((n) => history.add(finished(n, 0, true)))).toEqual([[], [], ['d2'], ['d3']]);
    expect(history.size).toBe(3);
    expect(history.add(finished(6))).toEqual(['d1']);
  });

  it('never holds more than it may, and forgets nothing twice', () => {
    const sizes = fc.array(fc.nat(12), { maxLength: 60 });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 30 }),
        (apps, deployments, weight) => {
          const history = new DeploymentHistory([], { deployments, idle: 1, weight });
          const gone = apps.flatMap((n, i) => {
            const ids = history.add(finished(i, n));
            expect(history.size === 1 || (history.size <= deployments && history.weight <= weight)).toBe(true);
            return ids;
          });
          expect(new Set(gone).size).toBe(gone.length);
          expect(gone.length + history.size).toBe(apps.length);
        },
      ),
    );
  });
});
