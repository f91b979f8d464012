/** What a health check result does to an instance (behaviour §6.3). */
import { isRunByLeader } from '../core/health/address.ts';
import { healthEvents, unhealthyKilled } from '../core/health/events.ts';
import { isAlive } from '../core/health/health.ts';
import type { CheckResult } from '../core/health/verdict.ts';
import { isKillDeserved, overallHealth, verdict } from '../core/health/verdict.ts';
import { tell } from './effects.ts';
import type { ApplyCommand, InstanceState } from './instance-state.ts';
import { definitionOf } from './instance-state.ts';
import type { InstanceMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import { unhealthyRecord } from './task-failure.ts';

/** Folds one result in: the health of the check, of the instance, the events; one failure too many asks the guard for the kill. */
export function probed(
  state: InstanceState,
  checkIndex: number,
  result: CheckResult,
  context: Context<InstanceMessage>,
  apply: ApplyCommand,
): InstanceState {
  const { instance } = state;
  const app = definitionOf(state);
  const check = app?.healthChecks[checkIndex];
  if (!app || !check || instance.condition !== 'Running') return state;
  const nowMs = context.clock.now();
  const runningSinceMs = instance.activeSinceMs ?? instance.sinceMs;
  // An agent is silent about failures within the grace period; what it tells counts, whatever a new leader knows.
  const counted = isRunByLeader(check) ? check : { ...check, gracePeriodSeconds: 0 };
  const judged = verdict(counted, state.health[checkIndex], result, runningSinceMs, nowMs);
  if (judged.status === state.health[checkIndex]) return state;
  const health = app.healthChecks.map((_, i) => (i === checkIndex ? judged.status : state.health[i]));
  const { journal, healthGuard, views } = state.props.services;
  views.putHealth(instance.id, health);
  const events = healthEvents(instance, check, judged, nowMs);
  if (events.length > 0) journal.tell({ type: 'write', records: [], events, effects: [] });
  // After a restart the stored verdict holds until every check has spoken again, or one has doubts.
  const overall = overallHealth(health) ?? (health.some((s) => s && !isAlive(s)) ? false : instance.healthy);
  const next = apply({ ...state, health }, { type: 'healthChanged', healthy: overall }, {}, context);
  const { id: instanceId, appId, tasks } = instance;
  // Whoever is meant to die says nothing about the world by failing, and needs no second kill.
  if (instance.goal !== 'Running') return next;
  if (overall !== instance.healthy) {
    if (overall === true) greetGuard(next);
    else if (overall === false) healthGuard.tell({ type: 'failing', instanceId });
  }
  const task = tasks[0];
  if (judged.killCause !== undefined && task && isRunByLeader(check)) {
    const instances = state.props.targetOf()?.instances ?? app.instances;
    const due = { type: 'killDue', instanceId, appId, taskId: task.id, check: checkIndex, instances } as const;
    healthGuard.tell({ ...due, ref: context.self });
  }
  return next;
}

/** Tells the guard of a task that is known to be well. Checks that the agent runs are no business of the guard's. */
export function greetGuard(state: InstanceState): void {
  const { id: instanceId, appId, goal } = state.instance;
  if (goal !== 'Running' || !definitionOf(state)?.healthChecks.some(isRunByLeader)) return;
  state.props.services.healthGuard.tell({ type: 'healthy', instanceId, appId });
}

/** The guard neither counts this task any more nor lets it be killed. */
export function leaveGuard({ instance, props }: InstanceState): void {
  props.services.healthGuard.tell({ type: 'forget', instanceId: instance.id });
}

/** The guard allows the kill. It may have taken its time: what has recovered, or is another task by now, lives. */
export function killUnhealthy(
  state: InstanceState,
  { taskId, check: checkIndex }: Extract<InstanceMessage, { type: 'killUnhealthy' }>,
  context: Context<InstanceMessage>,
  apply: ApplyCommand,
): InstanceState {
  const { instance, health } = state;
  const check = definitionOf(state)?.healthChecks[checkIndex];
  const status = health[checkIndex];
  if (instance.tasks[0]?.id !== taskId || instance.condition !== 'Running') return state;
  if (!check || !isKillDeserved(check, status)) return state;
  const cause = status?.lastFailureCause ?? 'unhealthy';
  // One that never was well holds no place that somebody would have to take.
  const wasWell = status?.firstSuccessMs !== undefined || instance.condemned !== undefined;
  if (wasWell && instance.goal === 'Running' && state.props.isReplacedFirst()) {
    return apply(state, { type: 'condemn', cause }, {}, context);
  }
  const nowMs = context.clock.now();
  const { journal, kills } = state.props.services;
  const kill = { type: 'kill', taskId, agentId: instance.agent?.agentId, reason: `unhealthy: ${cause}` } as const;
  journal.tell({
    type: 'write',
    records: [unhealthyRecord(instance, cause, nowMs)],
    events: [unhealthyKilled(instance, cause, nowMs)],
    effects: [tell(kills, kill)],
  });
  return state;
}
