/** What an agent answers under its own name, /slave(N) (mesos-v1 §6.4): its state, with the directories of its tasks. */
import type { Master } from '../master/master.ts';
import { type Agent, type CompletedTask, type Framework, isTerminal, type Task } from '../master/model.ts';
import { addToBag, type Bag, summariseBag } from '../resources/bag.ts';
import { containerStatusOf, containersOf, executorNameOf } from './agent-containers.ts';
import { answerAgentCall } from './agent-operator.ts';
import { sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import type { Endpoint } from './server.ts';
import { agentView, completedView, fullResources, taskView, versionView } from './views.ts';

/** Answers below /slave(N); other agents' numbers are 404. */
export function agentEndpoint(master: Master, sandboxRoot: string | undefined): Endpoint {
  return (req, res, url) => {
    const [, number, what] = /^\/slave\((\d+)\)\/(.*?)\/?$/.exec(decodeURI(url.pathname)) ?? [];
    const agent = [...master.state.agents.values()].find((one) => one.number === Number(number));
    if (agent === undefined) sendText(res, 404);
    else if (what === 'api/v1') answerAgentCall({ master, agent, sandboxRoot }, req, res);
    else if (req.method !== 'GET' && req.method !== 'HEAD') sendWrongMethod(res, 'GET', req.method ?? '');
    else if (what === 'state') sendJson(res, stateOf(master, agent), url.searchParams.get('jsonp') ?? undefined);
    else if (what === 'containers')
      sendJson(
        res,
        containersOf(agent).map(({ old }) => old),
      );
    else if (what === 'monitor/statistics')
      sendJson(
        res,
        containersOf(agent).map(({ statistics }) => statistics),
      );
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
  const frameworks = [...master.state.frameworks.values()].filter((framework) => wasHere(framework, agent));
  const gone = [...master.state.removed.values()].flatMap(({ record }) => record ?? []);
  const allocated = allocatedOn(agent);
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
    reserved_resources_allocated: Object.fromEntries(
      [...new Set(allocated.map(({ role }) => role))]
        .filter((role) => role !== '*')
        .map((role) => [role, summariseBag(allocated.filter((entry) => entry.role === role))]),
    ),
    unreserved_resources_allocated: summariseBag(allocated.filter(({ role }) => role === '*')),
    resource_providers: [],
    attributes,
    master_hostname: master.state.identity.hostname,
    flags: {},
    frameworks: frameworks.map((framework) => frameworkOf(framework, agent)),
    completed_frameworks: gone.filter((one) => wasHere(one, agent)).map((one) => frameworkOf(one, agent)),
  };
}

const completedOn = (framework: Framework, agent: Agent): readonly CompletedTask[] =>
  framework.completed.filter(({ agentId }) => agentId === agent.id);

const wasHere = (framework: Framework, agent: Agent): boolean =>
  [...agent.tasks].some((task) => task.framework === framework) || completedOn(framework, agent).length > 0;

function allocatedOn(agent: Agent): Bag {
  const all: Bag = [];
  for (const task of agent.tasks) if (isAlive(task)) addToBag(all, task.bag);
  return all;
}

function frameworkOf(framework: Framework, agent: Agent): object {
  const { id, info, roles, capabilities } = framework;
  const tasks = [...agent.tasks].filter((task) => task.framework === framework);
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(capabilities.multiRole ? { roles } : { role: roles[0] ?? '*' }),
    executors: tasks.map((task) =>
      executorOf(task, agent, isAlive(task) ? 'tasks' : 'completed_tasks', taskView(task)),
    ),
    completed_executors: completedOn(framework, agent).map((task) =>
      executorOf(task, agent, 'completed_tasks', completedView(id, task)),
    ),
  };
}

/** Every task has an executor of its own, named like it. */
function executorOf(
  task: Pick<CompletedTask, 'id' | 'bag' | 'role' | 'details' | 'statuses'>,
  agent: Agent,
  list: 'tasks' | 'completed_tasks',
  view: object,
): object {
  const { labels } = task.details;
  return {
    id: task.id,
    name: executorNameOf(task.id),
    source: task.id,
    container: containerStatusOf(task)?.container_id?.value ?? '',
    directory: agent.runner.sandbox(task.id) ?? '',
    resources: summariseBag([...task.bag]),
    role: task.role,
    ...(labels?.labels === undefined ? {} : { labels: labels.labels }),
    tasks: [],
    queued_tasks: [],
    completed_tasks: [],
    [list]: [view],
  };
}
