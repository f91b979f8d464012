/** Tasks in the old words of Mesos, for the read endpoints of master and agents (mesos-v1 §6.3; `src/common/http.cpp`). */
import type { MesosTaskState } from '../../core/mesos/types.ts';
import type { CompletedTask, Framework, StatusRecord, Task } from '../master/model.ts';
import { summariseBag } from '../resources/bag.ts';
import { infinite } from './answers.ts';
import { expressed } from './express.ts';

/** Most tasks of one answer of /tasks, unless `limit` says otherwise. */
const defaultLimit = 100;

/** A task shows what its agent knows; its statuses are what the scheduler has been told. */
export function taskView(task: Task): object {
  return completedView(task.framework.id, { ...task, agentId: task.agent.id, executorId: task.executor?.id });
}

/** A task as the master sees it: of an agent that cannot be reached it knows no more than that. */
export const masterTaskView = (task: Task): object => ({ ...taskView(task), state: masterStateOf(task) });

/** The state of a task for the master, which is not what it was when its agent has been lost since. */
export function masterStateOf({ id, framework, state }: Task): MesosTaskState {
  if (!framework.unreachable.has(id)) return state;
  return framework.capabilities.partitionAware ? 'TASK_UNREACHABLE' : 'TASK_LOST';
}

/** A task that is over, as the framework it belonged to lists it. */
export function completedView(frameworkId: string, task: CompletedTask): object {
  const { labels, discovery, container, health_check, limits } = task.details;
  return {
    id: task.id,
    name: task.name,
    framework_id: frameworkId,
    executor_id: task.executorId ?? '',
    slave_id: task.agentId,
    state: task.state,
    resources: summariseBag(task.bag),
    ...(hasMembers(limits) && { limits: limitsView(limits) }),
    role: task.role,
    statuses: task.statuses.map(statusView),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(labels === undefined ? {} : { labels: labels.labels ?? [] }),
    ...(discovery === undefined ? {} : { discovery: expressed('discovery', discovery) }),
    ...(container === undefined ? {} : { container: expressed('container', container as object) }),
    ...(health_check === undefined ? {} : { health_check }),
  };
}

type Limits = NonNullable<CompletedTask['details']['limits']>;

const hasMembers = (limits: Limits | undefined): limits is Limits =>
  limits !== undefined && Object.keys(limits).length > 0;

const limitsView = (limits: Limits): object =>
  Object.fromEntries(Object.entries(limits).map(([name, { value }]) => [name, amountView(value)]));

/** The same by name, each in an object of its own, for the operator API; undefined if there are none. */
export const limitsV1 = (limits: Limits | undefined): object | undefined =>
  hasMembers(limits)
    ? Object.fromEntries(Object.entries(limits).map(([name, { value }]) => [name, { value: amountView(value) }]))
    : undefined;

/** No limit at all is a number to Mesos; what a checkpoint has kept of it is null. */
const amountView = (value: number | null): number | string =>
  value === null || value === Number.POSITIVE_INFINITY ? infinite : value;

function statusView(status: StatusRecord): object {
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.labels === undefined ? {} : { labels: status.labels.labels ?? [] }),
    ...(status.containerStatus === undefined ? {} : { container_status: withoutPid(status.containerStatus) }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}

/** The read endpoints do not show the process of the executor. */
function withoutPid(status: NonNullable<StatusRecord['containerStatus']>): object {
  const { executor_pid: _hidden, ...shown } = status as { readonly executor_pid?: number };
  return shown;
}

interface Found {
  readonly at: number;
  readonly view: () => object;
}

/**
 * The answer of /tasks: those with the ids that are asked for, newest first unless `order=asc`, and of these `limit` from `offset` on
 * (`ReadOnlyHandler::tasks`).
 */
export function tasksView(
  frameworks: readonly Framework[],
  tasksOf: (framework: Framework) => Iterable<Task>,
  query: URLSearchParams,
): object {
  const frameworkId = query.get('framework_id');
  const taskId = query.get('task_id');
  const found: Found[] = [];
  for (const framework of frameworks) {
    if (frameworkId !== null && framework.id !== frameworkId) continue;
    const add = (task: Pick<CompletedTask, 'id' | 'statuses'>, view: () => object): void => {
      if (taskId === null || task.id === taskId) found.push({ at: firstTime(task), view });
    };
    for (const task of tasksOf(framework)) add(task, () => masterTaskView(task));
    for (const task of framework.unreachable.values()) add(task, () => masterTaskView(task));
    for (const task of framework.completed) add(task, () => completedView(framework.id, task));
  }
  const sign = query.get('order') === 'asc' ? 1 : -1;
  // Of those with the same time the one launched later counts as later.
  const order = new Map(found.map((one, i) => [one, i]));
  found.sort((a, b) => sign * (a.at - b.at || (order.get(a) ?? 0) - (order.get(b) ?? 0)));
  const limit = sizeIn(query.get('limit')) ?? BigInt(defaultLimit);
  const offset = sizeIn(query.get('offset')) ?? 0n;
  const end = BigInt.asUintN(64, offset + limit);
  const count = BigInt(found.length);
  const part = found.slice(Number(least(offset, count)), Number(least(end, count)));
  return { tasks: part.map(({ view }) => view()) };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The number as Mesos reads it into a size, where those below 0 become very large ones; undefined: it is none. */
const sizeIn = (text: string | null): bigint | undefined =>
  text !== null && /^[+-]?\d{1,9}$/.test(text) ? BigInt.asUintN(64, BigInt(Number(text))) : undefined;

const firstTime = (task: { readonly statuses: readonly StatusRecord[] }): number => task.statuses[0]?.timestamp ?? 0;
