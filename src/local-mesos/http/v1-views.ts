/** What the operator API shows, in the words of the v1 API (mesos-v1 §6.5). */
import { masterInfo, mesosVersion, offerJson } from '../master/events.ts';
import type { Agent, CompletedTask, Framework, MasterState, StatusRecord, Task } from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { addToBag, type Bag, isEmptyEntry, milliOf } from '../resources/bag.ts';
import { encodeBag, fullResource } from '../resources/wire.ts';
import { agentCapabilities } from './views.ts';

const nanoseconds = (seconds: number): object => ({ nanoseconds: Math.round(seconds * 1e9) });

const taskForm = { withAllocation: true, withReservations: true };

const fullBag = (bag: Bag, role?: string): object[] =>
  bag.filter((entry) => !isEmptyEntry(entry)).map((entry) => fullResource(entry, role));

export function statusV1(
  taskId: string,
  agentId: string,
  executorId: string | undefined,
  record: StatusRecord,
): object {
  const { state, message, source, reason, uuid, timestamp, healthy, checkStatus, containerStatus } = record;
  return {
    task_id: { value: taskId },
    state,
    ...(message === undefined ? {} : { message }),
    source,
    ...(reason === undefined ? {} : { reason }),
    agent_id: { value: agentId },
    ...(record.withExecutor ? { executor_id: { value: executorId ?? taskId } } : {}),
    timestamp,
    ...(uuid === undefined ? {} : { uuid }),
    ...(healthy === undefined ? {} : { healthy }),
    ...(checkStatus === undefined ? {} : { check_status: checkStatus }),
    ...(containerStatus === undefined ? {} : { container_status: containerStatus }),
  };
}

/** A task as the operator sees it, alive or not. */
export function taskV1(frameworkId: string, task: Omit<CompletedTask, 'unused'>): object {
  const { details, statuses } = task;
  const last = statuses.at(-1);
  return {
    name: task.name,
    task_id: { value: task.id },
    framework_id: { value: frameworkId },
    ...(task.executorId === undefined ? {} : { executor_id: { value: task.executorId } }),
    agent_id: { value: task.agentId },
    state: task.state,
    resources: JSON.parse(encodeBag(task.bag, task.role, taskForm)),
    ...(statuses.length === 0
      ? {}
      : { statuses: statuses.map((one) => statusV1(task.id, task.agentId, task.executorId, one)) }),
    ...(last === undefined ? {} : { status_update_state: last.state }),
    ...(last?.uuid === undefined ? {} : { status_update_uuid: last.uuid }),
    ...(details.labels === undefined ? {} : { labels: details.labels }),
    ...(details.discovery === undefined ? {} : { discovery: details.discovery }),
    ...(details.container === undefined ? {} : { container: details.container }),
    ...(details.health_check === undefined ? {} : { health_check: details.health_check }),
    ...(task.user === undefined ? {} : { user: task.user }),
  };
}

export const liveTaskV1 = (task: Task): object =>
  taskV1(task.framework.id, { ...task, agentId: task.agent.id, executorId: task.executor?.id });

/** What an agent says of itself. */
export function agentInfoV1(agent: Agent): object {
  return {
    hostname: agent.hostname,
    port: agent.port,
    resources: JSON.parse(encodeBag(agent.total, '', { withAllocation: false, withReservations: true })),
    ...(agent.attributes.length === 0 ? {} : { attributes: agent.attributes }),
    id: { value: agent.id },
    ...(agent.domain === undefined ? {} : { domain: agent.domain }),
  };
}

export function agentV1(agent: Agent): object {
  const used: Bag = [];
  const usedBy = new Map<string, Bag>();
  for (const task of usesOf(agent)) {
    addToBag(used, task.bag);
    const bag = usedBy.get(task.role) ?? [];
    addToBag(bag, task.bag);
    usedBy.set(task.role, bag);
  }
  const allocated = [...usedBy].flatMap(([role, bag]) => fullBag(bag, role));
  const offered = [...agent.offers].flatMap((offer) => fullBag(offer.bag, offer.role));
  return {
    agent_info: { ...agentInfoV1(agent), checkpoint: true },
    active: agent.link.state !== 'down' && !agent.deactivated,
    deactivated: agent.deactivated,
    version: mesosVersion,
    pid: `slave(${agent.number})@${agent.ip}:${agent.port}`,
    registered_time: nanoseconds(agent.registeredTime),
    ...(agent.reregisteredTime === undefined ? {} : { reregistered_time: nanoseconds(agent.reregisteredTime) }),
    total_resources: fullBag(agent.total),
    ...(allocated.length === 0 ? {} : { allocated_resources: allocated }),
    ...(offered.length === 0 ? {} : { offered_resources: offered }),
    capabilities: agentCapabilities.map((type) => ({ type })),
    ...(agent.drain === undefined ? {} : drainView(agent, used)),
  };
}

function drainView(agent: Agent, used: Bag): object {
  const { maxGraceMs, markGone, startedAt } = agent.drain ?? { maxGraceMs: undefined, markGone: false, startedAt: 0 };
  const isDrained = used.every(isEmptyEntry);
  return {
    drain_info: {
      state: isDrained ? 'DRAINED' : 'DRAINING',
      config: {
        ...(maxGraceMs === undefined ? {} : { max_grace_period: { nanoseconds: maxGraceMs * 1_000_000 } }),
        mark_gone: markGone,
      },
    },
    estimated_drain_start_time: nanoseconds(Math.floor(startedAt)),
  };
}

