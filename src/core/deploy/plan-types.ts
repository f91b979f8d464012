/** A deployment as it is stored and shown. */
import type { PlanActionView } from '../events.ts';
import type { AppId, DeploymentId, InstanceId } from '../ids.ts';
import type { Timestamp } from '../time.ts';

export interface PlanAction {
  readonly action: PlanActionView['action'];
  readonly app: AppId;
  /** Instances that die first when the action scales down. */
  readonly sentenced?: readonly InstanceId[];
}

export interface PlanStep {
  readonly actions: readonly PlanAction[];
}

/** One app that a deployment touches: versions before and after; absent = did not, or will not, exist. */
export interface AffectedApp {
  readonly id: AppId;
  readonly before?: Timestamp;
  readonly after?: Timestamp;
  /** What it aims at until its turn comes, if not at `before`; null = at nothing. */
  readonly until?: Timestamp | null;
}

export interface Deployment {
  readonly id: DeploymentId;
  /** Stamp of the change. */
  readonly version: Timestamp;
  readonly startedAtMs: number;
  readonly affected: readonly AffectedApp[];
  readonly steps: readonly PlanStep[];
  /** 0 before the first step, then counts from 1. */
  readonly currentStep: number;
}
