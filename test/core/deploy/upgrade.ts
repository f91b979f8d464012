/** One app and its instances in small: what `reconcile` orders is done at once, what Mesos would do is done by the test. */
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { isGone } from '../../../src/core/deploy/rolling.ts';
import type { InstanceId } from '../../../src/core/ids.ts';
import type { Instance } from '../../../src/core/instance/instance.ts';
import { isTerminal } from '../../../src/core/instance/instance.ts';
import type { AppTarget, Known, Reconciliation } from '../../../src/core/scale/reconcile.ts';
import { isReady, reconcile } from '../../../src/core/scale/reconcile.ts';
import { anInstance, v1, v2 } from '../instance/given.ts';
import { anApp } from '../offer/fixtures.ts';

export interface UpgradePlan {
  readonly instances: number;
  readonly minimum: number;
  readonly over: number;
  readonly isResident?: boolean;
  /** New instances have to pass a readiness check too. */
  readonly isGated?: boolean;
}

const volume = { containerPath: 'data', persistent: { size: 1 } } as const;

/** The new definition, version `v2`; old instances are of `v1`. Both have one health check. */
export const newApp = ({ instances, minimum, over, isResident = false }: UpgradePlan): AppDefinition =>
  anApp({
    instances,
    upgradeStrategy: { minimumHealthCapacity: minimum, maximumOverCapacity: over },
    version: v2,
    versionInfo: { lastScalingAt: v2, lastConfigChangeAt: v2 },
    ...(isResident ? { container: { type: 'MESOS', volumes: [volume] } } : {}),
  });

export class Upgrade {
  members: Known[] = [];
  target: AppTarget;
  /** Those that have passed their readiness check. */
  readonly proven = new Set<InstanceId>();
  readonly #isGated: boolean;
  #names = 0;

  constructor(plan: UpgradePlan, mode: AppTarget['mode'] = 'rolling') {
    this.#isGated = plan.isGated ?? false;
    this.target = { app: newApp(plan), mode, sentenced: new Set() };
  }

  /** Puts an instance there, as an earlier time has left it. */
  add(version: string, condition: Instance['condition'], healthy?: boolean, goal: Instance['goal'] = 'Running'): void {
    this.#names += 1;
    const instance = anInstance(this.#names, condition, {
      version,
      goal,
      sinceMs: this.#names,
      ...(condition === 'Running' ? { activeSinceMs: this.#names } : {}),
      ...(healthy === undefined ? {} : { healthy }),
    });
    this.members.push({ instance, goal, isAwaited: false });
  }

  addOld(count: number): this {
    for (let i = 0; i < count; i++) this.add(v1, 'Running', true);
    return this;
  }

  isProven(instance: Instance): boolean {
    return !this.#isGated || instance.version !== v2 || this.proven.has(instance.id);
  }

  isReady(instance: Instance): boolean {
    return isReady(instance, true) && this.isProven(instance);
  }

  /** One decision, carried out: the doomed that have no task vanish, the others take their time. */
  pass(): Reconciliation {
    const result = reconcile(
      this.target,
      this.members,
      () => true,
      (instance) => this.isProven(instance),
    );
    const doomed = new Set(result.kill);
    this.members = this.members.flatMap((m) => {
      if (!doomed.has(m.instance.id)) return [m];
      const hasTask = m.instance.condition !== 'Scheduled' && !isTerminal(m.instance.condition);
      return hasTask ? [{ ...m, goal: 'Decommissioned' as const }] : [];
    });
    for (let i = 0; i < result.start; i++) this.add(v2, 'Scheduled');
    return result;
  }

  set(index: number, changes: Partial<Instance>): void {
    const member = this.members[index]!;
    this.members[index] = { ...member, instance: { ...member.instance, ...changes } };
  }

  remove(index: number): void {
    this.members.splice(index, 1);
  }

  /** The first waiting new instance runs and is healthy. */
  oneBecomesHealthy(): void {
    const index = this.members.findIndex((m) => m.instance.version === v2 && m.instance.condition === 'Scheduled');
    this.set(index, { condition: 'Running', healthy: true, activeSinceMs: 1_000 });
  }

  /** The first of those that are to die is dead. */
  oneDies(): void {
    this.remove(this.members.findIndex((m) => m.goal === 'Decommissioned'));
  }

  get ready(): number {
    return this.members.filter((m) => m.goal === 'Running' && this.isReady(m.instance)).length;
  }

  /** Everything that takes up room, or will: the dying too, but not those that are given up. */
  get alive(): number {
    return this.members.filter(({ goal, instance }) =>
      goal === 'Running' ? instance.condition !== 'UnreachableInactive' : !isGone(instance),
    ).length;
  }

  get isUpgraded(): boolean {
    const { instances } = this.target.app;
    const kept = this.members.filter(({ goal, instance }) =>
      goal === 'Running' ? instance.condition !== 'UnreachableInactive' : !isGone(instance),
    );
    return (
      kept.length === instances &&
      kept.every((m) => m.goal === 'Running' && m.instance.version === v2 && this.isReady(m.instance))
    );
  }

  /** From now on all goes well for new instances, and old ones stay as they are; ends when there is nothing to do, or never. */
  settle(maxPasses: number): number {
    for (let passes = 1; passes <= maxPasses; passes++) {
      const { isDone } = this.pass();
      if (isDone) return passes;
      this.members = this.members.flatMap((m) => {
        const { instance } = m;
        const isLost = instance.condition === 'Unreachable' || instance.condition === 'UnreachableInactive';
        if (m.goal !== 'Running') return [];
        if (instance.version !== v2) return [m];
        if (isLost) return [];
        this.proven.add(instance.id);
        return [{ ...m, instance: { ...instance, condition: 'Running' as const, healthy: true } }];
      });
    }
    return Number.POSITIVE_INFINITY;
  }
}
