/** The 34 traps of rest-api §15, each a test with its number; the first half. On the real actors unless a trap is about something else. */
import { describe, expect, it } from 'vitest';
import { ask as askPort, listeningApi, RawClient } from '../api/support/api-server.ts';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });
const past = '2000-01-01T00:00:00.000Z';

describe('Trap', () => {
  it('1: only the deletion of an app forces by default', async () => {
    const { ask } = await liveApi({}, { agents: 0 });
    const made = (await ask('POST', '/v2/groups', { id: '/g', apps: [app('a')] })).json();
    const locked = [
      await ask('DELETE', '/v2/groups/g'),
      await ask('DELETE', '/v2/apps/g/a?force=false'),
      await ask('POST', '/v2/apps/g/a/restart'),
      await ask('PUT', '/v2/apps/g/a', { instances: 2 }),
      await ask('PUT', '/v2/groups/g', { scaleBy: 2 }),
    ];
    for (const answer of locked) {
      expect([answer.statusCode, answer.json().deployments]).toEqual([409, [{ id: made.deploymentId }]]);
    }
    expect((await ask('DELETE', '/v2/apps/g/a')).statusCode).toBe(200);
  });

  it('2: single app in "app", list in "apps", wildcard in "*", a version bare; group and pod versions bare lists', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/g/a'));
    const keys = async (url: string) => Object.keys((await ask('GET', url)).json());
    expect(await keys('/v2/apps/g/a')).toEqual(['app']);
    expect(await keys('/v2/apps')).toEqual(['apps']);
    expect(await keys('/v2/apps/g/*')).toEqual(['*']);
    expect(await keys('/v2/apps/*')).toEqual(['*']);
    expect(await keys('/v2/apps/g/a/versions')).toEqual(['versions']);
    const [version] = (await ask('GET', '/v2/apps/g/a/versions')).json().versions;
    expect((await ask('GET', `/v2/apps/g/a/versions/${version}`)).json()).toMatchObject({ id: '/g/a', version });
    expect((await ask('GET', '/v2/groups/g/versions')).json()).toEqual([version]);
    expect((await ask('GET', '/v2/pods')).json()).toEqual([]);
  });

  it('3: deployments are a bare list, and the step counts from 1', async () => {
    const { ask } = await liveApi({}, { agents: 0 });
    expect((await ask('GET', '/v2/deployments')).json()).toEqual([]);
    const { deployments } = (await ask('POST', '/v2/apps', app('/a'))).json();
    const [running] = (await ask('GET', '/v2/deployments')).json();
    expect(running).toMatchObject({ id: deployments[0].id, totalSteps: 2, affectedApps: ['/a'], affectedPods: [] });
    expect(running.currentStep).toBeGreaterThanOrEqual(1);
    expect(running.currentActions[0]).toMatchObject({ app: '/a', readinessCheckResults: [] });
  });

  it('4: a forced end of a deployment is 202 without body, a plain one 200 with a new id', async () => {
    const { ask } = await liveApi({}, { agents: 0 });
    const first = (await ask('POST', '/v2/apps', app('/a'))).json().deployments[0].id;
    const forced = await ask('DELETE', `/v2/deployments/${first}?force=True`);
    expect([forced.statusCode, forced.body]).toEqual([202, '']);
    const second = (await ask('PUT', '/v2/apps/a', { instances: 2 })).json().deploymentId;
    const plain = await ask('DELETE', `/v2/deployments/${second}`);
    expect(plain.statusCode).toBe(200);
    expect(plain.json().deploymentId).not.toBe(second);
    expect((await ask('DELETE', '/v2/deployments/none')).json()).toEqual({
      message: 'DeploymentPlan none does not exist',
      details: [],
    });
  });

  it('5: PUT merges whole members, PATCH never creates, bulk PUT creates', async () => {
    const { ask } = await liveApi();
    const labels = { a: '1', b: '2' };
    await ask('PUT', '/v2/apps/a', app('/a', { labels, env: { X: 'y' } }));
    await ask('PUT', '/v2/apps/a?force=true', { labels: { c: '3' } });
    const merged = (await ask('GET', '/v2/apps/a')).json().app;
    expect([merged.labels, merged.env, merged.cmd]).toEqual([{ c: '3' }, { X: 'y' }, 'sleep 9']);
    await ask('PUT', '/v2/apps/a?partialUpdate=false&force=true', { cmd: 'x' });
    expect((await ask('GET', '/v2/apps/a')).json().app.labels).toEqual({});
    expect((await ask('PATCH', '/v2/apps/none', { cmd: 'x' })).statusCode).toBe(404);
    expect((await ask('PATCH', '/v2/apps', [app('/none')])).statusCode).toBe(404);
    expect((await ask('PUT', '/v2/apps', [app('/b'), app('/c')])).statusCode).toBe(200);
    expect((await ask('GET', '/v2/apps/c')).statusCode).toBe(200);
  });

  it('6: a group PUT replaces the lists that it names; apps in it are complete definitions', async () => {
    const { ask, world } = await liveApi();
    await ask('PUT', '/v2/groups/g', { apps: [app('a', { labels: { x: 'y' } }), app('b')], groups: [{ id: 's' }] });
    await world.advance(10_000);
    await ask('PUT', '/v2/groups/g', { apps: [app('a')] });
    const group = (await ask('GET', '/v2/groups/g')).json();
    expect(group.apps.map((one: { id: string; labels: object }) => [one.id, one.labels])).toEqual([['/g/a', {}]]);
    expect(group.groups.map((one: { id: string }) => one.id)).toEqual(['/g/s']);
  });

  it('7: scaleBy rounds up, and excludes every other member', async () => {
    const { ask, world } = await liveApi();
    await ask('PUT', '/v2/groups/g', { apps: [app('a', { instances: 3 })] });
    await world.advance(10_000);
    expect((await ask('PUT', '/v2/groups/g', { scaleBy: 0.5 })).statusCode).toBe(200);
    expect((await ask('GET', '/v2/apps/g/a')).json().app.instances).toBe(2);
    for (const body of [
      { scaleBy: 2, id: '/g' },
      { version: past, apps: [] },
    ]) {
      expect((await ask('PUT', '/v2/groups/g', body)).json().details[0].errors).toEqual([
        'not allowed in conjunction with other properties.',
      ]);
    }
  });

  it('8: default embeds differ, one group embed switches the defaults off, tasks bring deployments', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/g/a'));
    const has = (one: object, ...names: string[]) => names.filter((name) => Object.hasOwn(one, name));
    const all = ['tasksRunning', 'deployments', 'tasks'];
    expect(has((await ask('GET', '/v2/apps')).json().apps[0], ...all)).toEqual(['tasksRunning', 'deployments']);
    expect(has((await ask('GET', '/v2/apps/g/a')).json().app, ...all)).toEqual(all);
    const groups = async (query: string) => (await ask('GET', `/v2/groups/g${query}`)).json();
    expect(has((await groups('')).apps[0], ...all)).toEqual([]);
    expect(await groups('?embed=group.apps')).toMatchObject({ apps: [{ id: '/g/a' }], groups: [], pods: [] });
    expect(await groups('?embed=group.groups')).toMatchObject({ apps: [], groups: [], pods: [] });
    const withTasks = await groups('?embed=group.apps&embed=group.apps.tasks');
    expect(has(withTasks.apps[0], ...all)).toEqual(['deployments', 'tasks']);
  });

  it('9: != and notin need the label to be there', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/with', { labels: { env: 'prod' } }));
    await ask('POST', '/v2/apps', app('/without'));
    for (const selector of ['env!=test', 'env notin (test, dev)', 'env in (prod)', 'env']) {
      const { apps } = (await ask('GET', `/v2/apps?label=${encodeURIComponent(selector)}`)).json();
      expect(apps.map((one: { id: string }) => one.id)).toEqual(['/with']);
    }
    expect((await ask('GET', '/v2/apps?label=env=prod')).statusCode).toBe(422);
  });

  it('10: host mode drops port mappings, other modes take the number of ports, an empty list is not "absent"', async () => {
    const { ask } = await liveApi();
    const make = async (id: string, more: object) => (await ask('POST', '/v2/apps', app(id, more))).json();
    const docker = { type: 'DOCKER', docker: { image: 'x' } };
    const mapped = { ...docker, portMappings: [{ containerPort: 80 }] };
    const host = await make('/host', { container: mapped, networks: [{ mode: 'host' }] });
    expect([host.container.portMappings, host.portDefinitions.length]).toEqual([undefined, 1]);
    const bridge = await make('/bridge', {
      container: mapped,
      networks: [{ mode: 'container/bridge' }],
      ports: [0, 0, 0],
    });
    expect([bridge.container.portMappings.length, bridge.portDefinitions]).toEqual([3, undefined]);
    expect((await make('/none', { ports: [] })).portDefinitions).toEqual([]);
    expect((await make('/absent', {})).portDefinitions).toHaveLength(1);
  });

  it('11: Docker with port mappings but no network is host mode', async () => {
    const { ask } = await liveApi();
    const container = { docker: { image: 'x' }, portMappings: [{ containerPort: 80 }] };
    const made = (await ask('POST', '/v2/apps', app('/a', { container }))).json();
    expect([made.networks, made.container.portMappings]).toEqual([[{ mode: 'host' }], undefined]);
  });

  it('12: single-instance, resident and external apps have defaults of their own', async () => {
    const { defaultAppSettings } = await import('../../src/core/app/settings.ts');
    const settings = { app: { ...defaultAppSettings, mesosRole: 'ours', features: new Set(['external_volumes']) } };
    const { ask } = await liveApi({}, { settings });
    const volume = { containerPath: 'data', mode: 'RW', persistent: { size: 1 } };
    const container = { type: 'MESOS', volumes: [volume] };
    const more = { container, acceptedResourceRoles: ['*'] };
    const resident = (await ask('POST', '/v2/apps', app('/resident', more))).json();
    expect(resident).toMatchObject({
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
      unreachableStrategy: 'disabled',
      residency: { taskLostBehavior: 'WAIT_FOREVER' },
    });
    const roles = await ask('POST', '/v2/apps', app('/wrong', { container, acceptedResourceRoles: ['ours'] }));
    expect(roles.json().details[0].path).toBe('/acceptedResourceRoles');
    const external = { provider: 'dvdi', name: 'v', options: { 'dvdi/driver': 'rexray' } };
    const outside = { type: 'MESOS', volumes: [{ containerPath: '/d', mode: 'RW', external }] };
    expect((await ask('POST', '/v2/apps', app('/external', { container: outside }))).json().upgradeStrategy).toEqual({
      minimumHealthCapacity: 0.5,
      maximumOverCapacity: 0,
    });
    const labels = { MARATHON_SINGLE_INSTANCE_APP: 'true' };
    expect((await ask('POST', '/v2/apps', app('/one', { labels, instances: 2 }))).statusCode).toBe(422);
    const upgradeStrategy = { minimumHealthCapacity: 0, maximumOverCapacity: 0 };
    expect((await ask('POST', '/v2/apps', app('/one', { labels, upgradeStrategy }))).statusCode).toBe(201);
  });

  it('13: a change of the count restarts nothing, and an equal definition makes no version', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    await world.advance(10_000);
    const [task] = world.tasksOf('/a');
    await ask('PUT', '/v2/apps/a', { instances: 2 });
    await world.advance(10_000);
    expect(world.tasksOf('/a')).toContain(task);
    const before = (await ask('GET', '/v2/apps/a/versions')).json();
    const same = await ask('PUT', '/v2/apps/a', app('/a', { instances: 2 }));
    expect(same.json().deploymentId).toBeTypeOf('string');
    expect((await ask('GET', '/v2/apps/a/versions')).json()).toEqual(before);
    expect((await ask('GET', '/v2/deployments')).json()).toEqual([]);
  });

  it('14: scaling touches one stamp, restart and upgrade both', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    const stamps = async () => (await ask('GET', '/v2/apps/a')).json().app.versionInfo;
    const first = await stamps();
    await world.advance(10_000);
    await ask('PUT', '/v2/apps/a', { instances: 2 });
    const scaled = await stamps();
    expect(scaled.lastConfigChangeAt).toBe(first.lastConfigChangeAt);
    expect(scaled.lastScalingAt > first.lastScalingAt).toBe(true);
    await world.advance(10_000);
    await ask('PUT', '/v2/apps/a', { cmd: 'other' });
    const upgraded = await stamps();
    expect(upgraded.lastConfigChangeAt).toBe(upgraded.lastScalingAt);
    expect(upgraded.lastConfigChangeAt > scaled.lastScalingAt).toBe(true);
    await world.advance(60_000);
    await ask('POST', '/v2/apps/a/restart');
    expect((await stamps()).lastConfigChangeAt > upgraded.lastConfigChangeAt).toBe(true);
  });

  it('15: unknown members are ignored everywhere, and enumerations in any case', async () => {
    const { ask } = await liveApi();
    const made = await ask('POST', '/v2/apps', {
      ...app('/a'),
      nonsense: { x: 1 },
      killSelection: 'oldest_first',
      healthChecks: [{ protocol: 'http', surprise: [] }],
      networks: [{ mode: 'HOST', more: 1 }],
      constraints: [['hostname', 'unique']],
    });
    expect(made.statusCode).toBe(201);
    expect(made.json()).toMatchObject({
      killSelection: 'OLDEST_FIRST',
      healthChecks: [{ protocol: 'HTTP' }],
      networks: [{ mode: 'host' }],
      constraints: [['hostname', 'UNIQUE']],
    });
    expect(made.json()).not.toHaveProperty('nonsense');
  });

  it('16: syntax and emptiness are 400, types and rules 422', async () => {
    const { ask } = await liveApi();
    const json = { 'content-type': 'application/json' };
    const syntax = await ask('POST', '/v2/apps', '{"id":', json);
    expect([syntax.statusCode, syntax.json().message, typeof syntax.json().details]).toEqual([
      400,
      'Invalid JSON',
      'string',
    ]);
    const empty = await ask('POST', '/v2/apps', '', json);
    expect([empty.statusCode, empty.json().message]).toEqual([400, 'Please specify data in JSON format']);
    const type = await ask('POST', '/v2/apps', { id: '/a', cmd: 3 });
    expect([type.statusCode, type.json()]).toEqual([
      422,
      { message: 'Invalid JSON', details: [{ path: '/cmd', errors: ['error.expected.jsstring'] }] },
    ]);
    const rule = await ask('POST', '/v2/apps', app('/a', { args: ['x'] }));
    expect([rule.statusCode, rule.json().message]).toEqual([422, 'Object is not valid']);
  });

  it('17: 409 names the deployments where something is locked only; too many deployments are 403', async () => {
    const { ask } = await liveApi({}, { agents: 0, settings: { maxRunningDeployments: 1 } });
    await ask('POST', '/v2/apps', app('/a'));
    const many = await ask('POST', '/v2/apps', app('/b'));
    expect([many.statusCode, Object.keys(many.json())]).toEqual([403, ['message']]);
    const other = await liveApi({}, { agents: 0 });
    await other.ask('POST', '/v2/apps', app('/a'));
    const taken = await other.ask('POST', '/v2/apps', app('/a'));
    expect([taken.statusCode, taken.json()]).toEqual([409, { message: 'An app with id [/a] already exists.' }]);
    const locked = await other.ask('PUT', '/v2/apps/a', { instances: 2 });
    expect(Object.keys(locked.json())).toEqual(['message', 'deployments']);
  });

  it('18: the event stream has CRLF, one line of data, a beat of 10 s and no compression', async () => {
    const { port, front, clock } = await listeningApi();
    const headers = 'Host: x\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n';
    const client = new RawClient(port, `GET /v2/events HTTP/1.1\r\n${headers}`);
    await client.until(({ text }) => text.includes('event_stream_attached'));
    expect(client.text).toMatch(/content-type: text\/event-stream;charset=utf-8\r\n/i);
    expect(client.text).not.toMatch(/content-encoding/i);
    front.deliver({ type: 'app_terminated_event', json: '{"a":1}' });
    await client.until(({ text }) => text.includes('\r\nevent: app_terminated_event\r\ndata: {"a":1}\r\n\r\n'));
    const before = client.text.length;
    clock.advance(10_000);
    await client.until(({ text }) => text.length > before);
    expect(client.text.slice(before)).toContain('\r\n');
  });

  it('19: what comes through a follower names the leader, the way it took, and never goes in circles', async () => {
    const { pair } = await import('../api/support/followers.ts');
    const { follower, leader } = await pair();
    const answer = await askPort(follower.port, { path: '/v2/info' });
    expect(answer.headers['x-marathon-leader']).toBe(leader.url);
    expect(answer.headers['x-marathon-via']).toBe(`1.1 ${follower.address}`);
    const via = { 'x-marathon-via': `1.1 ${follower.address}` };
    expect((await askPort(follower.port, { path: '/v2/info', headers: via })).status).toBe(502);
  });

  it('20: trailing, doubled and encoded slashes are nothing', async () => {
    const { port, front } = await listeningApi();
    const { fakeApp } = await import('../support/fake-front.ts');
    front.addApp(fakeApp('/prod/web'));
    const paths = [
      '/v2/apps/',
      '/v2/apps//prod/web',
      '/v2/apps/%2Fprod%2Fweb',
      '/v2/apps/prod//web/',
      '//v2//groups//prod/',
    ];
    for (const path of paths) expect([path, (await askPort(port, { path })).status]).toEqual([path, 200]);
  });
});
