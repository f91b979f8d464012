/** Changes of apps that are or are not there, versions and kills, as Marathon answers them (rest-api §3.5, §3.9, §3.10, §5.3). */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 1', instances: 0, ...more });
const never = '2020-01-01T00:00:00.000Z';
const versionAlone = [{ path: '/', errors: ["The 'version' field may only be combined with the 'id' field."] }];
const noCommand = [
  { path: '/', errors: ["AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."] },
];

/** An update of `/a`, which exists, or of `/none`, which does not. */
type Update = [
  method: 'PUT' | 'PATCH',
  path: string,
  body: object,
  status: number,
  answer: Readonly<Record<string, unknown>>,
];
const missing = (id: string) => ({ message: `App '${id}' does not exist` });
const broken = (details: object) => ({ message: 'Object is not valid', details });
const deployed = { deploymentId: expect.any(String), version: expect.any(String) };

const updates: Update[] = [
  ['PUT', '/v2/apps/a', { version: never }, 404, missing('/a')],
  ['PATCH', '/v2/apps/a', { version: never }, 404, missing('/a')],
  ['PUT', '/v2/apps', [{ id: '/a', version: never }], 404, missing('/a')],
  ['PUT', '/v2/apps/a', { version: never, cmd: 'sleep 2' }, 422, broken(versionAlone)],
  ['PATCH', '/v2/apps/a', { version: never, instances: 1 }, 422, broken(versionAlone)],
  ['PUT', '/v2/apps', [{ id: '/none', version: never, cmd: 'sleep 2' }], 422, broken(versionAlone)],
  // What is no update but a definition of its own has a version without meaning.
  ['PUT', '/v2/apps/none', { version: never, cmd: 'sleep 2' }, 201, deployed],
  ['PATCH', '/v2/apps/none', { version: never, cmd: 'sleep 2' }, 404, missing('/none')],
  ['PUT', '/v2/apps/a?partialUpdate=false', { version: never, cmd: 'sleep 2' }, 200, deployed],
  ['PUT', '/v2/apps/a?partialUpdate=false', { version: never }, 422, broken(noCommand)],
  ['PUT', '/v2/apps?partialUpdate=false', [{ id: '/a', version: never }], 422, broken(noCommand)],
];

describe('The version of an update', () => {
  it.each(updates)('%s %s %j → %i', async (...row: Update) => {
    const [method, path, body, status, answer] = row;
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    const got = await ask(method, path, body);
    expect([got.statusCode, got.json()]).toEqual([status, answer]);
  });
});

describe('A bulk update', () => {
  const noId = 'requirement failed: App Update must have app id set';
  it.each([
    ['PUT', '', [{ cmd: 'x y' }], { message: noId }],
    ['PATCH', '', [{ id: '/a', cmd: 'x y' }, {}], { message: noId }],
    [
      'PUT',
      '?partialUpdate=false',
      [{ cmd: 'x y' }],
      { message: 'Invalid JSON', details: [{ path: '(0)/id', errors: ['error.path.missing'] }] },
    ],
    ['PUT', '', {}, { message: 'Invalid JSON', details: [{ path: '', errors: ['error.expected.jsarray'] }] }],
    ['PATCH', '', [3], { message: 'Invalid JSON', details: [{ path: '(0)', errors: ['error.expected.jsobject'] }] }],
  ] as const)('by %s %s of %j is refused as a whole', async (method, query, body, answer) => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    const got = await ask(method, `/v2/apps${query}`, body);
    expect([got.statusCode, got.json()]).toEqual([422, answer]);
    expect((await ask('GET', '/v2/apps/a/versions')).json().versions).toHaveLength(1);
  });

  it('of nothing is a deployment that changes nothing', async () => {
    const { ask } = await liveApi();
    for (const method of ['PUT', 'PATCH'] as const)
      expect((await ask(method, '/v2/apps', [])).json()).toEqual(deployed);
    expect((await ask('GET', '/v2/deployments')).json()).toEqual([]);
  });
});

describe('A kill that scales', () => {
  const task = 'a.instance-8b1d2f7b-b3bb-11e6-a8ad-0242ac110002._app.1';

  it.each(['/v2/apps/a/tasks', `/v2/apps/a/tasks/${task}`])(
    'has no place without instances: DELETE %s',
    async (path) => {
      const { ask } = await liveApi();
      await ask('POST', '/v2/apps', app('/a'));
      const answer = await ask('DELETE', `${path}?scale=true`);
      expect([answer.statusCode, answer.json()]).toEqual([404, { message: "Path '/a' does not exist" }]);
      // The one that names no app has nothing to miss.
      expect((await ask('POST', '/v2/tasks/delete?scale=true', { ids: [task] })).json()).toEqual(deployed);
    },
  );

  it('is one that changes nothing where no instance is meant', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 1 }));
    expect((await ask('DELETE', '/v2/apps/a/tasks?scale=true&host=nowhere')).json()).toEqual(deployed);
    expect((await ask('GET', '/v2/apps/a')).json().app.instances).toBe(1);
  });
});

