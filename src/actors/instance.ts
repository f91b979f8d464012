/** One instance: its life cycle, its timers, its health. Decisions are `core/instance/decide`; this performs the effects. */
import { isAlive } from '../core/health/health.ts';
import { keptHealth } from '../core/health/kept.ts';
import type { InstanceCommand, InstanceEffect } from '../core/instance/decide.ts';
import { decide, isLaunchLost } from '../core/instance/decide.ts';
import type { Condition, Instance, Task } from '../core/instance/instance.ts';
import { isActive, isLost, isTerminal } from '../core/instance/instance.ts';
import { unreachableDeadlines } from '../core/instance/unreachable.ts';
import type { TaskStatus } from '../core/mesos/types.ts';
import { invariant } from '../core/result.ts';
import { countsAsFailure } from '../core/scale/backoff.ts';
import { type Stray, strayLeft, strayRecords } from '../core/task/stray.ts';
import type { Effect } from './effects.ts';
import { perform, tell } from './effects.ts';
import { greetGuard, killUnhealthy, leaveGuard, probed } from './instance-health.ts';
import type { Birth, Extras, InstanceProps, InstanceState } from './instance-state.ts';
import { definitionOf, strategyOf } from './instance-state.ts';
import type { InstanceMessage } from './protocol.ts';
import type { Behaviour, Context } from './runtime/types.ts';
import { placedOf } from './stored-instance.ts';
import { taskFailureRecord, unhealthyRecord } from './task-failure.ts';

type Ctx = Context<InstanceMessage>;

/** One instance of an app. It stops itself when it is expunged. */
export const instanceBehaviour = (props: InstanceProps, birth: Birth): Behaviour<InstanceState, InstanceMessage> =>
  new InstanceBehaviour(props, birth);

/** A class, since there may be 100,000: each is two references. */
class InstanceBehaviour implements Behaviour<InstanceState, InstanceMessage> {
  readonly #props: InstanceProps;
  /** Dropped once it has begun, or it would keep the first state of the instance for ever. */
  #birth: Birth | undefined;

  constructor(props: InstanceProps, birth: Birth) {
    this.#props = props;
    this.#birth = birth;
  }

