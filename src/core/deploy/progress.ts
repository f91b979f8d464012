/** How far a deployment has got: stored apart from the plan, which may name thousands of apps and does not change. */
import type { Deployment } from './plan-types.ts';

export interface DeploymentProgress {
  /** Counts from 1. */
  readonly currentStep: number;
  /** Epoch milliseconds at which each step was entered for the first time. */
  readonly stepStartedAtMs: readonly number[];
}

/** What a deployment knows of its progress. */
export const progressOf = ({ currentStep, stepStartedAtMs = [] }: Deployment): DeploymentProgress => ({
  currentStep,
  stepStartedAtMs,
});

/** The deployment at the step that it has reached. Steps are never gone back, so of two accounts the further one counts. */
export const withProgress = (deployment: Deployment, progress: DeploymentProgress): Deployment =>
  progress.currentStep < deployment.currentStep ? deployment : { ...deployment, ...progress };
