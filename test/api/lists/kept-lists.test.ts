/** Lists kept between state versions show what a list made anew would show, whatever happens to apps, tasks and deployments. */
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterView, ReadModel } from '../../../src/actors/front.ts';
import type { Metrics } from '../../../src/actors/ports.ts';
import { Views } from '../../../src/actors/views.ts';
import { listEmbeds } from '../../../src/api/embed.ts';
import { KeptLists, maxKeptLists, maxUnreadChanges, minListedTasks } from '../../../src/api/lists/kept-lists.ts';
import { gzipOf, type Piece } from '../../../src/api/lists/piece.ts';
import { renderAppDefinition } from '../../../src/api/render/app-definition.ts';
import { appRenderer } from '../../../src/api/render/app-info.ts';
import { taskJson, taskRenderer } from '../../../src/api/render/task.ts';
import { type AppDefinition, portEntries } from '../../../src/core/app/definition.ts';
import type { Deployment } from '../../../src/core/deploy/plan-types.ts';
import type { DeploymentId } from '../../../src/core/ids.ts';
import type { Condition, Instance } from '../../../src/core/instance/instance.ts';
import { hasTask, standingOf } from '../../../src/core/instance/shown.ts';
import type { RecordWrite } from '../../../src/core/journal/batch.ts';
import { fakeApp, fakeInstance } from '../../support/fake-front.ts';

const metrics: Metrics = { count: () => {}, gauge: () => {}, time: () => {} };

const withTasks = { ...listEmbeds, tasks: true };

/** The real read model and its lists, beside what they must show. */
class Bench {
  readonly views = new Views((): ClusterView => {
    throw new Error('nobody asks here');
  });
  readonly tasks = taskRenderer(this.views);
  readonly apps = appRenderer(this.views, this.tasks, (app) => renderAppDefinition(app));
  readonly lists = new KeptLists({ read: this.views, metrics, apps: this.apps, tasks: this.tasks });

  write(kind: RecordWrite['kind'], key: string, value: object | undefined): void {
    this.views.apply([{ kind, key, value }] as RecordWrite[]);
  }

  put(app: AppDefinition): void {
    this.write('app', app.id, app);
  }

  start(...instances: readonly Instance[]): void {
    this.views.apply(instances.map((value): RecordWrite => ({ kind: 'instance', key: value.id, value })));
  }

  tasksOf(read: ReadModel, id: string, ports: string): readonly string[] {
    return [...read.instancesOf(id)].flatMap((one) => (hasTask(one) ? taskJson(this.tasks(one), ports) : []));
  }

  /** Looks at every list. */
  check(): void {
    const { views, lists, apps } = this;
    const all = [...views.apps()];
    expectBody(lists.apps(listEmbeds), `{"apps":[${all.map((app) => apps.info(app, listEmbeds, 0)).join()}]}`);
    expectBody(lists.apps(withTasks), `{"apps":[${all.map((app) => apps.info(app, withTasks, 0)).join()}]}`);
    const everyTask = all.flatMap((app) =>
      this.tasksOf(
        views,
        app.id,
        portEntries(app)
          .map(({ servicePort }) => servicePort)
          .join(),
      ),
    );
    expectBody(lists.allTasks(), `{"tasks":[${everyTask.join()}]}`);
    for (const { id } of all) {
      const kept = lists.tasksOf(id);
      if (kept) expectBody(kept, `{"tasks":[${this.tasksOf(views, id, '').join()}]}`);
      const counts = { staged: 0, running: 0, healthy: 0, unhealthy: 0 };
      for (const one of views.instancesOf(id)) {
        if (!hasTask(one)) continue;
        const standing = standingOf(one, views.healthOf(one.id));
        if (standing.isStaged) counts.staged += 1;
        if (standing.isRunning) counts.running += 1;
        if (standing.isHealthy) counts.healthy += 1;
        if (standing.isUnhealthy) counts.unhealthy += 1;
      }
      expect(views.countsOf(id)).toEqual(counts);
    }
  }
}

function expectBody(pieces: readonly Piece[] | undefined, naive: string): void {
  const body = Buffer.concat((pieces ?? []).map(({ plain }) => plain));
  expect(body.toString()).toBe(naive);
  expect(gunzipSync(gzipOf(pieces ?? []) as Buffer).equals(body)).toBe(true);
}

