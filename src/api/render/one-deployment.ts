/** `GET /v2/deployments/{id}`: the members of the list, and what became of the deployment or what it waits for. */
import type { ReadModel } from '../../actors/front.ts';
import type { Deployment, FinishedDeployment } from '../../core/deploy/plan-types.ts';
import { waitingReasons } from '../../core/deploy/waiting.ts';
import { type Timestamp, timestamp } from '../../core/time.ts';
import { deploymentView } from './deployment.ts';

/** A deployment that is running, or paused. */
export function runningJson(deployment: Deployment, read: ReadModel, nowMs: number): string {
  const { paused } = deployment;
  let delays: ReadonlyMap<string, number | undefined> | undefined;
  const facts = {
    appAt: read.appAt,
    instancesOf: read.instancesOf,
    readinessOf: read.readinessOf,
    notBeforeMs: (id: string) => {
      delays ??= new Map(read.queue().map((entry) => [entry.app.id, entry.notBeforeMs]));
      return delays.get(id);
    },
    nowMs,
  };
  return JSON.stringify({
    ...deploymentView(deployment, read.readinessOf),
    ...about(deployment, undefined),
    status: paused ? 'paused' : 'running',
    ...(paused ? { reason: paused.reason, pausedAt: timestamp(paused.atMs) } : {}),
    waitingFor: waitingReasons(deployment, read.pendingOf(deployment.id), facts),
  });
}

/** A deployment that is over. */
export function finishedJson({ deployment, result, reason, successor, endedAtMs }: FinishedDeployment): string {
  return JSON.stringify({
    ...deploymentView(deployment, () => []),
    currentActions: [],
    ...about(deployment, result === 'succeeded' ? endedAtMs : undefined),
    status: 'finished',
    result,
    ...(reason === undefined ? {} : { reason }),
    ...(successor === undefined ? {} : { successor }),
    endedAt: timestamp(endedAtMs),
  });
}

/** Times and limits. A step ends where the next one begins, the last one with the success of the whole. */
function about(deployment: Deployment, succeededAtMs: number | undefined): object {
  const { startedAtMs, stepStartedAtMs = [], limits, deadlineFromMs = startedAtMs } = deployment;
  const at = (ms: number | undefined, name: string): Readonly<Record<string, Timestamp>> =>
    ms === undefined ? {} : { [name]: timestamp(ms) };
  return {
    startedAt: timestamp(startedAtMs),
    steps: deployment.steps.map(({ actions }, i) => ({
      actions: actions.map(({ action, app }) => ({ action, app })),
      ...at(stepStartedAtMs[i], 'startedAt'),
      ...at(stepStartedAtMs[i + 1] ?? (i === deployment.steps.length - 1 ? succeededAtMs : undefined), 'endedAt'),
    })),
    ...(limits?.deadlineSeconds === undefined
      ? {}
      : at(deadlineFromMs + Math.round(limits.deadlineSeconds * 1000), 'deadlineAt')),
    ...(limits?.maxLaunchAttempts === undefined ? {} : { maxLaunchAttempts: limits.maxLaunchAttempts }),
    ...(limits ? { onFailure: limits.onFailure } : {}),
  };
}