describe('A kill of one task', () => {
  // deviation(different): a kill by the id of a task whose instance has got a new one
  //   Marathon: the new task is killed
  //   here: 404, and nothing is killed by it
  //   why: it is another task, and nobody named it
  it('never means the next task of its instance', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 1 }));
    await world.advance(10_000);
    const [first] = world.tasksOf('/a') as [string];
    world.mesos.move(first, 'TASK_FAILED');
    await world.advance(30_000);
    const [second] = world.tasksOf('/a') as [string];
    expect(second).not.toBe(first);
    const answer = await ask('DELETE', `/v2/apps/a/tasks/${first}`);
    expect([answer.statusCode, answer.json()]).toEqual([
      404,
      { message: `Task '${first}' does not exist`, details: [] },
    ]);
    expect((await ask('POST', '/v2/tasks/delete', { ids: [first] })).json()).toEqual({ tasks: [] });
    await world.advance(10_000);
    expect(world.tasksOf('/a')).toEqual([second]);
  });

  it('names it by the id of its instance as well', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 1 }));
    await world.advance(10_000);
    const [task] = world.tasksOf('/a') as [string];
    const answer = await ask('DELETE', `/v2/apps/a/tasks/${task.replace(/\._app\.\d+$/, '')}`);
    expect([answer.statusCode, answer.json().task.id]).toEqual([200, task]);
  });
});

describe('A kill on a host', () => {
  it.each([
    ['', 0],
    ['nowhere', 0],
    ['host0', 1],
    ['*', 1],
  ])('called %j kills %i', async (host, count) => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 1 }));
    await world.advance(10_000);
    const answer = await ask('DELETE', `/v2/apps/a/tasks?host=${encodeURIComponent(host)}`);
    expect([answer.statusCode, answer.json().tasks.length]).toEqual([200, count]);
  });
});

describe('An app of which there may be one instance', () => {
  const labels = { MARATHON_SINGLE_INSTANCE_APP: 'true' };
  const strategy = (minimumHealthCapacity: number, maximumOverCapacity: number) => ({
    upgradeStrategy: { minimumHealthCapacity, maximumOverCapacity },
  });
  const health = (got: string) => ({
    '/upgradeStrategy/minimumHealthCapacity': [`got ${got}, expected 0.0`],
  });
  const over = (got: string) => ({ '/upgradeStrategy/maximumOverCapacity': [`got ${got}, expected 0.0`] });
  const external = { provider: 'dvdi', name: 'v', options: { 'dvdi/driver': 'd' } };
  const outside = { container: { type: 'MESOS', volumes: [{ containerPath: 'd', mode: 'RW', external }] } };
  const withVolumes = { settings: { app: { ...defaultAppSettings, features: new Set(['external_volumes']) } } };
  const tooMany = { '/': ['Single instance app may only have one instance'] };

  it.each([
    ['a strategy that is wrong', strategy(0.5, 1), { ...health('0.5'), ...over('1.0') }],
    ['none', {}, { '/isSingleInstance': ['must be false'], ...health('1.0'), ...over('1.0') }],
    ['none, and a volume', outside, { '/isSingleInstance': ['must be false'], ...health('0.5') }],
    ['none, and two instances', { instances: 2 }, tooMany],
    ['two instances', { instances: 2, ...strategy(0, 0) }, tooMany],
  ])('is refused with %s', async (_name, more, details) => {
    const { ask } = await liveApi({}, withVolumes);
    const answer = await ask('POST', '/v2/apps', app('/a', { labels, ...more }));
    const found = answer.json().details.map(({ path, errors }: { path: string; errors: string[] }) => [path, errors]);
    expect([answer.statusCode, Object.fromEntries(found)]).toEqual([422, details]);
  });

  it('needs a strategy also where an update makes it one', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    const answer = await ask('PUT', '/v2/apps/a', { labels });
    expect([answer.statusCode, answer.json().details]).toEqual([
      422,
      [
        { path: '/upgradeStrategy/minimumHealthCapacity', errors: ['got 1.0, expected 0.0'] },
        { path: '/upgradeStrategy/maximumOverCapacity', errors: ['got 1.0, expected 0.0'] },
      ],
    ]);
    expect((await ask('PUT', '/v2/apps/a', { labels, ...strategy(0, 0) })).statusCode).toBe(200);
  });
});
