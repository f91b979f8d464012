/** What an agent answers under its own name, /slave(N) (mesos-v1 §6.4): its state, with the directories of its tasks. */
import type { Master } from '../master/master.ts';
import { type Agent, isTerminal, type Task } from '../master/model.ts';
import { addToBag, type Bag, summariseBag } from '../resources/bag.ts';
import { sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import type { Endpoint } from './server.ts';
import { agentView, fullResources, taskView, versionView } from './views.ts';

/** Answers below /slave(N); other agents' numbers are 404. */
export function agentEndpoint(master: Master): Endpoint {
  return (req, res, url) => {
    const [, number, what] = /^\/slave\((\d+)\)\/(.*?)\/?$/.exec(decodeURI(url.pathname)) ?? [];
    const agent = [...master.state.agents.values()].find((one) => one.number === Number(number));
    if (agent === undefined) sendText(res, 404);
    else if (req.method !== 'GET' && req.method !== 'HEAD') sendWrongMethod(res, 'GET', req.method ?? '');
    else if (what === 'state') sendJson(res, stateOf(master, agent), url.searchParams.get('jsonp') ?? undefined);
    else if (what === 'containers') sendJson(res, [...agent.tasks].filter(isAlive).map(containerOf));
    else if (what === 'flags') sendJson(res, { flags: agent.runner.facts?.().flags ?? {} });
    else if (what === 'health') sendEmpty(res, 200);
    else sendText(res, 404);
  };
}

const isAlive = (task: Task): boolean => !isTerminal(task.state);

function stateOf(master: Master, agent: Agent): object {
  const { resources, reserved_resources, unreserved_resources, capabilities, attributes, pid } = agentView(
    agent,
  ) as Record<string, unknown>;
  const frameworks = [...master.state.frameworks.values()].filter((framework) =>
    [...agent.tasks].some((task) => task.framework === framework),
  );
  const {
    used_resources_full: _used,
    offered_resources_full: _offered,
    ...full
  } = fullResources(agent) as Record<string, unknown>;
  const facts = agent.runner.facts?.();
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
    attributes,
    master_hostname: master.state.identity.hostname,
    flags: facts?.flags ?? {},
    // Not of Mesos: why limits are not enforced, and why there are no containers.
    ...(facts && { isolation: facts.isolation, container_engine: facts.containerEngine }),
    frameworks: frameworks.map((framework) => ({
      id: framework.id,
      name: framework.info.name,
      user: framework.info.user,
      failover_timeout: framework.info.failover_timeout ?? 0,
      checkpoint: framework.info.checkpoint ?? false,
      hostname: framework.info.hostname ?? '',
      ...(framework.capabilities.multiRole ? { roles: framework.roles } : { role: framework.roles[0] ?? '*' }),
      executors: [...agent.tasks].filter((task) => task.framework === framework).map(executorOf),
      completed_executors: [],
    })),
    completed_frameworks: [],
  };
}

/** Every task has an executor of its own, named like it. */
function executorOf(task: Task): object {
  const resources: Bag = [];
  addToBag(resources, task.bag);
  return {
    id: task.id,
    name: `Command Executor (Task: ${task.id})`,
    source: task.id,
    container: containerIdOf(task) ?? '',
    directory: task.agent.runner.sandbox(task.id) ?? '',
    resources: summariseBag(resources),
    role: task.role,
    tasks: isAlive(task) ? [taskView(task)] : [],
    queued_tasks: [],
    completed_tasks: isAlive(task) ? [] : [taskView(task)],
  };
}

const containerIdOf = (task: Task): string | undefined => {
  const status = task.statuses.findLast(({ containerStatus }) => containerStatus !== undefined)?.containerStatus;
  return (status as { readonly container_id?: { readonly value: string } } | undefined)?.container_id?.value;
};

function containerOf(task: Task): object {
  const status = task.statuses.findLast(({ containerStatus }) => containerStatus !== undefined)?.containerStatus;
  return {
    container_id: containerIdOf(task) ?? '',
    executor_id: task.id,
    executor_name: `Command Executor (Task: ${task.id})`,
    framework_id: task.framework.id,
    source: task.id,
    ...(status === undefined ? {} : { status }),
  };
}