  initial(context: Ctx): InstanceState {
    invariant(this.#birth !== undefined, 'an instance begins once');
    const birth = this.#birth;
    this.#birth = undefined;
    return born(this.#props, birth, context);
  }

  receive(state: InstanceState, message: InstanceMessage, context: Ctx): InstanceState {
    return receive(state, message, context);
  }

  /** A half-applied change is worse than a rebuild from the store: fail upwards. */
  onFailure(): 'stop' {
    return 'stop';
  }
}

function born(props: InstanceProps, birth: Birth, context: Ctx): InstanceState {
  const { instance } = birth;
  const state: InstanceState = { props, instance, health: [], launchedAtMs: context.clock.monotonic() };
  if (birth.type === 'new') {
    const effect = decide(undefined, { type: 'schedule', instance }, context.clock.now());
    if (effect.type === 'update') write(state, effect, {});
    return state;
  }
  const known: InstanceState = { ...state, health: keptHealth(definitionOf(state)?.healthChecks ?? [], instance) };
  if (known.health.length > 0) props.services.views.putHealth(instance.id, known.health);
  follow(known, undefined, context);
  if (instance.goal !== 'Running') killIfAlive(known, 'resumed', []);
  birth.address.resolve(context.self);
  return known;
}

function receive(state: InstanceState, message: InstanceMessage, context: Ctx): InstanceState {
  switch (message.type) {
    case 'provision':
      return provision(state, message, context);
    case 'mesosUpdate':
      return updated(state, message.status, context);
    case 'launchFailed':
      return apply(state, { type: 'launchFailed', taskId: message.taskId }, {}, context);
    case 'goal':
      return aim(state, message.goal, message.reason, context);
    case 'killTask':
      killTasks(state, message.reason);
      return state;
    case 'wipe':
      return apply(state, { type: 'forceExpunge' }, { effects: killsOf(state, 'wipe') }, context);
    case 'probed':
      return state.instance.tasks[0]?.id === message.taskId
        ? probed(state, message.check, message.result, context, apply)
        : state;
    case 'killUnhealthy':
      return killUnhealthy(state, message, context, apply);
    case 'overdue':
      return overdue(state, message.isSure, context);
    case 'unreachableDue': {
      const next = apply(state, { type: 'unreachableDue', strategy: strategyOf(state) }, {}, context);
      return next;
    }
  }
}

type Provision = Extract<InstanceMessage, { type: 'provision' }>;

function provision(state: InstanceState, message: Provision, context: Ctx): InstanceState {
  const { taskId, incarnation, agent, hostPorts, app, offerId } = message;
  const command: InstanceCommand = { type: 'provision', taskId, incarnation, version: app.version, agent, hostPorts };
  const next = apply({ ...state, health: [] }, command, {}, context);
  const isAccepted = next.instance.tasks[0]?.id === taskId;
  state.props.services.scheduler.tell({ type: 'provisioned', offerId, instanceId: state.instance.id, isAccepted });
  return isAccepted ? next : state;
}

/** Mesos may forget the update once its effect is durable, and not before. */
function acknowledgement(state: InstanceState, status: TaskStatus): readonly Effect[] {
  const { uuid } = status;
  const agentId = status.agent_id?.value;
  if (uuid === undefined || agentId === undefined) return [];
  const { link } = state.props.services;
  return [perform('acknowledge', () => link.acknowledge(status.task_id.value, agentId, uuid))];
}

function updated(state: InstanceState, status: TaskStatus, context: Ctx): InstanceState {
  const task = state.instance.tasks.find((t) => t.id === status.task_id.value);
  const strategy = strategyOf(state);
  const effect = decide(state.instance, { type: 'mesosUpdate', status, strategy }, context.clock.now());
  const effects = acknowledgement(state, status);
  const { journal, kills } = state.props.services;
  if (effect.type === 'foreignTask') {
    const kill = {
      type: 'kill' as const,
      taskId: status.task_id.value,
      agentId: status.agent_id?.value,
      reason: 'foreign task',
    };
    journal.tell({
      type: 'write',
      records: [],
      events: [],
      effects: [...effects, ...(effect.isAlive ? [tell(kills, kill)] : [])],
    });
    return state;
  }
  if (effect.type !== 'update' && effect.type !== 'expunge') {
    const again = isLiving(status) && state.instance.goal !== 'Running' ? killsOf(state, 'still alive') : [];
    const all = [...effects, ...again];
    if (all.length > 0) journal.tell({ type: 'write', records: [], events: [], effects: all });
    // Mesos tells of each failure, and nothing else in the task changes by the second one (recording 09).
    return effect.type === 'noop' ? judged(state, status, context) : state;
  }
  const last = effect.type === 'update' ? effect.next : effect.last;
  const isNew = last.condition !== state.instance.condition;
  const isLost = task !== undefined && isLaunchLost(task, status);
  const isDrained = isNew && isDraining(status) && (last.condition === 'Killed' || last.condition === 'Gone');
  const isFailure = isNew && countsAsFailure(last.condition) && !isDraining(status) && !isLost;
  const failure = isNew && !isLost ? taskFailureRecord(last, status, context.clock.now()) : undefined;
  const next = commit(state, effect, { effects, isFailure, isDrained, records: failure ? [failure] : [] }, context);
  return judged(next, status, context);
}

/** Accounts for the result of the agent's health check that a status carries, if it is news (behaviour §6.1). */
function judged(state: InstanceState, status: TaskStatus, context: Ctx): InstanceState {
  const check = agentCheck(state, status);
  if (check === undefined || status.healthy === undefined || state.instance.condition !== 'Running') return state;
  // Other updates repeat the last result: a reconciliation, or one about the task's `check`.
  const known = state.health[check];
  const isNews = status.reason === 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' || known === undefined;
  if (!isNews && isAlive(known) === status.healthy) return state;
  const result = status.healthy
    ? ({ type: 'healthy' } as const)
    : ({ type: 'unhealthy', cause: status.message ?? 'unhealthy' } as const);
  return probed(state, check, result, context, apply);
}

const isLiving = ({ state }: TaskStatus): boolean =>
  state === 'TASK_RUNNING' || state === 'TASK_STARTING' || state === 'TASK_STAGING';

const isDraining = (status: TaskStatus): boolean =>
  status.reason === 'REASON_AGENT_DRAINING' || status.reason === 'REASON_SLAVE_DRAINING';

/** Place of the check that the agent runs, if this status carries its result. */
function agentCheck(state: InstanceState, status: TaskStatus): number | undefined {
  if (status.healthy === undefined) return undefined;
  const checks = definitionOf(state)?.healthChecks ?? [];
  const index = checks.findIndex((c) => c.protocol === 'COMMAND' || c.protocol.startsWith('MESOS_'));
  return index < 0 ? undefined : index;
}

function aim(state: InstanceState, goal: Instance['goal'], reason: string, context: Ctx): InstanceState {
  const kills: Effect[] = [];
  if (goal !== 'Running') {
    killIfAlive(state, reason, kills);
    leaveGuard(state);
  }
  const { condemned } = state.instance;
  const isBlamed = condemned !== undefined && goal !== 'Running' && state.instance.goal === 'Running';
  const records = isBlamed ? [unhealthyRecord(state.instance, condemned, context.clock.now())] : [];
  return apply(state, { type: 'changeGoal', goal }, { effects: kills, records }, context);
}

/** Kills that follow a goal go out only after the goal is durable (design §5.11): they are collected, unless nothing is pending. */
function killIfAlive(state: InstanceState, reason: string, effects: Effect[]): void {
  const { journal } = state.props.services;
  const own = killsOf(state, reason);
  if (own.length === 0) return;
  if (state.instance.goal === 'Running') effects.push(...own);
  else journal.tell({ type: 'write', records: [], events: [], effects: own });
}

function killsOf(state: InstanceState, reason: string): readonly Effect[] {
  const { instance, props } = state;
  const agentId = instance.agent?.agentId;
  return killable(instance).map((task) =>
    tell(props.services.kills, { type: 'kill', taskId: task.id, agentId, reason }),
  );
}

/** Tasks that a KILL can reach (behaviour §7). */
const killable = (instance: Instance): readonly Task[] =>
  instance.tasks.filter((t) => isActive(t.condition) && t.condition !== 'Unreachable');

function killTasks(state: InstanceState, reason: string): void {
  leaveGuard(state);
  for (const task of killable(state.instance)) {
    state.props.services.kills.tell({ type: 'kill', taskId: task.id, agentId: state.instance.agent?.agentId, reason });
  }
}

/** While Mesos is away nobody knows what became of a launch: it may run well, and the update be on its way. */
const overdueAgainMs = 30_000;
/** Connected at two looks so far apart: what Mesos has to say after a reconnect has come. */
const overdueSureMs = 5_000;

function overdue(state: InstanceState, isSure: boolean, context: Ctx): InstanceState {
  const { condition, id } = state.instance;
  if (condition !== 'Provisioned' && condition !== 'Staging' && condition !== 'Starting') return state;
  const isConnected = state.props.services.link.isConnected();
  if (!isConnected || !isSure) {
    context.timers.set('overdue', isConnected ? overdueSureMs : overdueAgainMs, {
      type: 'overdue',
      isSure: isConnected,
    });
    return state;
  }
  context.logger.warn('instance.overdue', { instance: id, condition });
  context.metrics.count('instances.launch-overdue-kills');
  killTasks(state, 'overdue');
  return state;
}

/** Decides a command and performs its effect; what is refused or changes nothing leaves the state alone. */
function apply(state: InstanceState, command: InstanceCommand, extras: Extras, context: Ctx): InstanceState {
  const effect = decide(state.instance, command, context.clock.now());
  if (effect.type !== 'update' && effect.type !== 'expunge') {
    const { records = [], effects = [] } = extras;
    if (records.length + effects.length > 0) {
      state.props.services.journal.tell({ type: 'write', records, events: [], effects });
    }
    return state;
  }
  return commit(state, effect, extras, context);
}

type Change = Extract<InstanceEffect, { type: 'update' | 'expunge' }>;

function commit(state: InstanceState, effect: Change, extras: Extras, context: Ctx): InstanceState {
  const stray = strayLeft(state.instance, effect, context.clock.now());
  write(state, effect, extras, stray);
  const { owner } = state.props;
  const { isFailure = false, isDrained = false } = extras;
  const before = state.instance;
  if (effect.type === 'expunge') {
    const next = { ...state, instance: effect.last };
    leave(next, true, stray);
    owner.tell({ type: 'instanceGone', instanceId: before.id, isFailure, isDrained });
    context.stop(context.self);
    return next;
  }
  const isLaunch = effect.next.condition === 'Provisioned' && before.condition !== 'Provisioned';
  const launchedAtMs = isLaunch ? context.clock.monotonic() : state.launchedAtMs;
  const next = { ...state, instance: effect.next, launchedAtMs };
  owner.tell({ type: 'instanceChanged', instance: effect.next, isFailure, isDrained });
  if (before.condition !== effect.next.condition) follow(next, before.condition, context, stray);
  return next;
}

function write(state: InstanceState, effect: Change, extras: Extras, stray?: Stray): void {
  const value = effect.type === 'update' ? effect.next : undefined;
  state.props.services.journal.tell({
    type: 'write',
    records: [{ kind: 'instance', key: state.instance.id, value }, ...strayRecords(stray), ...(extras.records ?? [])],
    events: effect.events,
    effects: extras.effects ?? [],
  });
}

/** Everything that belongs to the new condition: routes, probes, timers. `before` is undefined for a loaded instance. */
function follow(state: InstanceState, before: Condition | undefined, context: Ctx, stray?: Stray): void {
  const { instance } = state;
  const { services } = state.props;
  context.timers.cancel('overdue');
  context.timers.cancel('unreachable');
  if (before === 'Running' && instance.condition !== 'Running') forgetHealth(state);
  route(state, before, context);
  switch (instance.condition) {
    case 'Provisioned':
      watchLaunch(state, services.settings.taskLaunchConfirmTimeoutMs, context);
      return;
    case 'Staging':
    case 'Starting':
      watchLaunch(state, services.settings.taskLaunchTimeoutMs, context);
      killAgain(state, before);
      return;
    case 'Running': {
      const app = definitionOf(state);
      if (app && app.healthChecks.length > 0) services.probes.tell({ type: 'watch', instance, app, ref: context.self });
      if (instance.healthy === true) greetGuard(state);
      killAgain(state, before);
      return;
    }
    case 'Unreachable':
    case 'UnreachableInactive':
      watchUnreachable(state, context);
      // No call reaches it, and others wait for their turn to be killed.
      endKill(state);
      return;
    default:
      if (isTerminal(instance.condition)) leave(state, false, stray);
  }
}

/**
 * It lives, or came back, after it was sentenced: the earlier kill may never have reached it (behaviour §12, 37). The goal itself
 * may still be on its way to the store, and no kill overtakes its goal.
 */
function killAgain(state: InstanceState, before: Condition | undefined): void {
  if (before !== undefined && state.instance.goal !== 'Running') killIfAlive(state, 'returned', []);
}

/** The time counts from the launch, whatever the clock on the wall does meanwhile. */
function watchLaunch({ launchedAtMs }: InstanceState, timeoutMs: number, { clock, timers }: Ctx): void {
  timers.set('overdue', Math.max(0, launchedAtMs + timeoutMs - clock.monotonic()), { type: 'overdue', isSure: false });
}

/** Tells the scheduler where this instance is, for updates and for constraints. */
function route(state: InstanceState, before: Condition | undefined, context: Ctx): void {
  // The scheduler knows a loaded one before its actor is there.
  if (before === undefined) return;
  // It placed a new one when it matched the offer; later conditions change nothing unless it gets lost or returns.
  if (!isLost(state.instance.condition) && !isLost(before) && before !== 'UnreachableInactive') return;
  const placed = placedOf(state.instance, context.self);
  if (placed) state.props.services.scheduler.tell({ type: 'placed', placed });
}

function watchUnreachable(state: InstanceState, context: Ctx): void {
  const deadlines = unreachableDeadlines(state.instance, strategyOf(state));
  if (!deadlines) return;
  const isInactive = state.instance.condition === 'UnreachableInactive';
  const dueMs = isInactive ? deadlines.expungeAtMs : Math.min(deadlines.inactiveAtMs, deadlines.expungeAtMs);
  context.timers.set('unreachable', Math.max(0, dueMs - context.clock.now()), { type: 'unreachableDue' });
}

/** Nobody asks it any more, and the guard does not count it. */
function forgetHealth(state: InstanceState): void {
  const { instance, props } = state;
  props.services.probes.tell({ type: 'forget', instanceId: instance.id });
  leaveGuard(state);
}

/** Nobody waits for the death of its task any more. */
function endKill({ instance, props }: InstanceState): void {
  const taskId = instance.tasks[0]?.id;
  if (taskId !== undefined) props.services.kills.tell({ type: 'ended', taskId });
}

/** The task is over, or the instance is; what is still alive of a forgotten one is killed until Mesos says that it is gone. */
function leave(state: InstanceState, isForgotten: boolean, stray: Stray | undefined): void {
  const { services } = state.props;
  const { instance } = state;
  const taskId = instance.tasks[0]?.id;
  forgetHealth(state);
  services.views.putHealth(instance.id, undefined);
  if (!isForgotten || killable(instance).length === 0) endKill(state);
  services.scheduler.tell({ type: 'unplaced', appId: instance.appId, instanceId: instance.id, taskId, stray });
}
