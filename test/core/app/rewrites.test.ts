import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../../src/core/app/settings.ts';
import { type Body, complaints, create, define } from './given.ts';

const sleep = { cmd: 'sleep 9' };
const image = { docker: { image: 'nginx' } };
const defaultDefinition = { port: 0, protocol: 'tcp', name: 'default' };
const mapping = { containerPort: 0, servicePort: 0, protocol: 'tcp', labels: {} };

/** What a request becomes: the members named on the right, compared as a whole; `undefined` = absent. */
const rewrites: readonly (readonly [sentence: string, request: Body, stored: Body])[] = [
  [
    'uris become fetch, unpacked by the ending of the path',
    { ...sleep, uris: ['http://x/a.tgz?v=1', 'http://x/b.sh'] },
    {
      fetch: [
        { uri: 'http://x/a.tgz?v=1', extract: true, executable: false, cache: false },
        { uri: 'http://x/b.sh', extract: false, executable: false, cache: false },
      ],
    },
  ],
  [
    'empty uris beside fetch are fine',
    { ...sleep, uris: [], fetch: [{ uri: 'http://x/b.sh' }] },
    { fetch: [{ uri: 'http://x/b.sh', extract: true, executable: false, cache: false }] },
  ],
  [
    'ports become portDefinitions',
    { ...sleep, ports: [80, 0] },
    {
      portDefinitions: [
        { port: 80, protocol: 'tcp' },
        { port: 0, protocol: 'tcp' },
      ],
    },
  ],
  [
    'ports beside equal portDefinitions are fine',
    { ...sleep, ports: [80], portDefinitions: [{ port: 80, name: 'http' }] },
    { portDefinitions: [{ port: 80, protocol: 'tcp', name: 'http' }] },
  ],
  ['an empty list of ports means no ports', { ...sleep, ports: [] }, { portDefinitions: [] }],
  ['an empty list of portDefinitions means no ports', { ...sleep, portDefinitions: [] }, { portDefinitions: [] }],
  ['no ports at all means one', sleep, { portDefinitions: [defaultDefinition], networks: [{ mode: 'host' }] }],
  [
    'docker.network HOST becomes a host network and drops mappings',
    { container: { docker: { image: 'nginx', network: 'HOST', portMappings: [{ containerPort: 80 }] } } },
    {
      networks: [{ mode: 'host' }],
      container: {
        type: 'DOCKER',
        docker: { image: 'nginx', forcePullImage: false, privileged: false, parameters: [] },
        volumes: [],
      },
      portDefinitions: [defaultDefinition],
    },
  ],
  [
    'docker.network BRIDGE becomes a bridge network with the labels of ipAddress, and mappings get host port 0',
    {
      container: { docker: { image: 'nginx', network: 'BRIDGE', portMappings: [{ containerPort: 80 }] } },
      ipAddress: { labels: { a: 'b' } },
    },
    {
      networks: [{ mode: 'container/bridge', labels: { a: 'b' } }],
      container: {
        type: 'DOCKER',
        docker: { image: 'nginx', forcePullImage: false, privileged: false, parameters: [] },
        portMappings: [{ ...mapping, containerPort: 80, hostPort: 0 }],
        volumes: [],
      },
      portDefinitions: undefined,
    },
  ],
  [
    'docker.network USER becomes the network that ipAddress names',
    { container: { docker: { image: 'nginx', network: 'USER' } }, ipAddress: { networkName: 'dcos', groups: ['dev'] } },
    { networks: [{ mode: 'container', name: 'dcos' }] },
  ],
  [
    'ipAddress alone becomes a container network and a Mesos container',
    { ...sleep, ipAddress: { networkName: 'dcos', labels: { a: 'b' } } },
    {
      networks: [{ mode: 'container', name: 'dcos', labels: { a: 'b' } }],
      container: { type: 'MESOS', portMappings: [{ ...mapping, name: 'default' }], volumes: [] },
    },
  ],
  [
    'ipAddress with the name of the bridge becomes a bridge network',
    { ...sleep, ipAddress: { networkName: 'mesos-bridge' } },
    { networks: [{ mode: 'container/bridge' }] },
  ],
  [
    'discovered ports become mappings of a Mesos container',
    {
      ...sleep,
      ipAddress: { networkName: 'n', discovery: { ports: [{ number: 7777, name: 'api', protocol: 'udp' }] } },
    },
    {
      container: {
        type: 'MESOS',
        portMappings: [{ ...mapping, containerPort: 7777, name: 'api', protocol: 'udp' }],
        volumes: [],
      },
    },
  ],
  [
    'off the host network requirePorts is false',
    { ...sleep, networks: [{ mode: 'container/bridge' }], requirePorts: true },
    { requirePorts: false },
  ],
  [
    'off the host network the number of ports becomes mappings',
    { ...sleep, networks: [{ mode: 'container', name: 'n' }], ports: [10_000, 10_001] },
    {
      portDefinitions: undefined,
      container: { type: 'MESOS', portMappings: [{ ...mapping, name: 'default' }, mapping], volumes: [] },
    },
  ],
  [
    'off the host network an empty list of ports says nothing',
    { ...sleep, networks: [{ mode: 'container', name: 'n' }], ports: [] },
    { container: { type: 'MESOS', portMappings: [{ ...mapping, name: 'default' }], volumes: [] } },
  ],
  [
    'off the host network an empty list of mappings means none',
    { ...sleep, networks: [{ mode: 'container', name: 'n' }], container: { type: 'MESOS', portMappings: [] } },
    { container: { type: 'MESOS', portMappings: [], volumes: [] } },
  ],
  [
    'a network without a mode is a container network',
    { ...sleep, networks: [{ name: 'n' }] },
    { networks: [{ mode: 'container', name: 'n' }] },
  ],
  [
    'a health check without a port checks the first one',
    { ...sleep, healthChecks: [{}] },
    {
      healthChecks: [
        {
          protocol: 'HTTP',
          path: '/',
          portIndex: 0,
          gracePeriodSeconds: 300,
          intervalSeconds: 60,
          timeoutSeconds: 20,
          maxConsecutiveFailures: 3,
          delaySeconds: 15,
          ignoreHttp1xx: false,
          ipProtocol: 'IPv4',
        },
      ],
    },
  ],
  [
    'a health check with a command is a COMMAND check without port and path',
    { ...sleep, healthChecks: [{ command: { value: 'true' }, path: '/', portIndex: 0 }] },
    {
      healthChecks: [
        {
          protocol: 'COMMAND',
          command: { value: 'true' },
          gracePeriodSeconds: 300,
          intervalSeconds: 60,
          timeoutSeconds: 20,
          maxConsecutiveFailures: 3,
          delaySeconds: 15,
        },
      ],
    },
  ],
  [
    'a readiness check without status codes wants 200',
    { ...sleep, portDefinitions: [{ name: 'http-api' }], readinessChecks: [{ httpStatusCodesForReady: [] }] },
    {
      readinessChecks: [
        {
          name: 'readinessCheck',
          protocol: 'HTTP',
          path: '/',
          portName: 'http-api',
          intervalSeconds: 30,
          timeoutSeconds: 10,
          httpStatusCodesForReady: [200],
          preserveLastResponse: false,
        },
      ],
    },
  ],
  [
    'operators of constraints get upper case, and empty values vanish',
    {
      ...sleep,
      constraints: [
        ['hostname', 'unique', ''],
        ['rack', 'Like', 'a.*'],
      ],
    },
    {
      constraints: [
        ['hostname', 'UNIQUE'],
        ['rack', 'LIKE', 'a.*'],
      ],
    },
  ],
  ['empty args and secrets are none', { ...sleep, args: [], secrets: {} }, { args: undefined, secrets: undefined }],
  [
    'relative dependencies are taken under the root',
    { ...sleep, dependencies: ['a/../b', '/c/'] },
    { dependencies: ['/b', '/c'] },
  ],
  [
    'members of a strategy that are missing take their defaults',
    { ...sleep, upgradeStrategy: { minimumHealthCapacity: 0.5 }, unreachableStrategy: { expungeAfterSeconds: 5 } },
    {
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 1 },
      unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 5 },
    },
  ],
  [
    'a container has type DOCKER unless it says otherwise',
    { container: image },
    {
      container: {
        type: 'DOCKER',
        docker: { image: 'nginx', forcePullImage: false, privileged: false, parameters: [] },
        volumes: [],
      },
    },
  ],
];

