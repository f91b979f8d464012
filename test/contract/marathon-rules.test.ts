/** What Marathon's validation says about an app: place and words, case by case (rest-api §9). Tools show these, and some compare them. */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { liveApi } from './support/live-api.ts';
import { base, broken, type Case, persistent, withVolumes } from './support/marathon-rules.ts';

async function detailsOf({ body, features = [] }: Pick<Case, 'body' | 'features'>) {
  const { ask } = await liveApi({}, { settings: { app: { ...defaultAppSettings, features: new Set(features) } } });
  const answer = await ask('POST', '/v2/apps', body);
  const { message, details = [] } = answer.json();
  const found = details.map(({ path, errors }: { path: string; errors: string[] }) => [path, errors]);
  return { status: answer.statusCode, message, details: Object.fromEntries(found) };
}

describe('An app that breaks a rule is refused with its place and words:', () => {
  it.each(Object.entries(broken))('%s', async (_name, one) => {
    expect(await detailsOf(one)).toEqual({ status: 422, message: 'Object is not valid', details: one.details });
  });
});

const unreadable: Readonly<Record<string, Case>> = {
  'a fraction of an instance': { body: { ...base, instances: 0.1 }, details: { '/instances': ['error.expected.int'] } },
  'an executor that is no path': { body: { ...base, executor: '/a/' }, details: { '/executor': ['error.pattern'] } },
  'an id in capitals': { body: { ...base, id: '/A' }, details: { '/id': ['error.pattern'] } },
  'a list': { body: [], details: { '': ['error.expected.jsobject'] } },
};

describe('An app of the wrong shape is refused with the place and a key:', () => {
  it.each(Object.entries(unreadable))('%s', async (_name, one) => {
    expect(await detailsOf(one)).toEqual({ status: 422, message: 'Invalid JSON', details: one.details });
  });
});

describe('What looks wrong and is not is accepted:', () => {
  const accepted: Readonly<Record<string, object>> = {
    'a command check beside another one by Mesos': {
      healthChecks: [{ protocol: 'COMMAND', command: { value: 'x' } }, { protocol: 'MESOS_HTTP' }],
    },
    'an empty pattern': { constraints: [['a', 'LIKE', '']] },
    'the path of a migration API alone': { labels: { DCOS_MIGRATION_API_PATH: '/v1' } },
    'variables of any name': { env: { '9 a-b': 'x' } },
    'an old network with any name': { ipAddress: { networkName: 'My.Net' } },
    'an operator in lower case': { constraints: [['hostname', 'unique']] },
  };
  it.each(Object.entries(accepted))('%s', async (_name, more) => {
    expect(await detailsOf({ body: { ...base, ...more } })).toMatchObject({ status: 201 });
  });
});

describe('A resident app', () => {
  it('keeps its volumes, resources, ports and, unless forced, its role', async () => {
    const { ask } = await liveApi({}, { settings: { app: { ...defaultAppSettings, mesosRole: 's' } } });
    const app = withVolumes([persistent({})], { id: '/r/a', role: 'r' });
    expect((await ask('POST', '/v2/apps', app)).statusCode).toBe(201);
    const change = async (update: object, query = '') => {
      const answer = await ask('PUT', `/v2/apps/r/a${query}`, update);
      return answer.json().details?.map(({ path, errors }: { path: string; errors: string[] }) => [path, ...errors]);
    };
    const fixed = (what: string) =>
      `Services with persistent volumes configured may not change ${what}. ` +
      'If you need to make this change, please create a new service.';
    expect(await change({ cpus: 1, disk: 1, requirePorts: true })).toEqual([
      ['/cpus', fixed('resource requirements')],
      ['/disk', fixed('resource requirements')],
      ['/requirePorts', fixed('resource requirements')],
      ['/', fixed('host ports')],
    ]);
    expect(await change(withVolumes([persistent({ size: 11 })]))).toContainEqual([
      '/',
      'Persistent volumes can not be changed!',
    ]);
    expect((await change({ role: 's' }))?.[0]).toEqual([
      '/role',
      expect.stringMatching(/previous role, r\. .* new role, s\. .*force=true$/),
    ]);
  });
});

describe('Ids of dependencies', () => {
  it('are checked like the app’s own', async () => {
    expect(await detailsOf({ body: { ...base, dependencies: ['/b', '/x/tasks'] } })).toMatchObject({
      status: 422,
      details: { '/dependencies(1)': [expect.stringContaining('reserved keywords')] },
    });
    const { ask } = await liveApi();
    const answer = await ask('PUT', '/v2/apps/X!', { cmd: 'sleep 9' });
    expect([answer.statusCode, answer.json()]).toEqual([
      422,
      { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.pattern'] }] },
    ]);
  });
});
