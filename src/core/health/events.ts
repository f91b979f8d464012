/** The events of one judged health check result, in Marathon's order (behaviour §6.3). */
import type { HealthCheck } from '../app/definition.ts';
import type { MarathonEvent } from '../events.ts';
import type { Instance } from '../instance/instance.ts';
import { timestamp } from '../time.ts';
import type { Verdict } from './verdict.ts';

/** `failed_health_check_event`, `unhealthy_instance_kill_event`, `health_status_changed_event`, as far as they apply. */
export function judgeCounted(
  instance: Instance,
  check: HealthCheck,
  judged: Verdict,
  killCause: string | undefined,
  nowMs: number,
): readonly MarathonEvent[] {
  const events: MarathonEvent[] = [];
  const at = timestamp(nowMs);
  const taskId = instance.tasks[0]?.id ?? instance.id;
  if (judged.isCountedFailure) {
    events.push({
      eventType: 'failed_health_check_event',
      timestamp: at,
      appId: instance.appId,
      taskId: instance.id,
      healthCheck: check,
    });
  }
  if (killCause !== undefined) {
    events.push({
      eventType: 'unhealthy_instance_kill_event',
      timestamp: at,
      appId: instance.appId,
      taskId,
      instanceId: instance.id,
      version: instance.version,
      reason: killCause,
      host: instance.agent?.host ?? 'unknown',
      ...(instance.agent ? { slaveId: instance.agent.agentId } : {}),
    });
  }
  if (judged.flippedTo !== undefined) {
    events.push({
      eventType: 'health_status_changed_event',
      timestamp: at,
      appId: instance.appId,
      instanceId: instance.id,
      taskId,
      version: instance.version,
      alive: judged.flippedTo,
    });
  }
  return events;
}
