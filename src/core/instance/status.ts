/** What one Mesos status changes in a task, and the events that tell of it (behaviour §1.6, §1.7). */
import type { MarathonEvent } from '../events.ts';
import type { TaskStatus } from '../mesos/types.ts';
import { timestamp } from '../time.ts';
import type { Condition, Instance, Task } from './instance.ts';
import { isTerminal } from './instance.ts';

/** Longest status message that is kept, in characters. */
export const maxMessageLength = 10_000;

/** Conditions that a later, stronger one does not fall back to: updates may overtake each other (transcript 08d). */
const earlier: Readonly<Partial<Record<Condition, readonly Condition[]>>> = {
  Running: ['Staging', 'Starting'],
  Killing: ['Staging', 'Starting', 'Running'],
  Starting: ['Staging'],
};

/** The members that `applyStatus` carries over or sets. */
type Carried =
  | ('id' | 'condition' | 'mesosState' | 'stagedAtMs' | 'startedAtMs' | 'unreachableAtMs')
  | ('hostPorts' | 'ipAddresses' | 'healthy' | 'checkStatus');

/** A new member of tasks that is not carried over makes this `never`, which stops the compiler. */
type Draft = Exclude<keyof Task, Carried> extends never ? { -readonly [Name in keyof Task]: Task[Name] } : never;

/** The task after the status; the same object if nothing changed. A terminal task never changes again (V14). */
export function applyStatus(task: Task, condition: Condition, status: TaskStatus, nowMs: number): Task {
  if (isTerminal(task.condition)) return task;
  const isInactive = task.condition === 'UnreachableInactive' && condition === 'Unreachable';
  if (earlier[task.condition]?.includes(condition)) return task;
  const next = isInactive ? task.condition : condition;
  const healthy = status.healthy ?? task.healthy;
  const ipAddresses = isTerminal(next) ? task.ipAddresses : addressesOf(status, task);
  const isSame =
    next === task.condition &&
    healthy === task.healthy &&
    areSame(ipAddresses, task.ipAddresses) &&
    !hasNewCheck(task, status);
  if (isSame) return task;
  const { id, stagedAtMs, hostPorts } = task;
  const mesosState = status.state;
  const { startedAtMs = next === 'Running' ? reportedAtMs(status, nowMs) : undefined } = task;
  // Members in one order, and those of a running task written out: there are 100,000 of these, and objects that were put together
  // differently share nothing.
  const changed: Draft =
    startedAtMs === undefined
      ? { id, condition: next, stagedAtMs, hostPorts, ipAddresses, mesosState }
      : { id, condition: next, stagedAtMs, hostPorts, ipAddresses, mesosState, startedAtMs };
  if (next === 'Unreachable' || next === 'UnreachableInactive') {
    changed.unreachableAtMs = task.unreachableAtMs ?? unreachableSince(status, nowMs);
  }
  if (healthy !== undefined) changed.healthy = healthy;
  const checkStatus = status.check_status ?? task.checkStatus;
  if (checkStatus !== undefined) changed.checkStatus = checkStatus;
  return changed;
}

const hasNewCheck = (task: Task, status: TaskStatus): boolean =>
  status.check_status !== undefined && JSON.stringify(status.check_status) !== JSON.stringify(task.checkStatus);

const reportedAtMs = (status: TaskStatus, nowMs: number): number =>
  status.timestamp === undefined ? nowMs : Math.round(status.timestamp * 1000);

/** From `unreachable_time`, else the status' own time. Nanoseconds beyond 2^53 lose digits that milliseconds do not have. */
const unreachableSince = (status: TaskStatus, nowMs: number): number =>
  status.unreachable_time ? Math.floor(status.unreachable_time.nanoseconds / 1e6) : reportedAtMs(status, nowMs);

const areSame = (some: Task['ipAddresses'], others: Task['ipAddresses']): boolean =>
  some === others ||
  (some.length === others.length &&
    some.every(({ ipAddress, protocol }, i) => ipAddress === others[i]?.ipAddress && protocol === others[i].protocol));

/** Those that the status names. One without any says nothing of them: what the master makes itself often lacks them (transcript 08d). */
function addressesOf(status: TaskStatus, task: Task): Task['ipAddresses'] {
  const infos = status.container_status?.network_infos;
  if (!infos) return task.ipAddresses;
  const found: { ipAddress: string; protocol: 'IPv4' | 'IPv6' }[] = [];
  for (const info of infos) {
    for (const address of info.ip_addresses ?? []) {
      if (address.ip_address) found.push({ ipAddress: address.ip_address, protocol: address.protocol ?? 'IPv4' });
    }
  }
  return found.length === 0 ? task.ipAddresses : sharedAddresses(found);
}

/** Addresses that are remembered: those of the hosts, as long as tasks have none of their own. */
const maxRemembered = 10_000;
/** Cannot be observed from outside: all tasks of a host have its address, and there may be a hundred of them. */
const remembered = new Map<string, Task['ipAddresses']>();

function sharedAddresses(found: Task['ipAddresses']): Task['ipAddresses'] {
  const [only] = found;
  if (only === undefined || found.length > 1) return found;
  const known = remembered.get(only.ipAddress);
  if (known?.[0]?.protocol === only.protocol) return known;
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(only.ipAddress, found);
  return found;
}

/** `instance_changed_event` for an instance as it is now. */
export const instanceChanged = (instance: Instance, nowMs: number): MarathonEvent => ({
  eventType: 'instance_changed_event',
  timestamp: timestamp(nowMs),
  instanceId: instance.id,
  condition: instance.condition,
  runSpecId: instance.appId,
  agentId: instance.agent?.agentId ?? null,
  host: instance.agent?.host ?? null,
  runSpecVersion: instance.version,
});

/** `status_update_event` for one task of an instance. */
export const statusUpdated = (instance: Instance, task: Task, status: TaskStatus, nowMs: number): MarathonEvent => ({
  eventType: 'status_update_event',
  timestamp: timestamp(nowMs),
  slaveId: status.agent_id?.value ?? instance.agent?.agentId ?? '',
  taskId: task.id,
  taskStatus: task.mesosState ?? 'TASK_STAGING',
  message: (status.message ?? '').slice(0, maxMessageLength),
  appId: instance.appId,
  host: instance.agent?.host ?? 'unknown',
  ipAddresses: task.ipAddresses,
  ports: task.hostPorts,
  version: instance.version,
});
