/** ACCEPT: offers become running tasks (mesos-v1 §4.4). */
import type { MesosTaskState, Resource, TaskInfo } from '../../core/mesos/types.ts';
import type { ExecutorInfo } from '../executor/control.ts';
import { addToBag, type Bag } from '../resources/bag.ts';
import type { Allocator } from './allocator.ts';
import type { AcceptCall, OfferOperation } from './calls.ts';
import type { Executors } from './executors.ts';
import { launch, launchGroup, sendRefusal } from './launch.ts';
import type { Framework, MasterState, OfferRecord } from './model.ts';
import { convertResources, isConversion } from './offer-operations.ts';
import type { OperationFeedback } from './operation-feedback.ts';
import { type LaunchContext, operationFault } from './task-validation.ts';

/** The parts of the master that an ACCEPT concerns. */
export interface Parts {
  readonly state: MasterState;
  readonly allocator: Allocator;
  readonly feedback: OperationFeedback;
  readonly executors: Executors;
}

/** Uses up the offers, launches what is valid, and returns the rest under the call's filter. */
export function acceptOffers(parts: Parts, framework: Framework, call: AcceptCall): void {
  const { state, allocator, feedback } = parts;
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
  for (const operation of call.operations ?? []) perform(parts, context, operation, made);
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

/** Everything that a launch asks for, also for the executors. */
function* resourcesOf(operation: OfferOperation): Iterable<Resource> {
  for (const task of tasksOf(operation)) {
    yield* task.resources ?? [];
    yield* (task.executor as ExecutorInfo | undefined)?.resources ?? [];
  }
  yield* operation.launch_group?.executor.resources ?? [];
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

function perform(parts: Parts, context: LaunchContext, operation: OfferOperation, made: Bag): void {
  const { state, feedback } = parts;
  const { framework } = context;
  const fault = operationFault(resourcesOf(operation));
  if (fault !== undefined) {
    const reason = operation.type === 'LAUNCH' ? 'REASON_TASK_INVALID' : 'REASON_TASK_GROUP_INVALID';
    for (const task of tasksOf(operation)) {
      state.counters.add('master/tasks_error');
      sendRefusal(framework, task, 'TASK_ERROR', reason, fault);
    }
    return;
  }
  if (operation.type === 'LAUNCH') {
    for (const task of tasksOf(operation)) launch(parts, context, task, operation.id !== undefined);
    return;
  }
  if (operation.type === 'LAUNCH_GROUP') {
    if (operation.launch_group !== undefined)
      launchGroup(parts, context, operation.launch_group, operation.id !== undefined);
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
