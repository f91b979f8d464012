/** The scheduler: one session with Mesos. It routes updates to instances and offers to whoever waits, and supervises the subtree. */

import type { MarathonEvent } from '../core/events.ts';
import { appIdOfInstance, parseTaskId } from '../core/ids.ts';
import { conditionOf, isKnownState } from '../core/instance/condition.ts';
import { isTerminal } from '../core/instance/instance.ts';
import type { TaskStatus } from '../core/mesos/types.ts';
import { InvariantError } from '../core/result.ts';
import type { Stray } from '../core/task/stray.ts';
import { unknownTask } from '../core/task/unknown.ts';
import { timestamp } from '../core/time.ts';
import { AgentBook } from './agent-book.ts';
import { DemandBook } from './demand-book.ts';
import type { Effect } from './effects.ts';
import { perform, tell } from './effects.ts';
import { abandoned, isPremature, matchOffers, provisioned, release } from './offer-cycle.ts';
import { noteDemand, reviewDemand, reviveDue } from './offer-demand.ts';
import { placementView, watcherOf } from './placement-view.ts';
import type { MesosEvent } from './ports.ts';
import type { SchedulerMessage, Waiting } from './protocol.ts';
import { answered, reconcileAll, reconcileRest, reconcileStalled, takenUp } from './reconciliation.ts';
import type { Behaviour, Context } from './runtime/types.ts';
import type { Assembled, SchedulerState } from './scheduler-state.ts';
import type { Services } from './services.ts';
import { StrayBook } from './stray-book.ts';
import { agentsSeen, noteStray, strayHeard, straysAnew, straysDue } from './strays.ts';
import { TaskIndex } from './task-index.ts';
import { updateCounter } from './update-counter.ts';

/** Tasks of refused ACCEPTs that Mesos has not spoken of yet; beyond it they fail without the reason. */
const maxRefusedKept = 10_000;

/** Stored tasks that the book of agents hears of in a turn: some 2 ms. */
const notedPerTurn = 1_000;

type Ctx = Context<SchedulerMessage>;

export interface SchedulerProps {
  /** Spawns the subtree below the scheduler and wires it. */
  readonly assemble: (context: Ctx) => Assembled;
  /** The stored framework id. */
  readonly frameworkId: string | undefined;
  /** Stored ones. */
  readonly strays: readonly Stray[];
  /** What happens right after the subtree stands. */
  readonly begin: (services: Services, context: Ctx) => void;
}

/** The supervisor of everything that a leader runs. */
export function schedulerBehaviour(props: SchedulerProps): Behaviour<SchedulerState, SchedulerMessage> {
  return {
    initial: (context) => {
      const { services, placed } = props.assemble(context);
      const agents = new AgentBook();
      const state: SchedulerState = {
        services,
        tasks: new TaskIndex(watcherOf(agents, services, context.clock.now)),
        demand: new DemandBook(),
        agents,
        session: 0,
        frameworkId: props.frameworkId,
        masterRegion: undefined,
        isConnected: false,
        held: new Map(),
        pending: new Map(),
        refused: new Map(),
        told: new Map(),
        revivedAtMs: Number.NEGATIVE_INFINITY,
        isReviewDue: false,
        fresh: new Set(),
        toRevive: new Set(),
        revived: new Set(),
        revives: 0,
        isOffered: false,
        unreconciled: new Set(),
        isTakenUp: false,
        strays: new StrayBook(props.strays),
        reconcileRound: 0,
        reconciling: undefined,
      };
      services.views.showQueue(() => state.demand.entries());
      services.views.showPlacement(placementView(state));
      context.metrics.gauge('debug.offer-matcher.queue.size', () => state.demand.size);
      context.metrics.gauge('debug.offer-matcher.refusals.size', () => state.demand.refusalsKept);
      context.metrics.gauge('debug.agents.known', () => agents.size);
      context.metrics.gauge('debug.launches.refused', () => state.refused.size);
      context.metrics.gauge('instances.strays', () => state.strays.size);
      context.metrics.gauge('debug.offers.held', () => state.held.size + state.pending.size);
      state.tasks.load(placed);
      context.self.tell({ type: 'connect' });
      props.begin(services, context);
      return state;
    },
    receive: (state, message, context) => {
      handle(state, message, context);
      return state;
    },
    onFailure: () => 'stop',
  };
}

