import { describe, expect, it } from 'vitest';
import { parseTaskId } from '../../src/core/ids.ts';
import { appNotFound, locked, refusal } from '../../src/core/refusal.ts';
import { deploymentId, fakeApp, fakeInstance, version1, version2 } from '../support/fake-front.ts';
import { ask, listeningApi, testApi } from './support/api-server.ts';

const json = { 'content-type': 'application/json' };

describe('GET /v2/apps', () => {
  it('lists apps with counts and deployments', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/web');
    front.addApp(app, [fakeInstance(app, 1), fakeInstance(app, 2, 'Staging'), fakeInstance(app, 3, 'Scheduled')]);
    const answer = await server.inject('/v2/apps');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json().apps).toEqual([
      expect.objectContaining({
        id: '/web',
        tasksStaged: 1,
        tasksRunning: 1,
        tasksHealthy: 0,
        tasksUnhealthy: 0,
        deployments: [],
      }),
    ]);
    expect(answer.json().apps[0]).not.toHaveProperty('tasks');
  });

  it('counts a task as healthy only with results that are all alive', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/web');
    const instances = [1, 2, 3, 4].map((n) => fakeInstance(app, n));
    front.addApp(app, instances);
    const alive = { lastSuccessMs: 5, consecutiveFailures: 0 };
    const dead = { lastFailureMs: 5, consecutiveFailures: 2, lastFailureCause: 'refused' };
    front.health.set(instances[0]!.id, [alive, alive]);
    front.health.set(instances[1]!.id, [alive, dead]);
    front.health.set(instances[2]!.id, [undefined, undefined]);
    const [shown] = (await server.inject('/v2/apps?embed=apps.tasks')).json().apps;
    expect(shown).toMatchObject({ tasksHealthy: 1, tasksUnhealthy: 1 });
    expect(shown.tasks.map((task: { healthCheckResults: unknown[] }) => task.healthCheckResults.length)).toEqual([
      2, 2, 0, 0,
    ]);
    expect(shown.tasks[1].healthCheckResults[1]).toEqual({
      alive: false,
      consecutiveFailures: 2,
      lastFailure: '1970-01-01T00:00:00.005Z',
      lastFailureCause: 'refused',
      instanceId: instances[1]!.id,
    });
  });

  it.each(['tasks', 'app.tasks', 'apps.tasks', 'group.apps.tasks'])('takes embed=%s', async (embed) => {
    const { server, front } = testApi();
    const app = fakeApp('/web');
    front.addApp(app, [fakeInstance(app, 1)]);
    const answer = await server.inject(`/v2/apps/?embed=nonsense&embed=${embed}`);
    const [task] = answer.json().apps[0].tasks;
    expect(task).toEqual({
      id: expect.stringMatching(/^web\.instance-.*\._app\.1$/),
      appId: '/web',
      host: 'h1',
      slaveId: 'S1',
      state: 'TASK_RUNNING',
      ports: [31_001],
      servicePorts: [],
      ipAddresses: [{ ipAddress: '10.0.0.5', protocol: 'IPv4' }],
      stagedAt: '1970-01-01T00:00:01.000Z',
      startedAt: '1970-01-01T00:00:02.000Z',
      version: version1,
      healthCheckResults: [],
      localVolumes: [],
      role: '*',
    });
    expect(parseTaskId(task.id)?.appId).toBe('/web');
  });

  it('embeds failures, readiness and statistics when asked', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/web');
    front.addApp(app, [fakeInstance(app, 1)]);
    const failure = {
      appId: app.id,
      host: 'h',
      message: 'm',
      state: 'TASK_FAILED',
      taskId: 't',
      timestamp: version1,
      version: version1,
    };
    front.failures.set('/web', failure);
    const query = 'embed=apps.failures&embed=apps.taskStats&embed=apps.readiness';
    const [shown] = (await server.inject(`/v2/apps?${query}`)).json().apps;
    expect(shown.lastTaskFailure).toEqual(failure);
    expect(shown.tasks).toHaveLength(1);
    expect(shown.readinessCheckResults).toEqual([]);
    expect(shown.taskStats).toEqual(shown.tasksStats);
    expect(shown.taskStats.totalSummary.stats.counts).toEqual({ staged: 0, running: 1, healthy: 0, unhealthy: 0 });
    expect(shown.taskStats).not.toHaveProperty('withOutdatedConfig');
  });

  it('filters by id, cmd and label together', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web', { labels: { env: 'prod' } }));
    front.addApp(fakeApp('/web-2', { labels: { env: 'test' } }));
    front.addApp({ ...fakeApp('/db', { labels: { env: 'prod' } }), cmd: 'postgres' });
    const ids = async (query: string): Promise<string[]> =>
      (await server.inject(`/v2/apps?${query}`)).json().apps.map(({ id }: { id: string }) => id);
    expect(await ids('id=WEB')).toEqual(['/web', '/web-2']);
    expect(await ids('cmd=SLEEP&label=env==prod')).toEqual(['/web']);
    expect(await ids(`label=${encodeURIComponent('env in (test, stage)')}`)).toEqual(['/web-2']);
    expect(await ids('id=none')).toEqual([]);
  });

  it('answers 422 for a label selector without sense', async () => {
    const { server } = testApi();
    const answer = await server.inject('/v2/apps?label=env=prod');
    expect(answer.statusCode).toBe(422);
    expect(answer.json().message).toMatch(/^Can not parse label selector/);
  });

  // deviation(different): old members (`ports`, `uris`, `ipAddress`, `container.docker.network`, …)
  //   Marathon: up to 1.5
  //   here: accepted by all; shown (`ports`, `uris`, `container.docker.network` and `portMappings`) only with
  //     `--emit_legacy_fields`
  //   why: old clients go on working; strict ones do not break
  it('adds the old members when told to', async () => {
    for (const emitLegacyFields of [false, true]) {
      const { server, front } = testApi({ emitLegacyFields });
      front.addApp(fakeApp('/web'));
      const [shown] = (await server.inject('/v2/apps')).json().apps;
      expect(shown.ports).toEqual(emitLegacyFields ? [10_000] : undefined);
    }
  });

  it('shows a change of health, although the instance is the same', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/web');
    const instance = fakeInstance(app, 1);
    front.addApp(app, [instance]);
    const healthy = async () => (await server.inject('/v2/apps/web')).json().app.tasksHealthy;
    expect(await healthy()).toBe(0);
    front.health.set(instance.id, [{ lastSuccessMs: 1, consecutiveFailures: 0 }]);
    front.version += 1;
    expect(await healthy()).toBe(1);
  });

  it('renders an unchanged definition once', async () => {
    const { server, front } = testApi();
    let reads = 0;
    const counted = (id: string) =>
      Object.defineProperty({ ...fakeApp(id) }, 'cpus', {
        enumerable: true,
        get: () => {
          reads += 1;
          return 1;
        },
      });
    for (const id of ['/a', '/b', '/c']) front.addApp(counted(id));
    await server.inject('/v2/apps');
    expect(reads).toBe(3);
    front.addApp(counted('/b'));
    await server.inject('/v2/apps?embed=apps.tasks');
    await server.inject('/v2/apps/a');
    expect(reads).toBe(4);
  });
});

