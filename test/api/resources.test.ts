import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { QueueEntry } from '../../src/actors/front.ts';
import type { Deployment } from '../../src/core/deploy/plan-types.ts';
import type { AppId, DeploymentId } from '../../src/core/ids.ts';
import { deploymentId, fakeApp, version1, version2 } from '../support/fake-front.ts';
import { testApi } from './support/api-server.ts';

const deployment: Deployment = {
  id: 'd1' as DeploymentId,
  version: version1,
  startedAtMs: 0,
  affected: [{ id: '/a' as AppId, after: version1 }],
  steps: [
    { actions: [{ action: 'StartApplication', app: '/a' as AppId }] },
    { actions: [{ action: 'ScaleApplication', app: '/a' as AppId, sentenced: [] }] },
  ],
  currentStep: 2,
};

describe('/v2/deployments', () => {
  it('is a bare array in the shape of 1.11', async () => {
    const { server, front } = testApi();
    expect((await server.inject('/v2/deployments')).body).toBe('[]');
    front.deploymentMap.set('d1', deployment);
    front.deploymentMap.set('d0', { ...deployment, id: 'd0' as DeploymentId, currentStep: 0 });
    front.version += 1;
    const [running, waiting] = (await server.inject('/v2/deployments')).json();
    expect(running).toEqual({
      id: 'd1',
      version: version1,
      affectedApps: ['/a'],
      affectedPods: [],
      steps: [
        { actions: [{ action: 'StartApplication', app: '/a' }] },
        { actions: [{ action: 'ScaleApplication', app: '/a' }] },
      ],
      currentActions: [{ action: 'ScaleApplication', app: '/a', readinessCheckResults: [] }],
      currentStep: 2,
      totalSteps: 2,
    });
    expect(waiting).toMatchObject({ currentActions: [], currentStep: 0 });
  });

  it('rolls back with 200, stops with 202 and no body, and knows what it does not know', async () => {
    const { server, front } = testApi();
    front.deploymentMap.set('d1', deployment);
    const back = await server.inject({ method: 'DELETE', url: '/v2/deployments/d1' });
    expect([back.statusCode, back.json()]).toEqual([200, { version: version2, deploymentId }]);
    expect(back.headers['marathon-deployment-id']).toBe(deploymentId);
    const stop = await server.inject({ method: 'DELETE', url: '/v2/deployments/d1?force=true' });
    expect([stop.statusCode, stop.body]).toEqual([202, '']);
    expect(front.cancelled.map(({ force }) => force)).toEqual([false, true]);
    const unknown = await server.inject({ method: 'DELETE', url: '/v2/deployments/d2' });
    expect([unknown.statusCode, unknown.json()]).toEqual([
      404,
      { message: 'DeploymentPlan d2 does not exist', details: [] },
    ]);
  });
});

const offer = {
  id: { value: 'o1' },
  framework_id: { value: 'F1' },
  agent_id: { value: 'S1' },
  hostname: 'h1',
  resources: [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 2 } },
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 1, end: 2 }] }, reservations: [{ role: 'prod' }] },
  ],
  attributes: [{ name: 'rack', type: 'TEXT', text: { value: 'r1' } }],
} as const;

