/** What an agent answers under its own name, /slave(N) (mesos-v1 §6.4): its state, with the directories of its tasks. */
import type { Master } from '../master/master.ts';
import {
  type Agent,
  type CompletedTask,
  type Executor,
  executorIdOf,
  type Framework,
  isTerminal,
  type Task,
} from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { addToBag, type Bag, bagOf, partForRole, summariseBag } from '../resources/bag.ts';
import { sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import type { Endpoint } from './server.ts';
import { agentView, completedView, fullResources, taskView, versionView } from './views.ts';

/** Answers below /slave(N); other agents' numbers are 404. */
export function agentEndpoint(master: Master): Endpoint {
  return (req, res, url) => {
    const [, number, what] = /^\/slave\((\d+)\)\/(.*?)\/?$/.exec(decodeURI(url.pathname)) ?? [];
    const agent = [...master.state.agents.values()].find((one) => one.number === Number(number));
    if (agent === undefined) sendText(res, 404);
    else if (req.method !== 'GET' && req.method !== 'HEAD') sendWrongMethod(res, 'GET', req.method ?? '');
    else if (what === 'state') sendJson(res, stateOf(master, agent), url.searchParams.get('jsonp') ?? undefined);
    else if (what === 'containers') sendJson(res, [...agent.tasks].filter(isAlive).map(containerOf));
    else if (what === 'flags') sendJson(res, { flags: {} });
    else if (what === 'health') sendEmpty(res, 200);
    else sendText(res, 404);
  };
}

const isAlive = (task: Task): boolean => !isTerminal(task.state);

function stateOf(master: Master, agent: Agent): object {
  const { resources, reserved_resources, unreserved_resources, capabilities, attributes, pid } = agentView(
    agent,
  ) as Record<string, unknown>;
  const frameworks = [...master.state.frameworks.values()].filter(
    (framework) =>
      [...agent.tasks, ...agent.executors].some((one) => one.framework === framework) ||
      framework.completed.some(({ agentId }) => agentId === agent.id),
  );
  const {
    used_resources_full: _used,
    offered_resources_full: _offered,
    ...full
  } = fullResources(agent) as Record<string, unknown>;
  return {
    ...versionView,
    start_time: agent.registeredTime,
    id: agent.id,
    pid,
    hostname: agent.hostname,
    capabilities,
    resources,
    reserved_resources,
    unreserved_resources,
    ...full,
    ...allocatedOf(agent),
    resource_providers: [],
    attributes,
    master_hostname: master.state.identity.hostname,
    flags: {},
    frameworks: frameworks.map((framework) => ({
      id: framework.id,
      name: framework.info.name,
      user: framework.info.user,
      failover_timeout: framework.info.failover_timeout ?? 0,
      checkpoint: framework.info.checkpoint ?? false,
      hostname: framework.info.hostname ?? '',
      ...(framework.capabilities.multiRole ? { roles: framework.roles } : { role: framework.roles[0] ?? '*' }),
      ...executorsOf(framework, agent),
    })),
    completed_frameworks: [],
  };
}

/** What each command executor needs beside its task; the master does not charge for it (mesos-v1 §4.4). */
const commandOverhead: Bag = bagOf([
  { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
  { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
]);

/** What runs on the agent, command executors included. */
function allocatedOf(agent: Agent): object {
  const all: Bag = [];
  for (const { bag } of usesOf(agent)) addToBag(all, bag);
  for (const task of agent.tasks) if (isAlive(task) && task.executor === undefined) addToBag(all, commandOverhead);
  const reserved = new Map<string, Bag>();
  for (const entry of all) {
    if (entry.role !== '*') reserved.set(entry.role, [...(reserved.get(entry.role) ?? []), entry]);
  }
  return {
    reserved_resources_allocated: Object.fromEntries([...reserved].map(([role, bag]) => [role, summariseBag(bag)])),
    unreserved_resources_allocated: summariseBag(partForRole(all, '*')),
  };
}

/** The executors of a framework on an agent: those that run, and those whose last update has been acknowledged. */
function executorsOf(framework: Framework, agent: Agent): object {
  const own = [...agent.tasks].filter((task) => task.framework === framework && task.executor === undefined);
  const groups = [...agent.executors].filter((executor) => executor.framework === framework);
  const over = framework.completed.filter((task) => task.agentId === agent.id && task.executorId === undefined);
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
  for (const task of tasks) if (isAlive(task)) addToBag(resources, task.bag);
  return {
    id,
    name: info.name ?? '',
    source: '',
    container: containerId,
    directory:
      executor.control.directory?.() ??
      agent.runner.executorSandbox?.(executor.framework.id, agent.id, id, containerId) ??
      '',
    resources: summariseBag(resources),
    role,
    ...(info.type === undefined ? {} : { type: info.type }),
    tasks: [...tasks].filter(isAlive).map(taskView),
    queued_tasks: [],
    completed_tasks: [...tasks].filter((task) => !isAlive(task)).map(taskView),
  };
}

function executorOf(task: Task): object {
  const resources: Bag = [...commandOverhead];
  if (isAlive(task)) addToBag(resources, task.bag);
  return commandExecutor(task, {
    directory: task.agent.runner.sandbox(task.id, task.framework.id),
    resources,
    ...(isAlive(task) ? { tasks: [taskView(task)] } : { completed_tasks: [taskView(task)] }),
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
  const labels = task.details.labels?.labels;
  return {
    id: task.id,
    name: executorName(task),
    source: task.id,
    container: containerIdOf(task) ?? '',
    directory: directory ?? '',
    resources: summariseBag(resources),
    role: task.role,
    ...(labels === undefined ? {} : { labels }),
    tasks,
    queued_tasks: [],
    completed_tasks,
  };
}

const executorName = ({ id, commandText }: Pick<Run, 'id' | 'commandText'>): string =>
  `Command Executor (Task: ${id}) (Command: ${commandText})`;

const containerStatusOf = ({ statuses }: Pick<Run, 'statuses'>) =>
  statuses.findLast(({ containerStatus }) => containerStatus !== undefined)?.containerStatus as
    | { readonly container_id?: { readonly value: string }; readonly executor_pid?: number }
    | undefined;

const containerIdOf = (task: Pick<Run, 'statuses'>): string | undefined => containerStatusOf(task)?.container_id?.value;

/** One entry for the container of a command task; those of groups are told apart by the container of their executor. */
function containerOf(task: Task): object {
  const { container_id, executor_pid } = containerStatusOf(task) ?? {};
  return {
    container_id: task.executor?.containerId ?? container_id?.value ?? '',
    executor_id: executorIdOf(task),
    executor_name: task.executor === undefined ? executorName(task) : (task.executor.info.name ?? ''),
    framework_id: task.framework.id,
    source: task.executor === undefined ? task.id : '',
    ...(container_id === undefined
      ? {}
      : { status: { container_id, ...(executor_pid === undefined ? {} : { executor_pid }) } }),
  };
}
