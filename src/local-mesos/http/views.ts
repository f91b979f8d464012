/** What the read endpoints show, in the old words of Mesos: slaves, not agents (mesos-v1 §6.3). */

import type { Attribute, CommandInfo } from '../../core/mesos/types.ts';
import { mesosVersion } from '../master/events.ts';
import {
  type Agent,
  type Executor,
  type Framework,
  type MasterState,
  maxCompletedFrameworks,
  maxCompletedTasksPerFramework,
  type OfferRecord,
  type Task,
} from '../master/model.ts';
import { type Use, usesOf } from '../master/usage.ts';
import { addToBag, type Bag, isEmptyBag, isEmptyEntry, partForRole, summariseBag } from '../resources/bag.ts';
import { formatRanges, normaliseRanges } from '../resources/ranges.ts';
import { fullResource } from '../resources/wire.ts';
import { completedView, masterTaskView } from './task-views.ts';

export const versionView = {
  version: mesosVersion,
  build_date: '2024-08-01 00:00:00 UTC',
  build_time: 1_722_470_400,
  build_user: 'ultramarathon',
};

export const agentCapabilities = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
];

/** The answer of /state. Cost is that of all agents and tasks: for people and tools, not for schedulers. */
export function stateView(state: MasterState, hasCredentials = false): object {
  const { id, hostname, ip, port, startTime, domain } = state.identity;
  const pid = `master@${ip}:${port}`;
  const inDomain = domain === undefined ? {} : { domain };
  const here = slavesHere(state);
  const active = here.filter(isActive).length;
  return {
    ...versionView,
    start_time: startTime,
    elected_time: startTime,
    id,
    pid,
    hostname,
    capabilities: ['AGENT_UPDATE', 'AGENT_DRAINING', 'QUOTA_V2'],
    activated_slaves: active,
    deactivated_slaves: here.length - active,
    unreachable_slaves: [...state.agents.values()].filter((agent) => agent.unreachableNs !== undefined).length,
    ...inDomain,
    leader: pid,
    leader_info: { id, pid, port, hostname, ...inDomain },
    flags: flagsView(state, hasCredentials),
    slaves: here.map(agentView),
    recovered_slaves: slavesExpected(state).map(slaveHead),
    ...frameworksView(state),
    orphan_tasks: [],
  };
}