function handle(state: SchedulerState, message: SchedulerMessage, context: Ctx): void {
  switch (message.type) {
    case 'mesos':
      mesosEvent(state, message.event, context);
      return;
    case 'demand':
      state.demand.add(message.app, message.waiting, message.notBeforeMs, context.clock.now());
      noteDemand(state, context, rolesOf(message.waiting));
      return;
    case 'demandChanged':
      state.demand.change(message.app, message.notBeforeMs);
      noteDemand(state, context);
      return;
    case 'demandEnded':
      state.demand.remove(message.appId, message.instanceIds);
      noteDemand(state, context);
      return;
    case 'placed':
      state.tasks.put(message.placed);
      return;
    case 'unplaced':
      state.tasks.remove(message.appId, message.instanceId, message.taskId);
      if (message.taskId !== undefined) state.unreconciled.delete(message.taskId);
      if (message.stray) noteStray(state, message.stray, true, context);
      state.demand.confirmed(message.appId, message.instanceId);
      abandoned(state, message.instanceId);
      return;
    case 'provisioned':
      provisioned(state, message);
      noteDemand(state, context);
      return;
    case 'acceptReleased':
      release(state, message, context);
      return;
    case 'reviewDemand':
      reviewDemand(state, context);
      return;
    case 'matchOffers':
      matchOffers(state, context);
      return;
    case 'reviveDue':
      reviveDue(state, context, message.isRepeat);
      return;
    case 'backoffEnded':
      noteDemand(state, context, state.demand.wantedRoles(context.clock.now()));
      return;
    case 'connect':
      connect(state, context);
      context.self.tell({ type: 'noteStored' });
      return;
    case 'noteStored':
      if (state.tasks.tellStored(notedPerTurn)) context.self.tell({ type: 'noteStored' });
      return;
    case 'takenUp':
      takenUp(state, context);
      return;
    case 'reconcileDue':
      if (message.isAll) reconcileAll(state, context, false);
      else reconcileRest(state, context);
      return;
    case 'reconcileStalled':
      reconcileStalled(state, context);
      return;
    case 'straysDue':
      straysDue(state, context);
      return;
    case 'frameworkStored':
      state.frameworkId = message.frameworkId;
      return;
    case 'childFailed':
      throw new InvariantError(`${message.name} failed`, { cause: message.error });
  }
}

const rolesOf = (waiting: readonly Waiting[]): ReadonlySet<string> => new Set(waiting.map(({ role }) => role));

/** Not before every stored task can be told from an unknown one, which would be killed. */
function connect({ services, frameworkId }: SchedulerState, context: Ctx): void {
  services.link.start(frameworkId, (event) => {
    context.self.tell({ type: 'mesos', event });
  });
}

