/** What an instance counts as where apps and tasks are shown (rest-api §3.3, §7.12). */
import { type HealthStatus, isAlive } from '../health/health.ts';
import { type Condition, type Instance, isScheduled } from './instance.ts';

/** True for instances that have a task; those that wait for an offer have none. */
export const hasTask = (instance: Instance): boolean => instance.tasks.length > 0 && !isScheduled(instance);

const states: Readonly<Partial<Record<Condition, string>>> = {
  Scheduled: 'TASK_STAGING',
  Provisioned: 'TASK_STAGING',
  UnreachableInactive: 'TASK_UNREACHABLE',
};

/** Condition → Mesos state (behaviour §1.1). */
export const stateOf = (condition: Condition): string => states[condition] ?? `TASK_${condition.toUpperCase()}`;

export interface Standing {
  readonly isStaged: boolean;
  readonly isRunning: boolean;
  /** All checks that have a result are passed, and there is one. */
  readonly isHealthy: boolean;
  readonly isUnhealthy: boolean;
}

/** What an instance with a task counts as. */
export function standingOf(instance: Instance, health: readonly (HealthStatus | undefined)[]): Standing {
  const condition = instance.tasks[0]?.condition ?? instance.condition;
  let isUnhealthy = false;
  let hasResult = false;
  for (const status of health) {
    if (!status) continue;
    hasResult = true;
    if (!isAlive(status)) isUnhealthy = true;
  }
  return {
    isStaged: condition === 'Staging' || states[condition] === 'TASK_STAGING',
    isRunning: condition === 'Running',
    isHealthy: hasResult && !isUnhealthy,
    isUnhealthy,
  };
}

/** Tasks of an app by what they count as. */
export interface TaskCounts {
  readonly staged: number;
  readonly running: number;
  readonly healthy: number;
  readonly unhealthy: number;
}

export const noTasks: TaskCounts = { staged: 0, running: 0, healthy: 0, unhealthy: 0 };

/** The counts with one instance more (1), or less (-1); an instance without a task changes nothing. */
export function counted(
  counts: TaskCounts,
  by: 1 | -1,
  instance: Instance,
  health: readonly (HealthStatus | undefined)[],
): TaskCounts {
  if (!hasTask(instance)) return counts;
  const { isStaged, isRunning, isHealthy, isUnhealthy } = standingOf(instance, health);
  return {
    staged: counts.staged + (isStaged ? by : 0),
    running: counts.running + (isRunning ? by : 0),
    healthy: counts.healthy + (isHealthy ? by : 0),
    unhealthy: counts.unhealthy + (isUnhealthy ? by : 0),
  };
}
