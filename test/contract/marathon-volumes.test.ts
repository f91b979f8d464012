/** Volumes of outside that several apps name, or one app of many instances (rest-api §9.3, §9.6). */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { type LiveApi, liveApi } from './support/live-api.ts';

const withVolumes = { settings: { app: { ...defaultAppSettings, features: new Set(['external_volumes']) } } };
const dvdi = (more: object = {}) => ({ provider: 'dvdi', name: 'v', options: { 'dvdi/driver': 'd' }, ...more });
const csi = (accessMode: string, name = 'v') => {
  const capability = { accessType: 'mount', accessMode, fsType: 'xfs', mountFlags: [] };
  return { provider: 'csi', name, options: { pluginName: 'p', capability } };
};
const app = (id: string, external: object, more: object = {}, mode = 'RW') => ({
  id,
  cmd: 'sleep 9',
  instances: 0,
  container: { type: 'MESOS', volumes: [{ containerPath: '/d', mode, external }] },
  ...more,
});
const taken = (id: string, by: string) => ({
  path: `/apps/${id}/container`,
  errors: [`Volume name 'v' in ${id} conflicts with volume(s) of same name in app(s): ${by}`],
});

async function refused(ask: LiveApi['ask'], ...request: Parameters<LiveApi['ask']>) {
  const answer = await ask(...request);
  expect([answer.statusCode, answer.json().message]).toEqual([422, 'Object is not valid']);
  return answer.json().details;
}

describe('A volume of outside', () => {
  it('is refused to a second app, whatever way it comes, and left to the first', async () => {
    const { ask } = await liveApi({}, withVolumes);
    expect((await ask('POST', '/v2/apps', app('/n/a', dvdi()))).statusCode).toBe(201);
    const both = [taken('/n/a', '/n/b'), taken('/n/b', '/n/a')];
    expect(await refused(ask, 'POST', '/v2/apps', app('/n/b', dvdi()))).toEqual(both);
    expect(await refused(ask, 'PUT', '/v2/apps/n/b', app('/n/b', dvdi()))).toEqual(both);
    expect(await refused(ask, 'PUT', '/v2/apps', [app('/n/b', dvdi())])).toEqual(both);
    const group = { id: '/m', apps: [app('b', dvdi())] };
    expect(await refused(ask, 'POST', '/v2/groups', group)).toEqual([taken('/n/a', '/m/b'), taken('/m/b', '/n/a')]);
    expect((await ask('GET', '/v2/apps')).json().apps).toHaveLength(1);
    // The one that has it can be changed, scaled and replaced.
    for (const update of [{ cmd: 'sleep 8' }, { instances: 1 }, app('/n/a', dvdi({ options: { 'dvdi/driver': 'e' } }))])
      expect((await ask('PUT', '/v2/apps/n/a?force=true', update)).statusCode).toBe(200);
  });

  it('goes to another app with the request that takes it from the first', async () => {
    const { ask } = await liveApi({}, withVolumes);
    await ask('POST', '/v2/groups', { id: '/g', apps: [app('a', dvdi())] });
    expect((await ask('PUT', '/v2/groups/g', { apps: [app('b', dvdi())] })).statusCode).toBe(200);
    expect((await ask('GET', '/v2/apps')).json().apps.map(({ id }: { id: string }) => id)).toEqual(['/g/b']);
  });

  const pairs: Readonly<Record<string, readonly [first: object, second: object, conflicts: object[]]>> = {
    'both share it': [app('/a', dvdi({ shared: true })), app('/b', dvdi({ shared: true })), []],
    'the first one shares it': [app('/a', dvdi({ shared: true })), app('/b', dvdi()), [taken('/a', '/b')]],
    'the second one shares it': [app('/a', dvdi()), app('/b', dvdi({ shared: true })), [taken('/b', '/a')]],
    'it has another name': [app('/a', dvdi()), app('/b', dvdi({ name: 'w' })), []],
    'it has another provider': [app('/a', dvdi()), app('/b', csi('SINGLE_NODE_WRITER')), []],
    'one node may have it': [
      app('/a', csi('SINGLE_NODE_WRITER')),
      app('/b', csi('SINGLE_NODE_WRITER')),
      [taken('/a', '/b'), taken('/b', '/a')],
    ],
    'all nodes may write to it': [
      app('/a', csi('MULTI_NODE_MULTI_WRITER')),
      app('/b', csi('MULTI_NODE_MULTI_WRITER')),
      [],
    ],
    'one node may write to it, and one does': [
      app('/a', csi('MULTI_NODE_SINGLE_WRITER')),
      app('/b', csi('MULTI_NODE_SINGLE_WRITER'), {}, 'RO'),
      [],
    ],
    'one node may write to it, and two want to': [
      app('/a', csi('MULTI_NODE_SINGLE_WRITER')),
      app('/b', csi('MULTI_NODE_SINGLE_WRITER')),
      [taken('/a', '/b'), taken('/b', '/a')],
    ],
  };
  it.each(Object.keys(pairs))('of two apps, where %s', async (name) => {
    const [first, second, conflicts] = pairs[name] as (typeof pairs)[string];
    // The model of a strict client is older than `shared`; with old members shown it is not asked.
    const { ask } = await liveApi({ emitLegacyFields: true }, withVolumes);
    expect((await ask('POST', '/v2/apps', first)).statusCode).toBe(201);
    const answer = await ask('POST', '/v2/apps', second);
    expect([answer.statusCode, answer.json().details]).toEqual(
      conflicts.length === 0 ? [201, undefined] : [422, conflicts],
    );
  });

  it('is mounted once in an app that wants it for itself', async () => {
    const { ask } = await liveApi({}, withVolumes);
    const volumes = ['/d', '/e'].map((containerPath) => ({ containerPath, mode: 'RW', external: dvdi() }));
    const details = await refused(ask, 'POST', '/v2/apps', app('/a', {}, { container: { type: 'MESOS', volumes } }));
    expect(details).toEqual([
      { path: '/container/volumes', errors: ['Volume names must be unique'] },
      { path: '/', errors: ["Requested DVDI volume 'v' is declared more than once within app /a"] },
    ]);
  });

  const one = 'got 2, expected 1 or less while';
  it.each([
    ['SINGLE_NODE_WRITER', 'RW', `${one} non-shareable CSI volumes are defined`],
    ['SINGLE_NODE_READER_ONLY', 'RO', `${one} non-shareable CSI volumes are defined`],
    ['MULTI_NODE_SINGLE_WRITER', 'RW', `${one} a multi-node single-writer volume is defined mounted as read/write`],
    ['MULTI_NODE_SINGLE_WRITER', 'RO', undefined],
    ['MULTI_NODE_READER_ONLY', 'RO', undefined],
    ['MULTI_NODE_MULTI_WRITER', 'RW', undefined],
  ])('with %s, mounted %s, may have two instances or not', async (mode, mount, error) => {
    const { ask } = await liveApi({}, withVolumes);
    const answer = await ask('POST', '/v2/apps', app('/a', csi(mode), { instances: 2 }, mount));
    expect([answer.statusCode, answer.json().details]).toEqual(
      error === undefined ? [201, undefined] : [422, [{ path: '/instances', errors: [error] }]],
    );
  });
});
