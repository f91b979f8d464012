/** What an agent answers under its own name, /slave(N) (mesos-v1 §6.4): its state, with the directories of its tasks. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Master } from '../master/master.ts';
import type { Agent, Framework } from '../master/model.ts';
import { type Bag, partForRole, summariseBag } from '../resources/bag.ts';
import { containersOf } from './agent-containers.ts';
import { executorsOf, wasHere } from './agent-executors.ts';
import { agentMetricsView, usedOn } from './agent-metrics.ts';
import { answerAgentCall } from './agent-operator.ts';
import { sendEmpty, sendJson, sendText } from './answers.ts';
import { figuresEndpoint } from './figures-endpoint.ts';
import type { Endpoint } from './server.ts';
import { agentView, drainConfig, frameworksOver, fullResources, roleView, versionView } from './views.ts';

/** Answers below /slave(N); other agents' numbers are 404. */
export function agentEndpoint(master: Master, sandboxRoot: string | undefined): Endpoint {
  return (req, res, url) => {
    const [, number, what = ''] = /^\/slave\((\d+)\)\/(.*?)\/?$/.exec(decodeURI(url.pathname)) ?? [];
    const agent = [...master.state.agents.values()].find((one) => one.number === Number(number));
    if (agent === undefined) sendText(res, 404);
    else if (what === 'api/v1') answerAgentCall({ master, agent, sandboxRoot }, req, res);
    else if (what === 'health') sendEmpty(res, 200);
    // Mesos has them at the root of the agent's address alone, which the first agent here shares with the master.
    else if (what === 'metrics/snapshot') figuresEndpoint(() => agentMetricsView(agent))(req, res, url);
    else answerRead(master, agent, what, res, url);
  };
}

/** What an agent answers at the root of its own address too, beside what every process of Mesos has. */
export const agentPaths = [
  '/api/v1',
  '/state',
  '/flags',
  '/health',
  '/containers',
  '/monitor/statistics',
  '/metrics/snapshot',
] as const;
/** Of these the master has none. */
const onlyOfAgents: ReadonlySet<string> = new Set(['/containers', '/monitor/statistics']);

/**
 * The path below /slave(N) that a request for one of these means which came to the address of an agent; undefined: it is for the master. Agents share
 * their port with the master, and the first one its address, which then speaks for the master wherever both have a path.
 */
export function pathAtAgent(master: Master, { socket }: IncomingMessage, path: string): string | undefined {
  const address = socket.localAddress?.replace(/^::ffff:/, '');
  if (address === master.state.identity.ip && !onlyOfAgents.has(path)) return undefined;
  const agent = [...master.state.agents.values()].find(({ ip }) => ip === address);
  return agent && `/slave(${agent.number})${path}`;
}

/** Reads are answered by whatever method they come. */
function answerRead(master: Master, agent: Agent, what: string, res: ServerResponse, url: URL): void {
  const query = url.searchParams;
  const show = (body: unknown): void => sendJson(res, body, query.get('jsonp') ?? undefined);
  switch (what) {
    case 'state':
      show(stateOf(master, agent));
      break;
    case 'containers': {
      const containers = containersAsked(agent, query);
      if (typeof containers === 'string') sendText(res, 400, containers);
      else show(containers);
      break;
    }
    case 'monitor/statistics':
      show(containersOf(agent).map(({ statistics }) => statistics));
      break;
    case 'flags':
      show({ flags: agent.runner.facts?.().flags ?? {} });
      break;
    default:
      sendText(res, 404);
  }
}

/** The containers that are asked for, or what is wrong with the question (`Http::_containers` of the agent). */
function containersAsked(agent: Agent, query: URLSearchParams): readonly object[] | string {
  const container = query.get('container_id');
  const framework = query.get('framework_id');
  const executor = query.get('executor_id');
  const isMixed = container !== null && (executor !== null || framework !== null);
  if (isMixed || (executor !== null && framework === null)) {
    return 'Supported query parameters are container_id only, framework_id only, or executor_id and framework_id only';
  }
  return containersOf(agent)
    .filter(({ names }) => container === null || names.container_id === container)
    .filter(({ names }) => framework === null || names.framework_id === framework)
    .filter(({ names }) => executor === null || names.executor_id === executor)
    .map(({ old }) => old);
}

function stateOf(master: Master, agent: Agent): object {
  const { resources, reserved_resources, unreserved_resources, capabilities, attributes, pid } = agentView(
    agent,
  ) as Record<string, unknown>;
  const frameworks = [...master.state.frameworks.values()].filter((framework) => wasHere(framework, agent));
  const gone = frameworksOver(master.state);
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
    ...(agent.domain === undefined ? {} : { domain: agent.domain }),
    ...(agent.drain && {
      drain_config: drainConfig(agent.drain),
      estimated_drain_start_time_seconds: Math.floor(agent.drain.startedAt),
    }),
    resources,
    reserved_resources,
    unreserved_resources,
    ...full,
    ...allocatedOf(agent),
    resource_providers: [],
    attributes,
    master_hostname: master.state.identity.hostname,
    flags: facts?.flags ?? {},
    // Not of Mesos: why limits are not enforced, and why there are no containers.
    ...(facts && { isolation: facts.isolation, container_engine: facts.containerEngine }),
    frameworks: frameworks.map((framework) => frameworkOf(framework, agent)),
    completed_frameworks: gone.filter((one) => wasHere(one, agent)).map((one) => frameworkOf(one, agent)),
  };
}

function frameworkOf(framework: Framework, agent: Agent): object {
  const { id, info } = framework;
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    ...roleView(framework),
    ...executorsOf(framework, agent),
  };
}

/** What runs on the agent, command executors included. */
function allocatedOf(agent: Agent): object {
  const all = usedOn(agent);
  const reserved = new Map<string, Bag>();
  for (const entry of all) {
    if (entry.role !== '*') reserved.set(entry.role, [...(reserved.get(entry.role) ?? []), entry]);
  }
  return {
    reserved_resources_allocated: Object.fromEntries([...reserved].map(([role, bag]) => [role, summariseBag(bag)])),
    unreserved_resources_allocated: summariseBag(partForRole(all, '*')),
  };
}
