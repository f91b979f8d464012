import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppChange } from '../../../src/core/app/change.ts';
import { affectedBy, type PlannedChange, planSteps } from '../../../src/core/deploy/plan.ts';
import type { PlanStep } from '../../../src/core/deploy/plan-types.ts';
import { revertOf } from '../../../src/core/group/change-set.ts';
import type { AppId } from '../../../src/core/ids.ts';
import { appsNeededBy } from '../../support/dependencies.ts';
import { must } from '../app/given.ts';
import { id, put, remove, World } from '../group/given.ts';

const names = ['/a', '/b', '/c', '/g/a', '/g/b', '/g/h/a', '/k/a'] as const;
const targets = fc.constantFrom(...names, '/g', '/g/h', '/k', '/missing');
const wish: fc.Arbitrary<AppChange> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...names),
        fc.record({
          cmd: fc.constantFrom('x', 'y'),
          instances: fc.nat(2),
          labels: fc.constantFrom({}, { a: 'b' }),
          dependencies: fc.uniqueArray(targets, { maxLength: 2 }),
        }),
      )
      .map(([name, body]) => put(name, body)),
  },
  fc.constantFrom(...names).map(remove),
  fc.constantFrom(...names).map((name) => ({ type: 'restart' as const, id: id(name) })),
);
const request = fc.uniqueArray(wish, { minLength: 1, maxLength: 6, selector: (change) => change.id });
const history = fc.array(request, { minLength: 1, maxLength: 6 });

const needed = (world: World, app: AppId): readonly AppId[] => appsNeededBy(app, (node) => world.tree.edgesOf(node));

/** Everything that an app waits for, near and far. */
function below(world: World, start: AppId): ReadonlySet<AppId> {
  const found = new Set<AppId>();
  const visit = (app: AppId): void => {
    for (const next of needed(world, app)) {
      if (found.has(next)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(start);
  return found;
}

const snapshot = (world: World) => new Map([...world.tree.all()].map((a) => [a.id, a.version]));

/** Carries the steps out on paper; the tree is the target already. */
function carryOut(before: ReadonlyMap<AppId, string>, steps: readonly PlanStep[], planned: readonly PlannedChange[]) {
  const state = new Map(before);
  const after = new Map(planned.map((p) => [p.id, p.after]));
  for (const { actions } of steps) {
    for (const { action, app } of actions) {
      if (action === 'StopApplication') state.delete(app);
      else if (action !== 'StartApplication') state.set(app, after.get(app)?.version ?? 'nothing to aim at');
    }
  }
  return state;
}

function checkPlan(world: World, before: ReadonlyMap<AppId, string>, planned: readonly PlannedChange[]): void {
  const steps = planSteps(planned, (node) => world.tree.edgesOf(node));
  expect(carryOut(before, steps, planned)).toEqual(snapshot(world));
  const turns = new Map<AppId, number>();
  for (const [i, { actions }] of steps.entries()) {
    expect(actions.length).toBeGreaterThan(0);
    for (const { action, app } of actions) {
      if (action === 'StartApplication') continue;
      // One action for each app, and none for an app that nobody touched: the lock covers all that is done.
      expect(turns.has(app)).toBe(false);
      turns.set(app, i);
    }
  }
  expect(new Set(turns.keys())).toEqual(new Set(affectedBy(planned).map((a) => a.id)));
  for (const [app, turn] of turns) {
    if (!world.tree.get(app)) continue;
    // Safe: whatever it waits for, and is touched too, has had its turn before; never side by side.
    for (const needed of below(world, app)) expect(turns.get(needed) ?? -1).toBeLessThan(turn);
  }
  const stops = steps.findIndex(({ actions }) => actions.some((a) => a.action === 'StopApplication'));
  expect(stops).toBeLessThanOrEqual(0);
}

describe('any plan', () => {
  it('reaches its target, touches each app once, and touches nothing before what it depends on', () => {
    fc.assert(
      fc.property(history, (requests) => {
        const world = new World();
        for (const changes of requests) {
          const decided = world.decide(...changes);
          if (!decided.ok) continue;
          const before = snapshot(world);
          world.apply(...changes);
          checkPlan(world, before, decided.value.planned);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('and the way back from it too', () => {
    fc.assert(
      fc.property(history, (requests) => {
        const world = new World();
        for (const changes of requests) {
          if (!world.decide(...changes).ok) continue;
          const deployment = world.apply(...changes);
          const back = must(revertOf(deployment, world.context));
          const before = snapshot(world);
          world.revert(deployment);
          checkPlan(world, before, back.planned);
          if (world.decide(...changes).ok) world.apply(...changes);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has no more steps than the longest way down, a stop and a start', () => {
    fc.assert(
      fc.property(request, (changes) => {
        const world = new World();
        const decided = world.decide(...changes);
        if (!decided.ok) return;
        world.apply(...changes);
        const steps = planSteps(decided.value.planned, (node) => world.tree.edgesOf(node));
        const depth = (app: AppId): number => 1 + Math.max(0, ...needed(world, app).map((next) => depth(next)));
        const longest = Math.max(0, ...[...world.tree.all()].map((a) => depth(a.id)));
        expect(steps.length).toBeLessThanOrEqual(longest + 2);
      }),
      { numRuns: 300 },
    );
  });
});
