/** Events that the writer of definitions publishes. */
import type { AppDefinition } from '../core/app/definition.ts';
import type { PlannedChange } from '../core/deploy/plan.ts';
import { planView, stepView } from '../core/deploy/plan.ts';
import type { Deployment } from '../core/deploy/plan-types.ts';
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

/** `add_health_check_event` for each check of a new configuration, `remove_health_check_event` for each one of an app that goes. */
export function healthCheckEvents(planned: PlannedChange, nowMs: number): readonly MarathonEvent[] {
  const at = timestamp(nowMs);
  const { id, before, after, kind } = planned;
  if (!after) return before ? checksRemoved(before, nowMs) : [];
  if (before && kind !== 'config' && kind !== 'restart') return [];
  return after.healthChecks.map((healthCheck) => ({
    eventType: 'add_health_check_event',
    timestamp: at,
    appId: id,
    version: after.version,
    healthCheck,
  }));
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

const checksRemoved = ({ id, healthChecks }: AppDefinition, nowMs: number): readonly MarathonEvent[] =>
  healthChecks.map(() => ({ eventType: 'remove_health_check_event', timestamp: timestamp(nowMs), appId: id }));
