/** The containers of an agent and what they use, as the old endpoints and the operator API show them (mesos-v1 §6.4). */
import { type Agent, type Executor, isTerminal, nowSeconds, type Task } from '../master/model.ts';
import { type ContainerShape, imageOf } from '../process/container-plan.ts';
import { type Usage, usageOf } from '../process/usage.ts';
import { addToBag, type Bag, milliOf } from '../resources/bag.ts';
import { commandExecutorName, commandOverhead, containerStatusOf } from './agent-executors.ts';

export interface ContainerViews {
  readonly names: { readonly container_id: string; readonly executor_id: string; readonly framework_id: string };
  /** Of /containers. */
  readonly old: object;
  /** Of /monitor/statistics. */
  readonly statistics: object;
  /** Of GET_CONTAINERS. */
  readonly v1: object;
}

/** The container of an executor; those of the tasks of a group are nested in it, and not listed. */
interface Container {
  readonly id: string | undefined;
  readonly executor: { readonly id: string; readonly name: string; readonly source: string };
  readonly frameworkId: string;
  readonly pid: number | undefined;
  /** Leaders of the sessions of its processes; none where an engine runs them, whose own figures are not asked for. */
  readonly leaders: readonly number[];
  /** Of the executor with its tasks. */
  readonly bag: Bag;
}

/** One for each executor that has come as far as having a container. Costs a look at every process of the machine. */
export function containersOf(agent: Agent): readonly ContainerViews[] {
  const containers = [
    ...[...agent.tasks].flatMap((task) => commandContainer(task) ?? []),
    ...[...agent.executors].map(groupContainer),
  ];
  const usage = usageOf(new Set(containers.flatMap(({ leaders }) => leaders)));
  return containers.map((container) => viewsOf(container, usage));
}

function commandContainer(task: Task): Container | undefined {
  const status = containerStatusOf(task);
  if (task.executor !== undefined || isTerminal(task.state) || status === undefined) return undefined;
  const bag: Bag = [...commandOverhead];
  addToBag(bag, task.bag);
  return {
    id: status.container_id?.value,
    executor: { id: task.id, name: commandExecutorName(task), source: task.id },
    frameworkId: task.framework.id,
    pid: status.executor_pid,
    leaders: leadersOf(task),
    bag,
  };
}

function leadersOf(task: Task): readonly number[] {
  const { container } = task.details;
  if (container !== undefined && imageOf(container as ContainerShape) !== undefined) return [];
  return [containerStatusOf(task)?.executor_pid ?? []].flat();
}

function groupContainer({ id, info, containerId, control, framework, tasks, bag: own }: Executor): Container {
  const alive = [...tasks].filter(({ state }) => !isTerminal(state));
  const bag: Bag = [...own];
  for (const task of alive) addToBag(bag, task.bag);
  const container = control.container?.();
  return {
    id: container?.id ?? containerId,
    executor: { id, name: info.name ?? '', source: info.source ?? '' },
    frameworkId: framework.id,
    pid: container?.pid ?? alive.map((task) => containerStatusOf(task)?.executor_pid).find((pid) => pid !== undefined),
    leaders: [container?.pid ?? [], ...alive.map(leadersOf)].flat(),
    bag,
  };
}

function viewsOf(
  { id, executor, frameworkId, pid, leaders, bag }: Container,
  usage: ReadonlyMap<number, Usage>,
): ContainerViews {
  const used = statisticsOf(
    bag,
    leaders.flatMap((leader) => usage.get(leader) ?? []),
  );
  const container = id === undefined ? {} : { container_id: { value: id } };
  const status = { ...container, ...(pid === undefined ? {} : { executor_pid: pid }) };
  const names = { executor_id: executor.id, executor_name: executor.name, framework_id: frameworkId };
  const rest = { source: executor.source, statistics: used };
  return {
    names: { container_id: id ?? '', executor_id: executor.id, framework_id: frameworkId },
    old: { container_id: id ?? '', ...names, ...rest, status },
    statistics: { ...names, ...rest },
    v1: {
      framework_id: { value: frameworkId },
      executor_id: { value: executor.id },
      executor_name: executor.name,
      ...container,
      container_status: status,
      resource_statistics: used,
    },
  };
}

function statisticsOf(bag: Bag, usages: readonly Usage[]): object {
  const memBytes = (milliOf(bag, 'mem') / 1000) * 1024 ** 2;
  const sum = (figure: (usage: Usage) => number): number => usages.reduce((total, one) => total + figure(one), 0);
  return {
    timestamp: nowSeconds(),
    cpus_soft_limit: milliOf(bag, 'cpus') / 1000,
    mem_limit_bytes: memBytes,
    mem_soft_limit_bytes: memBytes,
    ...(usages.length > 0 && {
      cpus_user_time_secs: sum(({ userSeconds }) => userSeconds),
      cpus_system_time_secs: sum(({ systemSeconds }) => systemSeconds),
      mem_rss_bytes: sum(({ rssBytes }) => rssBytes),
    }),
  };
}
