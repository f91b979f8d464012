/** What the read endpoints show, in the old words of Mesos: slaves, not agents (mesos-v1 §6.3). */

import type { Attribute } from '../../core/mesos/types.ts';
import { mesosVersion } from '../master/events.ts';
import {
  type Agent,
  type CompletedTask,
  type Framework,
  isTerminal,
  type MasterState,
  type OfferRecord,
  type StatusRecord,
  type Task,
} from '../master/model.ts';
import { addToBag, type Bag, isEmptyEntry, partForRole, summariseBag } from '../resources/bag.ts';
import { formatRanges, normaliseRanges } from '../resources/ranges.ts';
import { fullResource } from '../resources/wire.ts';

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
export function stateView(state: MasterState): object {
  const { id, hostname, ip, port, startTime } = state.identity;
  const pid = `master@${ip}:${port}`;
  const agents = [...state.agents.values()];
  const away = agents.filter((agent) => agent.unreachableNs !== undefined).length;
  return {
    ...versionView,
    start_time: startTime,
    elected_time: startTime,
    id,
    pid,
    hostname,
    capabilities: ['AGENT_UPDATE', 'AGENT_DRAINING', 'QUOTA_V2'],
    activated_slaves: agents.length - away,
    deactivated_slaves: agents.filter((agent) => agent.deactivated).length,
    unreachable_slaves: away,
    leader: pid,
    leader_info: { id, pid, port, hostname },
    flags: flagsView(state),
    slaves: slavesHere(state).map(agentView),
    recovered_slaves: [],
    ...frameworksView(state),
    orphan_tasks: [],
  };
}

export function flagsView(state: MasterState): Record<string, string> {
  const { settings, identity } = state;
  return {
    allocation_interval: `${settings.allocationMs / 1000}secs`,
    ip: identity.ip,
    port: String(identity.port),
    version: 'false',
    ...(settings.offerTimeoutMs === undefined ? {} : { offer_timeout: `${settings.offerTimeoutMs / 1000}secs` }),
  };
}

export const slavesHere = (state: MasterState): Agent[] =>
  [...state.agents.values()].filter((agent) => agent.unreachableNs === undefined);

/** The answer of /slaves, of one agent if its id is given. */
export function slavesView(state: MasterState, slaveId: string | null): object {
  const agents = slavesHere(state).filter((agent) => slaveId === null || agent.id === slaveId);
  return { slaves: agents.map((agent) => ({ ...agentView(agent), ...fullResources(agent) })), recovered_slaves: [] };
}

const sumOf = (holders: Iterable<{ readonly bag: Bag }>): Bag => {
  const total: Bag = [];
  for (const { bag } of holders) addToBag(total, bag);
  return total;
};

function* usersOf(agent: Agent): Iterable<Task> {
  for (const task of agent.tasks) if (!isTerminal(task.state)) yield task;
}

