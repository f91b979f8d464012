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
  /** Instances, old or new, that were told to die and have not died yet: they still take up room. */
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
  const { app, old, dying } = input;
  const wanted = app.instances;
  const kill: InstanceId[] = [];
  const living: RollingInstance[] = [];
  // An old instance that waits for an offer, or is given up as lost, is replaced by a new one; it costs nobody anything.
  for (const i of old) {
    if (isScheduled(i) || i.condition === 'UnreachableInactive') kill.push(i.id);
    else living.push(i);
  }
  const ready = readyOf(living).length + readyOf(input.fresh).length;
  const limits = upgradeLimits(wanted, app.upgradeStrategy, 0, ready, input.isResident);
  const fresh = withoutIdle(input.fresh, Math.min(wanted, limits.maxCapacity - living.length - dying));
  const room = limits.maxCapacity - living.length - dying - fresh.length;
  const start = Math.max(0, Math.min(wanted - fresh.length, room));
  kill.push(...leastUseful(app, living, killCount({ ...input, fresh }, limits, living, start)));
  // All old ones are on their way out: what is too much now is new. Before that only what is not ready may go, which costs no
  // capacity.
  const superfluous = kill.length === old.length ? fresh : fresh.filter((i) => !i.isReady);
  kill.push(...leastUseful(app, superfluous, fresh.length - wanted));
  if (fresh.length < input.fresh.length) {
    const kept = new Set(fresh);
    for (const i of input.fresh) if (!kept.has(i)) kill.push(i.id);
  }
  const isSettled = old.length === 0 && dying === 0 && kill.length === 0;
  return { kill, start, isDone: isSettled && fresh.length === wanted && fresh.every((i) => i.isReady) };
}

/**
 * Without those that wait for an offer beyond `most`: the count was lowered meanwhile, or somebody has come back and takes their room.
 * What is not launched yet is given up at no cost, and must not be launched; when there is room again others start.
 */
function withoutIdle(fresh: readonly RollingInstance[], most: number): readonly RollingInstance[] {
  let excess = fresh.length - Math.max(0, most);
  return fresh.filter((i) => !(excess > 0 && isScheduled(i) && excess-- > 0));
}

const readyOf = (instances: readonly RollingInstance[]): readonly RollingInstance[] =>
  instances.filter((i) => i.isReady);

/** How many of the living old instances may die, as long as those that are not ready go first. */
function killCount(
  { app, fresh, dying }: RollingInput,
  limits: UpgradeLimits,
  living: readonly RollingInstance[],
  start: number,
): number {
  const wanted = app.instances;
  const unready = living.length - readyOf(living).length;
  const freshReady = readyOf(fresh).length;
  // Where ready ones may die, those that are not ready count for nothing and go with them. Where none may, each new one that is
  // ready stands for an old one that is not, and what exceeds the count needs no substitute; this also clears what a cancelled
  // deployment left behind.
  const replaced = Math.min(unready, Math.max(0, living.length - Math.max(0, wanted - freshReady)));
  const count = limits.killNow > 0 ? Math.min(living.length, unready + limits.killNow) : replaced;
  // Nothing may start and nothing ready may die: an old instance that is not ready gives its place away, at no cost in capacity.
  const isStuck = count === 0 && start === 0 && dying === 0 && fresh.length < wanted && freshReady === fresh.length;
  return isStuck ? Math.min(unready, wanted - fresh.length) : count;
}

/** The `count` to kill: those that are not ready first (behaviour §4.5), then as on any scale-down. */
function leastUseful(app: AppDefinition, instances: readonly RollingInstance[], count: number): readonly InstanceId[] {
  if (count <= 0) return [];
  const unready = instances.filter((i) => !i.isReady);
  const first = victims(app, unready, noneSentenced, count);
  return [...first, ...victims(app, readyOf(instances), noneSentenced, count - first.length)];
}

/** Not worth waiting for: dead, or so far away that it counts as dead (behaviour §1.1). */
export const isGone = (instance: Pick<Instance, 'condition'>): boolean => isConsideredTerminal(instance.condition);
