/**
 * Cost of planning a change of a group: the decision (`changeSet`: normalise, validate, compare, stamp, ports, tree rules), the plan
 * (`planSteps`), and the way back (`revertOf`), each while 5,000 other apps exist. `npm run bench -- planning`. Prints one JSON line
 * for each figure; the best of several runs counts, since whatever else the machine does only adds to it.
 */
import { performance } from 'node:perf_hooks';
import { VersionBook } from '../src/actors/version-book.ts';
import type { AppChange } from '../src/core/app/change.ts';
import { defaultAppSettings } from '../src/core/app/settings.ts';
import { affectedBy, planSteps } from '../src/core/deploy/plan.ts';
import type { Deployment, PlanStep } from '../src/core/deploy/plan-types.ts';
import { waitingReasons } from '../src/core/deploy/waiting.ts';
import { AppTree } from '../src/core/group/app-tree.ts';
import { type ChangeContext, type ChangeSet, changeSet, revertOf } from '../src/core/group/change-set.ts';
import type { AppId, DeploymentId } from '../src/core/ids.ts';
import type { Refusal } from '../src/core/refusal.ts';
import type { Result } from '../src/core/result.ts';

const others = 5_000;
const repeats = 7;

type Shape = 'independent' | 'layers' | 'groups' | 'chain';

/** What app `i` of the group depends on. */
function dependencies(shape: Shape, i: number): readonly string[] {
  switch (shape) {
    case 'independent':
      return [];
    // 50 layers of a hundredth each, every app on three of the layer below.
    case 'layers':
      return i < 100 ? [] : [0, 1, 2].map((k) => appId(i - 100 + ((i + k) % 100) - (i % 100)));
    // Ten groups, each app on the whole group before its own.
    case 'groups':
      return i % 10 === 0 ? [] : [`/shop/g${(i % 10) - 1}`];
    case 'chain':
      return i === 0 ? [] : [appId(i - 1)];
  }
}

const appId = (i: number): AppId => `/shop/g${i % 10}/app-${i}` as AppId;

const request = (count: number, shape: Shape, cmd: string): readonly AppChange[] =>
  Array.from({ length: count }, (_, i) => ({
    type: 'put',
    id: appId(i),
    partial: false,
    update: {
      cmd,
      instances: 3,
      cpus: 0.1,
      mem: 32,
      env: { STAGE: 'production', LOG_LEVEL: 'info' },
      labels: { HAPROXY_GROUP: 'external', team: 'shop' },
      portDefinitions: [{ port: 0, protocol: 'tcp', name: 'http' }],
      dependencies: [...dependencies(shape, i)],
    },
  }));

/** The tree and its versions, changed as the writer of definitions changes them. */
class Definitions {
  readonly tree = new AppTree({ ...defaultAppSettings, localPortMin: 10_000, localPortMax: 30_000 });
  readonly versions = new VersionBook();
  #nowMs = 1_000;

  get context(): ChangeContext {
    const settings = { ...defaultAppSettings, localPortMin: 10_000, localPortMax: 30_000 };
    return { ...this, settings, nowMs: this.#nowMs, force: false, restart: false };
  }

  take({ version, planned }: ChangeSet): Deployment {
    for (const { id, after, kind } of planned) {
      if (!after) this.tree.remove(id);
      else if (kind !== 'none') {
        this.tree.put(after);
        this.versions.put(after);
      }
    }
    this.#nowMs += 1_000;
    const steps = this.plan(planned);
    return { id: 'd' as DeploymentId, version, startedAtMs: 0, affected: affectedBy(planned), steps, currentStep: 1 };
  }

  plan(planned: ChangeSet['planned']): readonly PlanStep[] {
    return planSteps(planned, (node) => this.tree.edgesOf(node));
  }
}

function must<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(`${result.error.message} ${JSON.stringify(result.error.details ?? '')}`);
  return result.value;
}

interface Timed<T> {
  readonly ms: number;
  readonly value: T;
}

function best<T>(run: () => T): Timed<T> {
  let found: Timed<T> | undefined;
  for (let i = 0; i < repeats; i += 1) {
    const begin = performance.now();
    const value = run();
    const ms = performance.now() - begin;
    if (!found || ms < found.ms) found = { ms, value };
  }
  if (!found) throw new Error('nothing was run');
  return found;
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

const print = (name: string, figures: Readonly<Record<string, number | string>>): void => {
  process.stdout.write(`${JSON.stringify({ benchmark: 'planning', case: name, ...figures })}\n`);
};

function withOthers(): Definitions {
  const all = new Definitions();
  const changes = request(others, 'independent', 'sleep 1').map((change) => ({
    ...change,
    id: change.id.replace('/shop/', '/other/') as AppId,
  }));
  all.take(must(changeSet(changes, all.context)));
  return all;
}

function measure(count: number, shape: Shape): void {
  const all = withOthers();
  const changes = request(count, shape, 'sleep 1');
  const created = best(() => must(changeSet(changes, all.context)));
  const first = all.take(created.value);
  const changed = best(() => must(changeSet(request(count, shape, 'sleep 2'), all.context)));
  const deployment = all.take(changed.value);
  const plan = best(() => all.plan(changed.value.planned));
  const same = best(() => must(changeSet(request(count, shape, 'sleep 2'), all.context)));
  const back = best(() => must(revertOf(deployment, all.context)));
  const pending = new Set(deployment.affected.map((a) => a.id));
  const facts = {
    appAt: (id: string, version: string) => all.versions.at(id as AppId, version),
    instancesOf: () => [],
    readinessOf: () => [],
    notBeforeMs: () => undefined,
    nowMs: 0,
  };
  const reasons = best(() => waitingReasons(deployment, pending, facts));
  print(shape, {
    apps: count,
    otherApps: others,
    steps: plan.value.length,
    stepsOfCreation: first.steps.length,
    decideNewMs: rounded(created.ms),
    decideChangedMs: rounded(changed.ms),
    decideSameMs: rounded(same.ms),
    planMs: rounded(plan.ms),
    wayBackMs: rounded(back.ms),
    reasonsMs: rounded(reasons.ms),
    recordKiB: rounded(JSON.stringify(deployment).length / 1024),
  });
}

for (const shape of ['independent', 'layers', 'groups', 'chain'] as const) measure(5_000, shape);
measure(1, 'independent');
