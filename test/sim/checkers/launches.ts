/** Launches: only what is stored, never the same twice, never too many, and where the constraints allow it. */

import type { AppDefinition, Constraint } from '../../../src/core/app/definition.ts';
import { isCurrent } from '../../../src/core/app/versions.ts';
import { parseTaskId } from '../../../src/core/ids.ts';
import type { AgentInfo, Instance } from '../../../src/core/instance/instance.ts';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { fieldOf } from '../feasible.ts';
import type { Changes } from '../mirror.ts';
import { type CheckContext, hasTask, isCounted } from './context.ts';

/** Longest way from a match to its ACCEPT. */
const movedForMs = 5_000;

export class LaunchChecker {
  readonly #context: CheckContext;
  /** Instances that were out of reach at some time: others may have taken their place. */
  readonly #wasLost = new Set<string>();

  /** When a deployment of an app last changed or ended: what it had matched may still go out. */
  readonly #movedAtMs = new Map<string, number>();

  constructor(context: CheckContext) {
    this.#context = context;
  }

  committed({ instances, deployments }: Changes): void {
    for (const { before } of deployments) {
      for (const { id } of before?.affected ?? []) this.#movedAtMs.set(id, this.#context.clock.monotonic());
    }
    for (const { key, after } of instances) {
      if (after?.condition.startsWith('Unreachable')) this.#wasLost.add(key);
    }
  }

  accepting(tasks: readonly TaskInfo[]): void {
    const apps = new Set<string>();
    for (const info of tasks) {
      const appId = this.#acceptingOne(info);
      if (appId !== undefined) apps.add(appId);
    }
    for (const appId of apps) this.#checkCount(appId);
  }

  #acceptingOne(info: TaskInfo): string | undefined {
    const { chronicle, mirror, mesos } = this.#context;
    const taskId = info.task_id.value;
    const instanceId = parseTaskId(taskId)?.instanceId ?? '';
    const instance = mirror.instances.get(instanceId);
    if (instance?.tasks[0]?.id !== taskId) {
      chronicle.violation('launches', `${taskId} is launched and not stored (${instance?.tasks[0]?.id ?? 'no task'})`);
      return undefined;
    }
    for (const other of mesos.alive()) {
      if (other.id === taskId || other.wasUnreachable || parseTaskId(other.id)?.instanceId !== instanceId) continue;
      chronicle.violation('launches', `${taskId} is launched while ${other.id} lives`);
    }
    if (instance.goal === 'Running') this.#checkConstraints(instance);
    return instance.appId;
  }

  #checkConstraints(instance: Instance): void {
    const { chronicle, mirror } = this.#context;
    const app = mirror.definitionOf(instance);
    const { agent } = instance;
    if (!app || !agent || app.constraints.length === 0) return;
    const others = mirror
      .instancesOf(app.id)
      .filter((i) => i.id !== instance.id && hasTask(i) && isCurrent(i.version, app))
      .filter((i) => !this.#wasLost.has(i.id))
      .flatMap((i) => i.agent ?? []);
    for (const constraint of app.constraints) {
      if (!isMet(constraint, agent, others)) {
        chronicle.violation('constraints', `${instance.id} on ${agent.host} breaks ${constraint.join(' ')}`);
      }
    }
  }

  /** A launch never makes more tasks than the count, or an upgrade's room, allows; what has come back does not count (design §8). */
  #checkCount(appId: string): void {
    const { chronicle, mirror } = this.#context;
    const tasks = mirror
      .instancesOf(appId)
      .filter((i) => isCounted(i) && hasTask(i) && !this.#wasLost.has(i.id)).length;
    const most = this.#most(appId);
    if (tasks > most) chronicle.violation('counts', `${appId} is given ${tasks} tasks where ${most} are allowed`);
  }

  #most(appId: string): number {
    const { mirror, clock } = this.#context;
    // Whoever takes an app over takes over the room of an upgrade that was under way.
    const sinceMs = clock.monotonic() - (this.#movedAtMs.get(appId) ?? Number.NEGATIVE_INFINITY);
    const isMoving = mirror.deploymentsOf(appId).length > 0 || sinceMs < movedForMs;
    return Math.max(0, ...mirror.aimsOf(appId).map((app) => (isMoving ? room(app) : app.instances)));
  }
}

/** What an upgrade may have at once: where minimum and maximum leave no room, one more. */
function room({ instances, upgradeStrategy }: AppDefinition): number {
  const { minimumHealthCapacity, maximumOverCapacity } = upgradeStrategy;
  const most = Math.trunc(instances * (1 + maximumOverCapacity));
  return Math.ceil(instances * minimumHealthCapacity) === most ? most + 1 : most;
}

/** The constraints that can be judged one launch at a time. */
export function isMet([field, operator, value]: Constraint, agent: AgentInfo, others: readonly AgentInfo[]): boolean {
  const own = fieldOf(agent, field);
  if (operator === 'UNLIKE') return own === undefined || !new RegExp(`^(?:${value})$`).test(own);
  if (own === undefined) return false;
  const same = others.filter((other) => fieldOf(other, field) === own).length;
  switch (operator) {
    case 'UNIQUE':
      return same === 0;
    case 'MAX_PER':
      return same < Number(value);
    case 'CLUSTER':
      return (value === undefined || value === own) && same === others.length;
    case 'LIKE':
      return new RegExp(`^(?:${value})$`).test(own);
    case 'IS':
      return own === value;
    case 'GROUP_BY':
      return true;
  }
}
