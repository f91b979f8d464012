/** A deployment as it is stored and shown. */
import type { PlanActionView } from '../events.ts';
import type { GroupDelta } from '../group/group-record.ts';
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
  /** Groups that it changed, for a rollback; absent = none. */
  readonly groups?: readonly GroupDelta[];
  readonly steps: readonly PlanStep[];
  /** 0 before the first step, then counts from 1. */
  readonly currentStep: number;
  /** When each step was first entered, epoch ms, in their order. */
  readonly stepStartedAtMs?: readonly number[];
  /** When it may be given up, and what happens then; absent = never. */
  readonly limits?: DeploymentLimits;
  /** Where its deadline counts from; absent = its start. */
  readonly deadlineFromMs?: number;
  /** It was given up and waits for a user; its locks stay. */
  readonly paused?: { readonly reason: string; readonly atMs: number };
}

/** What becomes of a deployment that is given up: undone, held with its locks, or ended with everything left as it is. */
export type OnFailure = 'rollback' | 'pause' | 'keep';

export interface DeploymentLimits {
  readonly deadlineSeconds?: number;
  /** Launches of one instance, none of which made it ready. */
  readonly maxLaunchAttempts?: number;
  readonly onFailure: OnFailure;
}

export type DeploymentOutcome = 'succeeded' | 'failed' | 'cancelled' | 'rolledBack';

/** How a deployment ended. */
export interface Ending {
  readonly result: DeploymentOutcome;
  /** One line for people; absent for a success. */
  readonly reason?: string;
  /** The deployment that undid it or took its place. */
  readonly successor?: DeploymentId;
}

/** A deployment that is over, as it is kept for readers. */
export interface FinishedDeployment extends Ending {
  readonly deployment: Deployment;
  readonly endedAtMs: number;
}
