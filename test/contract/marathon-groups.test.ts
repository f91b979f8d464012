/** Groups and roles as Marathon's own tests ask for them (rest-api §4.2, §4.3, §7.14), and what is answered where something is missing. */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 1', instances: 0, ...more });
const prod = (more: object, ofApp: object = {}) => ({
  id: '/prod',
  groups: [{ id: 'sleep', apps: [app('goodnight', ofApp)] }],
  ...more,
});
const together =
  'enforceRole cannot be modified in a request that adds, removes or modifies services; please make these changes in separate requests.';

describe('A group with the role that it enforces', () => {
  it.each([
    ['its name where it enforces it', { enforceRole: true }, {}, 'prod'],
    ['its name where the app says so', { enforceRole: true }, { role: 'prod' }, 'prod'],
    ['the default where it does not', { enforceRole: false }, {}, '*'],
    ['its name where the app wants it', {}, { role: 'prod' }, 'prod'],
  ])('gives its apps %s', async (_name, group, ofApp, role) => {
    const { ask } = await liveApi();
    expect((await ask('POST', '/v2/groups', prod(group, ofApp))).statusCode).toBe(201);
    expect((await ask('GET', '/v2/apps/prod/sleep/goodnight')).json().app.role).toBe(role);
  });

  // deviation(different): what is wrong with apps in a body of groups
  //   Marathon: of the first such app alone, with places inside of it
  //   here: of all (up to 20), with the place of each app
  //   why: nobody has to guess which app is meant
  it('refuses another role in it', async () => {
    const { ask } = await liveApi();
    const answer = await ask('POST', '/v2/groups', prod({ enforceRole: true }, { role: 'invalid' }));
    expect([answer.statusCode, answer.json().details]).toEqual([
      422,
      [{ path: '/groups(0)/apps(0)/role', errors: ['got invalid, expected one of: [prod]'] }],
    ]);
    expect((await ask('GET', '/v2/groups/prod')).statusCode).toBe(404);
  });

  it('is what the flag says for new ones, unless the request says otherwise', async () => {
    const { ask } = await liveApi({}, { settings: { app: { ...defaultAppSettings, newGroupsEnforceRole: true } } });
    const groups = [{ id: 'dev' }, { id: 'prod', enforceRole: true }, { id: 'public', enforceRole: false }];
    expect((await ask('PUT', '/v2/groups', { groups })).statusCode).toBe(200);
    const shown = (await ask('GET', '/v2/groups')).json().groups;
    const enforced = shown.map(({ id, enforceRole }: Record<string, unknown>) => [id, enforceRole]);
    expect(Object.fromEntries(enforced)).toEqual({ '/dev': true, '/prod': true, '/public': false });
  });

  it('may change it without services, groups in it or not', async () => {
    const { ask } = await liveApi();
    await ask('PUT', '/v2/groups/dev', {});
    expect((await ask('PUT', '/v2/groups/dev', { enforceRole: true })).statusCode).toBe(200);
    expect((await ask('PUT', '/v2/groups/dev', { enforceRole: false, groups: [{ id: 'a' }] })).statusCode).toBe(200);
  });

  it('may not change it in a request that names services, wherever they are', async () => {
    const { ask } = await liveApi();
    await ask('PUT', '/v2/groups/dev', {});
    const groups = [
      { id: 'unrelated', apps: [app('goodnight')] },
      { id: '/dev', enforceRole: true },
    ];
    const answer = await ask('PUT', '/v2/groups', { groups });
    expect([answer.statusCode, answer.json().details]).toEqual([
      422,
      [{ path: '/groups(1)/enforceRole', errors: [together] }],
    ]);
    expect((await ask('GET', '/v2/groups/unrelated')).statusCode).toBe(404);
  });

  it('is right below the root; what is deeper may only say that it enforces none', async () => {
    const { ask } = await liveApi();
    const deep = await ask('PUT', '/v2/groups/prod', { groups: [{ id: 'second', enforceRole: true }] });
    expect(deep.json().details).toEqual([
      {
        path: '/groups(0)/enforceRole',
        errors: ['enforceRole can only be set for top-level groups, and /prod/second is not top-level'],
      },
    ]);
    expect((await ask('PUT', '/v2/groups/prod', { groups: [{ id: 'second', enforceRole: false }] })).statusCode).toBe(
      200,
    );
    expect((await ask('GET', '/v2/groups/prod/second')).json()).not.toHaveProperty('enforceRole');
    const patched = await ask('PATCH', '/v2/groups/prod/second', { enforceRole: false });
    expect([patched.statusCode, patched.json().details]).toEqual([
      422,
      [{ path: '/', errors: ['Path needs to be top-level'] }],
    ]);
  });
});

