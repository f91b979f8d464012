/** The containers of an agent and what they use, as the old endpoints and the operator API show them (mesos-v1 §6.4). */
import { type Agent, isTerminal, nowSeconds, type StatusRecord, type Task } from '../master/model.ts';
import { type Usage, usageOf } from '../process/usage.ts';
import { milliOf } from '../resources/bag.ts';

interface ContainerStatus {
  readonly container_id?: { readonly value: string };
  readonly executor_pid?: number;
}

export interface ContainerViews {
  /** Of /containers. */
  readonly old: object;
  /** Of /monitor/statistics. */
  readonly statistics: object;
  /** Of GET_CONTAINERS. */
  readonly v1: object;
}

export const executorNameOf = (taskId: string): string => `Command Executor (Task: ${taskId})`;

/** What is known of the container of a task. */
export function containerStatusOf(task: { readonly statuses: readonly StatusRecord[] }): ContainerStatus | undefined {
  return task.statuses.findLast(({ containerStatus }) => containerStatus !== undefined)?.containerStatus as
    | ContainerStatus
    | undefined;
}

/** One for each task that has come as far as having a container. Costs a look at every process of the machine. */
export function containersOf(agent: Agent): readonly ContainerViews[] {
  const tasks = [...agent.tasks].filter((task) => !isTerminal(task.state));
  const pids = new Set(tasks.flatMap((task) => containerStatusOf(task)?.executor_pid ?? []));
  const usage = usageOf(pids);
  return tasks.flatMap((task) => {
    const status = containerStatusOf(task);
    return status === undefined ? [] : [viewsOf(task, status, usage.get(status.executor_pid ?? 0))];
  });
}

function viewsOf(
  task: Task,
  { container_id, executor_pid }: ContainerStatus,
  usage: Usage | undefined,
): ContainerViews {
  const used = statisticsOf(task, usage);
  const status = { ...(container_id && { container_id }), ...(executor_pid === undefined ? {} : { executor_pid }) };
  const names = { executor_id: task.id, executor_name: executorNameOf(task.id), framework_id: task.framework.id };
  const rest = { source: task.id, statistics: used };
  return {
    old: { container_id: container_id?.value ?? '', ...names, ...rest, status },
    statistics: { ...names, ...rest },
    v1: {
      framework_id: { value: task.framework.id },
      executor_id: { value: task.id },
      executor_name: names.executor_name,
      ...(container_id && { container_id }),
      container_status: status,
      resource_statistics: used,
    },
  };
}

function statisticsOf(task: Task, usage: Usage | undefined): object {
  const memBytes = (milliOf(task.bag, 'mem') / 1000) * 1024 ** 2;
  return {
    timestamp: nowSeconds(),
    cpus_soft_limit: milliOf(task.bag, 'cpus') / 1000,
    mem_limit_bytes: memBytes,
    mem_soft_limit_bytes: memBytes,
    ...(usage && {
      cpus_user_time_secs: usage.userSeconds,
      cpus_system_time_secs: usage.systemSeconds,
      mem_rss_bytes: usage.rssBytes,
    }),
  };
}
