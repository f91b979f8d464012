import { describe, expect, it } from 'vitest';
import { type AppSettings, defaultAppSettings } from '../../../src/core/app/settings.ts';
import { type Body, complaints, create, withFeatures } from './given.ts';

const sleep = { cmd: 'sleep 9' };
const bridge = (...portMappings: readonly Body[]): Body => ({
  ...sleep,
  networks: [{ mode: 'container/bridge' }],
  container: { type: 'MESOS', portMappings },
});
const constrained = (...constraint: readonly string[]): Body => ({ ...sleep, constraints: [constraint] });
const readiness = (check: Body): Body => ({ ...sleep, readinessChecks: [{ portName: 'default', ...check }] });

const cmdOrArgs = "/: AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.";
const operator =
  '/constraints(0): operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS';
const portIndex = 'Health check port indices must address an element of the ports array or container port mappings.';
const feature = (name: string): string => `Feature ${name} is not enabled. Enable with --enable_features ${name})`;

type Row = readonly [sentence: string, request: Body, complaint: string, settings?: AppSettings];

const rules: readonly Row[] = [
  ['an app needs something to run', {}, cmdOrArgs],
  ['an app may not have cmd and args', { ...sleep, args: ['a'] }, cmdOrArgs],
  ['a Mesos container without an image is nothing to run', { container: { type: 'MESOS' } }, cmdOrArgs],
  ['a Docker container needs docker', { ...sleep, container: {} }, '/container/docker: not defined'],
  [
    'an image must have a name',
    { ...sleep, container: { docker: { image: '' } } },
    '/container/docker/image: must not be empty',
  ],
  [
    'an executor is a path',
    { ...sleep, executor: '//a' },
    "/executor: must fully match regular expression '^(//cmd)|(/?[^/]+(/[^/]+)*)|$'",
  ],
  [
    'port names are unique',
    { ...sleep, portDefinitions: [{ name: 'a' }, { name: 'a' }] },
    '/portDefinitions: Port names must be unique.',
  ],
  [
    'ports are unique',
    { ...sleep, portDefinitions: [{ port: 1 }, { port: 1 }] },
    '/portDefinitions: Ports must be unique.',
  ],
  [
    'names of mappings are unique',
    bridge({ name: 'a' }, { name: 'a' }),
    '/container/portMappings: Port names must be unique.',
  ],
  [
    'a host network has no name',
    { ...sleep, networks: [{ mode: 'host', name: 'a' }] },
    '/networks: Host networks may not have names or labels',
  ],
  [
    'a host network has no labels',
    { ...sleep, networks: [{ mode: 'host', labels: { a: 'b' } }] },
    '/networks: Host networks may not have names or labels',
  ],
  [
    'a bridge network has no name',
    { ...sleep, networks: [{ mode: 'container/bridge', name: 'a' }] },
    '/networks: Bridge networks may not have names',
  ],
  [
    'a container network has a name',
    { ...sleep, networks: [{ mode: 'container' }] },
    '/networks: Network name must be specified when container network is selected.',
  ],
  [
    'container networks differ',
    { ...sleep, networks: [{ name: 'a' }, { name: 'a' }] },
    '/networks: Duplicate networks are not allowed',
  ],
  [
    'networks of different modes do not mix',
    { ...sleep, networks: [{ name: 'a' }, { mode: 'host' }] },
    '/networks: May specify a single host network, single bridge network, or else 1-to-n container networks',
  ],
  [
    'a Docker container is in one network',
    { container: { docker: { image: 'a' } }, networks: [{ name: 'a' }, { name: 'b' }] },
    '/: may only specify a single container network when using the Docker container engine',
  ],
  [
    'with several networks a host port belongs to one',
    {
      ...sleep,
      networks: [{ name: 'a' }, { name: 'b' }],
      container: { type: 'MESOS', portMappings: [{ hostPort: 0 }] },
    },
    '/container/portMappings(0): networkNames must be a single item list when hostPort is specified and more than 1 container network is defined',
  ],
  [
    'mappings name networks of the app',
    { ...sleep, networks: [{ name: 'a' }], container: { type: 'MESOS', portMappings: [{ networkNames: ['c'] }] } },
    '/container/portMappings(0)/networkNames(0): is not one of (a)',
  ],
  ['a health check addresses a port', { ...sleep, healthChecks: [{ portIndex: 1 }] }, `/healthChecks(0): ${portIndex}`],
  [
    'a health check of an app without ports names one',
    { ...sleep, ports: [], healthChecks: [{}] },
    `/healthChecks(0): ${portIndex}`,
  ],
  [
    'IPv6 checks are for Docker containers',
    { ...sleep, healthChecks: [{ protocol: 'MESOS_HTTP', ipProtocol: 'IPv6' }] },
    '/healthChecks(0): IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks',
  ],
  [
    'Mesos makes one health check',
    { ...sleep, healthChecks: [{ protocol: 'MESOS_HTTP' }, { protocol: 'MESOS_TCP' }] },
    '/: AppDefinition can contain at most one Mesos health check',
  ],
  [
    'a COMMAND check has a command',
    { ...sleep, healthChecks: [{ protocol: 'COMMAND' }] },
    '/healthChecks(0)/command: must be given for protocol COMMAND',
  ],
  [
    'Docker containers have no check',
    { container: { docker: { image: 'a' } }, check: { http: {} } },
    "/: AppDefinition must not use 'checks' if using docker",
  ],
  [
    'a check is of one kind',
    { ...sleep, check: { http: {}, tcp: {} } },
    '/check: exactly one of http, tcp or exec must be given',
  ],
  [
    'a check addresses a port',
    { ...sleep, check: { tcp: { portIndex: 5 } } },
    '/check: check port index must address an element of the ports array or container port mappings.',
  ],
  [
    'there is at most one readiness check',
    { ...sleep, readinessChecks: [{ portName: 'default' }, { portName: 'default' }] },
    '/readinessChecks/size: got 2, expected 1 or less',
  ],
  [
    'a readiness check names a port',
    readiness({ portName: 'x' }),
    '/readinessChecks(0)/portName: No port definition reference for portName x',
  ],
  [
    'a readiness check ends before the next one',
    readiness({ intervalSeconds: 5, timeoutSeconds: 5 }),
    '/readinessChecks(0)/timeoutSeconds: got 5, expected less than 5',
  ],
  ['what is fetched is a URI', { ...sleep, fetch: [{ uri: 'a b' }] }, '/fetch(0)/uri: URI has invalid syntax.'],
  [
    'a constraint has an operator',
    constrained('hostname'),
    '/constraints(0): Each constraint must have either 2 or 3 fields',
  ],
  ['an operator is known', constrained('hostname', 'LIKES', 'a'), operator],
  ['UNIQUE has no value', constrained('hostname', 'unique', 'a'), '/constraints(0): UNIQUE does not accept a value'],
  [
    'GROUP_BY counts',
    constrained('rack', 'GROUP_BY', 'three'),
    '/constraints(0): GROUP BY must define an integer value or else no value at all',
  ],
  ['MAX_PER counts', constrained('rack', 'MAX_PER'), '/constraints(0): MAX_PER requires an integer value'],
  [
    'LIKE needs an expression',
    constrained('rack', 'LIKE'),
    '/constraints(0): LIKE and UNLIKE require a non-empty, regular expression value',
  ],
  [
    'a bare star is no expression',
    constrained('rack', 'UNLIKE', '*'),
    '/constraints(0): is not a valid regular expression',
  ],
  [
    'look-around is no expression',
    constrained('rack', 'LIKE', '(?=a)a'),
    '/constraints(0): is not a valid regular expression',
  ],
  [
    'an endless expression is refused',
    constrained('rack', 'LIKE', 'a'.repeat(1025)),
    '/constraints(0): is not a valid regular expression',
  ],
  [
    'IS compares names',
    constrained('rack', 'IS', '[1-2]'),
    '/constraints(0): IS only supports Mesos text and float values (see http://mesos.apache.org/documentation/latest/attributes-resources/)',
  ],
  ['accepted roles are not none', { ...sleep, acceptedResourceRoles: [] }, '/acceptedResourceRoles: must not be empty'],
  [
    'accepted roles are the app’s or any',
    { ...sleep, acceptedResourceRoles: ['x'] },
    '/acceptedResourceRoles: acceptedResourceRoles can only contain *',
  ],
  ['a role is allowed at the place', { ...sleep, role: 'x' }, '/role: got x, expected one of: [*]'],
  [
    'secrets in the environment need the feature',
    { ...sleep, env: { A: { secret: 's' } } },
    '/env: use of secret-references in the environment requires the secrets feature to be enabled',
  ],
  ['secrets need the feature', { ...sleep, secrets: { s: { source: 'x' } } }, `/secrets: ${feature('secrets')}`],
  [
    'a secret of the environment is declared',
    { ...sleep, env: { A: { secret: 'toString' } } },
    '/env/A/secret: references an undefined secret',
    withFeatures('secrets'),
  ],
  [
    'Docker pulls without secrets',
    { container: { docker: { image: 'a', pullConfig: { secret: 's' } } } },
    '/container/docker/pullConfig: pullConfig is not supported with Docker containerizer',
  ],
  [
    'the secret for pulling is declared',
    { container: { type: 'MESOS', docker: { image: 'a', pullConfig: { secret: 's' } } } },
    '/container/docker/pullConfig: pullConfig.secret must refer to an existing secret',
    withFeatures('secrets'),
  ],
  ['GPUs need the feature', { ...sleep, gpus: 1 }, `/: ${feature('gpu_resources')}`],
  [
    'GPUs are not for Docker containers',
    { container: { docker: { image: 'a' } }, gpus: 1 },
    '/: GPU resources only work with the Mesos containerizer',
    withFeatures('gpu_resources'),
  ],
  [
    'a limit is not below the request',
    { ...sleep, resourceLimits: { cpus: 0.5 } },
    '/resourceLimits/cpus: resource limit must be greater than or equal to requested resource (1.0)',
  ],
  [
    'a limit is a number or none',
    { ...sleep, resourceLimits: { mem: 'lots' } },
    "/resourceLimits/mem: 'lots' is an invalid resource limit. It must be 'unlimited' or a number",
  ],
  [
    'what is out of reach gets inactive before it is expunged',
    { ...sleep, unreachableStrategy: { inactiveAfterSeconds: 5, expungeAfterSeconds: 1 } },
    '/unreachableStrategy/inactiveAfterSeconds: inactiveAfterSeconds (5) must be less or equal to expungeAfterSeconds, which is 1',
  ],
  [
    'a single instance app has one instance',
    {
      ...sleep,
      instances: 2,
      labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' },
      upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
    },
    '/: Single instance app may only have one instance',
  ],
  [
    'a single instance app has no over-capacity',
    {
      ...sleep,
      labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' },
      upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 1 },
    },
    '/upgradeStrategy/maximumOverCapacity: got 1.0, expected 0.0',
  ],
  [
    'a migration API is fully named',
    { ...sleep, labels: { DCOS_MIGRATION_API_VERSION: 'v1', DCOS_MIGRATION_API_PATH: '/v1/plan' } },
    '/: DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION',
  ],
];

