/**
 * From offers to launches: matches what is held against what waits, lets the instances become durable, and only then accepts. Every
 * offer is used or declined exactly once, or dies with its session.
 */
import type { InstanceId } from '../core/ids.ts';
import { conditionOf } from '../core/instance/condition.ts';
import { isTerminal } from '../core/instance/instance.ts';
import type { Offer, TaskStatus } from '../core/mesos/types.ts';
import type { MatchSettings, PlannedLaunch } from '../core/offer/demand.ts';
import { match } from '../core/offer/match.ts';
import { tell } from './effects.ts';
import type { Placed, SchedulerMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import type { PendingAccept, SchedulerState } from './scheduler-state.ts';

/** Offers matched in one turn; the rest follows in the next, so that a flood of offers does not hold up everything else. */
const offersPerPass = 16;
/** Instances of one app that one pass looks at: few enough that the first are on their way while the others are matched. */
const waitingPerPass = 500;
/**
 * Launches of one pass, of all apps together. One costs some 100 µs of this thread until it is on its way: more of them in a turn, and
 * whoever else needs the thread (probes, the session with ZooKeeper) waits for seconds.
 */
export const launchesPerPass = 1_000;

type Ctx = Context<SchedulerMessage>;

/** Apps stay in the region of the master, which only the master knows (behaviour §2.4). */
export const matchSettings = ({ services, masterRegion }: SchedulerState): MatchSettings =>
  masterRegion === undefined ? services.settings.match : { ...services.settings.match, masterRegion };

/** One pass over the offers at hand. */
export function matchOffers(state: SchedulerState, context: Ctx): void {
  const { held, services, demand } = state;
  if (held.size === 0) return;
  const nowMs = context.clock.now();
  const offers: Offer[] = [];
  for (const offer of held.values()) {
    if (offers.length >= offersPerPass) break;
    held.delete(offer.id.value);
    offers.push(offer);
  }
  const eligible = [...demand.eligible(nowMs, waitingPerPass)];
  const startedMs = context.clock.monotonic();
  const result = match({
    offers,
    demands: eligible.map(({ app, waiting }) => ({ app, waiting, placements: state.tasks.placements(app) })),
    settings: matchSettings(state),
    nowMs,
    random: services.ids.random,
    mostLaunches: launchesPerPass,
  });
  context.metrics.time('debug.mesos.offers.matching-duration', context.clock.monotonic() - startedMs);
  for (const { offer, launches, left } of result.used) {
    state.agents.taken(offer, left, nowMs);
    provision(state, offer, launches, context);
  }
  for (const refusal of result.refusals) demand.refused(refusal, nowMs);
  if (result.refusalsLeftOut > 0)
    context.metrics.count('debug.offer-matcher.refusals-left-out', result.refusalsLeftOut);
  // A pass that was cut short at its limit says nothing about the offers that it left.
  const isShort = result.used.length > 0 && eligible.some(({ waiting }) => waiting.length >= waitingPerPass);
  if (result.isCut || isShort) for (const offer of result.unused) held.set(offer.id.value, offer);
  else declineAll(state, result.unused);
  if (held.size > 0) context.self.tell({ type: 'matchOffers' });
}

function provision(state: SchedulerState, offer: Offer, launches: readonly PlannedLaunch[], context: Ctx): void {
  const offerId = offer.id.value;
  const byInstance = new Map<string, PlannedLaunch>();
  const pending: PendingAccept = { session: state.session, offer, launches: byInstance, accepted: [], open: new Set() };
  state.pending.set(offerId, pending);
  const apps = new Set<PlannedLaunch['app']['id']>();
  for (const launch of launches) {
    const waiting = state.demand.waiting(launch.app.id, launch.instanceId);
    if (!waiting) continue;
    state.demand.launched(launch.app.id, launch.instanceId, context.clock.monotonic());
    byInstance.set(launch.instanceId, launch);
    apps.add(launch.app.id);
    const { app, taskId, incarnation, agent, hostPorts } = launch;
    if (!waiting.ref.tell({ type: 'provision', offerId, app, taskId, incarnation, agent, hostPorts })) continue;
    pending.open.add(launch.instanceId);
    state.tasks.put({
      appId: app.id,
      instanceId: launch.instanceId,
      taskId,
      version: app.version,
      agent,
      hostPorts,
      ref: waiting.ref,
      isCounted: true,
    });
  }
  for (const id of apps) state.demand.used(id, context.clock.now());
  if (pending.open.size === 0) settle(state, offerId, pending);
}

/** An instance has answered: its record is on its way to the journal, or it no longer wants to start. */
export function provisioned(state: SchedulerState, message: Extract<SchedulerMessage, { type: 'provisioned' }>): void {
  const pending = state.pending.get(message.offerId);
  const launch = pending?.launches.get(message.instanceId);
  if (!pending || !launch || !pending.open.delete(message.instanceId)) return;
  if (message.isAccepted) pending.accepted.push(launch.task);
  else {
    state.tasks.remove(launch.app.id, launch.instanceId, launch.taskId);
    state.demand.confirmed(launch.app.id, launch.instanceId);
  }
  if (pending.open.size === 0) settle(state, message.offerId, pending);
}

/** An instance is gone: it may have stopped with the provision still in its inbox, and would never answer. */
export function abandoned(state: SchedulerState, instanceId: InstanceId): void {
  for (const [offerId, pending] of state.pending) {
    if (pending.open.has(instanceId))
      provisioned(state, { type: 'provisioned', offerId, instanceId, isAccepted: false });
  }
}

/** All have answered. The journal got their records before this write, so what it releases is durable (design §5.1). */
function settle(state: SchedulerState, offerId: string, pending: PendingAccept): void {
  const { journal, scheduler } = state.services;
  const { accepted: tasks, session, offer } = pending;
  if (tasks.length === 0) {
    state.pending.delete(offerId);
    if (session === state.session) declineAll(state, [offer]);
    return;
  }
  const release = tell(scheduler, { type: 'acceptReleased', offerId, session, tasks });
  journal.tell({ type: 'write', records: [], events: [], effects: [release] });
}

/** The launches are durable. If the session they were meant for is gone, so is the offer, and nothing was launched. */
export function release(
  state: SchedulerState,
  message: Extract<SchedulerMessage, { type: 'acceptReleased' }>,
  context: Ctx,
): void {
  const pending = state.pending.get(message.offerId);
  state.pending.delete(message.offerId);
  const isCurrent = message.session === state.session && state.services.link.isConnected();
  if (!isCurrent || pending?.isRescinded) {
    launchesFailed(
      state,
      message.tasks.map((t) => t.task_id.value),
    );
    return;
  }
  // Of those that were killed or forgotten meanwhile Mesos has said that it does not know them: they must not start after all.
  const tasks = message.tasks.filter((t) => state.tasks.get(t.task_id.value));
  if (tasks.length === 0) {
    if (pending) declineAll(state, [pending.offer]);
    return;
  }
  context.metrics.count('tasks.launched', tasks.length);
  state.services.link.accept([message.offerId], tasks, 0);
}

/**
 * True for Mesos' answer to a KILL that overtook its ACCEPT: it does not know the task, yet. Nothing else is said of a launching task
 * unasked, and a launch that is not out yet is called off instead.
 */
export function isPremature(state: SchedulerState, placed: Placed, status: TaskStatus, context: Ctx): boolean {
  if (status.reason !== 'REASON_RECONCILIATION' || !isTerminal(conditionOf(status))) return false;
  const isNew = state.demand.isLaunching(placed.appId, placed.instanceId, context.clock.monotonic());
  if (!isNew || state.unreconciled.has(placed.taskId)) return false;
  for (const { launches } of state.pending.values()) {
    if (launches.get(placed.instanceId)?.taskId === placed.taskId) return false;
  }
  return true;
}

/** Tells the instances that their launch never went out. */
export function launchesFailed(state: SchedulerState, taskIds: readonly string[]): void {
  for (const taskId of taskIds) {
    const placed = state.tasks.get(taskId);
    if (!placed) continue;
    state.tasks.remove(placed.appId, placed.instanceId, taskId);
    state.demand.confirmed(placed.appId, placed.instanceId);
    placed.ref.tell({ type: 'launchFailed', taskId: placed.taskId });
  }
}

/** Nobody here wants them for a while; a revive takes the filter away when somebody does. */
function declineAll(state: SchedulerState, offers: readonly Offer[]): void {
  if (offers.length === 0 || !state.services.link.isConnected()) return;
  state.services.link.decline(
    offers.map((o) => o.id.value),
    state.services.settings.declineOfferDurationMs / 1000,
  );
}
