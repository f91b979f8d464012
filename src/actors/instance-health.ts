/** What a health check result does to an instance (behaviour §6.3). */
import { judgeCounted } from '../core/health/events.ts';
import { isAlive } from '../core/health/health.ts';
import type { CheckResult } from '../core/health/verdict.ts';
import { overallHealth, verdict } from '../core/health/verdict.ts';
import { tell } from './effects.ts';
import type { ApplyCommand, InstanceState } from './instance-state.ts';
import { definitionOf } from './instance-state.ts';
import type { InstanceMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import { unhealthyRecord } from './task-failure.ts';

/** Folds one result in: the health of the check, of the instance, the events, and the kill if it was one failure too many. */
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
  const judged = verdict(check, state.health[checkIndex], result, runningSinceMs, nowMs);
  if (judged.status === state.health[checkIndex]) return state;
  const health = app.healthChecks.map((_, i) => (i === checkIndex ? judged.status : state.health[i]));
  const { journal, kills, views } = state.props.services;
  views.putHealth(instance.id, health);
  const isRunByLeader = check.protocol === 'HTTP' || check.protocol === 'HTTPS' || check.protocol === 'TCP';
  const killCause = isRunByLeader ? judged.killCause : undefined;
  const events = judgeCounted(instance, check, judged, killCause, nowMs);
  const task = instance.tasks[0];
  if (killCause !== undefined && task) {
    const kill = {
      type: 'kill' as const,
      taskId: task.id,
      agentId: instance.agent?.agentId,
      reason: `unhealthy: ${killCause}`,
    };
    const records = [unhealthyRecord(instance, killCause, nowMs)];
    journal.tell({ type: 'write', records, events, effects: [tell(kills, kill)] });
  } else if (events.length > 0) {
    journal.tell({ type: 'write', records: [], events, effects: [] });
  }
  // After a restart the stored verdict holds until every check has spoken again, or one has doubts.
  const overall = overallHealth(health) ?? (health.some((s) => s && !isAlive(s)) ? false : instance.healthy);
  return apply({ ...state, health }, { type: 'healthChanged', healthy: overall }, {}, context);
}
