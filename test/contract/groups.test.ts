/** `/v2/groups…` on the real actors: rest-api §4, row by row. */
import { describe, expect, it } from 'vitest';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });
const example = {
  id: '/prod',
  dependencies: ['/infra'],
  apps: [app('web', { dependencies: ['/prod/db/pg', 'db'] })],
  groups: [{ id: 'db', apps: [app('pg', { instances: 2 })] }],
};

describe('Reading groups', () => {
  it('shows the root even when there is nothing', async () => {
    const { ask } = await liveApi();
    const answer = await ask('GET', '/v2/groups');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      id: '/',
      apps: [],
      groups: [],
      pods: [],
      dependencies: [],
      version: '1970-01-01T00:00:00.000Z',
    });
  });

  it('shows apps as they are stored, sub-groups and pods unless told what to embed', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/groups', example);
    const prod = (await ask('GET', '/v2/groups/prod')).json();
    expect(Object.keys(prod).toSorted()).toEqual(['apps', 'dependencies', 'groups', 'id', 'pods', 'version']);
    expect(prod.apps[0].id).toBe('/prod/web');
    expect(prod.apps[0].dependencies).toEqual(['/prod/db/pg', '/prod/db']);
    expect(prod.apps[0]).not.toHaveProperty('tasksRunning');
    expect(prod.groups[0].apps[0].id).toBe('/prod/db/pg');
  });

  it.each([
    ['group.groups', ['groups'], undefined],
    ['group.apps', ['apps'], []],
    ['group.pods', [], undefined],
    ['group.apps.counts', [], undefined],
    ['nonsense', [], undefined],
    ['group.apps&embed=group.apps.counts', ['apps'], ['tasksHealthy', 'tasksRunning', 'tasksStaged', 'tasksUnhealthy']],
    ['group.apps&embed=group.groups', ['apps', 'groups'], []],
    ['group.apps&embed=group.apps.deployments', ['apps'], ['deployments']],
    ['group.apps&embed=group.apps.tasks', ['apps'], ['deployments', 'tasks']],
    ['group.apps&embed=group.apps.readiness', ['apps'], ['readinessCheckResults']],
    ['group.apps&embed=group.apps.taskStats', ['apps'], ['taskStats', 'tasksStats']],
    ['group.apps&embed=group.apps.failures', ['apps'], ['deployments', 'tasks']],
  ])('with embed=%s only that, and the other lists are empty', async (embed, filled, added) => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/groups', example);
    const plain = Object.keys((await ask('GET', '/v2/groups/prod')).json().apps[0]);
    const group = (await ask('GET', `/v2/groups/prod?embed=${embed}`)).json();
    expect(Object.keys(group).toSorted()).toEqual(['apps', 'dependencies', 'groups', 'id', 'pods', 'version']);
    expect(['apps', 'groups', 'pods'].filter((name) => group[name].length > 0)).toEqual(filled);
    // Past versions have the same lists, and never more of their apps.
    const then = (await ask('GET', `/v2/groups/prod/versions/${group.version}?embed=${embed}`)).json();
    expect([then.apps.length, then.groups.length]).toEqual([group.apps.length, group.groups.length]);
    for (const one of then.apps) expect(Object.keys(one)).toEqual(plain);
    if (added) {
      const more = Object.keys(group.apps[0]).filter((name) => !plain.includes(name));
      expect(more.toSorted()).toEqual(added);
    }
    // The list of apps alone takes what is embedded in apps of groups, and nothing else.
    const [listed] = (await ask('GET', `/v2/groups/prod/apps?embed=${embed}`)).json();
    const ofList = Object.keys(listed).filter((name) => !plain.includes(name));
    expect(ofList.length > 0).toBe(embed.includes('group.apps.'));
    if (added) expect(ofList.toSorted()).toEqual(added);
  });

  it('lists the apps of a whole subtree as an array', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/groups', example);
    await ask('POST', '/v2/apps', app('/elsewhere'));
    const ids = (list: { id: string }[]) => list.map(({ id }) => id).toSorted();
    expect(ids((await ask('GET', '/v2/groups/prod/apps')).json())).toEqual(['/prod/db/pg', '/prod/web']);
    expect(ids((await ask('GET', '/v2/groups/apps')).json())).toEqual(['/elsewhere', '/prod/db/pg', '/prod/web']);
    expect((await ask('GET', '/v2/groups/none/apps')).json()).toEqual([]);
  });

  it('lists versions as an array and shows the tree at each', async () => {
    const { ask, world } = await liveApi();
    const { version } = (await ask('POST', '/v2/groups', example)).json();
    await world.advance(5_000);
    const second = (await ask('PUT', '/v2/groups/prod', { apps: [] }, {})).json();
    await world.advance(60_000);
    expect((await ask('GET', '/v2/groups/versions')).json()).toEqual([second.version, version]);
    expect((await ask('GET', '/v2/groups/prod/versions/')).json()).toEqual([second.version, version]);
    const then = (await ask('GET', `/v2/groups/prod/versions/${version}`)).json();
    expect(then.apps.map((one: { id: string }) => one.id)).toEqual(['/prod/web']);
    expect(then.apps[0]).not.toHaveProperty('tasks');
    const root = (await ask('GET', `/v2/groups/versions/${second.version}`)).json();
    expect(root).toMatchObject({ id: '/', version: second.version, groups: [{ id: '/prod', apps: [] }] });
    const unknown = await ask('GET', '/v2/groups/prod/versions/2000-01-01T00:00:00.000Z');
    expect([unknown.statusCode, unknown.json().message]).toEqual([404, "Group '/prod' does not exist"]);
    expect((await ask('GET', '/v2/groups/prod/versions/yesterday')).statusCode).toBe(422);
    expect((await ask('GET', '/v2/groups/none/versions')).statusCode).toBe(404);
  });

  it('says 404 for a group that is not there, and for an app', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/web'));
    for (const path of ['/none', '/web']) {
      const answer = await ask('GET', `/v2/groups${path}`);
      expect([answer.statusCode, answer.json()]).toEqual([
        404,
        { message: `Group '${path}' does not exist`, details: [] },
      ]);
    }
  });
});

