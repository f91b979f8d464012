/** What becomes of old and short forms of networks, ports and artefacts, and of updates that say little (rest-api §3.5, §8.1). */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { liveApi } from './support/live-api.ts';

const app = (more: object) => ({ id: '/a', cmd: 'sleep 9', instances: 0, ...more });
const docker = (more: object, ofContainer: object = {}) => ({
  container: { type: 'DOCKER', docker: { image: 'i', ...more }, ...ofContainer },
});
const mapping = (more: object = {}) => ({ containerPort: 0, protocol: 'tcp', labels: {}, ...more });
const bridged = (more: object = {}) => mapping({ hostPort: 0, ...more });
const full = { containerPort: 1, hostPort: 2, servicePort: 30_000, name: 'p', protocol: 'udp' };
const bridge = [{ mode: 'container/bridge' }];
const named = (name = 'n') => [{ mode: 'container', name }];

type Shown = {
  readonly networks: unknown;
  readonly container?: { readonly portMappings?: readonly Record<string, unknown>[]; readonly docker?: object };
  readonly portDefinitions?: readonly Record<string, unknown>[];
};

/** Networks, mappings and definitions, without the service ports that were assigned. */
function portsOf({ networks, container, portDefinitions }: Shown) {
  const withoutAssigned = (list: readonly Record<string, unknown>[] | undefined, name: string) =>
    list?.map(({ [name]: port, ...rest }) =>
      Number(port) >= 10_000 && Number(port) < 20_000 ? rest : { ...rest, [name]: port },
    );
  return {
    networks,
    mappings: withoutAssigned(container?.portMappings, 'servicePort'),
    definitions: withoutAssigned(portDefinitions, 'port'),
  };
}

/** A request, the networks it means, its mappings, or its port definitions. */
type Row = readonly [
  request: object,
  networks: readonly object[],
  mappings?: object[] | undefined,
  definitions?: object[],
];
const host = [{ mode: 'host' }];
const one = { protocol: 'tcp', name: 'default' };
const rows: Readonly<Record<string, Row>> = {
  'nothing at all': [{}, host, undefined, [one]],
  'no port definitions': [{ portDefinitions: [] }, host, undefined, []],
  'no ports': [{ ports: [] }, host, undefined, []],
  'the bridge, and no container': [{ networks: bridge }, bridge, [bridged({ name: 'default' })]],
  'a network, and no container': [{ networks: named() }, named(), [mapping({ name: 'default' })]],
  'the bridge, and a container': [
    { networks: bridge, container: { type: 'MESOS' } },
    bridge,
    [bridged({ name: 'default' })],
  ],
  'the bridge without mappings': [{ networks: bridge, container: { type: 'MESOS', portMappings: [] } }, bridge, []],
  'mappings on the host': [{ ...docker({}, { portMappings: [{}] }) }, host, undefined, [one]],
  'the bridge by name': [{ ipAddress: { networkName: 'mesos-bridge' }, ...docker({ portMappings: [] }) }, bridge, []],
  'the host, and an address': [
    { ipAddress: { networkName: 'mesos-bridge' }, ...docker({ network: 'HOST', portMappings: [] }) },
    host,
    undefined,
    [one],
  ],
  'the bridge, and an address': [
    { ipAddress: { networkName: 'other', labels: { a: 'b' } }, ...docker({ network: 'BRIDGE', portMappings: [] }) },
    [{ ...bridge[0], labels: { a: 'b' } }],
    [],
  ],
  'the bridge, and no mappings twice': [
    docker({ network: 'BRIDGE', portMappings: [] }, { portMappings: [] }),
    bridge,
    [],
  ],
  'mappings beside no old ones': [
    docker({ network: 'BRIDGE', portMappings: [] }, { portMappings: [{}] }),
    bridge,
    [bridged()],
  ],
  'old mappings of a network': [
    { ipAddress: { networkName: 'n' }, ...docker({ network: 'USER', portMappings: [full] }) },
    named(),
    [{ ...full, labels: {} }],
  ],
  'more definitions than mappings': [
    { portDefinitions: [{}, {}], ...docker({ network: 'BRIDGE', portMappings: [full] }) },
    bridge,
    [{ ...full, labels: {} }, bridged()],
  ],
  'definitions, and no mappings': [
    { ports: [0, 0], networks: named(), ...docker({}) },
    named(),
    [mapping({ name: 'default' }), mapping()],
  ],
  'no definitions, and no mappings': [
    { ports: [], networks: named(), ...docker({}) },
    named(),
    [mapping({ name: 'default' })],
  ],
  'ports that are discovered': [
    {
      ipAddress: {
        networkName: 'n',
        discovery: { ports: [{ number: 34, name: 'p', protocol: 'udp', labels: { VIP: 'x' } }] },
      },
      container: { type: 'MESOS', docker: { image: 'i' } },
    },
    named(),
    [{ containerPort: 34, name: 'p', protocol: 'udp', labels: { VIP: 'x' } }],
  ],
  'names of networks': [
    { networks: named(), ...docker({}, { portMappings: [{ containerPort: 80, networkNames: ['n'] }] }) },
    named(),
    [mapping({ containerPort: 80, networkNames: ['n'] })],
  ],
};

