/**
 * One app: its target against what it has. It owns the goals of its instances; the instances own everything else about
 * themselves. However many events come in, they become one pass of `reconcile` behind them.
 */
import type { AppDefinition } from '../core/app/definition.ts';
import { isResident } from '../core/app/resident.ts';
import { isCurrent } from '../core/app/versions.ts';
import type { InstanceId, TaskId } from '../core/ids.ts';
import { instanceIdOf } from '../core/ids.ts';
import { scheduledInstance } from '../core/instance/decide.ts';
import type { Goal, Instance } from '../core/instance/instance.ts';
import { isLost, isScheduled, isTerminal } from '../core/instance/instance.ts';
import { missed, refusal } from '../core/refusal.ts';
import { err, InvariantError, ok } from '../core/result.ts';
import { advanced, currentBackoff, grown, notBeforeMs } from '../core/scale/backoff.ts';
import { killAction } from '../core/scale/kill-action.ts';
import type { AppTarget } from '../core/scale/reconcile.ts';
import { isCounted, isReady, reconcile } from '../core/scale/reconcile.ts';
import type { AppProps, AppState, Member } from './app-state.ts';
import { instanceBehaviour } from './instance.ts';
import type { Birth } from './instance-state.ts';
import { kinOf } from './kin.ts';
import type { AppMessage, TargetOrder, Waiting } from './protocol.ts';
import { ReadinessGate } from './readiness-gate.ts';
import type { Behaviour, Context } from './runtime/types.ts';

type Ctx = Context<AppMessage>;

/**
 * Instances made in one pass, or a sixteenth of those that there are: the first of many are on their way to Mesos while the others are
 * made, and the looks at all members that the passes take stay few.
 */
const fewestStartsPerPass = 500;

const noneSentenced: ReadonlySet<InstanceId> = new Set();

/** The actor of one app. */
export function appBehaviour(props: AppProps): Behaviour<AppState, AppMessage> {
  return { initial: (context) => start(props, context), receive, onFailure: () => 'stop' };
}

function start(props: AppProps, context: Ctx): AppState {
  const state: AppState = {
    props,
    kin: kinOf(props.services, context.self, () => state.target),
    members: new Map(),
    readiness: new ReadinessGate(props.services.readiness, context.self),
    target: undefined,
    waiter: undefined,
    backoff: undefined,
    isDirty: false,
    counted: 0,
    awaited: 0,
    leaving: 0,
    toAnnounce: new Set(),
  };
  for (const { instance, address } of props.stored) {
    const isAwaited = instance.goal === 'Running' && instance.activeSinceMs === undefined;
    adopt(state, { type: 'loaded', instance, address }, isAwaited, context);
  }
  return state;
}

function receive(state: AppState, message: AppMessage, context: Ctx): AppState {
  switch (message.type) {
    case 'target':
      retarget(state, message.order, context);
      break;
    case 'instanceChanged':
      if (message.isDrained) endDelay(state);
      changed(state, message.instance, message.isFailure, context);
      break;
    case 'instanceGone':
      if (message.isDrained) endDelay(state);
      gone(state, message.instanceId, message.isFailure, context);
      break;
    case 'reconcile':
      state.isDirty = false;
      pass(state, context);
      break;
    case 'kill':
      kill(state, message.instances, message.isWipe, context);
      break;
    case 'resetDelay':
      resetDelay(state, message.replyTo);
      break;
    case 'ready':
      ready(state, message.instanceId, message.taskId, context);
      break;
    case 'childFailed':
      throw new InvariantError(`instance ${message.name} failed`, { cause: message.error });
  }
  return state;
}

