/** Answers to RECONCILE, and to KILL of tasks that are not active (mesos-v1 §4.7). Such updates are never repeated. */
import type { MesosTaskState } from '../../core/mesos/types.ts';
import { updateEvent } from './events.ts';
import { type Framework, type MasterState, nowSeconds, type Task } from './model.ts';

/** Tells what is known of every active task. Nothing marks the end. A master that still waits for its agents is silent. */
export function reconcileAll(state: MasterState, framework: Framework): void {
  if (state.recovering) return;
  for (const task of framework.tasks.values()) sendLatest(framework, task);
}

/** Tells what is known of one task; `agentId` helps only when the task is not active. */
export function reconcileOne(
  state: MasterState,
  framework: Framework,
  taskId: string,
  agentId: string | undefined,
): void {
  if (state.recovering) return;
  const task = framework.tasks.get(taskId);
  if (task !== undefined) {
    sendLatest(framework, task);
    return;
  }
  const agent = agentId === undefined ? undefined : state.agents.get(agentId);
  const unreachableNs = agent?.unreachableNs;
  let gone: MesosTaskState = 'TASK_UNKNOWN';
  let message = 'Reconciliation: Task is unknown';
  if (unreachableNs !== undefined) {
    gone = 'TASK_UNREACHABLE';
    message = 'Reconciliation: Task is unreachable';
  } else if (agentId !== undefined && state.gone.has(agentId)) {
    gone = 'TASK_GONE_BY_OPERATOR';
    message = 'Reconciliation: Task is gone';
  } else if (agent !== undefined) {
    gone = 'TASK_GONE';
    message = 'Reconciliation: Task is unknown to the agent';
  }
  framework.stream?.send(
    updateEvent({
      taskId,
      state: framework.capabilities.partitionAware ? gone : 'TASK_LOST',
      message,
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
      agentIdJson: agentId === undefined ? undefined : JSON.stringify(agentId),
      timestamp: nowSeconds(),
      unreachableNs,
    }),
  );
}

function sendLatest(framework: Framework, task: Task): void {
  const last = task.statuses[task.statuses.length - 1];
  framework.stream?.send(
    updateEvent({
      taskId: task.id,
      state: last?.state ?? 'TASK_STAGING',
      message: 'Reconciliation: Latest task state',
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
      agentIdJson: task.agent.idJson,
      executorId: task.executor?.id,
      timestamp: nowSeconds(),
      last,
    }),
  );
}