function mesosEvent(state: SchedulerState, event: MesosEvent, context: Ctx): void {
  switch (event.type) {
    case 'subscribed':
      subscribed(state, event, context);
      return;
    case 'offers':
      state.isOffered = true;
      // What agents have in all is what they offer and what our tasks hold: all of these must be known by then.
      state.tasks.tellStored();
      if (state.held.size === 0 && event.offers.length > 0) context.self.tell({ type: 'matchOffers' });
      for (const offer of event.offers) {
        state.held.set(offer.id.value, offer);
        state.agents.offered(offer, context.clock.now());
      }
      agentsSeen(state, event.offers, context);
      return;
    case 'rescinded': {
      state.agents.rescinded(event.offerId);
      state.held.delete(event.offerId);
      const pending = state.pending.get(event.offerId);
      if (pending) pending.isRescinded = true;
      return;
    }
    case 'statusUpdate':
      statusUpdate(state, event.status, context);
      return;
    case 'disconnected':
      disconnected(state, event.reason, context);
      return;
    case 'acceptFailed':
      context.logger.warn('mesos.accept-failed', { tasks: event.taskIds.length, reason: event.reason });
      for (const taskId of event.taskIds) state.unreconciled.add(taskId);
      reconcileRest(state, context);
      return;
    case 'acceptRefused':
      acceptRefused(state, event, context);
      return;
    case 'offersInDoubt':
      // To decline what is spent does no harm; what is not would be held by nobody until the session ends.
      if (state.services.link.isConnected()) state.services.link.decline(event.offerIds, 0);
      return;
    case 'agentFailure':
      context.logger.info('mesos.agent-failure', {
        agent: event.agentId,
        executor: event.executorId,
        status: event.status,
      });
      if (event.executorId === undefined && event.agentId !== undefined) state.agents.lost(event.agentId);
      return;
    case 'frameworkMessage':
      publish(state, {
        eventType: 'framework_message_event',
        timestamp: timestamp(context.clock.now()),
        executorId: event.executorId,
        slaveId: event.agentId,
        message: [...new Int8Array(Buffer.from(event.data, 'base64'))],
      });
      return;
    case 'frameworkRemoved':
      context.logger.error('mesos.framework-removed', { framework: state.frameworkId, reason: event.reason });
      disconnected(state, event.reason, context);
      return;
  }
}

const publish = (state: SchedulerState, event: MarathonEvent): void => {
  state.services.journal.tell({ type: 'write', records: [], events: [event], effects: [] });
};

type Subscribed = Extract<MesosEvent, { type: 'subscribed' }>;

function subscribed(state: SchedulerState, event: Subscribed, context: Ctx): void {
  const { services } = state;
  const at = timestamp(context.clock.now());
  forgetSession(state);
  state.isConnected = true;
  state.told.clear();
  state.masterRegion = event.master?.domain?.fault_domain?.region.name;
  const { frameworkId, masterAddress } = event;
  // The host alone, as Marathon has it (rest-api §10.4).
  const master = event.master?.hostname ?? masterAddress.replace(/:\d+$/, '');
  context.logger.info('mesos.subscribed', { framework: frameworkId, master: masterAddress, session: state.session });
  services.views.touch();
  const isKnown = state.frameworkId === frameworkId;
  services.journal.tell({
    type: 'write',
    records: isKnown ? [] : [{ kind: 'meta', key: 'frameworkId', value: { frameworkId } }],
    events: [
      isKnown
        ? { eventType: 'scheduler_reregistered_event', timestamp: at, master }
        : { eventType: 'scheduler_registered_event', timestamp: at, frameworkId, master },
    ],
    effects: isKnown ? [] : [tell(services.scheduler, { type: 'frameworkStored', frameworkId })],
  });
  reconcileAll(state, context, true);
  straysAnew(state, context);
  services.kills.tell({ type: 'connected' });
  noteDemand(state, context);
}

function disconnected(state: SchedulerState, reason: string, context: Ctx): void {
  forgetSession(state);
  if (!state.isConnected) return;
  state.isConnected = false;
  context.logger.warn('mesos.disconnected', { reason });
  state.services.views.touch();
  publish(state, { eventType: 'scheduler_disconnected_event', timestamp: timestamp(context.clock.now()) });
}

/** Offers die with their session; launches that are not out yet never go out. */
function forgetSession(state: SchedulerState): void {
  state.session++;
  state.held.clear();
  state.agents.sessionOver();
  state.reconciling = undefined;
}

type AcceptRefused = Extract<MesosEvent, { type: 'acceptRefused' }>;