describe('An app that was sent with', () => {
  it.each(Object.keys(rows))('%s is shown in the one new form', async (name) => {
    const [request, networks, mappings, definitions] = rows[name] as Row;
    const { ask } = await liveApi();
    const created = await ask('POST', '/v2/apps', app(request));
    expect([created.statusCode, portsOf(created.json())]).toEqual([201, { networks, mappings, definitions }]);
    // Sent again it is the same app, whatever kind of update it is taken for.
    const { version } = (await ask('GET', '/v2/apps/a')).json().app;
    for (const partial of [true, false]) {
      const { id: _id, ...update } = app(request);
      expect((await ask('PUT', `/v2/apps/a?partialUpdate=${partial}`, update)).statusCode).toBe(200);
      expect((await ask('GET', '/v2/apps/a')).json().app.version).toBe(version);
    }
  });

  it('a container network without a name gets the default one', async () => {
    const { ask } = await liveApi({}, { settings: { app: { ...defaultAppSettings, defaultNetworkName: 'usual' } } });
    const networks = async (more: object) => (await ask('POST', '/v2/apps', app(more))).json().networks;
    expect(await networks({ id: '/x', networks: [{ mode: 'container' }] })).toEqual(named('usual'));
    expect(await networks({ id: '/y', ipAddress: {} })).toEqual(named('usual'));
    expect(await networks({ id: '/z', networks: named() })).toEqual(named());
  });

  it.each([
    ['uris', { uris: ['http://h/b.tgz', 'x'] }, ['http://h/b.tgz', 'x']],
    ['uris, and nothing to fetch', { uris: ['x'], fetch: [] }, ['x']],
    ['something to fetch, and no uris', { uris: [], fetch: [{ uri: 'x' }] }, ['x']],
  ])('%s fetches them', async (_name, more, uris) => {
    const { ask } = await liveApi();
    const { fetch } = (await ask('POST', '/v2/apps', app(more))).json();
    expect(fetch.map(({ uri }: { uri: string }) => uri)).toEqual(uris);
  });
});

