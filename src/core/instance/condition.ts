/** Mesos task state → condition (behaviour §1.2). */
import type { MesosTaskState, TaskStatus } from '../mesos/types.ts';
import type { Condition } from './instance.ts';

const plain: Readonly<Record<Exclude<MesosTaskState, 'TASK_LOST'>, Condition>> = {
  TASK_STAGING: 'Staging',
  TASK_STARTING: 'Starting',
  TASK_RUNNING: 'Running',
  TASK_KILLING: 'Killing',
  TASK_FINISHED: 'Finished',
  TASK_FAILED: 'Failed',
  TASK_KILLED: 'Killed',
  TASK_ERROR: 'Error',
  TASK_DROPPED: 'Dropped',
  TASK_UNREACHABLE: 'Unreachable',
  TASK_GONE: 'Gone',
  TASK_GONE_BY_OPERATOR: 'Gone',
  TASK_UNKNOWN: 'Unknown',
};

/** False for states that a later Mesos may have: nobody here knows whether such a task is alive. */
export const isKnownState = (state: string): boolean => state === 'TASK_LOST' || Object.hasOwn(plain, state);

/** Reasons of a TASK_LOST whose task may come back. The v1 API says AGENT, old masters and stored data say SLAVE. */
const mayReturn: ReadonlySet<string> = new Set([
  'REASON_RECONCILIATION',
  'REASON_AGENT_DISCONNECTED',
  'REASON_AGENT_REMOVED',
  'REASON_SLAVE_DISCONNECTED',
  'REASON_SLAVE_REMOVED',
]);

/** The condition that a status stands for (V11–V13). */
export function conditionOf(status: Pick<TaskStatus, 'state' | 'reason' | 'message'>): Condition {
  if (status.state !== 'TASK_LOST') return plain[status.state] ?? 'Unknown';
  if (status.message?.startsWith('Reconciliation: Task is unknown to the')) return 'Unknown';
  if (status.reason === 'REASON_TASK_UNKNOWN') return 'Unknown';
  return status.reason !== undefined && mayReturn.has(status.reason) ? 'Unreachable' : 'Gone';
}
