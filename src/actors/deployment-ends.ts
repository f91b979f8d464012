/** How deployments end: the records and events of it, and the orders that hold their apps. */

import type { DeploymentHistory } from '../core/deploy/history.ts';
import type { Deployment, Ending, FinishedDeployment } from '../core/deploy/plan-types.ts';
import type { MarathonEvent } from '../core/events.ts';
import type { AppId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import { endedEvent, failedEvents } from './group-events.ts';
import type { Metrics } from './ports.ts';
import type { TargetOrder } from './protocol.ts';
import type { VersionBook } from './version-book.ts';

export interface Ended {
  readonly records: readonly RecordWrite[];
  readonly events: readonly MarathonEvent[];
}

export interface EndContext {
  readonly finished: DeploymentHistory;
  readonly metrics: Metrics;
  readonly nowMs: number;
  /** It was given up by itself, not cancelled by a user. */
  readonly isFailure?: boolean;
}

/** What the event of a cancelled deployment says, whoever cancelled it (behaviour §4.7). */
const cancelledReason = 'The upgrade has been cancelled';

const counters = {
  succeeded: 'deployments.succeeded',
  failed: 'deployments.failed',
  cancelled: 'deployments.cancelled',
  rolledBack: 'deployments.rolled-back',
} as const;

/**
 * The end of a deployment: its record becomes one of the kept ones, whatever is too much for the history goes, and
 * `deployment_success`, or `deployment_step_failure` and `deployment_failed`, tell it.
 */
export function endOf(
  deployment: Deployment,
  ending: Ending,
  { finished, metrics, nowMs, isFailure = ending.result === 'failed' }: EndContext,
): Ended {
  const over: FinishedDeployment = { deployment, ...ending, endedAtMs: nowMs };
  const forgotten = finished.add(over);
  metrics.count(counters[ending.result]);
  if (forgotten.length > 0) metrics.count('deployments.forgotten', forgotten.length);
  const records: RecordWrite[] = [
    { kind: 'deployment', key: deployment.id, value: undefined },
    ...(deployment.currentStep > 0
      ? [{ kind: 'deploymentProgress', key: deployment.id, value: undefined } as const]
      : []),
    { kind: 'finishedDeployment', key: deployment.id, value: over },
    ...forgotten.map((key): RecordWrite => ({ kind: 'finishedDeployment', key, value: undefined })),
  ];
  const told = isFailure ? ending.reason : cancelledReason;
  const failure = ending.result === 'succeeded' ? undefined : told;
  const events =
    failure === undefined ? [endedEvent(deployment, undefined, nowMs)] : failedEvents(deployment, failure, nowMs);
  return { records, events };
}

/** The orders of a step that goes no further: its apps keep what they have at their new count, and what was to end ends. */
export function holdOrders(
  { affected, steps, currentStep }: Deployment,
  versions: Pick<VersionBook, 'at'>,
): readonly { readonly appId: AppId; readonly order: TargetOrder }[] {
  const byId = new Map(affected.map((a) => [a.id, a]));
  return (steps[currentStep - 1]?.actions ?? []).flatMap(({ action, app: appId, sentenced = [] }) => {
    if (action === 'StartApplication') return [];
    const isStop = action === 'StopApplication';
    const version = isStop ? byId.get(appId)?.before : byId.get(appId)?.after;
    const app = version === undefined ? undefined : versions.at(appId, version);
    if (!app) return [];
    const mode = isStop ? ('stopped' as const) : ('steady' as const);
    return [{ appId, order: { app, mode, sentenced, waiter: undefined } }];
  });
}