function retarget(state: AppState, order: TargetOrder, context: Ctx): void {
  const before = state.target?.app;
  state.target = { app: order.app, mode: order.mode, sentenced: new Set(order.sentenced) };
  state.waiter = order.waiter;
  state.readiness.open(order);
  if (!before && order.waiter) awaitUnready(state, order.app);
  if (order.waiter) for (const { instance } of state.members.values()) state.readiness.see(instance);
  if (order.mode === 'rolling') state.backoff = undefined;
  if (before !== order.app) {
    const { scheduler } = state.props.services;
    scheduler.tell({ type: 'demandChanged', app: order.app, notBeforeMs: delay(state, order.app, context) });
  }
  markDirty(state, context);
}

/** Taken up in the middle of a step: it waits again for what it started and what is not ready yet. */
function awaitUnready(state: AppState, app: AppDefinition): void {
  for (const member of [...state.members.values()]) {
    const { instance, goal } = member;
    const isStarted = goal === 'Running' && instance.version === app.version;
    if (isStarted && !isReadyNow(state, instance)) replace(state, { ...member, isAwaited: true });
  }
}

const isReadyNow = (state: AppState, instance: Instance): boolean =>
  isReady(instance, hasChecks(state, instance)) && state.readiness.lets(instance);

function ready(state: AppState, id: InstanceId, taskId: TaskId, context: Ctx): void {
  const member = state.members.get(id);
  if (!state.readiness.pass(id, taskId) || !member) return;
  if (member.isAwaited && isReadyNow(state, member.instance)) replace(state, { ...member, isAwaited: false });
  markDirty(state, context);
}

/** One pass behind everything that is already in the inbox. */
function markDirty(state: AppState, context: Ctx): void {
  if (state.isDirty) return;
  state.isDirty = true;
  context.self.tell({ type: 'reconcile' });
}

function changed(state: AppState, instance: Instance, isFailure: boolean, context: Ctx): void {
  const member = state.members.get(instance.id);
  if (!member) return;
  const before = member.instance;
  if (member.goal === 'Running') state.readiness.see(instance);
  const isSettled = member.isAwaited && isReadyNow(state, instance);
  replace(state, { ...member, instance, isAwaited: member.isAwaited && !isSettled });
  const app = state.target?.app;
  if (app && isFailure) fail(state, app, instance, context);
  else if (app && isOfConfig(instance, app) && before.condition !== instance.condition && isLaunchStep(instance)) {
    const next = advanced(state.backoff, app, context.clock.now());
    if (next) {
      state.backoff = next;
      state.props.services.scheduler.tell({ type: 'demandChanged', app, notBeforeMs: notBeforeMs(next) });
    }
  }
  if (member.goal === 'Running' && isTerminal(instance.condition) && !isTerminal(before.condition)) {
    reportLaunches(state, member, instance, isFailure);
    replace(state, { ...(state.members.get(instance.id) ?? member), isAnnounced: false });
    state.toAnnounce.add(instance.id);
  }
  if (member.goal === 'Running' && instance.condition === 'Scheduled' && before.condition !== 'Scheduled') {
    state.toAnnounce.add(instance.id);
  }
  if (needsPass(state, before, instance)) markDirty(state, context);
}

/** A deployment may have had enough of an instance that ends again and again without getting ready. */
function reportLaunches(state: AppState, member: Member, instance: Instance, isFailure: boolean): void {
  const { waiter, target } = state;
  if (waiter?.maxLaunchAttempts === undefined || !target || !isOfConfig(instance, target.app)) return;
  const isBlamed = member.isAwaited ? !isLost(instance.condition) : isFailure && target.mode === 'rolling';
  if (!isBlamed || instance.incarnation < waiter.maxLaunchAttempts) return;
  const { ref, step } = waiter;
  const launches = instance.incarnation;
  ref.tell({ type: 'launchesFailed', appId: state.props.appId, step, instanceId: instance.id, launches });
}

const isLaunchStep = (instance: Instance): boolean =>
  instance.condition === 'Provisioned' ||
  instance.condition === 'Staging' ||
  instance.condition === 'Starting' ||
  instance.condition === 'Running';