describe('rules of a whole definition (rest-api §9.3)', () => {
  for (const [sentence, request, complaint, settings = defaultAppSettings] of rules) {
    it(`${sentence}`, () => {
      expect(complaints(create(request, settings))).toContain(complaint);
    });
  }

  const accepted: readonly (readonly [sentence: string, request: Body, settings?: AppSettings])[] = [
    ['args alone', { args: ['a'] }],
    ['a Docker image alone', { container: { docker: { image: 'a' } } }],
    ['a Mesos image alone', { container: { type: 'MESOS', docker: { image: 'a' } } }],
    ['a command of one character', { cmd: 'a' }],
    ['the executors //cmd and a path', { ...sleep, executor: '/usr/bin/x' }],
    ['several COMMAND checks', { ...sleep, healthChecks: [{ command: { value: 'a' } }, { command: { value: 'b' } }] }],
    ['any number of own checks', { ...sleep, healthChecks: [{}, { protocol: 'TCP' }, { protocol: 'HTTPS' }] }],
    [
      'every operator',
      {
        ...sleep,
        constraints: [
          ['a', 'CLUSTER', 'x'],
          ['a', 'GROUP_BY'],
          ['a', 'GROUP_BY', '3'],
          ['a', 'MAX_PER', '2'],
          ['a', 'IS', 'x/1.5-b'],
          ['a', 'UNLIKE', '(a|b)*'],
        ],
      },
    ],
    ['the role of the top-level group', { ...sleep, id: '/dev/web', role: 'dev', acceptedResourceRoles: ['dev', '*'] }],
    ['an unlimited limit', { ...sleep, resourceLimits: { cpus: 'unlimited', mem: 128 } }],
    ['a URI without a scheme', { ...sleep, fetch: [{ uri: '/tmp/a.tgz' }] }],
    ['two container networks of a Mesos container', { ...sleep, networks: [{ name: 'a' }, { name: 'b' }] }],
    ['a dependency on what does not exist', { ...sleep, dependencies: ['/nothing'] }],
  ];
  for (const [sentence, request, settings = defaultAppSettings] of accepted) {
    it(`${sentence} is accepted`, () => {
      expect(complaints(create(request, settings))).toEqual([]);
    });
  }

  it('reports everything that is wrong at once', () => {
    expect(complaints(create({ ...sleep, args: ['a'], role: 'x', acceptedResourceRoles: [] }))).toHaveLength(3);
  });
});