describe('a request is stored in one form (rest-api §8.1)', () => {
  it.each(rewrites)('%s', (_sentence, request, stored) => {
    const app = define(request) as unknown as Body;
    expect(Object.fromEntries(Object.keys(stored).map((name) => [name, app[name]]))).toEqual(stored);
  });

  it('gives an app that says only what to run the defaults of rest-api §7.2', () => {
    expect(define(sleep)).toMatchObject({
      id: '/web',
      cmd: 'sleep 9',
      env: {},
      labels: {},
      instances: 1,
      cpus: 1,
      mem: 128,
      disk: 0,
      gpus: 0,
      executor: '',
      constraints: [],
      role: '*',
      requirePorts: false,
      healthChecks: [],
      readinessChecks: [],
      fetch: [],
      dependencies: [],
      backoffSeconds: 1,
      backoffFactor: 1.15,
      maxLaunchDelaySeconds: 300,
      upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
      killSelection: 'YOUNGEST_FIRST',
      unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
    });
  });

  it('gives apps with persistent volumes the careful strategies', () => {
    const volumes = [{ containerPath: 'data', mode: 'RW', persistent: { size: 10 } }];
    const app = define({ ...sleep, container: { type: 'MESOS', volumes } }, { ...defaultAppSettings, mesosRole: 'm' });
    expect(app.upgradeStrategy).toEqual({ minimumHealthCapacity: 0.5, maximumOverCapacity: 0 });
    expect(app.unreachableStrategy).toBe('disabled');
    expect(app.container?.volumes[0]?.persistent).toEqual({ type: 'root', size: 10 });
  });

  it('fills in the default network name and the role of the server', () => {
    const settings = { ...defaultAppSettings, defaultNetworkName: 'dcos', mesosRole: 'r' };
    const app = define({ ...sleep, networks: [{ mode: 'container' }] }, settings);
    expect(app.networks).toEqual([{ mode: 'container', name: 'dcos' }]);
    expect(app.role).toBe('r');
  });
});

