import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { upgradeLimits } from '../../../src/core/deploy/rolling.ts';
import type { Condition } from '../../../src/core/instance/instance.ts';
import { v1, v2 } from '../instance/given.ts';
import { Upgrade, type UpgradePlan } from './upgrade.ts';

const plans = fc.record({
  instances: fc.integer({ min: 1, max: 9 }),
  minimum: fc.constantFrom(0, 0.1, 0.25, 0.5, 0.75, 0.9, 1),
  over: fc.constantFrom(0, 0.1, 0.3, 0.5, 0.7, 1),
  isResident: fc.boolean(),
  isGated: fc.boolean(),
});

const found = fc.record({
  version: fc.constantFrom(v1, v1, v1, v2),
  condition: fc.constantFrom<Condition>(
    'Running',
    'Running',
    'Running',
    'Scheduled',
    'Provisioned',
    'Staging',
    'Starting',
    'Unreachable',
    'UnreachableInactive',
    'Failed',
    'Killing',
  ),
  healthy: fc.constantFrom(true, true, false, undefined),
  isDying: fc.constantFrom(false, false, false, true),
});

/** Things that happen to an instance, chosen by number. */
const events = fc.array(
  fc.record({
    what: fc.constantFrom(
      'run',
      'healthy',
      'healthy',
      'prove',
      'sick',
      'fail',
      'lose',
      'giveUp',
      'return',
      'die',
      'die',
    ),
    which: fc.nat(40),
  }),
  { maxLength: 60 },
);

function happen(upgrade: Upgrade, what: string, which: number): void {
  if (upgrade.members.length === 0) return;
  const index = which % upgrade.members.length;
  const { goal, instance } = upgrade.members[index]!;
  const { condition } = instance;
  const isUp = condition === 'Running';
  const isLost = condition === 'Unreachable' || condition === 'UnreachableInactive';
  if (what === 'die' && goal !== 'Running') upgrade.remove(index);
  else if (what === 'run' && goal === 'Running' && !isUp && !isLost) upgrade.set(index, { condition: 'Running' });
  else if (what === 'healthy' && isUp) upgrade.set(index, { healthy: true });
  else if (what === 'prove' && isUp) upgrade.proven.add(instance.id);
  else if (what === 'sick' && isUp) upgrade.set(index, { healthy: false });
  else if (what === 'fail' && isUp && goal === 'Running') upgrade.set(index, { condition: 'Failed', healthy: false });
  else if (what === 'lose' && isUp) upgrade.set(index, { condition: 'Unreachable' });
  else if (what === 'giveUp' && condition === 'Unreachable') upgrade.set(index, { condition: 'UnreachableInactive' });
  else if (what === 'return' && isLost) upgrade.set(index, { condition: 'Running' });
}

/** One pass with the promises checked. */
function watchedPass(upgrade: Upgrade): void {
  const { app } = upgrade.target;
  const isResident = app.container !== undefined;
  const before = upgrade.members;
  const readyBefore = upgrade.ready;
  const { minHealthy, maxCapacity } = upgradeLimits(app.instances, app.upgradeStrategy, 0, readyBefore, isResident);
  const step = upgrade.pass();
  const doomed = new Set(step.kill);
  expect(doomed.size).toBe(step.kill.length);
  const killedReady = before.filter((m) => doomed.has(m.instance.id) && upgrade.isReady(m.instance)).length;
  expect(before.filter((m) => doomed.has(m.instance.id) && m.goal !== 'Running')).toEqual([]);
  if (killedReady > 0) expect(readyBefore - killedReady).toBeGreaterThanOrEqual(minHealthy - (isResident ? 1 : 0));
  if (step.start > 0) expect(upgrade.alive).toBeLessThanOrEqual(maxCapacity);
  if (step.isDone) expect([step.kill.length, step.start]).toEqual([0, 0]);
}

function anUpgrade(plan: UpgradePlan, there: readonly Found[]): Upgrade {
  const upgrade = new Upgrade(plan);
  for (const { version, condition, healthy, isDying } of there) {
    const hasTask = condition !== 'Scheduled' && condition !== 'Failed';
    upgrade.add(version, condition, healthy, isDying && hasTask ? 'Decommissioned' : 'Running');
  }
  return upgrade;
}

interface Found {
  readonly version: string;
  readonly condition: Condition;
  readonly healthy: boolean | undefined;
  readonly isDying: boolean;
}

const runs = { numRuns: 2_000 } as const;

describe('any rolling upgrade, whatever happens meanwhile', () => {
  it('starts nothing beyond its capacity, and kills nothing ready below its minimum', () => {
    fc.assert(
      fc.property(plans, fc.array(found, { maxLength: 14 }), events, (plan, there, happenings) => {
        const upgrade = anUpgrade(plan, there);
        watchedPass(upgrade);
        for (const { what, which } of happenings) {
          happen(upgrade, what, which);
          watchedPass(upgrade);
        }
      }),
      runs,
    );
  });

  it('ends with exactly the new instances, all ready, once new ones get healthy, even if old ones never do', () => {
    fc.assert(
      fc.property(plans, fc.array(found, { maxLength: 14 }), events, (plan, there, happenings) => {
        const upgrade = anUpgrade(plan, there);
        for (const { what, which } of happenings) {
          upgrade.pass();
          happen(upgrade, what, which);
        }
        expect(upgrade.settle(200)).toBeLessThanOrEqual(200);
        expect(upgrade.isUpgraded).toBe(true);
      }),
      runs,
    );
  });

  it('orders nothing twice: a second look at the same state kills nobody and starts nothing', () => {
    fc.assert(
      fc.property(plans, fc.array(found, { maxLength: 14 }), (plan, there) => {
        // An unreachable one is gone as soon as it is sentenced, which is news that may lead to more.
        const reachable = there.filter((t) => t.condition !== 'Unreachable');
        const upgrade = anUpgrade(plan, reachable);
        upgrade.pass();
        const second = upgrade.pass();
        expect(second.kill).toEqual([]);
      }),
      runs,
    );
  });
});