/** False for news that cannot lead to a decision, the bulk of it when many instances start. */
function needsPass(state: AppState, before: Instance, after: Instance): boolean {
  if (state.toAnnounce.size > 0 || state.target?.mode !== 'steady') return true;
  if (before.condemned !== after.condemned) return true;
  if (state.counted !== state.target.app.instances) return true;
  if (state.waiter) return state.awaited === 0 && (state.leaving === 0 || before.condition !== after.condition);
  return false;
}

function gone(state: AppState, id: InstanceId, isFailure: boolean, context: Ctx): void {
  const member = state.members.get(id);
  if (!member) return;
  tally(state, member, -1);
  state.members.delete(id);
  state.toAnnounce.delete(id);
  state.readiness.drop(id);
  const { scheduler } = state.props.services;
  if (member.isAnnounced) scheduler.tell({ type: 'demandEnded', appId: state.props.appId, instanceIds: [id] });
  const app = state.target?.app;
  if (app && isFailure) fail(state, app, member.instance, context);
  markDirty(state, context);
}

/** Delays belong to a configuration: what an older one does says nothing about the present one (behaviour §5). */
const isOfConfig = (instance: Instance, app: AppDefinition): boolean => isCurrent(instance.version, app);

function fail(state: AppState, app: AppDefinition, instance: Instance, context: Ctx): void {
  context.metrics.count('apps.task-failures');
  if (!isOfConfig(instance, app)) return;
  state.backoff = grown(state.backoff, app, context.clock.now());
  state.props.services.scheduler.tell({ type: 'demandChanged', app, notBeforeMs: notBeforeMs(state.backoff) });
}

/** Keeps the counts true; every change of a member goes through here. */
function replace(state: AppState, member: Member): void {
  const before = state.members.get(member.instance.id);
  if (before) tally(state, before, -1);
  tally(state, member, 1);
  state.members.set(member.instance.id, member);
}

function tally(state: AppState, member: Member, by: 1 | -1): void {
  if (isCounted(member)) state.counted += by;
  if (member.isAwaited && isCounted(member)) state.awaited += by;
  if (member.goal !== 'Running') state.leaving += by;
}

const hasChecks = (state: AppState, instance: Instance): boolean => {
  const { versions } = state.props.services;
  const app = versions.at(instance.appId, instance.version) ?? state.target?.app;
  return app !== undefined && app.healthChecks.length > 0;
};

function pass(state: AppState, context: Ctx): void {
  const { target } = state;
  if (!target) return;
  const step = reconcile(
    target,
    state.members.values(),
    (instance) => hasChecks(state, instance),
    (instance) => state.readiness.lets(instance),
  );
  for (const id of step.kill) sentence(state, id, target.mode);
  const starts = Math.min(step.start, Math.max(fewestStartsPerPass, state.members.size >> 4));
  for (let i = 0; i < starts; i++) schedule(state, target.app, context);
  announce(state, target, context);
  if (starts < step.start) markDirty(state, context);
  if (!step.isDone) return;
  if (target.mode === 'stopped' && state.members.size > 0) {
    // Out of reach: nobody waits for them, and who comes back later is unknown and dies.
    for (const { ref } of state.members.values()) ref.tell({ type: 'wipe' });
    return;
  }
  // From here on only the count matters, which costs no look at every instance for every event.
  if (target.mode === 'rolling') state.target = { ...target, mode: 'steady', sentenced: noneSentenced };
  if (state.waiter) {
    const { ref, step: number } = state.waiter;
    state.waiter = undefined;
    state.readiness.close();
    for (const member of [...state.members.values()]) {
      if (member.isAwaited) replace(state, { ...member, isAwaited: false });
    }
    ref.tell({ type: 'reached', appId: state.props.appId, step: number });
  }
  if (target.mode === 'stopped') state.props.owner.tell({ type: 'emptied', appId: state.props.appId, app: target.app });
}

