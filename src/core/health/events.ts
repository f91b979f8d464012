/** The events of one judged health check result, in Marathon's order (behaviour §6.3). */
import type { HealthCheck } from '../app/definition.ts';
import type { MarathonEvent } from '../events.ts';
import type { Instance } from '../instance/instance.ts';
import { timestamp } from '../time.ts';
import type { Breaker } from './breaker.ts';
import type { CensusFacts } from './census.ts';
import type { Verdict } from './verdict.ts';

/** `failed_health_check_event` and `health_status_changed_event`, as far as they apply. */
export function healthEvents(
  instance: Instance,
  check: HealthCheck,
  judged: Verdict,
  nowMs: number,
): readonly MarathonEvent[] {
  const events: MarathonEvent[] = [];
  const at = timestamp(nowMs);
  if (judged.isCountedFailure) {
    events.push({
      eventType: 'failed_health_check_event',
      timestamp: at,
      appId: instance.appId,
      taskId: instance.id,
      healthCheck: check,
    });
  }
  if (judged.flippedTo !== undefined) {
    events.push({
      eventType: 'health_status_changed_event',
      timestamp: at,
      appId: instance.appId,
      instanceId: instance.id,
      version: instance.version,
      alive: judged.flippedTo,
    });
  }
  return events;
}

/** `unhealthy_instance_kill_event`: its task is killed because of failed health checks. */
export const unhealthyKilled = (instance: Instance, cause: string, nowMs: number): MarathonEvent => ({
  eventType: 'unhealthy_instance_kill_event',
  timestamp: timestamp(nowMs),
  appId: instance.appId,
  taskId: instance.tasks[0]?.id ?? instance.id,
  instanceId: instance.id,
  version: instance.version,
  reason: cause,
  host: instance.agent?.host ?? 'unknown',
  ...(instance.agent ? { slaveId: instance.agent.agentId } : {}),
});

/** Raised when the circuit breaker opens, cleared when it closes; only for readers that ask for it (design §7). */
export const alarmEvent = (breaker: Breaker, facts: CensusFacts, nowMs: number): MarathonEvent => ({
  eventType: 'alarm_event',
  timestamp: timestamp(nowMs),
  alarm: 'healthKillsSuspended',
  state: breaker.type === 'open' ? 'raised' : 'cleared',
  reason: breaker.type === 'open' ? breaker.reason : null,
  details: { tasks: facts.tasks, failing: facts.failing },
});