describe('POST /v2/apps', () => {
  it('answers 201 with the app, its place and its deployment', async () => {
    const { server, front } = testApi();
    const answer = await server.inject({
      method: 'POST',
      url: '/v2/apps?force=True',
      payload: { id: 'web', cmd: 'x' },
    });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers).toMatchObject({ location: '/web', 'marathon-deployment-id': deploymentId });
    expect(answer.json()).toMatchObject({ id: '/web', tasksRunning: 0, deployments: [{ id: deploymentId }] });
    expect(front.changes).toEqual([
      {
        changes: [{ type: 'create', id: '/web', update: expect.objectContaining({ cmd: 'x' }) }],
        options: { force: true, origin: { clientIp: '127.0.0.1', uri: '/v2/apps' } },
      },
    ]);
  });

  it('takes a body without a content type as JSON', async () => {
    const { port } = await listeningApi();
    const answer = await ask(port, { method: 'POST', path: '/v2/apps', body: '{"id":"/web","cmd":"x"}' });
    expect(answer.status).toBe(201);
  });

  it('passes on what the scheduler refuses, with details, deployments and headers', async () => {
    const { server, front } = testApi();
    front.refuses = locked(['d1']);
    const answer = await server.inject({ method: 'POST', url: '/v2/apps', payload: { id: '/web', cmd: 'x' } });
    expect(answer.statusCode).toBe(409);
    expect(answer.json().deployments).toEqual([{ id: 'd1' }]);
    front.refuses = refusal('unavailable', 'no store', { headers: { 'Marathon-Write-Outcome': 'unknown' } });
    const away = await server.inject({ method: 'POST', url: '/v2/apps', payload: { id: '/web', cmd: 'x' } });
    expect([away.statusCode, away.headers['marathon-write-outcome']]).toEqual([503, 'unknown']);
  });

  it.each(['/web/../..', '/', '/A', '/a_b', '/web/tasks', '/x/restart'])('answers 422 for the id %s', async (id) => {
    const { server } = testApi();
    const answer = await server.inject({ method: 'POST', url: '/v2/apps', payload: { id, cmd: 'x' } });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().details.map((detail: { path: string }) => detail.path)).toContain('/id');
  });

  it('takes back a complete definition with the version that a GET had shown', async () => {
    const { server, front } = testApi();
    const payload = { id: '/web', cmd: 'x', version: version1 };
    const whole = await server.inject({ method: 'PUT', url: '/v2/apps/web?partialUpdate=false', payload });
    expect([whole.statusCode, front.changes[0]?.changes[0]?.type]).toEqual([201, 'put']);
  });
});