describe('An update', () => {
  const stored = app({ labels: { a: 'b' }, env: { E: '1' }, fetch: [{ uri: 'x' }], dependencies: [], user: 'u' });

  const silent: Readonly<Record<string, object>> = {
    nothing: {},
    'null everywhere': Object.fromEntries(
      ['cmd', 'args', 'user', 'env', 'labels', 'instances', 'cpus', 'container', 'uris', 'fetch', 'ports', 'version']
        .concat(['portDefinitions', 'ipAddress', 'networks', 'healthChecks', 'upgradeStrategy', 'dependencies'])
        .map((name) => [name, null]),
    ),
    'no uris': { uris: [] },
    'no arguments': { args: [] },
    'another id': { id: '/elsewhere' },
    'a member that nobody knows': { colour: 'red' },
  };
  it.each(Object.keys(silent))('with %s changes nothing', async (name) => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', stored);
    const before = (await ask('GET', '/v2/apps/a')).json();
    for (const method of ['PUT', 'PATCH'] as const)
      expect((await ask(method, '/v2/apps/a', silent[name])).statusCode).toBe(200);
    expect((await ask('GET', '/v2/apps/a')).json()).toEqual(before);
    expect((await ask('GET', '/v2/apps')).json().apps).toHaveLength(1);
  });

  it('takes the place of whole members, and leaves the others', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', stored);
    const change = async (update: object) => {
      expect((await ask('PUT', '/v2/apps/a', update)).statusCode).toBe(200);
      return (await ask('GET', '/v2/apps/a')).json().app;
    };
    expect(await change({ labels: { c: 'd' } })).toMatchObject({ labels: { c: 'd' }, env: { E: '1' } });
    expect((await change({ labels: {}, env: {} })).labels).toEqual({});
    expect(await change({ fetch: [] })).not.toHaveProperty('fetch');
    expect(await change({ killSelection: 'OLDEST_FIRST' })).toMatchObject({ killSelection: 'OLDEST_FIRST', user: 'u' });
    const broken = await ask('PUT', '/v2/apps/a', { args: ['x'] });
    expect([broken.statusCode, broken.json().details[0].path]).toEqual([422, '/']);
  });

  it('may take an app from the host to a network, whatever ports it had', async () => {
    const update = { ...docker({ image: 'j', network: 'USER' }), ipAddress: { networkName: 'n' } };
    const shown = async (partial: boolean) => {
      const { ask } = await liveApi();
      await ask('POST', '/v2/apps', app({ ...docker({}), portDefinitions: [{ port: 0 }] }));
      expect((await ask('PUT', `/v2/apps/a?partialUpdate=${partial}`, { cmd: 'sleep 9', ...update })).statusCode).toBe(
        200,
      );
      return portsOf((await ask('GET', '/v2/apps/a')).json().app);
    };
    const expected = { networks: named(), mappings: [mapping({ name: 'default' })], definitions: undefined };
    expect([await shown(true), await shown(false)]).toEqual([expected, expected]);
  });

  // deviation(different): partial updates that change the network and name no container
  //   Marathon: an empty container takes the place of the stored one, and port definitions of the old network become mappings
  //   here: the container stays; only what the request names changes
  it('of networks alone keeps the container', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app({ ...docker({}), portDefinitions: [{}, {}] }));
    expect((await ask('PUT', '/v2/apps/a', { networks: named() })).statusCode).toBe(200);
    const shown = (await ask('GET', '/v2/apps/a')).json().app;
    expect(shown.container.docker.image).toBe('i');
    expect(portsOf(shown)).toMatchObject({ networks: named(), mappings: [mapping({ name: 'default' })] });
  });

  // deviation(different): health checks without a port, of apps that name no ports
  //   Marathon: POST leaves `portIndex` out, and the next change adds it
  //   here: `portIndex` is 0 from the start
  it('adds no port to a health check that had one from the start', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app({ healthChecks: [{ path: '/up' }] }));
    const checks = async () => (await ask('GET', '/v2/apps/a')).json().app.healthChecks;
    const before = await checks();
    expect(before).toMatchObject([{ portIndex: 0 }]);
    await ask('PUT', '/v2/apps/a', { labels: { x: 'y' } });
    expect(await checks()).toEqual(before);
  });
});

describe('Options of a volume driver', () => {
  const settings = { app: { ...defaultAppSettings, features: new Set(['external_volumes']) } };
  const at = '/container/volumes(0)/external/options';
  const label = "must match regular expression '^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$'";
  it.each([
    [
      { 'dvdi/driver': 'rexray', 'dvdi/iops': '0' },
      `${at}/"dvdi/iops"`,
      'Expected a valid, positive integer instead of 0',
    ],
    [{ 'dvdi/driver': 'rexray', 'dvdi/overwritefs': 'x' }, `${at}/"dvdi/overwritefs"`, 'Expected a valid boolean'],
    [{ 'dvdi/driver': 'rexray', 'dvdi/newfstype': 'X' }, `${at}/"dvdi/newfstype"`, label],
    [{ 'dvdi/driver': 'Rex' }, `${at}("dvdi/driver")`, label],
    [{}, `${at}("dvdi/driver")`, 'not defined'],
    [
      { 'dvdi/driver': 'rexray', 'dvdi/iops': '1', 'dvdi/overwritefs': 'TRUE', 'dvdi/newfstype': 'xfs' },
      undefined,
      undefined,
    ],
    [{ 'dvdi/driver': 'other', 'dvdi/iops': '0' }, undefined, undefined],
  ])('%j: %s', async (options, path, message) => {
    const { ask } = await liveApi({}, { settings });
    const external = { provider: 'dvdi', name: 'v', options };
    const container = { type: 'MESOS', volumes: [{ containerPath: '/d', mode: 'RW', external }] };
    const answer = await ask('POST', '/v2/apps', app({ container }));
    expect([answer.statusCode, answer.json().details]).toEqual(
      path === undefined ? [201, undefined] : [422, [{ path, errors: [message] }]],
    );
  });
});