/** The flags of Mesos that say how this master behaves; those that choose parts of Mesos are left out. */
export function flagsView(state: MasterState, hasCredentials = false): Record<string, string> {
  const { settings, identity } = state;
  const duration = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}secs` : `${ms}ms`);
  return {
    agent_ping_timeout: duration(settings.agentTimeoutMs / missedPings),
    allocation_interval: duration(settings.allocationMs),
    authenticate_http_frameworks: String(hasCredentials),
    authenticate_http_readwrite: String(hasCredentials),
    filter_gpu_resources: 'true',
    framework_sorter: 'drf',
    hostname: identity.hostname,
    ip: identity.ip,
    max_agent_ping_timeouts: String(missedPings),
    max_completed_frameworks: String(maxCompletedFrameworks),
    max_completed_tasks_per_framework: String(maxCompletedTasksPerFramework),
    max_operator_event_stream_subscribers: String(maxOperatorStreams),
    min_allocatable_resources: 'cpus:0.01|mem:32',
    port: String(identity.port),
    role_sorter: 'drf',
    root_submissions: 'true',
    version: 'false',
    ...(settings.offerTimeoutMs === undefined ? {} : { offer_timeout: duration(settings.offerTimeoutMs) }),
  };
}

/** As many pings in vain make an agent unreachable. */
const missedPings = 5;
/** Streams of the operator API; the oldest ends when there are more. */
export const maxOperatorStreams = 1000;

/** Agents that have registered with this master and that it has not lost since. */
export const slavesHere = (state: MasterState): Agent[] =>
  state.recovering ? [] : [...state.agents.values()].filter((agent) => agent.unreachableNs === undefined);

/** Agents that a master which has just taken over knows of, and which have not come back yet. */
export const slavesExpected = (state: MasterState): Agent[] =>
  state.recovering ? [...state.agents.values()].filter((agent) => agent.unreachableNs === undefined) : [];

/** Frameworks that have registered with this master, or whose tasks its agents have told it of. */
export const frameworksHere = (state: MasterState): Framework[] =>
  [...state.frameworks.values()].filter((framework) => !(state.recovering && framework.recovered));

/** Frameworks that are over, as far as this run of the program has seen their end. */
export const frameworksOver = (state: MasterState): Framework[] =>
  [...state.removed.values()].flatMap(({ record }) => record ?? []);

/** A framework's tasks on agents that are there. */
export const tasksHere = (state: MasterState, framework: Framework): Iterable<Task> =>
  state.recovering ? [] : framework.tasks.values();

/** What a framework uses on agents that are there. */
export const usesHere = (state: MasterState, framework: Framework): Iterable<Use> =>
  state.recovering ? [] : usesOf(framework);

/** Whether its resources may be offered. */
export const isActive = (agent: Agent): boolean => agent.link.state !== 'down' && !agent.deactivated;

/** The answer of /slaves, of one agent if its id is given. */
export function slavesView(state: MasterState, slaveId: string | null): object {
  const isMeant = (agent: Agent): boolean => slaveId === null || agent.id === slaveId;
  return {
    slaves: slavesHere(state)
      .filter(isMeant)
      .map((agent) => ({ ...agentView(agent), ...fullResources(agent) })),
    recovered_slaves: slavesExpected(state).filter(isMeant).map(slaveHead),
  };
}

const sumOf = (holders: Iterable<{ readonly bag: Bag }>): Bag => {
  const total: Bag = [];
  for (const { bag } of holders) addToBag(total, bag);
  return total;
};

/** What an agent says of itself, as the old words have it. */
const slaveHead = (agent: Agent): object => ({
  id: agent.id,
  hostname: agent.hostname,
  port: agent.port,
  attributes: attributesView(agent),
  ...(agent.domain === undefined ? {} : { domain: agent.domain }),
});

const attributesView = (agent: Agent): object =>
  Object.fromEntries(agent.attributes.map((attribute) => [attribute.name, attributeValue(attribute)]));

/** How far a drain has come: to its end when no task is left, acknowledged ends included. Undefined: there is none. */
export function drainInfo(agent: Agent): object | undefined {
  if (agent.drain === undefined) return undefined;
  return { state: agent.tasks.size === 0 ? 'DRAINED' : 'DRAINING', config: drainConfig(agent.drain) };
}

/** What was asked for. */
export const drainConfig = ({ maxGraceMs, markGone }: NonNullable<Agent['drain']>): object => ({
  ...(maxGraceMs === undefined ? {} : { max_grace_period: { nanoseconds: maxGraceMs * 1_000_000 } }),
  mark_gone: markGone,
});

export function agentView(agent: Agent): object {
  const reserved = new Map<string, Bag>();
  for (const entry of agent.total) {
    if (entry.role === '*') continue;
    const ofRole = reserved.get(entry.role) ?? [];
    ofRole.push(entry);
    reserved.set(entry.role, ofRole);
  }
  return {
    ...slaveHead(agent),
    pid: `slave(${agent.number})@${agent.ip}:${agent.port}`,
    registered_time: agent.registeredTime,
    ...(agent.reregisteredTime === undefined ? {} : { reregistered_time: agent.reregisteredTime }),
    resources: summariseBag(agent.total),
    used_resources: summariseBag(sumOf(usesOf(agent))),
    offered_resources: summariseBag(sumOf(agent.offers)),
    reserved_resources: Object.fromEntries([...reserved].map(([role, bag]) => [role, summariseBag(bag)])),
    unreserved_resources: summariseBag(partForRole(agent.total, '*')),
    active: isActive(agent),
    deactivated: agent.deactivated,
    version: mesosVersion,
    capabilities: agentCapabilities,
    ...(agent.drain && {
      drain_info: drainInfo(agent),
      estimated_drain_start_time_seconds: agent.drain.startedAt,
    }),
  };
}

/** Every resource of an agent with its reservation, as only /slaves shows them. */
export function fullResources(agent: Agent): object {
  const reserved = new Map<string, unknown[]>();
  for (const entry of agent.total) {
    if (entry.role === '*' || isEmptyEntry(entry)) continue;
    reserved.set(entry.role, [...(reserved.get(entry.role) ?? []), fullResource(entry)]);
  }
  const used = new Map<string, Bag>();
  for (const task of usesOf(agent)) {
    const ofRole = used.get(task.role) ?? [];
    addToBag(ofRole, task.bag);
    used.set(task.role, ofRole);
  }
  const all = (bag: Bag, role?: string): unknown[] =>
    bag.filter((entry) => !isEmptyEntry(entry)).map((entry) => fullResource(entry, role));
  return {
    reserved_resources_full: Object.fromEntries(reserved),
    unreserved_resources_full: all(partForRole(agent.total, '*')),
    used_resources_full: [...used].flatMap(([role, bag]) => all(bag, role)),
    offered_resources_full: [...agent.offers].flatMap((offer) => all(offer.bag, offer.role)),
  };
}

function attributeValue(attribute: Attribute): string | number {
  if (attribute.scalar !== undefined) return attribute.scalar.value;
  if (attribute.ranges !== undefined) return formatRanges(normaliseRanges(attribute.ranges.range ?? []));
  return attribute.text?.value ?? '';
}

/** The answer of /frameworks, of one framework if its id is given. */
export function frameworksView(state: MasterState, frameworkId: string | null = null): object {
  const isMeant = ({ id }: Framework): boolean => frameworkId === null || id === frameworkId;
  const view = (framework: Framework): object => frameworkView(state, framework);
  return {
    frameworks: frameworksHere(state).filter(isMeant).map(view),
    completed_frameworks: frameworksOver(state).filter(isMeant).map(view),
    unregistered_frameworks: [],
  };
}

/** What /state-summary shows of a framework; /frameworks shows more. */
export function frameworkHead(state: MasterState, framework: Framework): object {
  const { info } = framework;
  return {
    id: framework.id,
    name: info.name,
    used_resources: summariseBag(sumOf(usesHere(state, framework))),
    offered_resources: summariseBag(sumOf(framework.offers)),
    capabilities: capabilitiesView(framework),
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.stream !== undefined,
    connected: framework.stream !== undefined,
    recovered: framework.recovered,
  };
}

/** One that Mesos does not know is one without a name to it. */
const capabilitiesView = ({ info }: Framework): readonly string[] =>
  (info.capabilities ?? []).map(({ type }) => (type as string | undefined) ?? 'UNKNOWN');

function frameworkView(state: MasterState, framework: Framework): object {
  const { info } = framework;
  const all = sumOf([...usesHere(state, framework), ...framework.offers]);
  const { registered, reregistered } = timesOf(framework);
  const cameAgain = !framework.recovered && framework.reregisteredTime !== undefined;
  return {
    ...frameworkHead(state, framework),
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: registered,
    unregistered_time: framework.unregisteredTime,
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: summariseBag(all),
    ...(cameAgain && { reregistered_time: reregistered }),
    ...roleView(framework),
    tasks: [...tasksHere(state, framework)].map(masterTaskView),
    unreachable_tasks: [...framework.unreachable.values()].map(masterTaskView),
    completed_tasks: framework.completed.map((task) => completedView(framework.id, task)),
    offers: [...framework.offers].map(offerView),
    executors: state.recovering ? [] : [...framework.executors].map(executorView),
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    offer_constraints: framework.constraints ?? {},
  };
}

/** When a framework has registered, and the last time it did; 0 for one that only its agents know of. Seconds since the epoch. */
export function timesOf({ recovered, registeredTime, reregisteredTime }: Framework) {
  if (recovered) return { registered: 0, reregistered: 0 };
  return { registered: registeredTime, reregistered: reregisteredTime ?? registeredTime };
}

/** Its roles if it may have several, and otherwise its role. */
export const roleView = ({ capabilities, roles }: Framework): object =>
  capabilities.multiRole ? { roles } : { role: roles[0] ?? '*' };

/** An executor of task groups, as frameworks list theirs. */
function executorView({ id, framework, agent, role, bag, info }: Executor): object {
  return {
    executor_id: id,
    name: info.name ?? '',
    framework_id: framework.id,
    command: commandView(info.command),
    resources: summariseBag(bag),
    ...(isEmptyBag(bag) ? {} : { role }),
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    ...(info.type === undefined ? {} : { type: info.type }),
    slave_id: agent.id,
  };
}

function commandView({ shell, value, arguments: argv = [], environment, uris = [] }: CommandInfo = {}): object {
  return {
    ...(shell === undefined ? {} : { shell }),
    ...(value === undefined ? {} : { value }),
    argv,
    ...(environment === undefined ? {} : { environment: environmentView(environment) }),
    uris: uris.map((uri) => ({ value: uri.value, executable: uri.executable ?? false })),
  };
}

function environmentView({ variables = [] }: NonNullable<CommandInfo['environment']>): object {
  return variables.length === 0 ? {} : { variables: variables.map((variable) => ({ type: 'VALUE', ...variable })) };
}

function offerView(offer: OfferRecord): object {
  return {
    id: offer.id,
    framework_id: offer.framework.id,
    allocation_info: { role: offer.role },
    slave_id: offer.agent.id,
    resources: summariseBag(offer.bag),
  };
}
