/** Target against actual for one app: whom to kill, how many to start, and whether the step of a deployment is done. */
import type { AppDefinition } from '../app/definition.ts';
import { isCurrent } from '../app/versions.ts';
import type { RollingInstance } from '../deploy/rolling.ts';
import { isGone, rollingStep } from '../deploy/rolling.ts';
import type { InstanceId } from '../ids.ts';
import type { Goal, Instance } from '../instance/instance.ts';
import { replaceStep } from './replace.ts';
import { victims } from './victims.ts';

export interface AppTarget {
  readonly app: AppDefinition;
  /** `steady` keeps the count whatever the versions; `rolling` replaces older configurations; `stopped` ends all. */
  readonly mode: 'steady' | 'rolling' | 'stopped';
  readonly sentenced: ReadonlySet<InstanceId>;
}

/** An instance as its app sees it: the goal is the app's own decision and may be ahead of the record. */
export interface Known {
  readonly instance: Instance;
  readonly goal: Goal;
  /** Started for the running step, which waits until it is ready. */
  readonly isAwaited: boolean;
}

export interface Reconciliation {
  readonly kill: readonly InstanceId[];
  readonly start: number;
  readonly isDone: boolean;
}

/** In the running set: meant to run and not given up as inactive (behaviour §4.6). */
export const isCounted = (known: Pick<Known, 'goal' | 'instance'>): boolean =>
  known.goal === 'Running' && known.instance.condition !== 'UnreachableInactive';

/** Runs, and no check of its version has doubts. `hasChecks` tells whether that version has health checks at all. */
export const isReady = (instance: Instance, hasChecks: boolean): boolean =>
  instance.condition === 'Running' && (!hasChecks || instance.healthy === true);

/**
 * `kill = max(|R| − n, |sentenced ∩ R|)`, `start = n − |R| + kill` (V53–V59).
 */
export function scaleStep(running: number, sentencedRunning: number, wanted: number): { kill: number; start: number } {
  const n = Math.max(0, wanted);
  const kill = Math.max(running - n, sentencedRunning, 0);
  return { kill, start: Math.max(0, n - running + kill) };
}

/**
 * One pass over everything that the app has. `hasChecks` says of an instance whether its version defines health checks, `isProven`
 * whether its readiness check, if a deployment waits for one, has passed.
 */
export function reconcile(
  target: AppTarget,
  all: Iterable<Known>,
  hasChecks: (instance: Instance) => boolean,
  isProven: (instance: Instance) => boolean = () => true,
): Reconciliation {
  const isReadyNow = (instance: Instance): boolean => isReady(instance, hasChecks(instance)) && isProven(instance);
  switch (target.mode) {
    case 'stopped':
      return stopStep(all);
    case 'rolling':
      return rollStep(target, all, isReadyNow);
    case 'steady':
      return steadyStep(target, all, isReadyNow);
  }
}

function stopStep(all: Iterable<Known>): Reconciliation {
  const kill: InstanceId[] = [];
  let isDone = true;
  for (const known of all) {
    if (known.goal !== 'Decommissioned') kill.push(known.instance.id);
    if (!isGone(known.instance)) isDone = false;
  }
  return { kill, start: 0, isDone: isDone && kill.length === 0 };
}

function steadyStep(
  target: AppTarget,
  all: Iterable<Known>,
  isReadyNow: (instance: Instance) => boolean,
): Reconciliation {
  const running: Instance[] = [];
  const condemned: Instance[] = [];
  let settled = 0;
  let sentenced = 0;
  let isWaiting = false;
  for (const known of all) {
    if (!isCounted(known)) {
      if (known.goal === 'Decommissioned' && !isGone(known.instance)) isWaiting = true;
      continue;
    }
    running.push(known.instance);
    const isSentenced = target.sentenced.has(known.instance.id);
    if (isSentenced) sentenced++;
    if (known.isAwaited && !isReadyNow(known.instance)) isWaiting = true;
    if (target.app.replaceBeforeKill !== true || isSentenced) continue;
    if (known.instance.condemned !== undefined) condemned.push(known.instance);
    else if (isSettled(known, isReadyNow)) settled++;
  }
  const { instances: wanted, upgradeStrategy } = target.app;
  const { maximumOverCapacity } = upgradeStrategy;
  const facts = { wanted, running: running.length, condemned: condemned.length, settled, maximumOverCapacity };
  const { release, extra } = replaceStep(facts);
  const released = condemned.slice(0, release).map(({ id }) => id);
  const left = release === 0 ? running : running.filter(({ id }) => !released.includes(id));
  const step = scaleStep(left.length, sentenced, wanted + extra);
  const rest = step.kill === 0 ? [] : victims(target.app, left, target.sentenced, step.kill);
  const kill = [...released, ...rest];
  return { kill, start: step.start, isDone: kill.length === 0 && step.start === 0 && !isWaiting };
}

/** It works, or has worked. One that starts, or never was well, can replace nobody. */
function isSettled({ instance, isAwaited }: Known, isReadyNow: (instance: Instance) => boolean): boolean {
  if (isReadyNow(instance)) return true;
  return instance.condition === 'Running' && !isAwaited && instance.healthy === false;
}

function rollStep(
  target: AppTarget,
  all: Iterable<Known>,
  isReadyNow: (instance: Instance) => boolean,
): Reconciliation {
  const old: RollingInstance[] = [];
  const fresh: RollingInstance[] = [];
  const sentenced: InstanceId[] = [];
  let dying = 0;
  for (const { instance, goal } of all) {
    const isOld = !isCurrent(instance.version, target.app);
    if (goal !== 'Running') {
      if (!isGone(instance)) dying++;
      continue;
    }
    if (target.sentenced.has(instance.id)) sentenced.push(instance.id);
    if (!isOld && instance.condition === 'UnreachableInactive') continue;
    const facts = { ...instance, goal, isReady: isReadyNow(instance) };
    (isOld ? old : fresh).push(facts);
  }
  // Somebody asked for these very ones to die; the next pass goes on with what is left.
  if (sentenced.length > 0) return { kill: sentenced, start: 0, isDone: false };
  const isResident = (target.app.container?.volumes ?? []).some((v) => v.persistent !== undefined);
  return rollingStep({ app: target.app, isResident, old, fresh, dying });
}
