/**
 * Every way to change an instance, as one function of (instance or none, command, now): behaviour §1.6, §1.7. Nothing is
 * performed here; the effect says what to store, publish and do.
 */
import type { UnreachableStrategy } from '../app/definition.ts';
import type { MarathonEvent } from '../events.ts';
import { unhealthyKilled } from '../health/events.ts';
import type { InstanceId, TaskId } from '../ids.ts';
import type { TaskStatus } from '../mesos/types.ts';
import { assertNever } from '../result.ts';
import type { Timestamp } from '../time.ts';
import { timestamp } from '../time.ts';
import { conditionOf } from './condition.ts';
import type { AgentInfo, Goal, Instance, Task } from './instance.ts';
import { isScheduled, isTerminal } from './instance.ts';
import { applyStatus, instanceChanged, statusUpdated } from './status.ts';
import { unreachableDeadlines } from './unreachable.ts';

export type InstanceCommand =
  /** A new instance that waits for an offer. */
  | { readonly type: 'schedule'; readonly instance: Instance }
  /** Matched to an offer; stored before Mesos hears of it. */
  | {
      readonly type: 'provision';
      readonly taskId: TaskId;
      readonly incarnation: number;
      readonly version: Timestamp;
      readonly agent: AgentInfo;
      readonly hostPorts: readonly number[];
    }
  /** The launch never went out: back to waiting, and it was no failure (design §5.10). */
  | { readonly type: 'launchFailed'; readonly taskId: TaskId }
  /** News from Mesos about one of its tasks. */
  | { readonly type: 'mesosUpdate'; readonly status: TaskStatus; readonly strategy: UnreachableStrategy }
  /** A deadline of the unreachable strategy may have passed. */
  | { readonly type: 'unreachableDue'; readonly strategy: UnreachableStrategy }
  | { readonly type: 'changeGoal'; readonly goal: Goal }
  /** All health checks together flipped. */
  | { readonly type: 'healthChanged'; readonly healthy: boolean | undefined }
  /** It is to be replaced, and then killed, for this cause. */
  | { readonly type: 'condemn'; readonly cause: string }
  /** Forget it, whatever its tasks do. */
  | { readonly type: 'forceExpunge' };

export type InstanceEffect =
  | {
      readonly type: 'update';
      readonly next: Instance;
      readonly previous: Instance | undefined;
      readonly events: readonly MarathonEvent[];
    }
  | { readonly type: 'expunge'; readonly last: Instance; readonly events: readonly MarathonEvent[] }
  | { readonly type: 'noop' }
  /** The status is about a task that this instance does not have (any more). */
  | { readonly type: 'foreignTask'; readonly isAlive: boolean }
  | {
      readonly type: 'reject';
      readonly reason: 'unknownInstance' | 'alreadyExists' | 'notScheduled' | 'goalIsFinal';
    };

const noop: InstanceEffect = { type: 'noop' };

/** Decides one command. Times in epoch milliseconds. */
export function decide(current: Instance | undefined, command: InstanceCommand, nowMs: number): InstanceEffect {
  if (command.type === 'schedule') {
    if (current) return { type: 'reject', reason: 'alreadyExists' };
    const events = [instanceChanged(command.instance, nowMs)];
    return { type: 'update', next: command.instance, previous: undefined, events };
  }
  if (!current) return command.type === 'forceExpunge' ? noop : { type: 'reject', reason: 'unknownInstance' };
  switch (command.type) {
    case 'provision':
      return provisioned(current, command, nowMs);
    case 'launchFailed':
      return launchFailed(current, command.taskId, nowMs);
    case 'mesosUpdate':
      return moved(current, command.status, command.strategy, nowMs);
    case 'unreachableDue':
      return agedUnreachable(current, command.strategy, nowMs);
    case 'changeGoal':
      return aimed(current, command.goal, nowMs);
    case 'healthChanged':
      return healthChanged(current, command.healthy, nowMs);
    case 'condemn':
      return condemned(current, command.cause);
    case 'forceExpunge':
      return { type: 'expunge', last: current, events: [instanceChanged(current, nowMs)] };
    default:
      return assertNever(command, 'instance command');
  }
}

type Provision = Extract<InstanceCommand, { type: 'provision' }>;

const noAddresses: Task['ipAddresses'] = [];

