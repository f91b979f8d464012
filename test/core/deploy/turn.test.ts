import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../../src/core/deploy/plan-types.ts';
import { aimedAt, isTurnOf, untilTurn } from '../../../src/core/deploy/turn.ts';
import type { AppId } from '../../../src/core/ids.ts';

const [db, web, job] = ['/db', '/web', '/job'] as AppId[] as [AppId, AppId, AppId];

/** `/db` in the first step, `/web`, which depends on it, in the second. */
const deployment = (currentStep: number): Pick<Deployment, 'affected' | 'steps' | 'currentStep'> => ({
  affected: [
    { id: db, before: 'd1', after: 'd2' },
    { id: web, before: 'w1', after: 'w2' },
    { id: job, after: 'j1' },
  ],
  steps: [
    { actions: [{ action: 'RestartApplication', app: db }] },
    {
      actions: [
        { action: 'ScaleApplication', app: web },
        { action: 'ScaleApplication', app: job },
      ],
    },
  ],
  currentStep,
});

describe('What an app of a deployment aims at', () => {
  it('is what it was until its turn comes, and what it becomes from then on', () => {
    expect([aimedAt(deployment(1), db), aimedAt(deployment(1), web), aimedAt(deployment(1), job)]).toEqual([
      'd2',
      'w1',
      undefined,
    ]);
    expect([aimedAt(deployment(2), db), aimedAt(deployment(2), web)]).toEqual(['d2', 'w2']);
    expect([isTurnOf(deployment(0), db), isTurnOf(deployment(1), web), isTurnOf(deployment(2), web)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('outlives a deployment that was forced aside before it came to the app', () => {
    // Somebody had scaled /web to nothing and was forced aside before that began: its tasks must live until the new turn.
    const affected = [
      { id: web, before: 'w2', after: 'w3' },
      { id: db, before: 'd2', after: 'd3' },
      { id: job, before: 'j1', after: 'j2' },
    ];
    const [newWeb, newDb, newJob] = untilTurn(affected, [deployment(1)]);
    expect(newWeb).toEqual({ id: web, before: 'w2', after: 'w3', until: 'w1' });
    expect(newDb).toEqual({ id: db, before: 'd2', after: 'd3' });
    expect(newJob).toEqual({ id: job, before: 'j1', after: 'j2', until: null });
    const next = { ...deployment(1), affected: [newWeb, newJob].flatMap((a) => a ?? []) };
    expect([aimedAt(next, web), aimedAt(next, job)]).toEqual(['w1', undefined]);
  });
});
