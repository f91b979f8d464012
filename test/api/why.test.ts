import { describe, expect, it } from 'vitest';
import type { QueueEntry } from '../../src/actors/front.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { defaultMatchSettings } from '../../src/core/offer/demand.ts';
import type { KnownAgent } from '../../src/core/offer/known-agents.ts';
import { anOffer, knownAgent, scalar } from '../core/offer/fixtures.ts';
import { type FakeFront, fakeApp, fakeInstance } from '../support/fake-front.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { testApi, testApiAt } from './support/api-server.ts';

const agents: readonly KnownAgent[] = [
  knownAgent(anOffer({ host: 'h1' }, [scalar('cpus', 0.3), scalar('mem', 512)])),
  knownAgent(anOffer({ host: 'h2' }, [scalar('cpus', 0.1), scalar('mem', 512)])),
];

/** The app has one instance that runs and one that waits. */
function waits(front: FakeFront, app: AppDefinition, notBeforeMs?: number): void {
  front.addApp(app, [fakeInstance(app, 1), fakeInstance(app, 2, 'Scheduled')]);
  const before = front.placementView;
  front.placementView = {
    revision: () => 1,
    agents: () => agents,
    demandOf: (id) => (id === app.id ? { app, notBeforeMs, placements: [] } : before.demandOf(id)),
    settings: () => defaultMatchSettings,
  };
}

const entryFor = (app: AppDefinition): QueueEntry => ({
  app,
  role: '*',
  count: 1,
  sinceMs: 0,
  notBeforeMs: undefined,
  processedOffersCount: 0,
  unusedOffersCount: 0,
  launchAttempt: {},
  lastRefusals: [],
});

const hungry = (id: string) => fakeApp(id, { cpus: 0.5, instances: 2, portDefinitions: [] });

describe('GET /v2/apps/{id}/why', () => {
  it('tells in one line and in detail why an instance waits, and what would help', async () => {
    const { server, front } = testApi();
    waits(front, hungry('/shop/web'));
    const answer = await server.inject('/v2/apps/shop/web/why');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      appId: '/shop/web',
      state: 'noFit',
      summary:
        '1 of 2 instances waits: none of 2 agents fits (2 too few cpus). ' +
        'It fits on h1 with 0.2 cpus less (needs 0.5, free 0.3). ' +
        'An instance needs 0.5 cpus; the most that any of 2 known agents has is 0.3 cpus (h1).',
      instances: { target: 2, running: 1, starting: 0, unreachable: 0, waiting: 1 },
      needs: { cpus: 0.5, mem: 32, disk: 0, gpus: 0, ports: [], constraints: [] },
      warnings: [{ code: 'tooLarge' }],
      deployments: [],
      waiting: [
        {
          role: '*',
          acceptedResourceRoles: ['*'],
          count: 1,
          instances: [{ id: expect.stringContaining('shop_web.instance-'), launches: 1 }],
          agents: 2,
          fitting: 0,
          lastOfferAt: '1970-01-01T00:00:01.000Z',
          reasons: [{ reason: 'InsufficientCpus', text: 'too few cpus', agents: 2, agentsInAll: 2, example: 'h1' }],
          nearest: [
            {
              hostname: 'h1',
              agents: 2,
              text: 'fits on h1 with 0.2 cpus less (needs 0.5, free 0.3)',
              changes: [{ type: 'less', resource: 'cpus', less: 0.2, needed: 0.5, free: 0.3 }],
            },
          ],
          agentsNotListed: 0,
          perAgent: [
            { hostname: 'h1', fits: false, reason: 'InsufficientCpus', free: { cpus: 0.3, mem: 512 } },
            { hostname: 'h2', fits: false, reason: 'InsufficientCpus', free: { cpus: 0.1, mem: 512 } },
          ],
        },
      ],
    });
    expect(answer.json()).not.toHaveProperty('delay');
  });

  it('tells of a delay and of the failure behind it', async () => {
    const { server, front, clock } = testApi();
    const app = hungry('/web');
    waits(front, app, clock.now() + 2_500);
    front.failures.set('/web', {
      appId: app.id,
      host: 'h1',
      message: 'exit 1',
      state: 'TASK_FAILED',
      taskId: 't',
      timestamp: app.version,
      version: app.version,
    });
    const why = (await server.inject('/v2/apps//web/why')).json();
    expect(why).toMatchObject({
      state: 'delayed',
      delay: { timeLeftSeconds: 3 },
      lastTaskFailure: { message: 'exit 1' },
    });
  });

  it('is there for an app that runs, and not for one that does not exist', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/web');
    front.addApp(app, [fakeInstance(app, 1)]);
    expect((await server.inject('/v2/apps/web/why')).json()).toMatchObject({ state: 'running', waiting: [] });
    const unknown = await server.inject('/v2/apps/nobody/why');
    expect([unknown.statusCode, unknown.json().message]).toEqual([404, "App '/nobody/why' does not exist"]);
  });

  it('gives way to an app of that name, and takes nothing from other verbs', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    front.addApp(fakeApp('/web/why'));
    expect((await server.inject('/v2/apps/web/why')).json().app.id).toBe('/web/why');
    expect((await server.inject('/v2/apps/web/why/why')).json().appId).toBe('/web/why');
    await server.inject({ method: 'DELETE', url: '/v2/apps/web/why' });
    expect(front.changes[0]!.changes).toEqual([{ type: 'delete', id: '/web/why' }]);
  });
});

describe('GET /v2/queue?embed=why', () => {
  it('adds the short answer to each entry, and only then', async () => {
    const { server, front } = testApi();
    const apps = [hungry('/a'), hungry('/b')];
    for (const app of apps) waits(front, app);
    front.queueEntries = apps.map(entryFor);
    const { queue } = (await server.inject('/v2/queue?embed=why')).json();
    expect(queue).toHaveLength(2);
    for (const item of queue) {
      expect(item).toMatchObject({
        count: 1,
        why: {
          state: 'noFit',
          instances: { waiting: 1 },
          waiting: [{ role: '*', count: 1, agents: 2, reasons: [{ reason: 'InsufficientCpus', agents: 2 }] }],
        },
      });
      expect(item.why.waiting[0]).not.toHaveProperty('perAgent');
    }
    expect((await server.inject('/v2/queue')).json().queue[0]).not.toHaveProperty('why');
    const both = (await server.inject('/v2/queue?embed=why&embed=lastUnusedOffers')).json().queue[0];
    expect(both).toMatchObject({ why: {}, lastUnusedOffers: [] });
  });

  it('works in slices, and answers readers that come meanwhile with the same work', async () => {
    let nowMs = 0;
    const clock = createVirtualClock();
    const monotonic = () => {
      nowMs += 20;
      return nowMs;
    };
    const { server, front } = testApiAt({ ...clock, monotonic });
    const apps = ['/a', '/b', '/c'].map(hungry);
    for (const app of apps) waits(front, app);
    front.queueEntries = apps.map(entryFor);
    let asked = 0;
    const view = front.placementView;
    front.placementView = {
      ...view,
      demandOf: (id) => {
        asked += 1;
        return view.demandOf(id);
      },
    };
    const answers = await Promise.all([1, 2].map(() => server.inject('/v2/queue?embed=why')));
    expect(answers.map(({ body }) => JSON.parse(body).queue.length)).toEqual([3, 3]);
    expect(asked).toBe(3);
  });
});
