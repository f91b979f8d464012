/** What an agent answers under its own name, /slave(N) (mesos-v1 §6.4): its state, with the directories of its tasks. */
import type { Master } from '../master/master.ts';
import { type Agent, type Framework, isTerminal } from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { addToBag, type Bag, partForRole, summariseBag } from '../resources/bag.ts';
import { containersOf } from './agent-containers.ts';
import { commandOverhead, executorsOf, wasHere } from './agent-executors.ts';
import { answerAgentCall } from './agent-operator.ts';
import { sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import type { Endpoint } from './server.ts';
import { agentView, fullResources, versionView } from './views.ts';

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
    else if (what === 'flags') sendJson(res, { flags: agent.runner.facts?.().flags ?? {} });
    else if (what === 'health') sendEmpty(res, 200);
    else sendText(res, 404);
  };
}

function stateOf(master: Master, agent: Agent): object {
  const { resources, reserved_resources, unreserved_resources, capabilities, attributes, pid } = agentView(
    agent,
  ) as Record<string, unknown>;
  const frameworks = [...master.state.frameworks.values()].filter((framework) => wasHere(framework, agent));
  const gone = [...master.state.removed.values()].flatMap(({ record }) => record ?? []);
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
  const { id, info, roles, capabilities } = framework;
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(capabilities.multiRole ? { roles } : { role: roles[0] ?? '*' }),
    ...executorsOf(framework, agent),
  };
}

/** What runs on the agent, command executors included. */
function allocatedOf(agent: Agent): object {
  const all: Bag = [];
  for (const { bag } of usesOf(agent)) addToBag(all, bag);
  for (const { state, executor } of agent.tasks) {
    if (!isTerminal(state) && executor === undefined) addToBag(all, commandOverhead);
  }
  const reserved = new Map<string, Bag>();
  for (const entry of all) {
    if (entry.role !== '*') reserved.set(entry.role, [...(reserved.get(entry.role) ?? []), entry]);
  }
  return {
    reserved_resources_allocated: Object.fromEntries([...reserved].map(([role, bag]) => [role, summariseBag(bag)])),
    unreserved_resources_allocated: summariseBag(partForRole(all, '*')),
  };
}