describe('An app', () => {
  it('must be right in the group that lists it', async () => {
    const { ask } = await liveApi();
    const answer = await ask('POST', '/v2/groups/foo', { id: 'sub', apps: [app('lol/bibi')] });
    expect([answer.statusCode, answer.json().details]).toEqual([
      422,
      [{ path: '/apps(0)/id', errors: ["Identifier is not child of '/foo/sub'"] }],
    ]);
    expect((await ask('POST', '/v2/groups/foo', { id: 'sub', apps: [app('bibi')] })).statusCode).toBe(201);
    expect((await ask('GET', '/v2/apps/foo/sub/bibi')).statusCode).toBe(200);
  });
});

const stamp = '2020-01-01T00:00:00.000Z';
const task = 'none.instance-8b1d2f7b-b3bb-11e6-a8ad-0242ac110002._app.1';

/** What a resource looks for itself has details, an empty list; what is missed deeper down has none. */
type Missing = [
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  message: string,
  hasDetails: boolean,
  body?: object,
];
const missing: Missing[] = [
  ['GET', '/v2/apps/none', "App '/none' does not exist", true],
  ['GET', '/v2/apps/none/*', "Group '/none' does not exist", true],
  ['GET', '/v2/apps/none/tasks', "App '/none' does not exist", true],
  ['GET', '/v2/apps/none/*/tasks', "Group '/none' does not exist", true],
  ['GET', '/v2/apps/none/versions', "App '/none' does not exist", true],
  ['GET', `/v2/apps/none/versions/${stamp}`, `App '/none' does not exist in version ${stamp}`, true],
  ['DELETE', '/v2/apps/none', "App '/none' does not exist", false],
  ['POST', '/v2/apps/none/restart', "App '/none' does not exist", false],
  ['PATCH', '/v2/apps/none', "App '/none' does not exist", false, { cmd: 'sleep 1' }],
  ['PATCH', '/v2/apps', "App '/none' does not exist", false, [{ id: '/none', cmd: 'sleep 1' }]],
  ['DELETE', '/v2/apps/none/tasks', "App '/none' does not exist", true],
  ['DELETE', '/v2/apps/none/tasks?scale=true', "Path '/none' does not exist", false],
  ['DELETE', `/v2/apps/none/tasks/${task}`, "App '/none' does not exist", true],
  ['DELETE', `/v2/apps/none/tasks/${task}?scale=true`, "Path '/none' does not exist", false],
  ['DELETE', `/v2/apps/web/tasks/${task}`, `Task '${task}' does not exist`, true],
  ['GET', '/v2/groups/none', "Group '/none' does not exist", true],
  ['GET', '/v2/groups/none/versions', "Group '/none' does not exist", true],
  ['GET', `/v2/groups/none/versions/${stamp}`, "Group '/none' does not exist", true],
  ['DELETE', '/v2/groups/none', "Group '/none' does not exist", false],
  ['PATCH', '/v2/groups/none', "Group '/none' does not exist", true, { enforceRole: true }],
  ['DELETE', '/v2/deployments/none', 'DeploymentPlan none does not exist', true],
  ['DELETE', '/v2/deployments/none?force=true', 'DeploymentPlan none does not exist', true],
  ['DELETE', '/v2/queue/none/delay', 'Application /none not found in tasks queue.', true],
];

describe('What is not there is a 404 in Marathon’s words:', () => {
  it.each(missing)('%s %s', async (...row: Missing) => {
    const [method, path, message, hasDetails, body] = row;
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/web'));
    const answer = await ask(method, path, body);
    expect([answer.statusCode, answer.json()]).toEqual([404, { message, ...(hasDetails ? { details: [] } : {}) }]);
  });

  it('but the apps of a group that is not there are an empty list', async () => {
    const { ask } = await liveApi();
    const answer = await ask('GET', '/v2/groups/none/apps');
    expect([answer.statusCode, answer.json()]).toEqual([200, []]);
  });

  it('and a kill that scales, of a task that is gone, is a deployment that changes nothing', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/web', { instances: 1 }));
    const answer = await ask('DELETE', `/v2/apps/web/tasks/${task}?scale=true`);
    expect([answer.statusCode, Object.keys(answer.json())]).toEqual([200, ['version', 'deploymentId']]);
    expect((await ask('GET', '/v2/apps/web')).json().app.instances).toBe(1);
  });
});
