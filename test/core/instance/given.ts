/** Instances and statuses for tests of the life cycle, scaling and deployments. */
import type { AppId, InstanceId, TaskId } from '../../../src/core/ids.ts';
import type { InstanceEffect } from '../../../src/core/instance/decide.ts';
import { decide } from '../../../src/core/instance/decide.ts';
import type { Condition, Instance, Task } from '../../../src/core/instance/instance.ts';
import { isTerminal } from '../../../src/core/instance/instance.ts';
import type { MesosTaskState, TaskStatus } from '../../../src/core/mesos/types.ts';
import { anAgent } from '../offer/fixtures.ts';

export const v1 = '2026-01-01T00:00:01.000Z';
export const v2 = '2026-01-01T00:00:02.000Z';
export const appId = '/shop/web' as AppId;
export const instanceId = (name: string | number): InstanceId => `shop_web.instance-${name}` as InstanceId;
export const taskId = (name: string | number, incarnation = 1): TaskId =>
  `shop_web.instance-${name}._app.${incarnation}` as TaskId;

/** An instance in the given condition, with the task and the agent that belong to it. */
export function anInstance(
  name: string | number,
  condition: Condition = 'Running',
  changes: Partial<Instance> = {},
): Instance {
  const task: Task = { id: taskId(name), condition, stagedAtMs: 0, hostPorts: [31_000], ipAddresses: [] };
  const hasTask = condition !== 'Scheduled';
  return {
    id: instanceId(name),
    appId,
    version: v1,
    role: '*',
    goal: 'Running',
    condition,
    sinceMs: 0,
    ...(condition === 'Running' ? { activeSinceMs: 0 } : {}),
    ...(hasTask && !isTerminal(condition) ? { agent: anAgent('h1') } : {}),
    tasks: hasTask ? [task] : [],
    incarnation: hasTask ? 1 : 0,
    ...changes,
  };
}

export const aStatus = (
  state: MesosTaskState,
  more: Partial<TaskStatus> = {},
  name: string | number = 'a',
): TaskStatus => ({ task_id: { value: taskId(name) }, state, ...more });

/** What becomes of an instance when Mesos says this; the strategy is the default 0/0 unless told otherwise. */
export const told = (
  current: Instance,
  status: TaskStatus,
  nowMs = 0,
  strategy: { inactiveAfterSeconds: number; expungeAfterSeconds: number } | 'disabled' = {
    inactiveAfterSeconds: 0,
    expungeAfterSeconds: 0,
  },
): InstanceEffect => decide(current, { type: 'mesosUpdate', status, strategy }, nowMs);

/** The instance after an effect that must be an update. */
export function updated(effect: InstanceEffect): Instance {
  if (effect.type !== 'update') throw new Error(`expected an update: ${JSON.stringify(effect)}`);
  return effect.next;
}

export const eventTypes = (effect: InstanceEffect): readonly string[] =>
  effect.type === 'update' || effect.type === 'expunge' ? effect.events.map((e) => e.eventType) : [];
