/** What a running deployment waits for, in words: recomputed from what there is, so that it is never stale. */
import type { AppDefinition } from '../app/definition.ts';
import { isCurrent } from '../app/versions.ts';
import type { AppId, InstanceId } from '../ids.ts';
import type { Instance } from '../instance/instance.ts';
import { isConsideredTerminal, isScheduled } from '../instance/instance.ts';
import { type Timestamp, timestamp } from '../time.ts';
import type { Deployment, PlanAction } from './plan-types.ts';

/** What the reasons are read from. */
export interface WaitingFacts {
  readonly appAt: (id: string, version: Timestamp) => AppDefinition | undefined;
  readonly instancesOf: (id: string) => Iterable<Instance>;
  readonly readinessOf: (id: string) => Iterable<{ readonly taskId: InstanceId; readonly ready: boolean }>;
  /** End of the app's back-off, epoch ms; undefined or past = none. */
  readonly notBeforeMs: (id: AppId) => number | undefined;
  readonly nowMs: number;
}

/** Lines for more apps than this are summed up in one. */
export const maxReasons = 100;

/**
 * One line for each thing that the present step waits for, such as `waits for 2 of 5 instances of /a to be healthy`. `pending` are the
 * apps that have not reached their target yet; empty if the deployment is paused or about to go on.
 */
export function waitingReasons(
  deployment: Deployment,
  pending: ReadonlySet<AppId>,
  facts: WaitingFacts,
): readonly string[] {
  if (deployment.paused) return [`is paused: ${deployment.paused.reason}`];
  const actions = deployment.steps[deployment.currentStep - 1]?.actions ?? [];
  const waiting = actions.filter(({ app }) => pending.has(app));
  const reasons = waiting.slice(0, maxReasons).flatMap((action) => reasonsOf(deployment, action, facts));
  if (waiting.length > maxReasons) reasons.push(`waits for ${waiting.length - maxReasons} more apps`);
  return reasons;
}

function reasonsOf(deployment: Deployment, action: PlanAction, facts: WaitingFacts): readonly string[] {
  const affected = deployment.affected.find(({ id }) => id === action.app);
  const version = action.action === 'StopApplication' ? affected?.before : affected?.after;
  const app = version === undefined ? undefined : facts.appAt(action.app, version);
  const all = [...facts.instancesOf(action.app)];
  const reasons = app && action.action !== 'StopApplication' ? upReasons(action, app, all, facts) : [];
  const ending = endingCount(action, all);
  if (ending > 0) reasons.push(`waits for ${counted(ending)} of ${action.app} to end`);
  return reasons.length > 0 ? reasons : [`waits for ${action.app} to come to rest`];
}

const counted = (count: number, what = ''): string => `${count} ${what}${count === 1 ? 'instance' : 'instances'}`;

const endingCount = ({ action }: PlanAction, all: readonly Instance[]): number =>
  all.filter((i) => (action === 'StopApplication' || i.goal !== 'Running') && !isConsideredTerminal(i.condition))
    .length;

/** What keeps the new instances from being ready: the earliest stage first. */
function upReasons(action: PlanAction, app: AppDefinition, all: readonly Instance[], facts: WaitingFacts): string[] {
  const isRestart = action.action === 'RestartApplication';
  const alive = all.filter((i) => i.goal === 'Running' && i.condition !== 'UnreachableInactive');
  const old = isRestart ? alive.filter((i) => !isCurrent(i.version, app)) : [];
  const present = isRestart ? alive.filter((i) => isCurrent(i.version, app)) : alive;
  // A scaling waits only for those that it started, which have its version; an upgrade for all new ones.
  const awaited = isRestart ? present : present.filter((i) => i.version === app.version || isScheduled(i));
  const counts = countStages(app, awaited, facts);
  const of = (count: number): string => `waits for ${count} of ${app.instances} instances of ${app.id}`;
  const reasons: string[] = [];
  if (counts.scheduled > 0) reasons.push(offerReason(app, counts.scheduled, facts));
  if (counts.starting > 0) reasons.push(`${of(counts.starting)} to start`);
  if (counts.unreachable > 0) reasons.push(`${of(counts.unreachable)} to be reachable again`);
  if (counts.unhealthy > 0) reasons.push(`${of(counts.unhealthy)} to be healthy`);
  if (counts.unready > 0) reasons.push(`${of(counts.unready)} to be ready`);
  if (old.length > 0 && reasons.length === 0)
    reasons.push(`waits to replace ${counted(old.length, 'old ')} of ${app.id}`);
  return reasons;
}

function offerReason({ id, instances }: AppDefinition, count: number, facts: WaitingFacts): string {
  const notBeforeMs = facts.notBeforeMs(id);
  const isDelayed = notBeforeMs !== undefined && notBeforeMs > facts.nowMs;
  return isDelayed
    ? `waits until ${timestamp(notBeforeMs)} to launch ${count} of ${instances} instances of ${id} after failures`
    : `waits for an offer for ${count} of ${instances} instances of ${id}`;
}

interface Stages {
  scheduled: number;
  starting: number;
  unreachable: number;
  unhealthy: number;
  unready: number;
}

function countStages(app: AppDefinition, awaited: readonly Instance[], facts: WaitingFacts): Stages {
  const counts: Stages = { scheduled: 0, starting: 0, unreachable: 0, unhealthy: 0, unready: 0 };
  const ready = new Set<InstanceId>();
  if (app.readinessChecks.length > 0) for (const r of facts.readinessOf(app.id)) if (r.ready) ready.add(r.taskId);
  for (const instance of awaited) {
    const version = facts.appAt(app.id, instance.version) ?? app;
    if (isScheduled(instance)) counts.scheduled += 1;
    else if (instance.condition === 'Unreachable') counts.unreachable += 1;
    else if (instance.condition !== 'Running') counts.starting += 1;
    else if (version.healthChecks.length > 0 && instance.healthy !== true) counts.unhealthy += 1;
    else if (app.readinessChecks.length > 0 && !ready.has(instance.id)) counts.unready += 1;
  }
  return counts;
}
