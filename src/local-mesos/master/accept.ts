/** ACCEPT: offers become running tasks (mesos-v1 §4.4). */
import type { MesosHealthCheck, MesosTaskState, TaskInfo } from '../../core/mesos/types.ts';
import { addToBag, type Bag, takeFromBag } from '../resources/bag.ts';
import type { Allocator } from './allocator.ts';
import type { AcceptCall, OfferOperation } from './calls.ts';
import { updateEvent } from './events.ts';
import { type Framework, type MasterState, nowSeconds, type OfferRecord, type Task } from './model.ts';
import { convertResources, isConversion } from './offer-operations.ts';
import type { OperationFeedback } from './operation-feedback.ts';
import { type LaunchContext, validateTask } from './task-validation.ts';

/** Uses up the offers, launches what is valid, and returns the rest under the call's filter. */
export function acceptOffers(
  state: MasterState,
  allocator: Allocator,
  feedback: OperationFeedback,
  framework: Framework,
  call: AcceptCall,
): void {
  const ids = (call.offer_ids ?? []).map(({ value }) => value);
  const offers = ids.map((id) => state.offers.get(id)).filter((offer) => offer?.framework === framework);
  const refusal = refuseOffers(ids, state, framework);
  const first = offers[0];
  if (refusal !== undefined || first === undefined) {
    for (const offer of new Set(offers)) if (offer !== undefined) release(allocator, offer);
    for (const operation of call.operations ?? [])
      refuseOperation(feedback, framework, operation, refusal ?? 'No offers specified');
    return;
  }
  const available: Bag = [...first.bag];
  for (const offer of offers) {
    if (offer === undefined) continue;
    allocator.take(offer);
    if (offer !== first) addToBag(available, offer.bag);
  }
  const context: LaunchContext = { framework, agent: first.agent, role: first.role, available };
  const made: Bag = [];
  for (const operation of call.operations ?? []) perform(state, feedback, context, operation, made);
  // What has come into being is offered again whatever the filter says.
  const fresh = available.filter(({ key }) => made.some((entry) => entry.key === key));
  const rest = available.filter((entry) => !fresh.includes(entry));
  allocator.putBack(first, rest, call.filters?.refuse_seconds);
  if (fresh.length > 0) allocator.putBack(first, fresh, 0);
}

/** An offer of a call that failed goes back without a filter. */
function release(allocator: Allocator, offer: OfferRecord): void {
  allocator.take(offer);
  allocator.putBack(offer, offer.bag, 0);
}

function refuseOffers(ids: readonly string[], state: MasterState, framework: Framework): string | undefined {
  if (ids.length === 0) return 'No offers specified';
  const seen = new Set<string>();
  let first: OfferRecord | undefined;
  for (const id of ids) {
    if (seen.has(id)) return `Duplicate offer ${id} in offer list`;
    seen.add(id);
  }
  for (const id of ids) {
    const offer = state.offers.get(id);
    if (offer === undefined) return `Offer ${id} is no longer valid`;
    if (offer.framework !== framework) {
      return `Offer ${id} has invalid framework ${offer.framework.id} while framework ${framework.id} is expected`;
    }
    first ??= offer;
    if (offer.role !== first.role) {
      return `Aggregated offers must be allocated to the same role. Offer ${id} uses role '${offer.role}' but another is using role '${first.role}'`;
    }
    if (offer.agent !== first.agent) {
      return `Aggregated offers must belong to one single agent. Offer ${id} uses agent ${offer.agent.id} and agent ${first.agent.id}`;
    }
  }
  return undefined;
}

function tasksOf(operation: OfferOperation): readonly TaskInfo[] {
  if (operation.type === 'LAUNCH') return operation.launch?.task_infos ?? [];
  if (operation.type === 'LAUNCH_GROUP') return operation.launch_group?.task_group.tasks ?? [];
  return [];
}

function refuseOperation(
  feedback: OperationFeedback,
  framework: Framework,
  operation: OfferOperation,
  detail: string,
): void {
  const lost: MesosTaskState = framework.capabilities.partitionAware ? 'TASK_DROPPED' : 'TASK_LOST';
  for (const task of tasksOf(operation)) {
    sendRefusal(framework, task, lost, 'REASON_INVALID_OFFERS', `Task launched with invalid offers: ${detail}`);
  }
  refuseById(feedback, framework, operation, `Operation attempted with invalid offers: ${detail}`);
}

/** Operations other than launches are answered only when they carry an id. */
function refuseById(
  feedback: OperationFeedback,
  framework: Framework,
  operation: OfferOperation,
  message: string,
): void {
  if (operation.id === undefined || tasksOf(operation).length > 0) return;
  feedback.refused(framework, operation.id.value, message);
}