function sentence(state: AppState, id: InstanceId, mode: AppTarget['mode']): void {
  const member = state.members.get(id);
  if (!member || member.goal === 'Decommissioned') return;
  const goal: Goal = 'Decommissioned';
  if (member.isAnnounced) {
    state.props.services.scheduler.tell({ type: 'demandEnded', appId: state.props.appId, instanceIds: [id] });
  }
  state.toAnnounce.delete(id);
  state.readiness.drop(id);
  replace(state, { ...member, goal, isAnnounced: false });
  member.ref.tell({ type: 'goal', goal, reason: reasons[mode] });
}

const reasons: Readonly<Record<AppTarget['mode'], string>> = {
  steady: 'over capacity',
  rolling: 'upgrading',
  stopped: 'deleting app',
};

function schedule(state: AppState, app: AppDefinition, context: Ctx): void {
  const { ids } = state.props.services;
  const instance = scheduledInstance(instanceIdOf(app.id, ids.timeUuid()), app, context.clock.now());
  adopt(state, { type: 'new', instance }, true, context);
}

function adopt(state: AppState, birth: Birth, isAwaited: boolean, context: Ctx): void {
  const { props, options } = state.kin;
  const { instance } = birth;
  const ref = context.spawn(instanceBehaviour(props, birth), instance.id, options);
  replace(state, { instance, goal: instance.goal, ref, isAwaited, isAnnounced: false });
  if (isScheduled(instance)) state.toAnnounce.add(instance.id);
}

/** Tells the scheduler who waits, in one message. */
function announce(state: AppState, target: AppTarget, context: Ctx): void {
  if (state.toAnnounce.size === 0) return;
  const waiting: Waiting[] = [];
  for (const id of state.toAnnounce) {
    const member = state.members.get(id);
    if (member?.goal !== 'Running' || !isScheduled(member.instance)) continue;
    const { instance, ref } = member;
    waiting.push({ instanceId: id, incarnation: instance.incarnation + 1, role: instance.role, ref });
    replace(state, { ...member, isAnnounced: true });
  }
  state.toAnnounce.clear();
  if (waiting.length === 0) return;
  const notBefore = delay(state, target.app, context);
  state.props.services.scheduler.tell({ type: 'demand', app: target.app, waiting, notBeforeMs: notBefore });
}

function delay(state: AppState, app: AppDefinition, context: Ctx): number | undefined {
  return notBeforeMs(currentBackoff(state.backoff, app, context.clock.now()));
}

function kill(state: AppState, ids: readonly InstanceId[], isWipe: boolean, context: Ctx): void {
  const isReserved = state.target !== undefined && isResident(state.target.app);
  for (const id of ids) {
    const member = state.members.get(id);
    if (!member) continue;
    if (isWipe) {
      replace(state, { ...member, goal: 'Decommissioned' });
      member.ref.tell({ type: 'wipe' });
      continue;
    }
    const action = killAction({ ...member.instance, goal: member.goal }, isReserved);
    if (action === 'decommission') sentence(state, id, 'steady');
    else if (action === 'call') member.ref.tell({ type: 'killTask', reason: 'user request' });
  }
  markDirty(state, context);
}

function resetDelay(state: AppState, replyTo: Extract<AppMessage, { type: 'resetDelay' }>['replyTo']): void {
  const app = state.target?.app;
  let isWaiting = false;
  for (const member of state.members.values()) {
    if (member.goal === 'Running' && isScheduled(member.instance)) isWaiting = true;
  }
  if (!app || !isWaiting) {
    replyTo.tell(err(missed(refusal('notFound', `Application ${state.props.appId} not found in tasks queue.`))));
    return;
  }
  endDelay(state);
  replyTo.tell(ok(undefined));
}

/** Whoever waits may start at once (behaviour §5). */
function endDelay(state: AppState): void {
  const app = state.target?.app;
  if (!app || !state.backoff) return;
  state.backoff = undefined;
  state.props.services.scheduler.tell({ type: 'demandChanged', app, notBeforeMs: undefined });
}