describe('bulk changes', () => {
  it('puts and patches several apps as one deployment', async () => {
    const { server, front } = testApi();
    const payload = [
      { id: '/a', cmd: 'x' },
      { id: '/b', version: version1 },
    ];
    const put = await server.inject({ method: 'PUT', url: '/v2/apps?partialUpdate=False', payload });
    expect([put.statusCode, put.json()]).toEqual([200, { version: version2, deploymentId }]);
    const patch = await server.inject({ method: 'PATCH', url: '/v2/apps', payload });
    expect(patch.statusCode).toBe(200);
    expect(front.changes.map(({ changes }) => changes.map(({ type }) => type))).toEqual([
      ['put', 'put'],
      ['patch', 'rollback'],
    ]);
    expect(front.changes[0]?.changes[0]).toMatchObject({ partial: false });
  });

  it('needs an array, and an id in every element', async () => {
    const { server } = testApi();
    const object = await server.inject({ method: 'PUT', url: '/v2/apps', payload: { id: '/a' } });
    expect([object.statusCode, object.json().details[0].errors]).toEqual([422, ['error.expected.jsarray']]);
    const nameless = await server.inject({ method: 'PUT', url: '/v2/apps', payload: [{ cmd: 'x' }] });
    expect(nameless.statusCode).toBe(422);
  });
});