const n = fc.nat(9);
const step = fc.oneof(
  fc.record({ type: fc.constant('put' as const), n, port: fc.constantFrom(10_000, 10_001), label: fc.nat(50) }),
  fc.record({ type: fc.constant('remove' as const), n }),
  fc.record({
    type: fc.constant('task' as const),
    n,
    task: fc.nat(30),
    condition: fc.constantFrom<Condition>('Scheduled', 'Staging', 'Running', 'Killing', 'UnreachableInactive'),
  }),
  fc.record({ type: fc.constant('gone' as const), n, task: fc.nat(30) }),
  fc.record({
    type: fc.constant('health' as const),
    n,
    task: fc.nat(30),
    alive: fc.constantFrom(true, false, undefined),
  }),
  fc.record({
    type: fc.constant('deploy' as const),
    ids: fc.array(n, { maxLength: 4 }),
    d: fc.nat(2),
    isStep: fc.boolean(),
  }),
  fc.record({ type: fc.constant('end' as const), d: fc.nat(2) }),
  fc.record({ type: fc.constant('everything' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const appOf = (i: number): AppDefinition => fakeApp(`/a${i}`);
const instanceOf = (i: number, task: number, condition?: Condition): Instance =>
  fakeInstance(appOf(i), i * 1_000 + task, condition);

function take(bench: Bench, one: Step): void {
  const { views } = bench;
  switch (one.type) {
    case 'put':
      bench.put(
        fakeApp(`/a${one.n}`, {
          labels: { n: 'ü'.repeat(one.label * 40) },
          portDefinitions: [{ port: one.port, protocol: 'tcp' }],
        }),
      );
      break;
    case 'remove':
      bench.write('app', `/a${one.n}`, undefined);
      break;
    case 'task':
      bench.start(instanceOf(one.n, one.task, one.condition));
      break;
    case 'gone':
      bench.write('instance', instanceOf(one.n, one.task).id, undefined);
      break;
    case 'health': {
      const status = one.alive === undefined ? undefined : { consecutiveFailures: one.alive ? 0 : 3, lastSuccessMs: 1 };
      const failed = one.alive === false ? { lastFailureMs: 2 } : {};
      views.putHealth(instanceOf(one.n, one.task).id, status ? [{ ...status, ...failed }] : undefined);
      break;
    }
    case 'deploy': {
      const id = `d${one.d}` as DeploymentId;
      const before = views.deployment(id);
      const affected = one.isStep && before ? before.affected : one.ids.map((i) => appOf(i));
      bench.write('deployment', id, { id, affected, currentStep: 1 } as unknown as Deployment);
      break;
    }
    case 'end':
      bench.write('deployment', `d${one.d}`, undefined);
      break;
    case 'everything':
      views.clear();
      break;
  }
}

describe('kept lists', () => {
  it('show after any changes what lists made anew show, and so do the counts', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { maxLength: 12 }), (rounds) => {
        const bench = new Bench();
        bench.check();
        for (const round of rounds) {
          for (const one of round) take(bench, one);
          bench.check();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('keep the tasks of an app that has many, while they come and go', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i += 1) bench.put(appOf(i));
    bench.start(...Array.from({ length: 1_500 }, (_, task) => fakeInstance(appOf(1), task)));
    expect(bench.lists.tasksOf('/a0')).toBeUndefined();
    expect(bench.lists.tasksOf('/a1')?.length).toBeGreaterThan(4);
    bench.check();
    for (let round = 0; round < 60; round += 1) {
      const before = new Set(bench.lists.tasksOf('/a1'));
      bench.write('instance', fakeInstance(appOf(1), round * 7).id, undefined);
      bench.start(fakeInstance(appOf(1), 2_000 + round));
      const now = bench.lists.tasksOf('/a1') ?? [];
      // The one that lost a task, the last one, and what splits or joins there.
      expect(now.filter((piece) => !before.has(piece)).length).toBeLessThanOrEqual(5);
    }
    bench.check();
    for (const one of [...bench.views.instancesOf('/a1')]) bench.write('instance', one.id, undefined);
    bench.check();
  });

  it('are made only for what is asked alike, and go when nobody reads them', () => {
    const bench = new Bench();
    bench.put(appOf(0));
    expect(bench.lists.apps({ ...listEmbeds, lastTaskFailure: true })).toBeUndefined();
    expect(bench.lists.heldBytes).toBe(0);
    bench.check();
    expect(bench.lists.heldBytes).toBeGreaterThan(0);
    for (let i = 0; i <= maxUnreadChanges; i += 1) bench.start(instanceOf(0, i % 10));
    expect(bench.lists.heldBytes).toBe(0);
    bench.check();
  });

  it('are bounded in number', () => {
    const bench = new Bench();
    const apps = Array.from({ length: maxKeptLists + 5 }, (_, i) => fakeApp(`/many${i}`));
    for (const app of apps) {
      bench.put(app);
      bench.start(...Array.from({ length: minListedTasks }, (_, task) => fakeInstance(app, task)));
    }
    for (const { id } of apps) bench.lists.tasksOf(id);
    const first = bench.lists.tasksOf('/many0');
    expect(bench.lists.tasksOf('/many0')?.[1]).toBe(first?.[1]);
    expect(bench.lists.count).toBe(maxKeptLists);
  });
});
