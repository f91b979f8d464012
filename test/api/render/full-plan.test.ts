import { describe, expect, it } from 'vitest';
import type { ReadModel } from '../../../src/actors/front.ts';
import { FullPlans, maxPlanApps, maxRemembered, maxRememberedApps } from '../../../src/api/render/full-plan.ts';
import type { Deployment } from '../../../src/core/deploy/plan-types.ts';
import type { LoggedEvent } from '../../../src/core/events.ts';
import type { AppId, DeploymentId } from '../../../src/core/ids.ts';
import { deploymentId, FakeFront, fakeApp, version1, version2 } from '../../support/fake-front.ts';
import { createSilentMetrics, type SilentMetrics } from '../../support/null-observers.ts';

const id = '/prod/web' as AppId;
const deployment: Deployment = {
  id: deploymentId,
  version: version2,
  startedAtMs: 0,
  affected: [
    { id, before: version1, after: version2 },
    { id: '/new' as AppId, after: version2 },
  ],
  steps: [],
  currentStep: 1,
};
const plan = { id: deploymentId, version: version2, steps: [] };
const event = (type: LoggedEvent['type'], more: object): LoggedEvent => ({
  id: '1.1',
  type,
  json: JSON.stringify({ eventType: type, ...more }),
});

interface Shown {
  readonly plan: { readonly original?: ShownGroup; readonly target?: ShownGroup };
}
interface ShownGroup {
  readonly id: string;
  readonly apps: readonly { readonly id: string; readonly version: string }[];
  readonly groups: readonly ShownGroup[];
}

/** Paths of groups and apps with their versions. */
const pathsOf = ({ id: path, apps, groups }: ShownGroup): readonly string[] => [
  path,
  ...apps.map((app) => `${app.id}@${app.version}`),
  ...groups.flatMap(pathsOf),
];

interface SetUp {
  readonly front: FakeFront;
  readonly plans: FullPlans;
  readonly metrics: SilentMetrics;
  readonly show: (logged: LoggedEvent) => Shown;
}

function setUp(): SetUp {
  const front = new FakeFront();
  const metrics = createSilentMetrics();
  const plans = new FullPlans(front.read, metrics);
  front.addApp(fakeApp(id));
  front.addApp(fakeApp(id, { version: version2, cmd: 'new' }));
  front.addApp(fakeApp('/new', { version: version2 }));
  front.deploymentMap.set(deployment.id, deployment);
  return { front, plans, metrics, show: (logged) => JSON.parse(plans.json(logged)) as Shown };
}

describe('full plans', () => {
  // deviation(different): `plan-format=full`
  //   Marathon: before 1.8 the default, with all apps
  //   here: only if asked for, with the apps that the deployment touches
  //   why: an event costs what it tells
  it('show the apps of the deployment before and after', () => {
    const { show } = setUp();
    const shown = show(event('deployment_info', { plan, currentStep: { actions: [] } }));
    expect(Object.keys(shown.plan)).toEqual(['id', 'original', 'target', 'steps', 'version']);
    expect(pathsOf(shown.plan.original as ShownGroup)).toEqual(['/', '/prod', `${id}@${version1}`]);
    expect(pathsOf(shown.plan.target as ShownGroup)).toEqual(['/', `/new@${version2}`, '/prod', `${id}@${version2}`]);
  });

  it('show them still when the deployment has ended and an app is gone with it', () => {
    const { front, show } = setUp();
    front.changed({ type: 'deployment', id: deployment.id, apps: [id, '/new'] });
    front.deploymentMap.clear();
    front.stored.clear();
    const shown = show(event('deployment_success', { id: deployment.id, plan }));
    expect(pathsOf(shown.plan.target as ShownGroup)).toContain(`${id}@${version2}`);
  });

  it('are light for what nobody remembers, and other events are what they always are', () => {
    const { front, plans, metrics } = setUp();
    front.deploymentMap.clear();
    const [ended, other] = [event('deployment_success', { plan }), event('app_terminated_event', { appId: id })];
    expect([plans.json(ended), plans.json(other)]).toEqual([ended.json, other.json]);
    expect(metrics.counted('http.event-streams.full-plans.left-out')).toBe(1);
  });

  it('look nothing up twice for a deployment that goes from step to step', () => {
    const { front } = setUp();
    let asked = 0;
    const read: ReadModel = {
      ...front.read,
      appAt: (appId, version) => {
        asked += 1;
        return front.read.appAt(appId, version);
      },
    };
    const plans = new FullPlans(read, createSilentMetrics());
    for (let step = 1; step <= 100; step += 1) {
      front.deploymentMap.set(deployment.id, { ...deployment, currentStep: step });
      front.changed({ type: 'deployment', id: deployment.id, apps: [] });
    }
    expect(asked).toBe(3);
    front.deploymentMap.clear();
    expect(plans.json(event('deployment_success', { plan }))).toContain('"original"');
  });

  it('are light for a deployment of very many apps, and few large ones are remembered', () => {
    const { front, metrics, show } = setUp();
    const touching = (name: string, count: number): Deployment => ({
      ...deployment,
      id: name as DeploymentId,
      affected: Array.from({ length: count }, () => ({ id, before: version1, after: version2 })),
    });
    const change = (one: Deployment): void => {
      front.deploymentMap.set(one.id, one);
      front.changed({ type: 'deployment', id: one.id, apps: [] });
    };
    const shownOf = (planId: string) => show(event('deployment_success', { plan: { ...plan, id: planId } })).plan;
    change(touching('huge', maxPlanApps + 1));
    expect(shownOf('huge')).not.toHaveProperty('original');
    const fitting = maxRememberedApps / maxPlanApps;
    for (let n = 0; n <= fitting; n += 1) change(touching(`d${n}`, maxPlanApps));
    front.deploymentMap.clear();
    expect(metrics.gauged('http.event-streams.full-plans.apps')).toBe(maxRememberedApps);
    expect(shownOf('d0')).not.toHaveProperty('original');
    expect(shownOf('d1')).toHaveProperty('original');
    expect(shownOf(`d${fitting}`)).toHaveProperty('original');
    expect(metrics.counted('http.event-streams.full-plans.left-out')).toBe(2);
  });

  it('remember no more than so many', () => {
    const { front, show } = setUp();
    for (let n = 0; n <= maxRemembered; n += 1) {
      const one = { ...deployment, id: `d${n}` as DeploymentId };
      front.deploymentMap.set(one.id, one);
      front.changed({ type: 'deployment', id: one.id, apps: [] });
      front.deploymentMap.delete(one.id);
    }
    const shownOf = (planId: string): Shown => show(event('deployment_success', { plan: { ...plan, id: planId } }));
    expect(shownOf('d0').plan).not.toHaveProperty('original');
    expect(shownOf(`d${maxRemembered}`).plan).toHaveProperty('original');
  });
});