function provisioned(current: Instance, command: Provision, nowMs: number): InstanceEffect {
  if (!isScheduled(current)) return { type: 'reject', reason: 'notScheduled' };
  const task: Task = {
    id: command.taskId,
    condition: 'Provisioned',
    stagedAtMs: nowMs,
    hostPorts: command.hostPorts,
    ipAddresses: noAddresses,
  };
  const next: Instance = {
    id: current.id,
    appId: current.appId,
    version: command.version,
    role: current.role,
    goal: current.goal,
    condition: 'Provisioned',
    sinceMs: nowMs,
    tasks: [task],
    incarnation: command.incarnation,
    agent: command.agent,
  };
  return { type: 'update', next, previous: current, events: [instanceChanged(next, nowMs)] };
}

function launchFailed(current: Instance, taskId: TaskId, nowMs: number): InstanceEffect {
  const task = current.tasks.find((t) => t.id === taskId);
  if (task?.condition !== 'Provisioned') return noop;
  const { agent: _agent, healthy: _healthy, activeSinceMs: _active, condemned: _condemned, ...rest } = current;
  const next: Instance = { ...rest, condition: 'Scheduled', sinceMs: nowMs, tasks: [] };
  const events = [instanceChanged(next, nowMs)];
  if (next.goal === 'Decommissioned') return { type: 'expunge', last: next, events };
  return { type: 'update', next, previous: current, events };
}

function moved(current: Instance, status: TaskStatus, strategy: UnreachableStrategy, nowMs: number): InstanceEffect {
  const condition = conditionOf(status);
  const task = current.tasks.find((t) => t.id === status.task_id.value);
  if (!task) return { type: 'foreignTask', isAlive: isAliveCondition(condition) };
  if (isAboutDuplicate(task, status)) return noop;
  const nextTask = applyStatus(task, condition, status, nowMs);
  if (nextTask === task) {
    return condition === 'Unreachable' ? agedUnreachable(current, strategy, nowMs) : noop;
  }
  const next = withTask(current, nextTask, nowMs);
  const events: MarathonEvent[] = [statusUpdated(next, nextTask, status, nowMs)];
  if (next.condition !== current.condition) events.push(instanceChanged(next, nowMs));
  if (isOver(next, strategy, nowMs)) return { type: 'expunge', last: next, events };
  return { type: 'update', next, previous: current, events };
}

/** A second launch under the same id was refused; the first goes on (Mesos transcripts, "Updates"). */
const isAboutDuplicate = (task: Task, status: TaskStatus): boolean =>
  status.state === 'TASK_ERROR' &&
  status.uuid === undefined &&
  status.reason === 'REASON_TASK_INVALID' &&
  task.mesosState !== undefined;

/**
 * The launch never reached an agent: never heard of, and Mesos answers a reconciliation that it does not know the task. Such an
 * end is nobody's failure (design §5.10).
 */
export const isLaunchLost = (task: Task, status: TaskStatus): boolean =>
  task.mesosState === undefined && status.reason === 'REASON_RECONCILIATION';

/** Alive in the sense that a stray task of this condition must be killed (behaviour §1.7, 1). */
const isAliveCondition = (condition: string): boolean =>
  condition === 'Staging' || condition === 'Starting' || condition === 'Running' || condition === 'Provisioned';

/** Nothing of it is left to wait for. */
function isOver(instance: Instance, strategy: UnreachableStrategy, nowMs: number): boolean {
  if (instance.goal === 'Decommissioned' && instance.tasks.every((t) => isTerminal(t.condition))) return true;
  const deadlines = unreachableDeadlines(instance, strategy);
  return deadlines !== undefined && nowMs >= deadlines.expungeAtMs;
}

/** The members that `withTask` carries over or sets. */
type Carried =
  | ('id' | 'appId' | 'version' | 'role' | 'goal' | 'condition' | 'sinceMs' | 'tasks' | 'incarnation')
  | ('agent' | 'activeSinceMs' | 'healthy' | 'condemned');

/** A new member of instances that is not carried over makes this `never`, which stops the compiler. */
type Draft =
  Exclude<keyof Instance, Carried> extends never ? { -readonly [Name in keyof Instance]: Instance[Name] } : never;

/**
 * The instance with another state of its task. Members always come in one order: there are 100,000 of these, and objects that were put
 * together differently share nothing.
 */
