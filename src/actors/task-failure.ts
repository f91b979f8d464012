/** The last failure of an app, as `lastTaskFailure` shows it (behaviour §1.7). */
import type { Instance } from '../core/instance/instance.ts';
import { maxMessageLength } from '../core/instance/status.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { MesosTaskState, TaskStatus } from '../core/mesos/types.ts';
import { timestamp } from '../core/time.ts';
import type { TaskFailure } from './front.ts';

const recorded: ReadonlySet<MesosTaskState> = new Set<MesosTaskState>([
  'TASK_FAILED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
]);

/** The record of a status that is a failure; undefined for ends that nobody is to blame for. */
export function taskFailureRecord(instance: Instance, status: TaskStatus, nowMs: number): RecordWrite | undefined {
  if (!recorded.has(status.state)) return undefined;
  return failureRecord(instance, status.state, status.message ?? '', nowMs);
}

/** The record of a kill after failed health checks. */
export const unhealthyRecord = (instance: Instance, cause: string, nowMs: number): RecordWrite =>
  failureRecord(instance, 'TASK_KILLED', `Task was killed since health check failed. Reason: ${cause}`, nowMs);

function failureRecord(instance: Instance, state: MesosTaskState, message: string, nowMs: number): RecordWrite {
  const value: TaskFailure = {
    appId: instance.appId,
    host: instance.agent?.host ?? '',
    message: message.slice(0, maxMessageLength),
    state,
    taskId: instance.tasks[0]?.id ?? instance.id,
    timestamp: timestamp(nowMs),
    version: instance.version,
    ...(instance.agent ? { slaveId: instance.agent.agentId } : {}),
  };
  return { kind: 'taskFailure', key: instance.appId, value };
}
