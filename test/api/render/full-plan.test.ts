import { describe, expect, it } from 'vitest';
import { FullPlans, maxRemembered } from '../../../src/api/render/full-plan.ts';
import type { Deployment } from '../../../src/core/deploy/plan-types.ts';
import type { LoggedEvent } from '../../../src/core/events.ts';
import type { AppId, DeploymentId } from '../../../src/core/ids.ts';
import { deploymentId, FakeFront, fakeApp, version1, version2 } from '../../support/fake-front.ts';

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

function setUp(): { front: FakeFront; plans: FullPlans; show: (logged: LoggedEvent) => Shown } {
  const front = new FakeFront();
  const plans = new FullPlans(front.read);
  front.addApp(fakeApp(id));
  front.addApp(fakeApp(id, { version: version2, cmd: 'new' }));
  front.addApp(fakeApp('/new', { version: version2 }));
  front.deploymentMap.set(deployment.id, deployment);
  return { front, plans, show: (logged) => JSON.parse(plans.json(logged)) as Shown };
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
    const { front, plans } = setUp();
    front.deploymentMap.clear();
    const [ended, other] = [event('deployment_success', { plan }), event('app_terminated_event', { appId: id })];
    expect([plans.json(ended), plans.json(other)]).toEqual([ended.json, other.json]);
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