describe('/v2/queue', () => {
  const entryFor = (notBeforeMs: number | undefined): QueueEntry => ({
    app: fakeApp('/web'),
    role: '*',
    count: 3,
    sinceMs: 0,
    notBeforeMs,
    processedOffersCount: 10,
    unusedOffersCount: 4,
    lastUnusedOfferAtMs: 1_000,
    launchAttempt: { UnfulfilledConstraint: 3, InsufficientCpus: 2 },
    lastRefusals: [{ offer, reasons: ['InsufficientCpus', 'InsufficientPorts'], atMs: 2_000 }],
  });

  it('shows the funnel of ten reasons, and offers only when asked', async () => {
    const { server, front } = testApi();
    front.queueEntries = [entryFor(undefined)];
    const [item] = (await server.inject('/v2/queue')).json().queue;
    expect(item).toMatchObject({
      app: { id: '/web' },
      count: 3,
      role: '*',
      delay: { timeLeftSeconds: 0, overdue: true },
      since: '1970-01-01T00:00:00.000Z',
    });
    expect(item).not.toHaveProperty('lastUnusedOffers');
    const { rejectSummaryLaunchAttempt, rejectSummaryLastOffers, ...summary } = item.processedOffersSummary;
    expect(summary).toEqual({
      processedOffersCount: 10,
      unusedOffersCount: 4,
      lastUnusedOfferAt: '1970-01-01T00:00:01.000Z',
    });
    const rows = (list: { reason: string; declined: number; processed: number }[]) =>
      list.map(({ declined, processed }) => [declined, processed]);
    expect(rows(rejectSummaryLaunchAttempt)).toEqual([
      [0, 10],
      [3, 10],
      [0, 7],
      [0, 7],
      [2, 7],
      ...Array(5).fill([0, 5]),
    ]);
    expect(rejectSummaryLastOffers[4]).toEqual({ reason: 'InsufficientCpus', declined: 1, processed: 1 });
    const [withOffers] = (await server.inject('/v2/queue?embed=lastUnusedOffers')).json().queue;
    expect(withOffers.lastUnusedOffers).toEqual([
      {
        offer: {
          id: 'o1',
          hostname: 'h1',
          agentId: 'S1',
          resources: [
            { name: 'cpus', role: '*', scalar: 2 },
            { name: 'ports', role: 'prod', ranges: [{ begin: 1, end: 2 }] },
          ],
          attributes: [{ name: 'rack', text: 'r1' }],
        },
        reason: ['InsufficientCpus', 'InsufficientPorts'],
        timestamp: '1970-01-01T00:00:02.000Z',
      },
    ]);
  });

  it('counts a delay down although nothing else changes', async () => {
    const { server, front, clock } = testApi();
    front.queueEntries = [entryFor(clock.now() + 2_500)];
    const delay = async () => (await server.inject('/v2/queue')).json().queue[0].delay;
    expect(await delay()).toEqual({ timeLeftSeconds: 2, overdue: false });
    clock.advance(2_000);
    expect(await delay()).toEqual({ timeLeftSeconds: 0, overdue: false });
    clock.advance(1_000);
    expect(await delay()).toEqual({ timeLeftSeconds: 0, overdue: true });
  });

  it('resets the delay of what waits', async () => {
    const { server, front } = testApi();
    front.queueEntries = [entryFor(undefined)];
    for (const url of ['/v2/queue/web/delay', '/v2/queue//web/delay/', '/v2/queue/%2Fweb/delay']) {
      const answer = await server.inject({ method: 'DELETE', url });
      expect([answer.statusCode, answer.body]).toEqual([204, '']);
    }
    expect(front.resets).toEqual(['/web', '/web', '/web']);
    const unknown = await server.inject({ method: 'DELETE', url: '/v2/queue/x/y/delay' });
    expect([unknown.statusCode, unknown.json().message]).toEqual([404, 'Application /x/y not found in tasks queue.']);
    expect((await server.inject('/v2/queue/web/delay')).statusCode).toBe(405);
  });
});

describe('/v2/info, /v2/leader, /v2/plugins', () => {
  it('shows nulls for what has no value, and no credentials', async () => {
    const { server, front } = testApi({
      info: {
        version: '1.11.24',
        buildref: 'x',
        marathonConfig: { master: 'zk://me:secret@h:2181/mesos', hostname: 'h', ours: 1, features: [] },
        zookeeperConfig: { zk_timeout: 10_000 },
      },
    });
    const info = (await server.inject('/v2/info')).json();
    expect(Object.keys(info)).toEqual([
      'name',
      'version',
      'buildref',
      'elected',
      'leader',
      'frameworkId',
      'marathon_config',
      'zookeeper_config',
      'http_config',
    ]);
    expect(info).toMatchObject({ name: 'marathon', version: '1.11.24', leader: '127.0.0.1:8080', elected: true });
    expect(info.marathon_config).toMatchObject({ master: 'zk://xxxxxxxx:xxxxxxxx@h:2181/mesos', webui_url: null });
    expect(info.marathon_config).not.toHaveProperty('ours');
    expect(info.http_config).toEqual({ http_port: 8080, https_port: 8443 });
    front.clusterView = { ...front.clusterView, leader: undefined, frameworkId: undefined, elected: false };
    expect((await server.inject('/v2/info')).json()).toMatchObject({ leader: null, frameworkId: null, elected: false });
  });

  it('leads to the Mesos master, unless another address was configured', async () => {
    const told = async (marathonConfig: object, mesosMaster: string | undefined) => {
      const info = {
        version: '1',
        buildref: 'x',
        marathonConfig: { features: [], ...marathonConfig },
        zookeeperConfig: {},
      };
      const { server, front } = testApi({ info });
      front.clusterView = { ...front.clusterView, mesosMaster };
      return (await server.inject('/v2/info')).json().marathon_config.mesos_leader_ui_url;
    };
    expect(await told({ mesos_leader_ui_url: null }, 'h:5050')).toBe('http://h:5050/');
    expect(await told({}, undefined)).toBeNull();
    expect(await told({ mesos_leader_ui_url: 'https://mesos/' }, 'h:5050')).toBe('https://mesos/');
  });

  it('names the leader, or 404', async () => {
    const { server, front } = testApi();
    expect((await server.inject('/v2/leader')).json()).toEqual({ leader: '127.0.0.1:8080' });
    front.clusterView = { ...front.clusterView, leader: undefined };
    const none = await server.inject('/v2/leader');
    expect([none.statusCode, none.json()]).toEqual([404, { message: 'There is no leader', details: [] }]);
  });

  it('has no plugins', async () => {
    const { server } = testApi();
    expect((await server.inject('/v2/plugins')).json()).toEqual({ plugins: [] });
    expect((await server.inject('/v2/plugins/x/y')).json()).toEqual({
      message: 'No plugin with this pluginId: x',
      details: [],
    });
  });
});

