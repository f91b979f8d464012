/** Where the sandbox of a task is: from its instance, from the memory of past tasks, or from the last failure of its app. */
import type { ReadModel } from '../../actors/front.ts';
import type { SandboxPlace } from '../../actors/ports.ts';
import { parseTaskId } from '../../core/ids.ts';
import { isTerminal } from '../../core/instance/instance.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { executorIdsOf } from '../../core/task/executor.ts';
import type { PastTasks } from './past-tasks.ts';

export interface TaskPlace {
  readonly place: SandboxPlace;
  /** True once nothing more can be written to its files. */
  readonly isOver: () => boolean;
}

/** Refused with 404 if nobody knows the task, or it has not been given to an agent yet. */
export function taskPlace(read: ReadModel, past: PastTasks, taskId: string): Result<TaskPlace, Refusal> {
  const parsed = parseTaskId(taskId);
  const instanceId = parsed?.instanceId ?? taskId;
  const find = (): ReturnType<ReadModel['instance']> => {
    const instance = read.instance(taskId) ?? read.instance(instanceId);
    return instance?.id === taskId || instance?.tasks.some(({ id }) => id === taskId) ? instance : undefined;
  };
  const instance = find();
  const id = instance?.tasks[0]?.id ?? taskId;
  if (instance?.agent && instance.tasks.length > 0) {
    const isOver = (): boolean => {
      const now = find()?.tasks.find((task) => task.id === id);
      return now === undefined || isTerminal(now.condition);
    };
    return ok({ place: placeOf(read, id, instance.agent.agentId, instance), isOver });
  }
  const ended = past.get(taskId);
  if (ended) return ok({ place: placeOf(read, taskId, ended.agentId, ended), isOver: () => true });
  const failure = parsed && read.lastTaskFailure(parsed.appId);
  if (failure?.taskId === taskId && failure.slaveId !== undefined) {
    return ok({ place: placeOf(read, taskId, failure.slaveId, failure), isOver: () => true });
  }
  const why = instance ? 'has no task on an agent yet' : 'does not exist, or ended too long ago';
  return err(refusal('notFound', `Task '${taskId}' ${why}`));
}

function placeOf(
  read: ReadModel,
  taskId: string,
  agentId: string,
  { appId, version }: { readonly appId: string; readonly version: string },
): SandboxPlace {
  const executor = read.appAt(appId, version)?.executor;
  const isCustom = executor === undefined ? undefined : executor !== '' && executor !== '//cmd';
  return { taskId, agentId, executorIds: executorIdsOf(taskId, isCustom) };
}
