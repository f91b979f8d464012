/** The traps of rest-api §15, the second half. */
import { describe, expect, it } from 'vitest';
import { parseFlags } from '../../src/config/flags.ts';
import { ignoredFlags, serverFlags } from '../../src/config/server-flags.ts';
import type { AppId } from '../../src/core/ids.ts';
import { parseTaskId } from '../../src/core/ids.ts';
import { testApi } from '../api/support/api-server.ts';
import { fakeApp, fakeInstance } from '../support/fake-front.ts';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });

/** Every member of a value, nested ones included. */
function* membersOf(value: unknown, path = ''): Iterable<readonly [string, unknown]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    yield [`${path}/${name}`, inner];
    yield* membersOf(inner, `${path}/${name}`);
  }
}

describe('Trap', () => {
  it('21 and 29: ports and counts are integers, nothing is null but members of /v2/info', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { healthChecks: [{ protocol: 'HTTP' }], ports: [0, 0] }));
    await world.advance(10_000);
    const paths = [
      '/v2/apps?embed=apps.tasks',
      '/v2/apps/a',
      '/v2/tasks',
      '/v2/groups',
      '/v2/queue',
      '/v2/deployments',
    ];
    for (const path of paths) {
      for (const [name, value] of membersOf((await ask('GET', path)).json())) {
        expect([path, name, value]).not.toEqual([path, name, null]);
        if (
          /port|count|instances|seconds|tasks(Running|Staged|Healthy|Unhealthy)$/i.test(name) &&
          typeof value === 'number'
        ) {
          expect([name, Number.isInteger(value)]).toEqual([name, true]);
        }
      }
    }
    const info = (await ask('GET', '/v2/info')).json();
    expect(info.marathon_config).toHaveProperty('webui_url', null);
  });

  it('22: the n-th host port of a task belongs to the n-th entry with a host port', async () => {
    const { ask, world } = await liveApi();
    const portMappings = [{ containerPort: 1 }, { containerPort: 2, hostPort: 0 }, { containerPort: 3, hostPort: 0 }];
    const container = { type: 'MESOS', portMappings };
    await ask('POST', '/v2/apps', app('/a', { container, networks: [{ mode: 'container', name: 'net' }] }));
    await world.advance(10_000);
    const [task] = (await ask('GET', '/v2/apps/a')).json().app.tasks;
    expect(task.ports).toHaveLength(2);
    const text = (await ask('GET', '/v2/tasks', undefined, { accept: 'text/plain' })).body.split('\n');
    expect(text.slice(0, 3).map((line: string) => line.split('\t').slice(2, -1))).toEqual([
      [],
      [`${task.host}:${task.ports[0]}`],
      [`${task.host}:${task.ports[1]}`],
    ]);
  });

  it('23: results are an empty list before the first one, and unknown health is in no count', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { healthChecks: [{ protocol: 'HTTP' }] }));
    await world.settle();
    const found = (await ask('GET', '/v2/apps/a')).json().app;
    expect([found.tasks[0].healthCheckResults, found.tasksRunning]).toEqual([[], 1]);
    expect([found.tasksHealthy, found.tasksUnhealthy]).toEqual([0, 0]);
  });

  it('24: overdue means that nothing holds it back', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/big', { cpus: 10_000 }));
    await ask('POST', '/v2/apps', app('/failing', { backoffSeconds: 100 }));
    await world.advance(1_000);
    for (const id of world.tasksOf('/failing')) world.mesos.move(id, 'TASK_FAILED');
    await world.advance(1_000);
    const { queue } = (await ask('GET', '/v2/queue')).json();
    const delays = Object.fromEntries(
      queue.map((item: { app: { id: string }; delay: object }) => [item.app.id, item.delay]),
    );
    expect(delays['/big']).toEqual({ timeLeftSeconds: 0, overdue: true });
    expect(delays['/failing'].overdue).toBe(false);
    expect(delays['/failing'].timeLeftSeconds).toBeGreaterThan(50);
  });

  it('25: task ids of every era are taken for kills', async () => {
    const { server } = testApi();
    const ids = [
      'a_b.3ad2b2c0-0000-11e5-8a7e-000000000001',
      'a_b.marathon-3ad2b2c0-0000-11e5-8a7e-000000000001',
      'a_b.instance-3ad2b2c0-0000-11e5-8a7e-000000000001._app.4',
      'a_b.instance-3ad2b2c0-0000-11e5-8a7e-000000000001.container',
      'a_b.3ad2b2c0-0000-11e5-8a7e-000000000001.7',
    ];
    for (const id of ids) expect(parseTaskId(id)).toBeDefined();
    const answer = await server.inject({ method: 'POST', url: '/v2/tasks/delete', payload: { ids } });
    expect([answer.statusCode, answer.json()]).toEqual([200, { tasks: [] }]);
  });

  it('26: wipe and scale exclude each other; without either the instance is replaced', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 2 }));
    await world.advance(10_000);
    for (const [method, url, body] of [
      ['DELETE', '/v2/apps/a/tasks?scale=true&wipe=true', undefined],
      ['POST', '/v2/tasks/delete?scale=True&wipe=True', { ids: [] }],
    ] as const) {
      const both = await ask(method, url, body);
      expect([both.statusCode, both.json().message]).toEqual([400, 'You cannot use scale and wipe at the same time.']);
    }
    const [victim] = world.tasksOf('/a');
    expect((await ask('DELETE', `/v2/apps/a/tasks/${victim}`)).json().task.id).toBe(victim);
    await world.advance(10_000);
    expect(world.tasksOf('/a')).toHaveLength(2);
    expect(world.tasksOf('/a')).not.toContain(victim);
    const wiped = (await ask('DELETE', '/v2/apps/a/tasks?wipe=true')).json().tasks;
    expect(wiped).toHaveLength(2);
    await world.advance(10_000);
    const scaled = (await ask('DELETE', '/v2/apps/a/tasks?scale=true')).json();
    expect(Object.keys(scaled).toSorted()).toEqual(['deploymentId', 'version']);
    await world.advance(10_000);
    expect((await ask('GET', '/v2/apps/a')).json().app.instances).toBe(0);
  });

  it('27: a rollback is a new version with old content', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    await world.advance(10_000);
    const [first] = (await ask('GET', '/v2/apps/a/versions')).json().versions;
    await ask('PUT', '/v2/apps/a', { cmd: 'other' });
    await world.advance(60_000);
    const back = (await ask('PUT', '/v2/apps/a', { version: first })).json();
    expect(back.version > first).toBe(true);
    const found = (await ask('GET', '/v2/apps/a')).json().app;
    expect([found.cmd, found.version]).toEqual(['sleep 9', back.version]);
    expect((await ask('PUT', '/v2/apps/a', { version: '2000-01-01T00:00:00.000Z' })).statusCode).toBe(404);
  });

  it('28: versions of one millisecond are made distinct', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    for (let i = 0; i < 5; i += 1) await ask('PUT', '/v2/apps/a?force=true', { cmd: `x${i}` });
    const { versions } = (await ask('GET', '/v2/apps/a/versions')).json();
    expect(new Set(versions).size).toBe(6);
  });

  it('30: PATCH of enforceRole is an empty 200, and no deployment', async () => {
    const { ask } = await liveApi();
    await ask('PUT', '/v2/groups/g', {});
    const answer = await ask('PATCH', '/v2/groups/g', { enforceRole: true });
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
    expect(answer.headers).not.toHaveProperty('marathon-deployment-id');
  });

  it('31: the text form has one blank where there is no port, a trailing tab, and running tasks only', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/g/bare', { ports: [] }));
    await ask('POST', '/v2/apps', app('/waiting', { cpus: 10_000, ports: [] }));
    await world.advance(10_000);
    const text = (await ask('GET', '/v2/tasks', undefined, { accept: 'text/plain' })).body;
    expect(text.split('\n').toSorted()).toEqual(['', 'g_bare\t \thost0\t', 'waiting\t \t']);
  });

  it('32: a dry run of a group has steps only, and no deployment header', async () => {
    const { ask } = await liveApi();
    const answer = await ask('PUT', '/v2/groups/g?dryRun=true', { apps: [app('a')] });
    expect(Object.keys(answer.json())).toEqual(['steps']);
    expect(answer.headers).not.toHaveProperty('marathon-deployment-id');
    expect((await ask('GET', '/v2/groups/g')).statusCode).toBe(404);
  });

  it('33: secrets, GPUs and external volumes are off unless enabled', async () => {
    const { ask } = await liveApi();
    const external = { provider: 'dvdi', name: 'v', options: { 'dvdi/driver': 'rexray' } };
    const volumes = [{ containerPath: '/d', mode: 'RW', external }];
    const rows = [
      [{ secrets: { s: { source: 'x' } }, env: { E: { secret: 's' } } }, 'secrets'],
      [{ gpus: 1 }, 'gpu_resources'],
      [{ container: { type: 'MESOS', volumes } }, 'external_volumes'],
    ] as const;
    for (const [more, feature] of rows) {
      const answer = await ask('POST', '/v2/apps', app('/a', more));
      expect(answer.statusCode).toBe(422);
      expect(JSON.stringify(answer.json().details)).toContain(
        `Feature ${feature} is not enabled. Enable with --enable_features ${feature})`,
      );
    }
  });

  it('34: an empty variable is a bare flag, and those of a task of Marathon are not for the server', () => {
    const env = { MARATHON_DISABLE_HTTP: '', MARATHON_APP_HTTP_PORT: '9', MARATHON_APP_ID: '/marathon' };
    const parsed = parseFlags({ specs: serverFlags, ignored: ignoredFlags, argv: [], env });
    if (!parsed.ok) throw new Error(parsed.error);
    expect(parsed.value.values).toMatchObject({ disable_http: true, http_port: 8080 });
    expect(parsed.value.warnings).toEqual([]);
  });
});

