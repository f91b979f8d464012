/** What the operator API shows, in the words of the v1 API (mesos-v1 §6.5). */
import { masterInfo, mesosVersion, offerJson } from '../master/events.ts';
import type { Agent, CompletedTask, Executor, Framework, MasterState, StatusRecord, Task } from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { addToBag, type Bag, bagOf, isEmptyBag, isEmptyEntry, milliOf } from '../resources/bag.ts';
import { encodeBag, fullResource } from '../resources/wire.ts';
import { expressed } from './express.ts';
import { holdingsOf, rolesOf } from './roles.ts';
import { limitsV1, masterStateOf } from './task-views.ts';
import {
  agentCapabilities,
  drainInfo,
  frameworksHere,
  frameworksOver,
  isActive,
  slavesExpected,
  slavesHere,
  tasksHere,
  timesOf,
  usesHere,
} from './views.ts';

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
    ...(record.labels === undefined ? {} : { labels: expressed('labels', record.labels) }),
  };
}

/** A task as the operator sees it, alive or not. */
export function taskV1(frameworkId: string, task: Omit<CompletedTask, 'unused'>): object {
  const { statuses } = task;
  const { labels, discovery, container, health_check, kill_policy } = task.details;
  const limits = limitsV1(task.details.limits);
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
    ...(labels === undefined ? {} : { labels: expressed('labels', labels) }),
    ...(discovery === undefined ? {} : { discovery: expressed('discovery', discovery) }),
    ...(container === undefined ? {} : { container: expressed('container', container as object) }),
    ...(health_check === undefined ? {} : { health_check }),
    ...(kill_policy === undefined ? {} : { kill_policy }),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(limits === undefined ? {} : { limits }),
  };
}

/** A task as its agent knows it. */
export const liveTaskV1 = (task: Task): object =>
  taskV1(task.framework.id, { ...task, agentId: task.agent.id, executorId: task.executor?.id });

/** A task as the master sees it. */
export const masterTaskV1 = (task: Task): object => ({ ...liveTaskV1(task), state: masterStateOf(task) });

/** What an agent says of itself; reservations that were made since are no part of it. */
export function agentInfoV1(agent: Agent): object {
  return {
    hostname: agent.hostname,
    port: agent.port,
    resources: JSON.parse(encodeBag(bagOf(agent.resources), '', { withAllocation: false, withReservations: true })),
    ...(agent.attributes.length === 0 ? {} : { attributes: agent.attributes }),
    id: { value: agent.id },
    ...(agent.domain === undefined ? {} : { domain: agent.domain }),
  };
}

export function agentV1(agent: Agent): object {
  const usedBy = new Map<string, Bag>();
  for (const task of usesOf(agent)) {
    const bag = usedBy.get(task.role) ?? [];
    addToBag(bag, task.bag);
    usedBy.set(task.role, bag);
  }
  const allocated = [...usedBy].flatMap(([role, bag]) => fullBag(bag, role));
  const offered = [...agent.offers].flatMap((offer) => fullBag(offer.bag, offer.role));
  return {
    agent_info: { ...agentInfoV1(agent), checkpoint: true },
    active: isActive(agent),
    deactivated: agent.deactivated,
    version: mesosVersion,
    pid: `slave(${agent.number})@${agent.ip}:${agent.port}`,
    registered_time: nanoseconds(agent.registeredTime),
    ...(agent.reregisteredTime === undefined ? {} : { reregistered_time: nanoseconds(agent.reregisteredTime) }),
    total_resources: fullBag(agent.total),
    ...(allocated.length === 0 ? {} : { allocated_resources: allocated }),
    ...(offered.length === 0 ? {} : { offered_resources: offered }),
    capabilities: agentCapabilities.map((type) => ({ type })),
    ...(agent.drain && {
      drain_info: drainInfo(agent),
      estimated_drain_start_time: nanoseconds(Math.floor(agent.drain.startedAt)),
    }),
  };
}

export function frameworkV1(state: MasterState, framework: Framework): object {
  const allocated = new Map<string, Bag>();
  for (const task of usesHere(state, framework)) {
    const bag = allocated.get(task.role) ?? [];
    addToBag(bag, task.bag);
    allocated.set(task.role, bag);
  }
  const used = [...allocated].flatMap(([role, bag]) => fullBag(bag, role));
  const offers = [...framework.offers];
  const { registered, reregistered } = timesOf(framework);
  return {
    framework_info: expressed('framework', framework.info),
    active: framework.stream !== undefined,
    connected: framework.stream !== undefined,
    recovered: framework.recovered,
    ...(registered === 0 ? {} : { registered_time: nanoseconds(registered) }),
    ...(reregistered === 0 ? {} : { reregistered_time: nanoseconds(reregistered) }),
    ...(framework.unregisteredTime === 0 ? {} : { unregistered_time: nanoseconds(framework.unregisteredTime) }),
    ...(offers.length === 0 ? {} : { offers: offers.map((offer) => JSON.parse(offerJson(offer))) }),
    ...(used.length === 0 ? {} : { allocated_resources: used }),
    ...(offers.length === 0 ? {} : { offered_resources: offers.flatMap((offer) => fullBag(offer.bag, offer.role)) }),
    offer_constraints: framework.constraints ?? {},
  };
}

/** Bodies of the reads, by type of call. */
export const reads: Readonly<Record<string, (state: MasterState) => object | undefined>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_AGENTS: (state) => ({
    agents: slavesHere(state).map(agentV1),
    recovered_agents: slavesExpected(state).map((agent) => ({ ...agentInfoV1(agent), checkpoint: true })),
  }),
  GET_FRAMEWORKS: (state) => ({
    frameworks: frameworksHere(state).map((framework) => frameworkV1(state, framework)),
    completed_frameworks: frameworksOver(state).map((framework) => frameworkV1(state, framework)),
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
  const all = state.recovering ? [] : frameworksHere(state).flatMap(({ executors }) => [...executors]);
  return {
    executors: all.map((executor) => ({ ...executorV1(executor), agent_id: { value: executor.agent.id } })),
  };
}

/** An executor with what it holds beside its tasks. */
export const executorV1 = ({ info, framework, bag, role }: Executor): object => ({
  executor_info: {
    ...expressed('executor', info),
    framework_id: { value: framework.id },
    ...(isEmptyBag(bag) ? {} : { resources: JSON.parse(encodeBag(bag, role, taskForm)) }),
  },
});

function tasksBody(state: MasterState): object {
  const frameworks = frameworksHere(state);
  const all = [...frameworks, ...frameworksOver(state)];
  return {
    tasks: frameworks.flatMap((one) => [...tasksHere(state, one)].map(masterTaskV1)),
    unreachable_tasks: frameworks.flatMap((one) => [...one.unreachable.values()].map(masterTaskV1)),
    completed_tasks: all.flatMap((one) => one.completed.map((task) => taskV1(one.id, task))),
  };
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
