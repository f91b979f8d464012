import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { blockingDeployments } from '../../../src/core/deploy/conflict.ts';
import { affectedBy, type PlannedChange, planSteps, planView } from '../../../src/core/deploy/plan.ts';
import type { Deployment, PlanStep } from '../../../src/core/deploy/plan-types.ts';
import type { AppId, DeploymentId } from '../../../src/core/ids.ts';
import { instanceId, v1, v2 } from '../instance/given.ts';
import { anApp } from '../offer/fixtures.ts';

type Kind = PlannedChange['kind'];
const id = (name: string): AppId => `/${name}` as AppId;
const app = (name: string, more: Partial<AppDefinition> = {}): AppDefinition =>
  anApp({ version: v1, ...more }, `/${name}`);

const added = (name: string, instances = 1): PlannedChange => ({
  id: id(name),
  before: undefined,
  after: app(name, { instances }),
  kind: 'config',
});
const removed = (name: string): PlannedChange => ({
  id: id(name),
  before: app(name),
  after: undefined,
  kind: 'config',
});
const changed = (name: string, kind: Kind, instances = 4): PlannedChange => ({
  id: id(name),
  before: app(name),
  after: app(name, { instances, version: v2 }),
  kind,
});

type Dependencies = Readonly<Record<string, readonly string[]>>;
const edges = (dependencies: Dependencies) => (of: string) => (dependencies[of.slice(1)] ?? []).map(id);

/** `Start a b` for each step. */
const plan = (changes: readonly PlannedChange[], dependencies: Dependencies = {}): readonly string[] =>
  planSteps(changes, edges(dependencies)).map(({ actions }: PlanStep) =>
    actions.map((a) => `${a.action.replace('Application', '')} ${a.app.slice(1)}`).join(', '),
  );

describe('the plan of a deployment (behaviour §13.6)', () => {
  it('V77: starts and scales a new app', () => {
    expect(plan([added('a', 2)])).toEqual(['Start a', 'Scale a']);
  });

  it('V78: new apps that do not depend on each other go together', () => {
    const all = ['a', 'b', 'c', 'd'];
    expect(plan(all.map((n) => added(n)))).toEqual([
      'Start a, Start b, Start c, Start d',
      'Scale a, Scale b, Scale c, Scale d',
    ]);
  });

  it('V79: scales what others depend on first', () => {
    const changes = ['a', 'b', 'c', 'd'].map((n) => added(n));
    expect(plan(changes, { b: ['a'], c: ['a'], d: ['b'] })).toEqual([
      'Start a, Start b, Start c, Start d',
      'Scale a',
      'Scale b, Scale c',
      'Scale d',
    ]);
  });

  it('V80: restarts in the order of dependencies', () => {
    const changes = [changed('srv', 'config', 8), changed('mongo', 'config', 8)];
    expect(plan(changes, { srv: ['mongo'] })).toEqual(['Restart mongo', 'Restart srv']);
  });

  it('V81: restarts together what does not depend on each other', () => {
    expect(plan([changed('mongo', 'config'), changed('srv', 'config')])).toEqual(['Restart mongo, Restart srv']);
  });

  it('V82: stops first, then starts, then layer by layer', () => {
    const changes = [
      added('to-start'),
      changed('srv', 'config'),
      changed('mongo', 'config'),
      changed('independent', 'config'),
      removed('to-stop'),
    ];
    expect(plan(changes, { srv: ['mongo'], 'to-start': ['srv'] })).toEqual([
      'Stop to-stop',
      'Start to-start',
      'Restart mongo, Restart independent',
      'Restart srv',
      'Scale to-start',
    ]);
  });

  it('V83: is empty if nothing changed, and a restart for a restart', () => {
    expect(plan([changed('a', 'none')])).toEqual([]);
    expect(plan([])).toEqual([]);
    expect(plan([changed('a', 'restart')])).toEqual(['Restart a']);
  });

  it('V84: scales to nothing instead of restarting', () => {
    expect(plan([changed('a', 'config', 0)])).toEqual(['Scale a']);
    expect(plan([changed('a', 'restart', 0)])).toEqual(['Scale a']);
  });

  it('V85: names the sentenced in the scaling', () => {
    const change = { ...changed('a', 'scale', 5), sentenced: [instanceId(1)] };
    expect(planSteps([change], edges({}))).toEqual([
      { actions: [{ action: 'ScaleApplication', app: '/a', sentenced: [instanceId(1)] }] },
    ]);
  });

  it('V87: the layer of an app is the length of the longest way down', () => {
    const all = ['a', 'b', 'c', 'd', 'e'].map((n) => changed(n, 'config'));
    expect(plan(all, { a: ['b', 'c'], b: ['c'], c: ['d'] })).toEqual([
      'Restart d, Restart e',
      'Restart c',
      'Restart b',
      'Restart a',
    ]);
  });

  it('apps that do not change shape the layers all the same', () => {
    const changes = [changed('a', 'config'), changed('d', 'config'), changed('x', 'config')];
    expect(plan(changes, { a: ['b'], b: ['c'], x: ['d'] })).toEqual(['Restart d', 'Restart x', 'Restart a']);
  });

  it('metadata need no restart (design §8)', () => {
    expect(plan([changed('a', 'metadata')])).toEqual(['Scale a']);
  });

  it('takes a chain of any length, in whatever order it is given', () => {
    const length = 20_000;
    const names = Array.from({ length }, (_, i) => `n${i}`);
    const dependencies = Object.fromEntries(names.slice(1).map((n, i) => [n, [`n${i}`]]));
    const steps = plan(
      names.toReversed().map((n) => changed(n, 'config')),
      dependencies,
    );
    expect(steps).toEqual(names.map((n) => `Restart ${n}`));
  });

  it('ends although a stored circle leads nowhere', () => {
    const steps = plan([changed('a', 'config'), changed('b', 'config')], { a: ['b'], b: ['a'] });
    expect(steps.join(', ').split(', ').toSorted()).toEqual(['Restart a', 'Restart b']);
  });

  it('records the versions of what it touches, and of nothing else', () => {
    expect(affectedBy([added('a'), removed('b'), changed('c', 'scale'), changed('d', 'none')])).toEqual([
      { id: '/a', after: v1 },
      { id: '/b', before: v1 },
      { id: '/c', before: v1, after: v2 },
    ]);
  });

  it('is shown without what only we need', () => {
    const steps = planSteps([{ ...changed('a', 'scale'), sentenced: [instanceId(1)] }], edges({}));
    expect(planView({ id: 'd' as DeploymentId, version: v2, steps })).toEqual({
      id: 'd',
      version: v2,
      steps: [{ actions: [{ action: 'ScaleApplication', app: '/a' }] }],
    });
  });
});

describe('V86: a running deployment holds what it touches (behaviour §4.7)', () => {
  const deployment = (name: string, ...apps: readonly string[]): Deployment => ({
    id: name as DeploymentId,
    version: v1,
    startedAtMs: 0,
    affected: apps.map((a) => ({ id: id(a) })),
    steps: [],
    currentStep: 0,
  });
  const running = [deployment('first', 'a'), deployment('second', 'c'), deployment('third', 'a', 'd')];

  it('and blocks others that touch the same apps', () => {
    expect(blockingDeployments(running, new Set([id('a'), id('b')]))).toEqual(['first', 'third']);
  });

  it('and nobody else', () => {
    expect(blockingDeployments(running, new Set([id('b')]))).toEqual([]);
    expect(blockingDeployments(running, new Set())).toEqual([]);
  });
});