describe('Quirks of clients', () => {
  it('are served: JSON type without a body on DELETE and restart', async () => {
    const { ask, world } = await liveApi();
    const json = { 'content-type': 'application/json' };
    await ask('POST', '/v2/apps', app('/a'));
    await world.advance(10_000);
    expect((await ask('POST', '/v2/apps/a/restart', undefined, json)).statusCode).toBe(200);
    await world.advance(60_000);
    expect((await ask('DELETE', '/v2/apps/a/tasks', undefined, json)).statusCode).toBe(200);
    expect((await ask('DELETE', '/v2/apps/a', undefined, json)).statusCode).toBe(200);
    expect((await ask('DELETE', '/v2/groups', undefined, json)).statusCode).toBe(200);
  });

  it.each([undefined, '*/*', 'application/json', 'application/json, text/plain, */*', 'text/html', 'nonsense', ';q=0'])(
    'are served: Accept %s',
    async (accept) => {
      const { server, front } = testApi();
      front.addApp(fakeApp('/a'), [fakeInstance(fakeApp('/a'), 1)]);
      const headers = accept === undefined ? {} : { accept };
      for (const url of ['/v2/apps', '/v2/tasks', '/v2/groups', '/v2/info', '/v2/queue', '/v2/deployments']) {
        const answer = await server.inject({ url, headers });
        expect([url, answer.statusCode, answer.headers['content-type']]).toEqual([url, 200, 'application/json']);
      }
    },
  );

  it('are served: booleans of Python, GET with a body, embed once or often, a token', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    const get = await server.inject({
      method: 'GET',
      url: '/v2/apps?embed=apps.tasks&embed=app.counts',
      payload: '{"x":1}',
    });
    expect(get.json().apps[0]).toHaveProperty('tasks');
    const headers = { authorization: 'token=eyJhbGciOi' };
    expect((await server.inject({ url: '/v2/apps', headers })).statusCode).toBe(200);
    await server.inject({ method: 'DELETE', url: '/v2/apps/a?force=False', headers });
    expect(front.changes.at(-1)).toMatchObject({
      changes: [{ type: 'delete', id: '/a' as AppId }],
      options: { force: false },
    });
    await server.inject({ method: 'PUT', url: '/v2/groups/g?force=True', payload: {}, headers });
    expect(front.groupChanges.at(-1)).toMatchObject({ options: { force: true } });
  });
});