function withTask(current: Instance, task: Task, nowMs: number): Instance {
  const { agent, healthy, condemned: cause } = current;
  // An app instance has one task, whose condition is the instance's; several tasks are the business of pods.
  const { condition } = task;
  const sinceMs = condition === current.condition ? current.sinceMs : nowMs;
  const tasks = current.tasks.length === 1 ? [task] : current.tasks.map((t) => (t.id === task.id ? task : t));
  const activeSinceMs = current.activeSinceMs ?? task.startedAtMs;
  const { id, appId, version, role, goal, incarnation } = current;
  // What a running one has is written out: a member that is added later costs an array of its own.
  const next: Draft =
    agent === undefined || activeSinceMs === undefined
      ? { id, appId, version, role, goal, condition, sinceMs, tasks, incarnation }
      : { id, appId, version, role, goal, condition, sinceMs, tasks, incarnation, agent, activeSinceMs };
  if (agent !== undefined) next.agent = agent;
  if (activeSinceMs !== undefined) next.activeSinceMs = activeSinceMs;
  if (isTerminal(condition)) return next;
  if (healthy !== undefined) next.healthy = healthy;
  if (cause !== undefined) next.condemned = cause;
  return next;
}

function agedUnreachable(current: Instance, strategy: UnreachableStrategy, nowMs: number): InstanceEffect {
  const deadlines = unreachableDeadlines(current, strategy);
  if (!deadlines) return noop;
  if (nowMs >= deadlines.expungeAtMs) {
    return { type: 'expunge', last: current, events: [instanceChanged(current, nowMs)] };
  }
  if (nowMs < deadlines.inactiveAtMs || current.condition !== 'Unreachable') return noop;
  const tasks = current.tasks.map((t) =>
    t.condition === 'Unreachable' ? { ...t, condition: 'UnreachableInactive' as const } : t,
  );
  const next: Instance = { ...current, tasks, condition: 'UnreachableInactive', sinceMs: nowMs };
  return { type: 'update', next, previous: current, events: [instanceChanged(next, nowMs)] };
}

function aimed(current: Instance, goal: Goal, nowMs: number): InstanceEffect {
  if (current.goal === goal) return noop;
  if (current.goal === 'Decommissioned') return { type: 'reject', reason: 'goalIsFinal' };
  const next: Instance = { ...current, goal };
  const { condemned: cause } = current;
  const events = [
    ...(cause === undefined || goal === 'Running' ? [] : [unhealthyKilled(current, cause, nowMs)]),
    instanceChanged(next, nowMs),
  ];
  if (goal === 'Decommissioned' && next.tasks.every((t) => isTerminal(t.condition))) {
    return { type: 'expunge', last: next, events };
  }
  return { type: 'update', next, previous: current, events };
}

/** Nothing is published: to the outside it is as unhealthy as before. */
function condemned(current: Instance, cause: string): InstanceEffect {
  const isLeft = current.goal === 'Running' && current.condition === 'Running';
  if (!isLeft || current.condemned !== undefined) return noop;
  return { type: 'update', next: { ...current, condemned: cause }, previous: current, events: [] };
}

function healthChanged(current: Instance, healthy: boolean | undefined, nowMs: number): InstanceEffect {
  if (current.healthy === healthy) return noop;
  const { healthy: _previous, condemned: cause, ...rest } = current;
  const next: Instance = {
    ...rest,
    sinceMs: nowMs,
    ...(healthy === undefined ? {} : { healthy }),
    ...(cause === undefined || healthy === true ? {} : { condemned: cause }),
  };
  const event: MarathonEvent = {
    eventType: 'instance_health_changed_event',
    timestamp: timestamp(nowMs),
    instanceId: current.id,
    runSpecId: current.appId,
    healthy: healthy ?? null,
    runSpecVersion: current.version,
  };
  return { type: 'update', next, previous: current, events: [event] };
}

/** A new instance that waits for its first offer. */
export function scheduledInstance(
  id: InstanceId,
  app: { readonly id: Instance['appId']; readonly version: Timestamp; readonly role: string },
  nowMs: number,
): Instance {
  return {
    id,
    appId: app.id,
    version: app.version,
    role: app.role,
    goal: 'Running',
    condition: 'Scheduled',
    sinceMs: nowMs,
    tasks: [],
    incarnation: 0,
  };
}