describe('Writing groups', () => {
  it('creates by POST, at the root and below a path', async () => {
    const { ask, world } = await liveApi();
    const made = await ask('POST', '/v2/groups', example);
    expect(made.statusCode).toBe(201);
    expect(made.headers['location']).toBe('/prod');
    expect(made.headers['marathon-deployment-id']).toBe(made.json().deploymentId);
    expect(Object.keys(made.json()).toSorted()).toEqual(['deploymentId', 'version']);
    const below = await ask('POST', '/v2/groups/prod', { id: 'sub/deeper' });
    expect([below.statusCode, below.headers['location']]).toEqual([201, '/prod/sub/deeper']);
    const named = await ask('POST', '//v2/groups//named%2Fby/path/', {});
    expect([named.statusCode, named.headers['location']]).toEqual([201, '/named/by/path']);
    expect(world.eventsOf('group_change_success').map((event) => event['groupId'])).toEqual([
      '/prod',
      '/prod/sub/deeper',
      '/named/by/path',
    ]);
    const again = await ask('POST', '/v2/groups', example);
    expect([again.statusCode, again.json().message]).toEqual([
      409,
      'Group /prod is already created. Use PUT to change this group.',
    ]);
    const onApp = await ask('POST', '/v2/groups', { id: '/prod/web' });
    expect([onApp.statusCode, onApp.json().message]).toEqual([409, 'An app with the path /prod/web already exists.']);
    const nested = await ask('POST', '/v2/groups/prod/db/pg', { id: 'x' });
    expect(nested.statusCode).toBe(422);
  });

  it('names the place of every mistake', async () => {
    const { ask, world } = await liveApi();
    const body = {
      id: '/g',
      apps: [app('a', { cpus: '1' }), app('b'), { cmd: 'x' }],
      groups: [{ id: 's', apps: [app('c', { instances: -1 })], dependencies: [3] }, { apps: 'none' }],
    };
    const unreadable = await ask('PUT', '/v2/groups', body);
    expect(unreadable.statusCode).toBe(422);
    expect(unreadable.json()).toEqual({
      message: 'Invalid JSON',
      details: [
        { path: '/apps(0)/cpus', errors: ['error.expected.jsnumber'] },
        { path: '/apps(2)/id', errors: ['error.path.missing'] },
        { path: '/groups(0)/dependencies(0)', errors: ['error.expected.jsstring'] },
        { path: '/groups(1)/apps', errors: ['error.expected.jsarray'] },
      ],
    });
    const broken = {
      id: '/g',
      enforceRole: true,
      apps: [app('a', { args: ['x'] }), app('/other/b')],
      groups: [
        { id: 's', enforceRole: true },
        { apps: [] },
        { id: '/g/t', apps: [app('c', { constraints: [['a', 'UNIQUE', 'b']] })] },
      ],
    };
    const invalid = await ask('PUT', '/v2/groups', broken);
    expect(invalid.statusCode).toBe(422);
    expect(invalid.json().details).toEqual([
      { path: '/apps(1)/id', errors: ["Identifier is not child of '/g'"] },
      {
        path: '/groups(0)/enforceRole',
        errors: ['enforceRole can only be set for top-level groups, and /g/s is not top-level'],
      },
      { path: '/groups(1)/id', errors: ['must be set inside a group'] },
    ]);
    const apps = {
      id: '/g',
      apps: [app('a', { args: ['x'] })],
      groups: [{ id: 't', apps: [app('c', { constraints: [['a', 'UNIQUE', 'b']] })] }],
    };
    expect((await ask('PUT', '/v2/groups', apps)).json().details).toEqual([
      { path: '/apps(0)', errors: ["AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."] },
      { path: '/groups(0)/apps(0)/constraints(0)', errors: ['UNIQUE does not accept a value'] },
    ]);
    expect(world.read.group('/')?.groups).toEqual([]);
  });

  it('lets version and scaleBy stand alone only', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/groups', example);
    const both = await ask('PUT', '/v2/groups/prod', { version: '2020-01-01T00:00:00.000Z', scaleBy: 2 });
    const errors = ['not allowed in conjunction with other properties.'];
    expect([both.statusCode, both.json().details]).toEqual([
      422,
      [
        { path: '/version', errors },
        { path: '/scaleBy', errors },
      ],
    ]);
    const withId = await ask('PUT', '/v2/groups/prod', { id: '/prod', scaleBy: 2 });
    expect(withId.json().details).toEqual([{ path: '/scaleBy', errors }]);
    expect((await ask('PUT', '/v2/groups/prod', { scaleBy: -1 })).json().details).toEqual([
      { path: '/scaleBy', errors: ['error.min'] },
    ]);
    const unknown = await ask('PUT', '/v2/groups/prod', { version: '2020-01-01T00:00:00.000Z' });
    expect([unknown.statusCode, unknown.json().message]).toEqual([
      422,
      'Group /prod not available in version 2020-01-01T00:00:00.000Z',
    ]);
  });

  it('scales every app of a group by a factor, rounded up (V125)', async () => {
    const { ask } = await liveApi();
    const apps = [1, 2, 3].map((instances) => app(`a${instances}`, { instances }));
    await ask('PUT', '/v2/groups/g', { apps });
    expect((await ask('PUT', '/v2/groups/g?force=true', { scaleBy: 1.5 })).statusCode).toBe(200);
    const scaled = (await ask('GET', '/v2/groups/g')).json().apps.map((one: { instances: number }) => one.instances);
    expect(scaled.toSorted()).toEqual([2, 3, 5]);
  });

  it('removes the apps of a group for an empty list, and keeps them where no list is given (V126)', async () => {
    const { ask } = await liveApi();
    await ask('PUT', '/v2/groups/g', { apps: [app('a')], groups: [{ id: 'sub', apps: [app('b')] }] });
    const ids = async (): Promise<readonly string[]> =>
      (await ask('GET', '/v2/groups/g/apps')).json().map((one: { id: string }) => one.id);
    await ask('PUT', '/v2/groups/g?force=true', { groups: [{ id: 'sub', apps: [app('b')] }] });
    expect(await ids()).toEqual(['/g/a', '/g/sub/b']);
    await ask('PUT', '/v2/groups/g?force=true', { apps: [], groups: [{ id: 'sub' }] });
    expect(await ids()).toEqual(['/g/sub/b']);
  });

  it('refuses what a running deployment holds, unless forced', async () => {
    const { ask } = await liveApi({}, { agents: 0 });
    const { deploymentId } = (await ask('POST', '/v2/groups', example)).json();
    const locked = await ask('DELETE', '/v2/groups/prod');
    expect([locked.statusCode, locked.json().deployments]).toEqual([409, [{ id: deploymentId }]]);
    expect((await ask('DELETE', '/v2/groups/prod?force=True')).statusCode).toBe(200);
    expect((await ask('DELETE', '/v2/groups/prod')).statusCode).toBe(404);
  });

  it('answers a dry run with the steps alone, with everything on request, and without a deployment', async () => {
    const { ask, world } = await liveApi();
    const before = world.store.records().length;
    const dry = await ask('PUT', '/v2/groups?dryRun=true', example);
    expect(dry.statusCode).toBe(200);
    expect(Object.keys(dry.json())).toEqual(['steps']);
    expect(dry.headers['marathon-deployment-id']).toBeUndefined();
    const full = (await ask('PUT', '/v2/groups?dryRun=true&embed=plan', example)).json();
    expect(full).toMatchObject({
      created: ['/prod/web', '/prod/db/pg'],
      kills: 0,
      capacity: { after: { instances: 3 } },
    });
    expect(world.store.records()).toHaveLength(before);
  });

  it('warns of apps that go, and asks for consent where the server is told to', async () => {
    const { ask, world } = await liveApi({ safeGroupUpdates: true });
    await ask('POST', '/v2/groups', example);
    await world.advance(10_000);
    const refused = await ask('PUT', '/v2/groups/prod', { apps: [] });
    expect(refused.statusCode).toBe(422);
    expect(refused.json().details[0].errors[0]).toContain('/prod/web');
    expect(world.read.app('/prod/web')).toBeDefined();
    const done = await ask('PUT', '/v2/groups/prod?deleteMissing=true', { apps: [] });
    expect(done.statusCode).toBe(200);
    expect(JSON.parse(String(done.headers['marathon-warnings']))).toMatchObject([{ ids: ['/prod/web'] }]);
  });

  it('changes enforceRole by PATCH with an empty answer', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/groups', { id: '/prod', groups: [{ id: 'db' }] });
    const answer = await ask('PATCH', '/v2/groups/prod', { enforceRole: true });
    expect([answer.statusCode, answer.body, answer.headers['marathon-deployment-id']]).toEqual([200, '', undefined]);
    expect((await ask('GET', '/v2/groups/prod')).json().enforceRole).toBe(true);
    await ask('PATCH', '/v2/groups/prod', {});
    expect((await ask('GET', '/v2/groups/prod')).json().enforceRole).toBe(false);
    expect((await ask('PATCH', '/v2/groups/prod/db', { enforceRole: true })).statusCode).toBe(422);
    expect((await ask('PATCH', '/v2/groups/none', { enforceRole: true })).statusCode).toBe(404);
    expect((await ask('PATCH', '/v2/groups', { enforceRole: true })).statusCode).toBe(405);
    expect((await ask('PATCH', '/v2/groups/prod', { enforceRole: 'yes' })).statusCode).toBe(422);
  });

  it('removes everything at the root', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/groups', example);
    await ask('POST', '/v2/apps', app('/lone'));
    await world.advance(10_000);
    expect((await ask('DELETE', '/v2/groups')).statusCode).toBe(200);
    await world.advance(60_000);
    expect((await ask('GET', '/v2/groups')).json()).toMatchObject({ apps: [], groups: [] });
    expect(world.mesos.alive()).toEqual([]);
  });

  it('has Marathon’s refusals for ids, bodies and verbs', async () => {
    const { ask } = await liveApi({}, { settings: {} });
    // The root is a group that is always there.
    const root = await ask('POST', '/v2/groups', {});
    expect([root.statusCode, root.json()]).toEqual([
      409,
      { message: 'Group / is already created. Use PUT to change this group.' },
    ]);
    expect((await ask('POST', '/v2/groups', { id: '/Upper' })).json().details).toEqual([
      { path: '/id', errors: ['error.pattern'] },
    ]);
    expect((await ask('PUT', '/v2/groups/bad_id', {})).statusCode).toBe(422);
    expect((await ask('PUT', '/v2/groups/a', { id: '/b' })).json().details).toEqual([
      { path: '/id', errors: ["Identifier is not child of '/a'"] },
    ]);
    expect((await ask('PUT', '/v2/groups/a/versions', {})).statusCode).toBe(422);
    expect((await ask('PUT', '/v2/groups', '{')).statusCode).toBe(400);
    expect((await ask('PUT', '/v2/groups')).statusCode).toBe(400);
    const options = await ask('OPTIONS', '/v2/groups/a');
    expect([options.statusCode, options.headers['allow']]).toEqual([
      200,
      'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    ]);
    const head = await ask('HEAD', '/v2/groups');
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });
});