describe('/ping', () => {
  it.each([
    [undefined, 200, 'pong', 'text/plain;charset=utf-8'],
    ['*/*', 200, 'pong', 'text/plain;charset=utf-8'],
    ['text/plain', 200, 'pong', 'text/plain;charset=utf-8'],
    ['application/json', 200, '"pong"', 'application/json'],
    ['text/html', 200, 'pong', 'text/html;charset=utf-8'],
    ['image/png', 204, '', undefined],
  ])('answers Accept: %s', async (accept, status, body, type) => {
    const { server, lines } = testApi();
    const answer = await server.inject({ url: '/ping', headers: accept === undefined ? {} : { accept } });
    expect([answer.statusCode, answer.body, answer.headers['content-type']]).toEqual([status, body, type]);
    expect(lines).toEqual([]);
  });
});

describe('headers', () => {
  const always = {
    'cache-control': 'no-cache, no-store, must-revalidate',
    pragma: 'no-cache',
    expires: '0',
    'x-frame-options': 'DENY',
    'x-xss-protection': '1; mode=block',
    'x-marathon-leader': 'http://127.0.0.1:8080',
  };

  it.each(['/v2/apps', '/v2/apps/nope', '/v2/nope', '/ping', '/', '/v2/apps/%zz', '/metrics', '/v2/events'])(
    'are on every answer (%s)',
    async (url) => {
      const { headers } = await testApi().server.inject(url);
      expect(headers).toMatchObject(always);
      expect(headers).not.toHaveProperty('server');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    },
  );

  it('name the leader only on the leader, with https when plain HTTP is off', async () => {
    const { server, front } = testApi({ disableHttp: true, hostname: 'm1' });
    front.clusterView = { ...front.clusterView, leader: 'm1:8443' };
    expect((await server.inject('/ping')).headers['x-marathon-leader']).toBe('https://m1:8443');
    front.clusterView = { ...front.clusterView, elected: false };
    expect((await server.inject('/ping')).headers).not.toHaveProperty('x-marathon-leader');
  });

  it('allow the matching origin, else the first', async () => {
    const { server } = testApi({ corsOrigins: ['http://a', 'http://b'] });
    const originFor = async (origin: string) =>
      (await server.inject({ url: '/v2/apps', headers: { origin } })).headers['access-control-allow-origin'];
    expect(await originFor('http://b')).toBe('http://b');
    expect(await originFor('http://c')).toBe('http://a');
    const headers = { origin: 'http://b', 'access-control-request-headers': 'X-A, X-B' };
    const preflight = await server.inject({ method: 'OPTIONS', url: '/v2/apps', headers });
    expect(preflight.headers).toMatchObject({
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      'access-control-max-age': '86400',
      'access-control-allow-headers': 'X-A, X-B',
    });
  });
});

describe('the web page', () => {
  it('is where / and /ui lead to, and has no way out of its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'api-ui-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'index.html'), '<h1>page</h1>');
    const { server } = testApi({ uiDirectory: folder });
    const root = await server.inject('/');
    expect([root.statusCode, root.headers.location]).toEqual([302, '/ui/']);
    const bare = await server.inject('/ui');
    expect([bare.statusCode, bare.headers.location]).toEqual([302, '/ui/']);
    const page = await server.inject('/ui/');
    expect([page.statusCode, page.body]).toEqual([200, '<h1>page</h1>']);
    expect(page.headers['cache-control']).toBe('no-cache, no-store, must-revalidate');
    for (const path of ['/ui/none.js', '/ui/%2e%2e%2fsecret', '/ui/..%2f..%2fetc%2fpasswd', '/ui/%00']) {
      const answer = await server.inject(path);
      expect(answer.statusCode).toBeGreaterThanOrEqual(400);
      expect(answer.statusCode).toBeLessThan(500);
      expect(answer.json().message).toBeTypeOf('string');
    }
  });

  it('is a plain 404 when there is none', async () => {
    const answer = await testApi({ uiDirectory: '/nowhere' }).server.inject('/ui/');
    expect([answer.statusCode, answer.json()]).toEqual([404, { message: 'URI not found: /ui/' }]);
  });
});