export function frameworkV1(framework: Framework): object {
  const allocated = new Map<string, Bag>();
  for (const task of usesOf(framework)) {
    const bag = allocated.get(task.role) ?? [];
    addToBag(bag, task.bag);
    allocated.set(task.role, bag);
  }
  const used = [...allocated].flatMap(([role, bag]) => fullBag(bag, role));
  const offers = [...framework.offers];
  return {
    framework_info: framework.info,
    active: framework.stream !== undefined,
    connected: framework.stream !== undefined,
    recovered: framework.recovered,
    registered_time: nanoseconds(framework.registeredTime),
    reregistered_time: nanoseconds(framework.reregisteredTime ?? framework.registeredTime),
    ...(framework.unregisteredTime === 0 ? {} : { unregistered_time: nanoseconds(framework.unregisteredTime) }),
    ...(offers.length === 0 ? {} : { offers: offers.map((offer) => JSON.parse(offerJson(offer))) }),
    ...(used.length === 0 ? {} : { allocated_resources: used }),
    ...(offers.length === 0 ? {} : { offered_resources: offers.flatMap((offer) => fullBag(offer.bag, offer.role)) }),
    offer_constraints: framework.constraints ?? {},
  };
}

const removedOf = (state: MasterState): readonly Framework[] =>
  [...state.removed.values()].flatMap(({ record }) => record ?? []);

/** Bodies of the reads, by type of call. */
export const reads: Readonly<Record<string, (state: MasterState) => object | undefined>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_AGENTS: (state) => ({
    agents: [...state.agents.values()].filter((agent) => agent.unreachableNs === undefined).map(agentV1),
    recovered_agents: [],
  }),
  GET_FRAMEWORKS: (state) => ({
    frameworks: [...state.frameworks.values()].map(frameworkV1),
    completed_frameworks: removedOf(state).map(frameworkV1),
  }),
  GET_EXECUTORS: (state) => executorsBody(state),
  GET_OPERATIONS: () => ({}),
  GET_TASKS: (state) => tasksBody(state),
  GET_STATE: (state) => ({
    get_tasks: tasksBody(state),
    get_executors: executorsBody(state),
    get_frameworks: reads['GET_FRAMEWORKS']?.(state),
    get_agents: reads['GET_AGENTS']?.(state),
  }),
  GET_ROLES: (state) => ({ roles: rolesOf(state).map((role) => roleV1(state, role)) }),
  GET_WEIGHTS: () => undefined,
  GET_QUOTA: () => ({ status: {} }),
  GET_MASTER: (state) => {
    const { startTime } = state.identity;
    return { master_info: masterInfo(state.identity), start_time: startTime, elected_time: startTime };
  },
};

function executorsBody(state: MasterState): object {
  const all = [...state.frameworks.values()].flatMap(({ executors }) => [...executors]);
  return {
    executors: all.map(({ info, framework, agent, bag, role }) => ({
      executor_info: { ...info, framework_id: { value: framework.id }, resources: fullBag(bag, role) },
      agent_id: { value: agent.id },
    })),
  };
}

function tasksBody(state: MasterState): object {
  const frameworks = [...state.frameworks.values()];
  const all = [...frameworks, ...removedOf(state)];
  const completed = all.flatMap((one) => one.completed.map((task) => taskV1(one.id, task)));
  const unreachable = frameworks.flatMap((one) => [...one.unreachable.values()].map(liveTaskV1));
  const active = frameworks.flatMap((one) => [...one.tasks.values()].map(liveTaskV1));
  return {
    tasks: active,
    unreachable_tasks: unreachable,
    completed_tasks: completed,
  };
}

/** Roles that somebody has: frameworks, or reservations. */
export function rolesOf(state: MasterState): readonly string[] {
  const roles = new Set<string>();
  for (const framework of state.frameworks.values()) {
    for (const role of framework.roles) roles.add(role);
    for (const task of framework.tasks.values()) roles.add(task.role);
  }
  for (const agent of state.agents.values()) for (const { role } of agent.total) if (role !== '*') roles.add(role);
  return [...roles].sort();
}

/** What a role holds, by scalar name: tasks, offers, reservations. */
export function holdingsOf(state: MasterState, role: string) {
  const allocated: Bag = [];
  const offered: Bag = [];
  const reserved: Bag = [];
  const frameworks: string[] = [];
  for (const framework of state.frameworks.values()) {
    let isMember = framework.roles.includes(role);
    for (const task of usesOf(framework)) {
      if (task.role !== role) continue;
      isMember = true;
      addToBag(allocated, task.bag);
    }
    for (const offer of framework.offers) if (offer.role === role) addToBag(offered, offer.bag);
    if (isMember) frameworks.push(framework.id);
  }
  for (const agent of state.agents.values()) {
    addToBag(reserved, role === '*' ? [] : agent.total.filter((entry) => entry.role === role));
  }
  return { allocated, offered, reserved, frameworks };
}

function roleV1(state: MasterState, role: string): object {
  const { allocated, offered, frameworks } = holdingsOf(state, role);
  const all: Bag = [];
  addToBag(all, allocated);
  addToBag(all, offered);
  const resources = ['cpus', 'disk', 'gpus', 'mem']
    .map((name) => ({ name, type: 'SCALAR', scalar: { value: milliOf(all, name) / 1000 } }))
    .filter(({ scalar }) => scalar.value > 0);
  return {
    name: role,
    weight: 1,
    ...(frameworks.length === 0 ? {} : { frameworks: frameworks.map((value) => ({ value })) }),
    ...(resources.length === 0 ? {} : { resources }),
  };
}
