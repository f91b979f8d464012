/** Where an exact copy of Marathon would serve nobody: each case with the mark that tells users of it. */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });

describe('Kinder than Marathon', () => {
  // deviation(different): bad requests that end as errors of the server
  //   Marathon: 500 (unknown paths, service ports used up, contradictory old members, groups without an id, operators in lower case)
  //   here: 404, 422 with the place, or taken as meant
  //   why: clients ask the next server after a 500
  it('nothing that a client asks ends as an error of the server', async () => {
    const settings = { app: { ...defaultAppSettings, localPortMax: defaultAppSettings.localPortMin + 1 } };
    const { ask } = await liveApi({}, { settings });
    const portMappings = [{ containerPort: 1 }];
    const both = { type: 'DOCKER', docker: { image: 'x', network: 'BRIDGE', portMappings: [{ containerPort: 2 }] } };
    const status = async (...request: Parameters<typeof ask>) => (await ask(...request)).statusCode;
    expect(await status('GET', '/v2/nothing')).toBe(404);
    expect(await status('POST', '/v2/apps', { id: '/a', container: { ...both, portMappings } })).toBe(422);
    expect(await status('PUT', '/v2/groups/g', { groups: [{ apps: [] }] })).toBe(422);
    expect(await status('POST', '/v2/apps', app('/a', { constraints: [['hostname', 'unique']] }))).toBe(201);
    const used = await ask('POST', '/v2/apps', app('/b'));
    expect([used.statusCode, used.json().message]).toEqual([
      422,
      'All ports in the range [10000-10001) are already in use',
    ]);
    expect(await status('GET', '/v2/apps/b')).toBe(404);
  });

  // deviation(different): definitions that are refused though their meaning is clear
  //   Marathon: 422 (commands of one character, an `upgradeStrategy` with one of its two members)
  //   here: accepted; the other member has its default
  //   why: Marathon took them up to 1.4
  it('what can have one meaning only has it', async () => {
    const { ask } = await liveApi();
    const answer = await ask('POST', '/v2/apps', {
      id: '/a',
      cmd: 'w',
      upgradeStrategy: { minimumHealthCapacity: 0.5 },
    });
    expect([answer.statusCode, answer.json().upgradeStrategy]).toEqual([
      201,
      { minimumHealthCapacity: 0.5, maximumOverCapacity: 1 },
    ]);
  });

  // deviation(different): requests that contradict themselves
  //   Marathon: one of the two meanings (an app or group named twice, a group's `id` outside the path of the request), or a new, empty group (`scaleBy` of one that is not there)
  //   here: 422; 404
  //   why: whatever it did, it would not be what was meant
  it('what has two meanings is refused', async () => {
    const { ask } = await liveApi();
    const twice = await ask('PUT', '/v2/apps', [app('/a'), app('/a', { instances: 2 })]);
    expect([twice.statusCode, twice.json().details]).toEqual([
      422,
      [{ path: '/', errors: ["App '/a' is named more than once."] }],
    ]);
    const outside = await ask('POST', '/v2/groups/g', { id: '/other' });
    expect([outside.statusCode, outside.json().details]).toEqual([
      422,
      [{ path: '/id', errors: ["Identifier is not child of '/g'"] }],
    ]);
    expect((await ask('PUT', '/v2/groups/none', { scaleBy: 2 })).statusCode).toBe(404);
    expect((await ask('GET', '/v2/groups/none')).statusCode).toBe(404);
  });

  // deviation(different): what is said of members that are missing
  //   Marathon: a sentence with the whole object that was sent; of `ids` of `/v2/tasks/delete` without a place
  //   here: `error.path.missing`, as Marathon says it of smaller objects; with the place
  //   why: what was sent may be long, or secret
  it('what is missing is named, and nothing else of the body', async () => {
    const { ask } = await liveApi();
    const missing = async (path: string, body: object) => (await ask('POST', path, body)).json().details;
    const error = (path: string) => [{ path, errors: ['error.path.missing'] }];
    expect(await missing('/v2/apps', { cmd: 'sleep 9', env: { PASSWORD: 'x' } })).toEqual(error('/id'));
    const container = { type: 'DOCKER', docker: {} };
    expect(await missing('/v2/apps', app('/a', { container }))).toEqual(error('/container/docker/image'));
    expect(await missing('/v2/apps', app('/a', { fetch: [{}] }))).toEqual(error('/fetch(0)/uri'));
    expect(await missing('/v2/tasks/delete', {})).toEqual(error('/ids'));
  });

  // deviation(different): `executorResources` and `resourceLimits` in a partial update without them
  //   Marathon: reset
  //   here: kept, like every other member
  it('a partial update keeps what it does not mention', async () => {
    const { ask } = await liveApi();
    const extra = {
      executorResources: { cpus: 0.2, mem: 64, disk: 10 },
      resourceLimits: { cpus: 2, mem: 'unlimited' },
    };
    expect((await ask('POST', '/v2/apps', app('/a', extra))).statusCode).toBe(201);
    expect((await ask('PUT', '/v2/apps/a', { cpus: 0.2 })).statusCode).toBe(200);
    expect((await ask('GET', '/v2/apps/a')).json().app).toMatchObject(extra);
  });

  // deviation(different): the answer to `POST /v2/apps`
  //   Marathon: service ports are 0 and there is no `versionInfo` until it is read again
  //   here: as a GET shows it
  it('what was created is shown as it is', async () => {
    const { ask } = await liveApi();
    const created = (await ask('POST', '/v2/apps', app('/a'))).json();
    const { version, portDefinitions, versionInfo } = (await ask('GET', '/v2/apps/a')).json().app;
    expect(created).toMatchObject({ version, portDefinitions, versionInfo });
    expect(portDefinitions[0].port).toBe(10_000);
  });

  // deviation(different): PATCH, or a PUT of `version`, for an app that does not exist
  //   Marathon: 422 unless the body is a complete definition
  //   here: 404
  it('a change of what is not there says so', async () => {
    const { ask } = await liveApi();
    const missing = [404, { message: "App '/a' does not exist" }];
    const patched = await ask('PATCH', '/v2/apps/a', { instances: 2 });
    expect([patched.statusCode, patched.json()]).toEqual(missing);
    const back = await ask('PUT', '/v2/apps/a', { version: '2020-01-01T00:00:00.000Z' });
    expect([back.statusCode, back.json()]).toEqual(missing);
  });

  // deviation(different): `Accept` headers without JSON
  //   Marathon: 406
  //   here: JSON all the same
  it('whoever accepts no JSON gets it all the same', async () => {
    const { ask } = await liveApi();
    const answer = await ask('GET', '/v2/apps', undefined, { accept: 'text/html, image/*' });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/json']);
  });

  // deviation(different): `Access-Control-Allow-Origin` with several origins
  //   Marathon: the last one of the list
  //   here: the one that asks, or the first
  it('several origins may read', async () => {
    const { ask } = await liveApi({ corsOrigins: ['http://a.example', 'http://b.example'] });
    const origin = async (from: string) =>
      (await ask('GET', '/v2/apps', undefined, { origin: from })).headers['access-control-allow-origin'];
    expect(await origin('http://a.example')).toBe('http://a.example');
    expect(await origin('http://b.example')).toBe('http://b.example');
    expect(await origin('http://c.example')).toBe('http://a.example');
  });
});
