/**
 * The arithmetic of a rolling upgrade (behaviour §4.5), as one small safe step at a time: it looks at what is there and says whom
 * to kill and how many to start, so that a lost or doubled event, or a new leader, changes nothing.
 */
import type { AppDefinition, UpgradeStrategy } from '../app/definition.ts';
import type { InstanceId } from '../ids.ts';
import type { Instance } from '../instance/instance.ts';
import { isConsideredTerminal, isScheduled } from '../instance/instance.ts';
import type { Candidate } from '../scale/victims.ts';
import { victims } from '../scale/victims.ts';

export interface UpgradeLimits {
  /** Never fewer healthy instances than this because of us. */
  readonly minHealthy: number;
  /** Never more instances at once than this. */
  readonly maxCapacity: number;
  /** Old instances that may die at once, before anything new has started. */
  readonly killNow: number;
}

/**
 * Limits for `instances` wanted, `total` existing and `healthy` of them (V61–V76). Plain IEEE doubles: 10 × 0.75 → at least 8,
 * 10 × 1.25 → at most 12. Where minimum and maximum leave no room, one over the maximum is allowed; for resident apps, whose
 * volumes cannot be in two places, one below the minimum instead.
 */
export function upgradeLimits(
  instances: number,
  strategy: UpgradeStrategy,
  total: number,
  healthy: number,
  isResident: boolean,
): UpgradeLimits {
  const minHealthy = Math.ceil(instances * strategy.minimumHealthCapacity);
  let maxCapacity = Math.trunc(instances * (1 + strategy.maximumOverCapacity));
  let killNow = Math.max(0, healthy - minHealthy);
  if (minHealthy === maxCapacity && maxCapacity <= healthy) {
    if (isResident) killNow = healthy - minHealthy + 1;
    else maxCapacity += 1;
  }
  if (instances < total) killNow = Math.max(total - instances, killNow);
  return { minHealthy, maxCapacity, killNow };
}

export interface RollingInput {
  /** The new definition. */
  readonly app: AppDefinition;
  readonly isResident: boolean;
  /** Instances of an older configuration with goal Running. */
  readonly old: readonly RollingInstance[];
  /** Instances of the new configuration with goal Running. */
  readonly fresh: readonly RollingInstance[];
  /** Old instances that were told to die and have not died yet. */
  readonly dying: number;
}

export interface RollingInstance extends Candidate {
  readonly goal: Instance['goal'];
  /** Running, and every check that its version has says so. */
  readonly isReady: boolean;
}

export interface RollingStep {
  readonly kill: readonly InstanceId[];
  readonly start: number;
  readonly isDone: boolean;
}

const noneSentenced: ReadonlySet<InstanceId> = new Set();

/**
 * One step. Worked example, 4 instances, minimum 1, over 0: minimum 4 = maximum 4, so 5 are allowed. Step 1 starts one. It gets
 * ready: 5 ready, 5 − 4 = 1 old one dies. It is gone: room for one more. And so on.
 */
export function rollingStep(input: RollingInput): RollingStep {
  const { app, old, fresh, dying } = input;
  const wanted = app.instances;
  // An old instance that waits for an offer is replaced by a new one, never started again.
  const waiting = old.filter(isScheduled);
  const living = old.filter((i) => !isScheduled(i));
  const ready = count(living) + count(fresh);
  const limits = upgradeLimits(wanted, app.upgradeStrategy, 0, ready, input.isResident);
  const room = limits.maxCapacity - living.length - dying - fresh.length;
  const start = Math.max(0, Math.min(wanted - fresh.length, room));
  const unready = living.filter((i) => !i.isReady);
  const kill = new Set<InstanceId>(waiting.map((i) => i.id));
  const allowed = killCount(input, limits, living, unready, start, ready);
  for (const id of victims(app, living, noneSentenced, allowed)) kill.add(id);
  const surplus = old.length === 0 && dying === 0 ? fresh.length - wanted : 0;
  if (surplus > 0) for (const id of victims(app, fresh, noneSentenced, surplus)) kill.add(id);
  const isDone = old.length === 0 && dying === 0 && fresh.length === wanted && fresh.every((i) => i.isReady);
  return { kill: [...kill], start, isDone };
}

const count = (instances: readonly RollingInstance[]): number => {
  let n = 0;
  for (const i of instances) if (i.isReady) n++;
  return n;
};

function killCount(
  input: RollingInput,
  limits: UpgradeLimits,
  living: readonly RollingInstance[],
  unready: readonly RollingInstance[],
  start: number,
  ready: number,
): number {
  const { fresh, dying, app } = input;
  const wanted = app.instances;
  // Before anything new exists the first kill of §4.5 applies, which also clears what a cancelled deployment left behind.
  const isFirst = fresh.length === 0 && dying === 0;
  if (isFirst && wanted < living.length) {
    const surplus = living.length - wanted;
    return Math.min(living.length, Math.max(limits.killNow, Math.min(surplus, unready.length + limits.killNow)));
  }
  if (limits.killNow > 0) return Math.min(living.length, limits.killNow);
  // Nothing may start and nothing ready may die: an old instance that is not ready gives its place away, at no cost in capacity.
  const isStuck = start === 0 && dying === 0 && fresh.length < wanted && fresh.every((i) => i.isReady);
  const isBelow = ready <= limits.minHealthy || wanted === 0;
  return isStuck && isBelow ? Math.min(unready.length, wanted - fresh.length) : 0;
}

/** Not worth waiting for: dead, or so far away that it counts as dead (behaviour §1.1). */
export const isGone = (instance: Pick<Instance, 'condition'>): boolean => isConsideredTerminal(instance.condition);