/** Contradictory or unsupported deprecated members (rest-api §9.2). */
const contradictions: readonly (readonly [request: Body, complaint: string])[] = [
  [
    { ...sleep, uris: ['http://x/a'], fetch: [{ uri: 'http://x/b' }] },
    '/uris: may not be set in conjunction with fetch',
  ],
  [{ ...sleep, uris: ['http://x/a', 'a b'] }, '/uris(1): URI has invalid syntax.'],
  [{ container: { docker: { image: 'a', credential: {} } } }, '/container/docker/credential: must be empty'],
  [
    { ...sleep, container: { type: 'MESOS', docker: { image: 'a', network: 'HOST' } } },
    '/container/docker/network: must be empty',
  ],
  [
    { ...sleep, container: { type: 'MESOS', docker: { image: 'a', parameters: [{ key: 'a', value: 'b' }] } } },
    '/container/docker/parameters: must be empty',
  ],
  [
    { ...sleep, container: { type: 'MESOS', docker: { image: 'a', portMappings: [{}] } } },
    '/container/docker/portMappings: must be empty',
  ],
  [
    { container: { docker: { image: 'a', network: 'BRIDGE', portMappings: [{ name: 'a' }, { name: 'a' }] } } },
    '/container/docker/portMappings: Port names must be unique.',
  ],
  [
    {
      container: {
        portMappings: [{}],
        docker: { image: 'a', network: 'BRIDGE', portMappings: [{ containerPort: 1 }] },
      },
    },
    '/container/docker/portMappings: may not be set in conjunction with container.portMappings',
  ],
  [
    { container: { docker: { image: 'a', network: 'NONE' } } },
    '/container/docker/network: network mode NONE is not supported',
  ],
  [
    { container: { docker: { image: 'a', network: 'BRIDGE' } }, networks: [{ mode: 'host' }] },
    '/: must not specify both container.docker.network and networks',
  ],
  [{ ...sleep, ipAddress: {}, networks: [{ mode: 'host' }] }, '/: must not specify both networks and ipAddress'],
  [{ ...sleep, ipAddress: { networkName: 'n' }, ports: [0] }, '/: cannot specify both an IP address and port'],
  [{ ...sleep, ports: [80, 80] }, '/: ports must be unique'],
  [{ ...sleep, ports: [80], portDefinitions: [{ port: 81 }] }, '/: cannot specify both ports and port definitions'],
  [
    { container: image, ipAddress: { networkName: 'n', discovery: { ports: [{ number: 1, name: 'a' }] } } },
    '/ipAddress: ipAddress/discovery is not allowed for Docker containers',
  ],
  [
    {
      ...sleep,
      container: { type: 'MESOS', portMappings: [{ containerPort: 1 }] },
      ipAddress: { networkName: 'n', discovery: { ports: [{ number: 1, name: 'a' }] } },
    },
    '/ipAddress: container.portMappings and ipAddress.discovery.ports must not both be set',
  ],
];

describe('deprecated members that cannot be rewritten (rest-api §9.2)', () => {
  it.each(contradictions)('%j is refused', (request, complaint) => {
    expect(complaints(create(request))).toEqual([complaint]);
  });

  it('accepts several zeros among ports', () => {
    expect(complaints(create({ ...sleep, ports: [0, 0] }))).toEqual([]);
  });
});