describe('/v2/apps/{id}', () => {
  it('shows one app with tasks and the last failure', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/prod/web');
    front.addApp(app, [fakeInstance(app, 1)]);
    const answer = await server.inject('/v2/apps/prod/web');
    expect(answer.json().app).toMatchObject({ id: '/prod/web', tasks: [{ host: 'h1' }], deployments: [] });
    expect(answer.json().app).not.toHaveProperty('lastTaskFailure');
  });

  it('lists the apps of a group, and of the root', async () => {
    const { server, front } = testApi();
    for (const id of ['/prod/web', '/prod/a/b', '/test/web']) front.addApp(fakeApp(id));
    const idsOf = (body: { '*': { id: string }[] }): string[] => body['*'].map(({ id }) => id);
    expect(idsOf((await server.inject('/v2/apps/prod/*')).json())).toEqual(['/prod/web', '/prod/a/b']);
    expect(idsOf((await server.inject('/v2/apps/*')).json())).toHaveLength(3);
    const unknown = await server.inject('/v2/apps/nope/*');
    expect([unknown.statusCode, unknown.json()]).toEqual([
      404,
      { message: "Group '/nope' does not exist", details: [] },
    ]);
  });

  it('puts, patches and rolls back', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    const put = await server.inject({ method: 'PUT', url: '/v2/apps/web', payload: { id: '/other', cmd: 'y' } });
    expect([put.statusCode, put.json()]).toEqual([200, { version: version2, deploymentId }]);
    const created = await server.inject({ method: 'PUT', url: '/v2/apps//new', payload: { cmd: 'y' } });
    expect([created.statusCode, created.headers.location]).toEqual([201, '/new']);
    await server.inject({ method: 'PATCH', url: '/v2/apps/web', payload: { instances: 2 } });
    const back = { method: 'PUT', url: '/v2/apps/web', payload: { version: '2020-01-01T01:00:00+01:00' } } as const;
    expect((await server.inject(back)).statusCode).toBe(200);
    expect(front.changes.map(({ changes }) => changes[0])).toMatchObject([
      { type: 'put', id: '/web', partial: true },
      { type: 'put', id: '/new' },
      { type: 'patch', id: '/web' },
      { type: 'rollback', id: '/web', version: version1 },
    ]);
  });

  it('hands on a version with other members as no rollback, and refuses it in bulk', async () => {
    const { server, front } = testApi();
    const payload = { version: version1, cmd: 'x' };
    await server.inject({ method: 'PUT', url: '/v2/apps/web', payload });
    await server.inject({ method: 'PATCH', url: '/v2/apps/web', payload });
    expect(front.changes.map(({ changes }) => changes)).toMatchObject([
      [{ type: 'put', partial: true, update: payload }],
      [{ type: 'patch', update: payload }],
    ]);
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await server.inject({ method, url: '/v2/apps', payload: [{ id: '/web', ...payload }] });
      expect([answer.statusCode, answer.json().details[0].path]).toEqual([422, '/']);
    }
    expect(front.changes).toHaveLength(2);
  });

  it('deletes with force unless told otherwise; an empty JSON body is fine', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    await server.inject({ method: 'DELETE', url: '/v2/apps/web', headers: json });
    await server.inject({ method: 'DELETE', url: '/v2/apps/web?force=False', headers: json });
    await server.inject({ method: 'POST', url: '/v2/apps/web/restart', headers: json });
    expect(front.changes.map(({ changes, options }) => [changes[0]?.type, options.force])).toEqual([
      ['delete', true],
      ['delete', false],
      ['restart', false],
    ]);
    front.refuses = appNotFound('/web');
    const gone = await server.inject({ method: 'DELETE', url: '/v2/apps/web' });
    expect([gone.statusCode, gone.json()]).toEqual([404, { message: "App '/web' does not exist" }]);
  });

  it('lists versions and shows one without wrapping it', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    front.addApp(fakeApp('/web', { version: version2 }));
    expect((await server.inject('/v2/apps/web/versions')).json()).toEqual({ versions: [version2, version1] });
    const shown = (await server.inject(`/v2/apps/web/versions/${version1}`)).json();
    expect(shown).toMatchObject({ id: '/web', version: version1, cmd: 'sleep 1000' });
    for (const member of ['app', 'tasksRunning', 'deployments']) expect(shown).not.toHaveProperty(member);
    const missing = await server.inject('/v2/apps/web/versions/2019-01-01T00:00:00Z');
    expect([missing.statusCode, missing.json().message]).toEqual([
      404,
      "App '/web' does not exist in version 2019-01-01T00:00:00.000Z",
    ]);
    const bad = await server.inject('/v2/apps/web/versions/yesterday');
    expect([bad.statusCode, bad.json().message]).toEqual([422, expect.stringMatching(/^Invalid timestamp provided/)]);
  });
});