describe('Pods on a server that runs none', () => {
  // deviation(missing): pods
  //   here: `/v2/pods` is an empty collection, writes are refused with 422
  //   instead: apps
  it('are an empty collection, and a clear refusal', async () => {
    const { ask } = await liveApi();
    expect((await ask('HEAD', '/v2/pods')).statusCode).toBe(200);
    for (const url of ['/v2/pods', '/v2/pods/', '/v2/pods/::status'])
      expect((await ask('GET', url)).json()).toEqual([]);
    const pod = { id: '/p', containers: [{ name: 'c', exec: { command: { shell: 'sleep 9' } } }] };
    const refused = await ask('POST', '/v2/pods', pod);
    expect(refused.statusCode).toBe(422);
    expect(refused.json().details[0].errors[0]).toMatch(/does not run pods/);
    expect((await ask('POST', '/v2/pods', '{')).statusCode).toBe(400);
    for (const [method, url] of [
      ['GET', '/v2/pods/a/p'],
      ['PUT', '/v2/pods/a/p'],
      ['DELETE', '/v2/pods/a/p'],
      ['GET', '/v2/pods/a/p::status'],
      ['GET', '/v2/pods/a/p::versions'],
      ['GET', '/v2/pods/a/p::versions/2000-01-01T00:00:00.000Z'],
      ['DELETE', '/v2/pods/a/p::instances'],
      ['DELETE', '/v2/pods/a/p::instances/p.instance-1'],
    ] as const) {
      const answer = await ask(method, url);
      expect([url, answer.statusCode, answer.json()]).toEqual([url, 404, { message: "Pod '/a/p' does not exist" }]);
    }
  });
});

describe('/logging', () => {
  // deviation(different): `/logging`
  //   Marathon: any logger of the JVM
  //   here: one logger, `ROOT`
  it('shows and changes the level, for a while if asked', async () => {
    const { ask, world } = await liveApi();
    expect((await ask('GET', '/logging')).json()).toEqual({ ROOT: 'INFO' });
    const body = { level: 'DEBUG', logger: 'ROOT', durationSeconds: 60 };
    expect((await ask('POST', '/logging', body)).json()).toEqual(body);
    expect((await ask('GET', '/logging')).json()).toEqual({ ROOT: 'DEBUG' });
    await world.advance(61_000);
    expect((await ask('GET', '/logging')).json()).toEqual({ ROOT: 'INFO' });
    for (const bad of [
      { level: 'loud', logger: 'ROOT' },
      { level: 'info', logger: '' },
      { level: 'info', logger: 'mesosphere' },
    ]) {
      expect((await ask('POST', '/logging', bad)).statusCode).toBe(422);
    }
  });
});
