/** When an unreachable instance is given up (behaviour §1.8); timers instead of waiting for a reconciliation (design §8). */
import type { UnreachableStrategy } from '../app/definition.ts';
import type { Instance } from './instance.ts';

/** Deadlines in epoch milliseconds; absent = never. */
export interface UnreachableDeadlines {
  readonly inactiveAtMs: number;
  readonly expungeAtMs: number;
}

/** Both deadlines of an instance, or undefined if none of its tasks is unreachable or the strategy is disabled. */
export function unreachableDeadlines(
  instance: Pick<Instance, 'tasks'>,
  strategy: UnreachableStrategy,
): UnreachableDeadlines | undefined {
  if (strategy === 'disabled') return undefined;
  let sinceMs: number | undefined;
  for (const task of instance.tasks) {
    const isUnreachable = task.condition === 'Unreachable' || task.condition === 'UnreachableInactive';
    if (!isUnreachable || task.unreachableAtMs === undefined) continue;
    sinceMs = sinceMs === undefined ? task.unreachableAtMs : Math.min(sinceMs, task.unreachableAtMs);
  }
  if (sinceMs === undefined) return undefined;
  return {
    inactiveAtMs: sinceMs + strategy.inactiveAfterSeconds * 1000,
    expungeAtMs: sinceMs + strategy.expungeAfterSeconds * 1000,
  };
}
