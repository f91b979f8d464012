import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, Goal, Instance } from '../../../src/core/instance/instance.ts';
import { isTerminal } from '../../../src/core/instance/instance.ts';
import type { AppTarget, Known } from '../../../src/core/scale/reconcile.ts';
import { isCounted, reconcile, scaleStep } from '../../../src/core/scale/reconcile.ts';
import { anInstance, instanceId } from '../instance/given.ts';
import { anApp } from '../offer/fixtures.ts';

const known = (name: number, condition: Condition = 'Running', goal: Goal = 'Running', isAwaited = false): Known => ({
  instance: anInstance(name, condition, {
    goal,
    sinceMs: name,
    ...(condition === 'Running' ? { activeSinceMs: name } : {}),
  }),
  goal,
  isAwaited,
});

const target = (
  instances: number,
  sentenced: readonly (number | string)[] = [],
  mode: AppTarget['mode'] = 'steady',
) => ({
  app: anApp({ instances }),
  mode,
  sentenced: new Set(sentenced.map(instanceId)),
});

const running = (...names: readonly number[]) => names.map((n) => known(n));
const noChecks = () => false;

describe('the scaling proposition (behaviour §13.4)', () => {
  const rows: readonly (readonly [v: string, Known[], (number | string)[], number, number[], number])[] = [
    ['V53', [], [], 42, [], 42],
    ['V54', [], [], -42, [], 0],
    ['V55', running(1, 2, 3), [], 5, [], 2],
    ['V56', running(1, 2, 3), [], 0, [3, 2, 1], 0],
    ['V57', running(1, 2, 3), [2, 3, 'x'], 3, [2, 3], 2],
    ['V58', running(1, 2, 3, 4), ['x'], 3, [4], 0],
  ];
  it.each(rows)('%s', (_, all, sentenced, n, kill, start) => {
    const result = reconcile(target(n, sentenced), all, noChecks);
    expect([result.kill, result.start]).toEqual([kill.map(instanceId), start]);
  });

  it('kills max(R − n, S) and starts what is then missing', () => {
    const sizes = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: -50, max: 50 }), (r, s, n) => {
        const sentenced = Math.min(r, s);
        const { kill, start } = scaleStep(r, sentenced, n);
        expect(r - kill + start).toBe(Math.max(0, n));
        expect(kill).toBe(Math.max(0, r - Math.max(0, n), sentenced));
      }),
    );
  });
});

describe('a steady app', () => {
  it('counts what waits, starts or is unreachable, and not what is given up or is to die', () => {
    const counted: readonly Condition[] = ['Scheduled', 'Provisioned', 'Staging', 'Starting', 'Unreachable', 'Failed'];
    for (const condition of counted) expect(isCounted(known(1, condition))).toBe(true);
    expect(isCounted(known(1, 'UnreachableInactive'))).toBe(false);
    for (const goal of ['Stopped', 'Decommissioned'] as const) expect(isCounted(known(1, 'Running', goal))).toBe(false);
  });

  it('V16, V18: replaces an inactive instance, and no unreachable one', () => {
    expect(reconcile(target(1), [known(1, 'UnreachableInactive')], noChecks).start).toBe(1);
    expect(reconcile(target(1), [known(1, 'Unreachable')], noChecks).start).toBe(0);
  });

  it('is done when the count is right, what it started is ready, and what it killed is gone', () => {
    const isDone = (all: readonly Known[], hasChecks = false) => reconcile(target(1), all, () => hasChecks).isDone;
    expect(isDone(running(1))).toBe(true);
    expect(isDone([known(1, 'Staging')])).toBe(true);
    expect(isDone([known(1, 'Staging', 'Running', true)])).toBe(false);
    expect(isDone([known(1, 'Running', 'Running', true)])).toBe(true);
    expect(isDone([known(1, 'Running', 'Running', true)], true)).toBe(false);
    expect(isDone([...running(1), known(2, 'Killing', 'Decommissioned')])).toBe(false);
    expect(isDone([...running(1), known(2, 'Unreachable', 'Decommissioned')])).toBe(true);
    expect(isDone(running(1, 2))).toBe(false);
    expect(isDone([])).toBe(false);
  });

  it('that is stopped ends all, and is done when all are gone', () => {
    const stop = (all: readonly Known[]) => reconcile(target(5, [], 'stopped'), all, noChecks);
    expect(stop(running(1, 2))).toEqual({ kill: [instanceId(1), instanceId(2)], start: 0, isDone: false });
    expect(stop([known(1, 'UnreachableInactive')])).toEqual({ kill: [instanceId(1)], start: 0, isDone: false });
    expect(stop([known(1, 'Running', 'Stopped')]).kill).toEqual([instanceId(1)]);
    expect(stop([known(1, 'Killing', 'Decommissioned')])).toEqual({ kill: [], start: 0, isDone: false });
    expect(stop([known(1, 'Unreachable', 'Decommissioned')])).toEqual({ kill: [], start: 0, isDone: true });
    expect(stop([])).toEqual({ kill: [], start: 0, isDone: true });
  });
});

const conditionsFound = fc.constantFrom<Condition>(
  'Running',
  'Running',
  'Running',
  'Scheduled',
  'Provisioned',
  'Staging',
  'Starting',
  'Killing',
  'Unreachable',
  'UnreachableInactive',
  'Failed',
);
const crowds = fc
  .array(
    fc.record({ condition: conditionsFound, goal: fc.constantFrom<Goal>('Running', 'Running', 'Decommissioned') }),
    {
      maxLength: 20,
    },
  )
  .map((all) => all.map(({ condition, goal }, i) => known(i, condition, goal)));

describe('any steady app', () => {
  it('is left alone when the count is right', () => {
    fc.assert(
      fc.property(crowds, (all) => {
        const { kill, start } = reconcile(target(all.filter(isCounted).length), all, noChecks);
        expect([kill, start]).toEqual([[], 0]);
      }),
    );
  });

  it('comes to the right count in one pass, and is done when the killed are gone', () => {
    fc.assert(
      fc.property(crowds, fc.integer({ min: 0, max: 20 }), fc.array(fc.nat(25)), (all, n, sentenced) => {
        const goal = target(n, sentenced);
        const { kill, start } = reconcile(goal, all, noChecks);
        for (const id of kill) expect(all.filter(isCounted).map((k) => k.instance.id)).toContain(id);
        const doomed = new Set(kill);
        const left = all.map((k): Known => (doomed.has(k.instance.id) ? { ...k, goal: 'Decommissioned' } : k));
        const next = [...left, ...Array.from({ length: start }, (_, i) => known(100 + i, 'Scheduled'))];
        expect(next.filter(isCounted)).toHaveLength(n);
        expect(reconcile(goal, next, noChecks)).toMatchObject({ kill: [], start: 0 });
        const isLeft = ({ instance }: { instance: Instance }) => !isTerminal(instance.condition);
        const settled = next.filter((k) => k.goal === 'Running' && isLeft(k));
        const missing = Array.from({ length: n - settled.filter(isCounted).length }, (_, i) => known(200 + i));
        expect(reconcile(goal, [...settled, ...missing], noChecks).isDone).toBe(true);
      }),
    );
  });
});
