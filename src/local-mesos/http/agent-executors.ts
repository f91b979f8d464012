/** The executors of an agent, as its state and its operator API show them (mesos-v1 §6.4). */
import {
  type Agent,
  type CompletedTask,
  type Executor,
  type Framework,
  isTerminal,
  type Task,
} from '../master/model.ts';
import { addToBag, type Bag, bagOf, isEmptyBag, summariseBag } from '../resources/bag.ts';
import { encodeBag } from '../resources/wire.ts';
import { expressed } from './express.ts';
import { completedView, taskView } from './task-views.ts';
import { executorV1 } from './v1-views.ts';

/** What each command executor needs beside its task; the master does not charge for it (mesos-v1 §4.4). */
export const commandOverhead: Bag = bagOf([
  { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
  { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
]);

/** Tasks of a framework on an agent whose last update has been acknowledged. */
export const completedOn = (framework: Framework, agent: Agent): readonly CompletedTask[] =>
  framework.completed.filter(({ agentId }) => agentId === agent.id);

/** Whether an agent has, or remembers, something of a framework. */
export const wasHere = (framework: Framework, agent: Agent): boolean =>
  [...agent.tasks, ...agent.executors].some((one) => one.framework === framework) ||
  completedOn(framework, agent).length > 0;

/** The executors of a framework on an agent: those that run, and those whose last update has been acknowledged. */
export function executorsOf(framework: Framework, agent: Agent): object {
  const own = [...agent.tasks].filter((task) => task.framework === framework && task.executor === undefined);
  const groups = [...agent.executors].filter((executor) => executor.framework === framework);
  const over = completedOn(framework, agent).filter(({ executorId }) => executorId === undefined);
  return {
    executors: [...own.map(executorOf), ...groups.map(groupExecutorOf)],
    completed_executors: over.map((task) =>
      commandExecutor(task, {
        directory: agent.runner.sandbox(task.id, framework.id),
        resources: commandOverhead,
        completed_tasks: [completedView(framework.id, task)],
      }),
    ),
  };
}

function groupExecutorOf(executor: Executor): object {
  const { id, info, containerId, bag, role, tasks, agent } = executor;
  const resources: Bag = [...bag];
  for (const task of tasks) if (!isTerminal(task.state)) addToBag(resources, task.bag);
  return {
    id,
    name: info.name ?? '',
    source: info.source ?? '',
    container: executor.control.container?.()?.id ?? containerId,
    directory:
      executor.control.directory?.() ??
      agent.runner.executorSandbox?.(executor.framework.id, agent.id, id, containerId) ??
      '',
    resources: summariseBag(resources),
    ...(isEmptyBag(bag) ? {} : { role }),
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    ...(info.type === undefined ? {} : { type: info.type }),
    tasks: [...tasks].filter((task) => !isTerminal(task.state)).map(taskView),
    queued_tasks: [],
    completed_tasks: [...tasks].filter((task) => isTerminal(task.state)).map(taskView),
  };
}

function executorOf(task: Task): object {
  const isOver = isTerminal(task.state);
  const resources: Bag = [...commandOverhead];
  if (!isOver) addToBag(resources, task.bag);
  return commandExecutor(task, {
    directory: task.agent.runner.sandbox(task.id, task.framework.id),
    resources,
    ...(isOver ? { completed_tasks: [taskView(task)] } : { tasks: [taskView(task)] }),
  });
}

type Run = Pick<CompletedTask, 'id' | 'role' | 'statuses' | 'commandText' | 'details'>;

/** Every command task has an executor of its own, named like it. */
function commandExecutor(
  task: Run,
  {
    directory,
    resources,
    tasks = [],
    completed_tasks = [],
  }: {
    readonly directory: string | undefined;
    readonly resources: Bag;
    readonly tasks?: readonly object[];
    readonly completed_tasks?: readonly object[];
  },
): object {
  const { labels } = task.details;
  return {
    id: task.id,
    name: commandExecutorName(task),
    source: task.id,
    container: containerStatusOf(task)?.container_id?.value ?? '',
    directory: directory ?? '',
    resources: summariseBag(resources),
    role: task.role,
    ...(labels === undefined ? {} : { labels: labels.labels ?? [] }),
    tasks,
    queued_tasks: [],
    completed_tasks,
  };
}

/** The same in the words of GET_EXECUTORS. */
export function executorsV1(frameworks: readonly Framework[], agent: Agent): object {
  const completed = frameworks.flatMap((framework) =>
    completedOn(framework, agent)
      .filter(({ executorId }) => executorId === undefined)
      .map((task) => commandExecutorV1(framework.id, task)),
  );
  const own = [...agent.tasks].filter(({ executor }) => executor === undefined);
  return {
    executors: [
      ...own.map((task) => commandExecutorV1(task.framework.id, task)),
      ...[...agent.executors].map(executorV1),
    ],
    completed_executors: completed,
  };
}

function commandExecutorV1(frameworkId: string, task: Run): object {
  const { id, role, details } = task;
  return {
    executor_info: {
      executor_id: { value: id },
      framework_id: { value: frameworkId },
      resources: resourcesV1(commandOverhead, role),
      name: commandExecutorName(task),
      source: id,
      ...(details.labels === undefined ? {} : { labels: expressed('labels', details.labels) }),
    },
  };
}

const resourcesV1 = (bag: Bag, role: string): unknown =>
  JSON.parse(encodeBag(bag, role, { withAllocation: true, withReservations: true }));

/** How agents name the executor of a command task. */
export const commandExecutorName = ({ id, commandText }: Pick<Run, 'id' | 'commandText'>): string =>
  `Command Executor (Task: ${id}) (Command: ${commandText})`;

interface ContainerStatus {
  readonly container_id?: { readonly value: string };
  readonly executor_pid?: number;
}

/** What is known of the container of a task. */
export const containerStatusOf = ({ statuses }: Pick<Run, 'statuses'>): ContainerStatus | undefined =>
  statuses.findLast(({ containerStatus }) => containerStatus !== undefined)?.containerStatus as
    | ContainerStatus
    | undefined;
