/** Events that the writer of definitions publishes. */
import type { AppDefinition } from '../core/app/definition.ts';
import { planView, stepView } from '../core/deploy/plan.ts';
import type { Deployment, PlanStep } from '../core/deploy/plan-types.ts';
import type { MarathonEvent } from '../core/events.ts';
import { timestamp } from '../core/time.ts';
import type { Origin } from './front.ts';
import type { VersionBook } from './version-book.ts';

/** `api_post_event`, once for each request about one app. */
export const apiPostEvent = (origin: Origin, app: AppDefinition, nowMs: number): MarathonEvent => ({
  eventType: 'api_post_event',
  timestamp: timestamp(nowMs),
  clientIp: origin.clientIp,
  uri: origin.uri,
  appDefinition: app,
});

/** `deployment_success`, or `deployment_failed` with the reason. */
export const endedEvent = (deployment: Deployment, failure: string | undefined, nowMs: number): MarathonEvent => {
  const common = { timestamp: timestamp(nowMs), id: deployment.id, plan: planView(deployment) };
  return failure === undefined
    ? { eventType: 'deployment_success', ...common }
    : { eventType: 'deployment_failed', ...common, reason: failure };
};

/** A deployment that ends without having got there: the step that it was in fails with it (behaviour §4.4, §4.7). */
export const failedEvents = (deployment: Deployment, reason: string, nowMs: number): readonly MarathonEvent[] => [
  ...stepFailure(deployment, nowMs),
  endedEvent(deployment, reason, nowMs),
];

/** `deployment_step_failure` of the present step; nothing if none was entered. */
export function stepFailure(deployment: Deployment, nowMs: number): readonly MarathonEvent[] {
  const step = deployment.steps[deployment.currentStep - 1];
  if (!step) return [];
  const plan = planView(deployment);
  return [{ eventType: 'deployment_step_failure', timestamp: timestamp(nowMs), plan, currentStep: stepView(step) }];
}

/**
 * What entering a step tells of health checks. For each check of the apps that it starts, scales or restarts `add_health_check_event`, since
 * each has a new version, under which the checks are known from now on (behaviour §4.4); for those that it stops `remove_health_check_event`.
 */
export function stepCheckEvents(
  { affected }: Deployment,
  { actions }: PlanStep,
  versions: Pick<VersionBook, 'at'>,
  nowMs: number,
): readonly MarathonEvent[] {
  const byId = new Map(affected.map((one) => [one.id, one]));
  return actions.flatMap(({ action, app: id }) => {
    const { before, after } = byId.get(id) ?? {};
    const isStop = action === 'StopApplication';
    // What is new was told of when it was started.
    if (action === 'ScaleApplication' && before === undefined) return [];
    const version = isStop ? before : after;
    const app = version === undefined ? undefined : versions.at(id, version);
    if (!app) return [];
    return isStop ? checksRemoved(app, nowMs) : checksAdded(app, nowMs);
  });
}

/** `remove_health_check_event` for each check of the configurations that a finished deployment has replaced: nobody runs with them. */
export const replacedCheckEvents = (
  { affected }: Deployment,
  versions: Pick<VersionBook, 'at'>,
  nowMs: number,
): readonly MarathonEvent[] =>
  affected.flatMap(({ id, before, after }) => {
    if (before === undefined || after === undefined || before === after) return [];
    const old = versions.at(id, before);
    const isReplaced = old?.versionInfo.lastConfigChangeAt !== versions.at(id, after)?.versionInfo.lastConfigChangeAt;
    return old && isReplaced ? checksRemoved(old, nowMs) : [];
  });

const checksAdded = ({ id, version, healthChecks }: AppDefinition, nowMs: number): readonly MarathonEvent[] =>
  healthChecks.map((healthCheck) => ({
    eventType: 'add_health_check_event',
    timestamp: timestamp(nowMs),
    appId: id,
    version,
    healthCheck,
  }));

const checksRemoved = ({ id, healthChecks }: AppDefinition, nowMs: number): readonly MarathonEvent[] =>
  healthChecks.map(() => ({ eventType: 'remove_health_check_event', timestamp: timestamp(nowMs), appId: id }));