/** Of the tasks Mesos is asked, as of those of an ACCEPT that got lost (C-23). */
function acceptRefused(state: SchedulerState, { taskIds, reason }: AcceptRefused, context: Ctx): void {
  context.logger.warn('mesos.accept-refused', { tasks: taskIds.length, reason });
  for (const taskId of taskIds) {
    if (state.refused.size < maxRefusedKept) state.refused.set(taskId, reason);
    state.unreconciled.add(taskId);
  }
  reconcileRest(state, context);
}

/**
 * What Mesos could not read it will not read the next time either: when it says that it does not know such a task, the launch
 * has failed, so that backoff counts and the user finds the reason.
 */
function withRefusal({ refused }: SchedulerState, status: TaskStatus): TaskStatus {
  const taskId = status.task_id.value;
  const reason = refused.get(taskId);
  if (reason === undefined) return status;
  refused.delete(taskId);
  return isTerminal(conditionOf(status))
    ? { ...status, state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message: `Mesos refused the launch: ${reason}` }
    : status;
}

function statusUpdate(state: SchedulerState, told: TaskStatus, context: Ctx): void {
  const status = state.refused.size === 0 ? told : withRefusal(state, told);
  const taskId = status.task_id.value;
  context.metrics.count(updateCounter(status.state));
  if (!isKnownState(status.state)) {
    notUnderstood(state, status, context);
    return;
  }
  if (state.strays.size > 0 && strayHeard(state, status, conditionOf(status))) return;
  const placed = state.tasks.get(taskId);
  if (placed && isPremature(state, placed, status, context)) return;
  answered(state, taskId, context);
  // Now, and not when the instance has heard of it: the offer that gives the resources back may be right behind.
  if (isTerminal(conditionOf(status))) state.agents.vacated(taskId, context.clock.now());
  if (placed) {
    state.demand.confirmed(placed.appId, placed.instanceId);
    placed.ref.tell({ type: 'mesosUpdate', status });
    return;
  }
  const instanceId = parseTaskId(taskId)?.instanceId;
  const owner = instanceId && state.tasks.instance(instanceId);
  if (owner) owner.tell({ type: 'mesosUpdate', status });
  else unknown(state, status, instanceId, context);
}

/** Its task may well be alive, so nothing is done about it; a later update or the next question will tell. */
function notUnderstood(
  { services }: SchedulerState,
  { state, task_id, agent_id, uuid }: TaskStatus,
  context: Ctx,
): void {
  const agentId = agent_id?.value;
  context.logger.warn('mesos.unknown-state', { task: task_id.value, state });
  if (uuid !== undefined && agentId !== undefined) services.link.acknowledge(task_id.value, agentId, uuid);
}

function unknown(state: SchedulerState, status: TaskStatus, instanceId: string | undefined, context: Ctx): void {
  const { journal, link, kills } = state.services;
  const taskId = status.task_id.value;
  const agentId = status.agent_id?.value;
  const condition = conditionOf(status);
  const action = unknownTask(condition);
  context.logger.info('task.unknown', { task: taskId, state: status.state, action });
  if (condition === 'Unreachable' && agentId !== undefined && !state.strays.has(taskId)) {
    noteStray(state, { taskId, agentId, sinceMs: context.clock.now() }, false, context);
  }
  const { uuid } = status;
  const effects: Effect[] = [];
  if (uuid !== undefined && agentId !== undefined) {
    effects.push(perform('acknowledge', () => link.acknowledge(taskId, agentId, uuid)));
  }
  // Its instance may have been forgotten a moment ago: no kill overtakes that on its way to the store.
  if (action === 'kill') effects.push(tell(kills, { type: 'kill', taskId, agentId, reason: 'unknown task' }));
  else kills.tell({ type: 'ended', taskId });
  const event: MarathonEvent = {
    eventType: 'unknown_instance_terminated_event',
    timestamp: timestamp(context.clock.now()),
    instanceId: instanceId ?? taskId,
    runSpecId: (instanceId && appIdOfInstance(instanceId)) ?? '/',
    condition,
  };
  journal.tell({ type: 'write', records: [], events: action === 'publish' ? [event] : [], effects });
}