export function agentView(agent: Agent): object {
  const reserved = new Map<string, Bag>();
  for (const entry of agent.total) {
    if (entry.role === '*') continue;
    const ofRole = reserved.get(entry.role) ?? [];
    ofRole.push(entry);
    reserved.set(entry.role, ofRole);
  }
  return {
    id: agent.id,
    hostname: agent.hostname,
    port: agent.port,
    attributes: Object.fromEntries(agent.attributes.map((attribute) => [attribute.name, attributeValue(attribute)])),
    pid: `slave(${agent.number})@${agent.ip}:${agent.port}`,
    registered_time: agent.registeredTime,
    ...(agent.domain === undefined ? {} : { domain: agent.domain }),
    ...(agent.reregisteredTime === undefined ? {} : { reregistered_time: agent.reregisteredTime }),
    resources: summariseBag(agent.total),
    used_resources: summariseBag(sumOf(usersOf(agent))),
    offered_resources: summariseBag(sumOf(agent.offers)),
    reserved_resources: Object.fromEntries([...reserved].map(([role, bag]) => [role, summariseBag(bag)])),
    unreserved_resources: summariseBag(partForRole(agent.total, '*')),
    active: agent.link.state !== 'down' && !agent.deactivated,
    deactivated: agent.deactivated,
    version: mesosVersion,
    capabilities: agentCapabilities,
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
  for (const task of usersOf(agent)) {
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

/** The answer of /frameworks. */
export function frameworksView(state: MasterState): object {
  const removed = [...state.removed.values()].flatMap(({ record }) => (record === undefined ? [] : [record]));
  return {
    frameworks: [...state.frameworks.values()].map(frameworkView),
    completed_frameworks: removed.map(frameworkView),
    unregistered_frameworks: [],
  };
}

/** What /state-summary shows of a framework; /frameworks shows more. */
export function frameworkHead(framework: Framework): object {
  const { info } = framework;
  const used = sumOf([...framework.tasks.values()].filter((task) => !isTerminal(task.state)));
  const offered = sumOf(framework.offers);
  return {
    id: framework.id,
    name: info.name,
    used_resources: summariseBag(used),
    offered_resources: summariseBag(offered),
    capabilities: (info.capabilities ?? []).map(({ type }) => type),
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.stream !== undefined,
    connected: framework.stream !== undefined,
    recovered: framework.recovered,
  };
}

function frameworkView(framework: Framework): object {
  const { info } = framework;
  const active = [...framework.tasks.values()];
  const all = sumOf([...active.filter((task) => !isTerminal(task.state)), ...framework.offers]);
  return {
    ...frameworkHead(framework),
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredTime,
    unregistered_time: framework.unregisteredTime,
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: summariseBag(all),
    ...(framework.reregisteredTime === undefined ? {} : { reregistered_time: framework.reregisteredTime }),
    ...(framework.capabilities.multiRole ? { roles: framework.roles } : { role: framework.roles[0] ?? '*' }),
    tasks: active.map(taskView),
    unreachable_tasks: [...framework.unreachable.values()].map((task) => ({
      ...taskView(task),
      state: framework.capabilities.partitionAware ? 'TASK_UNREACHABLE' : 'TASK_LOST',
    })),
    completed_tasks: framework.completed.map((task) => completedView(framework.id, task)),
    offers: [...framework.offers].map(offerView),
    executors: [],
    offer_constraints: framework.constraints ?? {},
  };
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

/** A task shows what its agent knows; its statuses are what the scheduler has been told. */
export function taskView(task: Task): object {
  return completedView(task.framework.id, { ...task, agentId: task.agent.id });
}

/** A task that is over for its scheduler. */
export function completedView(frameworkId: string, task: CompletedTask): object {
  return {
    id: task.id,
    name: task.name,
    framework_id: frameworkId,
    executor_id: '',
    slave_id: task.agentId,
    state: task.state,
    resources: summariseBag(task.bag),
    role: task.role,
    statuses: task.statuses.map(statusView),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(task.details.labels?.labels === undefined ? {} : { labels: task.details.labels.labels }),
    ...(task.details.discovery === undefined ? {} : { discovery: task.details.discovery }),
    ...(task.details.container === undefined ? {} : { container: task.details.container }),
    ...(task.details.health_check === undefined ? {} : { health_check: task.details.health_check }),
  };
}

function statusView(status: StatusRecord): object {
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.containerStatus === undefined ? {} : { container_status: withoutPid(status.containerStatus) }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}

/** The read endpoints do not show the process of the executor. */
function withoutPid(status: NonNullable<StatusRecord['containerStatus']>): object {
  const { executor_pid: _hidden, ...shown } = status as { readonly executor_pid?: number };
  return shown;
}

/** The answer of /tasks: newest first unless `order=asc`, 100 unless `limit` says otherwise. */
export function tasksView(state: MasterState, query: URLSearchParams): object {
  const frameworkId = query.get('framework_id');
  const taskId = query.get('task_id');
  const found: { at: number; view: () => object }[] = [];
  for (const framework of [
    ...state.frameworks.values(),
    ...[...state.removed.values()].flatMap(({ record }) => record ?? []),
  ]) {
    if (frameworkId !== null && framework.id !== frameworkId) continue;
    for (const task of framework.tasks.values()) found.push({ at: firstTime(task), view: () => taskView(task) });
    for (const task of framework.unreachable.values()) found.push({ at: firstTime(task), view: () => taskView(task) });
    for (const task of framework.completed)
      found.push({ at: firstTime(task), view: () => completedView(framework.id, task) });
  }
  const sign = query.get('order') === 'asc' ? 1 : -1;
  found.sort((a, b) => sign * (a.at - b.at));
  const limit = Number(query.get('limit') ?? 100);
  const offset = Number(query.get('offset') ?? 0);
  const views = found.slice(offset, taskId === null ? offset + limit : undefined).map(({ view }) => view());
  return { tasks: taskId === null ? views : views.filter((view) => (view as { id: string }).id === taskId) };
}

const firstTime = (task: { readonly statuses: readonly StatusRecord[] }): number => task.statuses[0]?.timestamp ?? 0;