function perform(
  state: MasterState,
  feedback: OperationFeedback,
  context: LaunchContext,
  operation: OfferOperation,
  made: Bag,
): void {
  const { framework } = context;
  if (operation.type === 'LAUNCH') {
    for (const task of tasksOf(operation)) launch(state, context, task, operation.id !== undefined);
    return;
  }
  if (operation.type === 'LAUNCH_GROUP') {
    const message = 'Task groups are not supported by this agent';
    for (const task of tasksOf(operation)) {
      sendRefusal(framework, task, 'TASK_ERROR', 'REASON_TASK_GROUP_INVALID', message);
      state.counters.add('master/tasks_error');
    }
    return;
  }
  if (isConversion(operation.type)) {
    const converted = convertResources(operation, context);
    if ('refusal' in converted) refuseById(feedback, framework, operation, converted.refusal);
    else {
      addToBag(made, converted.made);
      state.keeper?.clusterChanged();
      if (operation.id !== undefined) feedback.finished(framework, operation.id.value, context.agent);
    }
    return;
  }
  refuseById(feedback, framework, operation, `${operation.type ?? 'UNKNOWN'} is not supported by this agent`);
}

function launch(state: MasterState, context: LaunchContext, info: TaskInfo, withOperationId: boolean): void {
  const { framework, agent, role, available } = context;
  const verdict = withOperationId
    ? { refusal: 'The `id` field cannot be set on LAUNCH operations' }
    : validateTask(info, context);
  if ('refusal' in verdict) {
    state.counters.add('master/tasks_error');
    sendRefusal(framework, info, 'TASK_ERROR', 'REASON_TASK_INVALID', verdict.refusal);
    return;
  }
  takeFromBag(available, verdict.bag);
  const task: Task = {
    id: info.task_id.value,
    name: info.name,
    framework,
    agent,
    role,
    bag: verdict.bag,
    details: taskDetails(info),
    state: 'TASK_STAGING',
    statuses: [],
    pending: [],
    freed: false,
    launchLost: false,
    user: info.command?.user,
    graceMs: taskGraceMs(info),
  };
  framework.tasks.set(task.id, task);
  agent.tasks.add(task);
  state.counters.add('master/tasks_launched');
  state.watchers.tell({ type: 'taskAdded', task });
  const order = {
    task: info,
    frameworkId: framework.id,
    agentId: agent.id,
    hostname: agent.hostname,
    user: framework.info.user,
  };
  state.keeper?.taskLaunched(task, order);
  agent.link.send({
    deliver: () => agent.runner.launch(order, framework.report),
    lost: () => {
      task.launchLost = true;
    },
  });
}

/** The grace of its kill policy. */
export function taskGraceMs({ kill_policy }: TaskInfo): number | undefined {
  const nanoseconds = kill_policy?.grace_period?.nanoseconds;
  return nanoseconds === undefined ? undefined : nanoseconds / 1e6;
}

const noDetails: Task['details'] = {};

/** What the read endpoints show of a task; the rest of its description is not kept. */
export function taskDetails({ labels, discovery, container, health_check, limits }: TaskInfo): Task['details'] {
  if (labels === undefined && discovery === undefined && container === undefined && health_check === undefined) {
    if (limits === undefined) return noDetails;
  }
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(discovery === undefined ? {} : { discovery }),
    ...(container === undefined ? {} : { container }),
    ...(health_check === undefined ? {} : { health_check: withDefaults(health_check) }),
    ...(limits === undefined ? {} : { limits }),
  };
}

/** Members with a default are always written (mesos-v1 §1.11). */
function withDefaults(check: MesosHealthCheck): MesosHealthCheck {
  const { command, http, tcp } = check;
  const protocolOf = (protocol: string | undefined): string => (/^ipv6$/i.test(protocol ?? '') ? 'IPv6' : 'IPv4');
  return {
    ...check,
    ...(command === undefined ? {} : { command: { ...command, shell: command.shell ?? true } }),
    ...(http === undefined ? {} : { http: { ...http, protocol: protocolOf(http.protocol) } }),
    ...(tcp === undefined ? {} : { tcp: { ...tcp, protocol: protocolOf(tcp.protocol) } }),
  };
}

function sendRefusal(
  framework: Framework,
  task: TaskInfo,
  state: MesosTaskState,
  reason: string,
  message: string,
): void {
  framework.stream?.send(
    updateEvent({
      taskId: task.task_id.value,
      state,
      message,
      source: 'SOURCE_MASTER',
      reason,
      agentIdJson: JSON.stringify(task.agent_id.value),
      timestamp: nowSeconds(),
    }),
  );
}
