import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../../src/core/deploy/plan-types.ts';
import { progressOf, withProgress } from '../../../src/core/deploy/progress.ts';

const plan = {
  id: 'd',
  version: 'v',
  startedAtMs: 1,
  affected: [],
  steps: [],
  currentStep: 2,
  stepStartedAtMs: [1, 2],
};

describe('the progress of a deployment', () => {
  it('takes the plan to where it was', () => {
    const deployment = plan as unknown as Deployment;
    expect(withProgress({ ...deployment, currentStep: 0, stepStartedAtMs: [] }, progressOf(deployment))).toEqual(plan);
  });

  it('never leads back: a plan that was written later, when it was paused, knows better', () => {
    const deployment = plan as unknown as Deployment;
    expect(withProgress(deployment, { currentStep: 1, stepStartedAtMs: [1] })).toBe(deployment);
  });
});
