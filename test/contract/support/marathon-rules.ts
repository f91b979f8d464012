/** Definitions that break one rule of Marathon each, and what it says about them (rest-api §9.3). */

/** An app that is right. */
export const base = { id: '/a', cmd: 'sleep 9', cpus: 0.1, mem: 32 };
const { cmd: _cmd, ...bare } = base;
const docker = (container: object = {}, more: object = {}) => ({
  ...bare,
  container: { type: 'DOCKER', docker: { image: 'x' }, ...container },
  ...more,
});
export const mesos = (container: object = {}, more: object = {}) => ({
  ...base,
  container: { type: 'MESOS', ...container },
  ...more,
});
export const withVolumes = (volumes: readonly object[], more: object = {}) => mesos({ volumes }, more);
export const persistent = (info: object, more: object = {}) => ({
  containerPath: 'd',
  mode: 'RW',
  persistent: { size: 10, ...info },
  ...more,
});
const dvdi = (external: object = {}, more: object = {}) => ({
  containerPath: 'a',
  mode: 'RW',
  external: { provider: 'dvdi', name: 'n', options: { 'dvdi/driver': 'rexray' }, ...external },
  ...more,
});

type Details = Readonly<Record<string, readonly string[]>>;

export interface Case {
  readonly body: object;
  readonly details: Details;
  readonly features?: readonly string[];
}

const indices = 'Health check port indices must address an element of the ports array or container port mappings.';
const command = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.";
const operators = 'operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS';
const oneKindOfNetwork = 'May specify a single host network, single bridge network, or else 1-to-n container networks';
const migration =
  'DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION';

/** By what is wrong with them. */
export const broken: Readonly<Record<string, Case>> = {
  'nothing to run': { body: bare, details: { '/': [command] } },
  'command and arguments': { body: { ...base, args: ['x'] }, details: { '/': [command] } },
  'a Mesos container without image or command': {
    body: { ...bare, container: { type: 'MESOS' } },
    details: { '/': [command] },
  },
  'a Docker container without docker': {
    body: { ...bare, container: { type: 'DOCKER' } },
    details: { '/': [command], '/container/docker': ['not defined'] },
  },
  'a reserved id': {
    body: { ...base, id: '/a/tasks' },
    details: { '/id': ['must not end with any of the following reserved keywords: restart, tasks, versions, ., ..'] },
  },
  'the root as id': {
    body: { ...base, id: '/' },
    details: { '/': ['must not be root'], '/id': ['Path must contain at least one path element'] },
  },
  'a health check of a port that is not there': {
    body: { ...base, healthChecks: [{ protocol: 'TCP' }, { portIndex: 3 }] },
    details: { '/healthChecks(1)': [indices] },
  },
  'a health check over IPv6 without Docker': {
    body: { ...base, healthChecks: [{ protocol: 'MESOS_HTTP', ipProtocol: 'IPv6' }] },
    details: {
      '/healthChecks(0)': ['IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks'],
    },
  },
  'two health checks by Mesos': {
    body: { ...base, healthChecks: [{ protocol: 'MESOS_TCP' }, { protocol: 'MESOS_HTTP' }] },
    details: { '/': ['AppDefinition can contain at most one Mesos health check'] },
  },
  'a check with Docker': {
    body: docker({}, { check: { tcp: { portIndex: 0 } } }),
    details: { '/': ["AppDefinition must not use 'checks' if using docker"] },
  },
  'a check of a port that is not there': {
    body: { ...base, check: { tcp: { portIndex: 7 } } },
    details: {
      '/check': ['check port index must address an element of the ports array or container port mappings.'],
    },
  },
  'two readiness checks, one of an unknown port': {
    body: { ...base, readinessChecks: [{ portName: 'default' }, { portName: 'x' }] },
    details: {
      '/readinessChecks/size': ['got 2, expected 1 or less'],
      '/readinessChecks(1)/portName': ['No port definition reference for portName x'],
    },
  },
  'a readiness check that takes longer than its interval': {
    body: { ...base, readinessChecks: [{ portName: 'default', intervalSeconds: 5 }] },
    details: { '/readinessChecks(0)/timeoutSeconds': ['got 10, expected less than 5'] },
  },
  'constraints of every wrong kind': {
    body: {
      ...base,
      constraints: [
        ['a'],
        ['', 'UNIQUE'],
        ['a', 'FOO'],
        ['a', 'UNIQUE', 'x'],
        ['a', 'GROUP_BY', 'x'],
        ['a', 'MAX_PER'],
        ['a', 'LIKE'],
        ['a', 'UNLIKE', '('],
        ['a', 'IS', '[1-2]'],
        ['a', 'UNIQUE', 'b', 'c'],
      ],
    },
    details: {
      '/constraints(0)': ['Each constraint must have either 2 or 3 fields'],
      '/constraints(1)': ['illegal constraint specification'],
      '/constraints(2)': [operators],
      '/constraints(3)': ['UNIQUE does not accept a value'],
      '/constraints(4)': ['GROUP BY must define an integer value or else no value at all'],
      '/constraints(5)': ['MAX_PER requires an integer value'],
      '/constraints(6)': ['LIKE and UNLIKE require a non-empty, regular expression value'],
      '/constraints(7)': ['is not a valid regular expression'],
      '/constraints(8)': [
        'IS only supports Mesos text and float values (see http://mesos.apache.org/documentation/latest/attributes-resources/)',
      ],
      '/constraints(9)': ['Each constraint must have either 2 or 3 fields'],
    },
  },
  'ports of one name and number': {
    body: {
      ...base,
      portDefinitions: [
        { port: 80, name: 'a' },
        { port: 80, name: 'a' },
      ],
    },
    details: { '/portDefinitions': ['Port names must be unique.', 'Ports must be unique.'] },
  },
  'a host network with a name and labels': {
    body: { ...base, networks: [{ mode: 'host', name: 'x', labels: { a: 'b' } }] },
    details: { '/networks': ['Host networks may not have names or labels'] },
  },
  'a bridge with a name': {
    body: { ...base, networks: [{ mode: 'container/bridge', name: 'x' }] },
    details: { '/networks': ['Bridge networks may not have names'] },
  },
  'one network twice': {
    body: { ...base, networks: [{ name: 'x' }, { name: 'x' }] },
    details: { '/networks': ['Duplicate networks are not allowed'] },
  },
  'networks of two kinds': {
    body: { ...base, networks: [{ name: 'x' }, { mode: 'host' }] },
    details: { '/networks': [oneKindOfNetwork] },
  },
  'a container network without a name': {
    body: { ...base, networks: [{ mode: 'container' }] },
    details: { '/networks': ['Network name must be specified when container network is selected.'] },
  },
  'two container networks with Docker': {
    body: docker({}, { networks: [{ name: 'x' }, { name: 'y' }] }),
    details: { '/': ['may only specify a single container network when using the Docker container engine'] },
  },
  'a host port on several networks': {
    body: mesos({ portMappings: [{ containerPort: 1, hostPort: 0 }] }, { networks: [{ name: 'x' }, { name: 'y' }] }),
    details: {
      '/container/portMappings(0)': [
        'networkNames must be a single item list when hostPort is specified and more than 1 container network is defined',
      ],
    },
  },
  'a mapping to a network that is not there': {
    body: mesos({ portMappings: [{ containerPort: 1, networkNames: ['z'] }] }, { networks: [{ name: 'x' }] }),
    details: { '/container/portMappings(0)/networkNames(0)': ['is not one of (x)'] },
  },
  'discovery with Docker': {
    body: docker({}, { ipAddress: { networkName: 'n', discovery: {} } }),
    details: { '/ipAddress': ['ipAddress/discovery is not allowed for Docker containers'] },
  },
  'a role that is not allowed here': {
    body: { ...base, id: '/dev/a', role: 'x' },
    details: { '/role': ['got x, expected one of: [*, dev]'] },
  },
  'accepted roles that are not allowed here': {
    body: { ...base, acceptedResourceRoles: ['x'] },
    details: { '/acceptedResourceRoles': ['acceptedResourceRoles can only contain *'] },
  },
  'accepted roles that are no names': {
    body: { ...base, id: '/dev/a', role: 'dev', acceptedResourceRoles: ['a/b', '-x', '.', 'a b'] },
    details: {
      '/acceptedResourceRoles(0)': ['A role name must not include a slash (\\x2f) character.'],
      '/acceptedResourceRoles(1)': ["A role name must not start with a '-'."],
      '/acceptedResourceRoles(2)': ['A role name must not be ".".'],
      '/acceptedResourceRoles(3)': ['A role name must not include a space (\\x20) character.'],
      '/acceptedResourceRoles': ['acceptedResourceRoles can only contain * and dev'],
    },
  },
  'no accepted role': {
    body: { ...base, acceptedResourceRoles: [] },
    details: { '/acceptedResourceRoles': ['must not be empty'] },
  },
  'GPUs where they are off, with Docker': {
    body: docker({}, { gpus: 1 }),
    details: {
      '/': [
        'Feature gpu_resources is not enabled. Enable with --enable_features gpu_resources)',
        'GPU resources only work with the Mesos containerizer',
      ],
    },
  },
  'limits below what is asked for': {
    body: { ...base, cpus: 2, resourceLimits: { cpus: 1, mem: 'Infinity' } },
    details: {
      '/resourceLimits/cpus': ['resource limit must be greater than or equal to requested resource (2.0)'],
      '/resourceLimits/mem': ["'Infinity' is an invalid resource limit. It must be 'unlimited' or a number"],
    },
  },
  'a service that names half of a migration API': {
    body: { ...base, labels: { DCOS_MIGRATION_API_VERSION: 'v1', DCOS_MIGRATION_API_PATH: '/v1' } },
    details: { '/': [migration] },
  },
  'two instances of a single one': {
    body: {
      ...base,
      labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' },
      instances: 2,
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
    },
    details: {
      '/': ['Single instance app may only have one instance'],
      '/upgradeStrategy/minimumHealthCapacity': ['got 0.5, expected 0.0'],
    },
  },
  'tasks that are given up before they are replaced': {
    body: { ...base, unreachableStrategy: { inactiveAfterSeconds: 2, expungeAfterSeconds: 1 } },
    details: {
      '/unreachableStrategy/inactiveAfterSeconds': [
        'inactiveAfterSeconds (2) must be less or equal to expungeAfterSeconds, which is 1',
      ],
    },
  },
  'variables without a name': {
    body: { ...base, env: { A: 'a', '': 'b' } },
    details: { '/env/keys(1)': ['must not be empty'] },
  },
  'secrets where they are off': {
    body: { ...base, secrets: { s: { source: 'x' } }, env: { A: { secret: 't' } } },
    details: {
      '/secrets': ['Feature secrets is not enabled. Enable with --enable_features secrets)'],
      '/env': ['use of secret-references in the environment requires the secrets feature to be enabled'],
      '/env/A/secret': ['references an undefined secret'],
    },
  },
  'secrets without a name': {
    features: ['secrets'],
    body: { ...base, secrets: { '': { source: 'x' } } },
    details: { '/secrets/keys(0)': ['must not be empty'] },
  },
  'credentials for an image, where secrets are off': {
    body: mesos({ docker: { image: 'x', pullConfig: { secret: 's' } } }),
    details: {
      '/container/docker/pullConfig': [
        'must be empty',
        'Feature secrets is not enabled. Enable with --enable_features secrets)',
        'pullConfig.secret must refer to an existing secret',
      ],
    },
  },
  'credentials for an image of Docker': {
    features: ['secrets'],
    body: docker({ docker: { image: 'x', pullConfig: { secret: 's' } } }),
    details: { '/container/docker/pullConfig': ['pullConfig is not supported with Docker containerizer'] },
  },
  'a confined task without a profile': {
    body: mesos({ linuxInfo: { seccomp: { unconfined: false } } }),
    details: {
      '/container/linuxInfo/seccomp': ['Seccomp unconfined must be true when Profile is NOT defined'],
    },
  },
  'an unconfined task with a profile': {
    body: mesos({ linuxInfo: { seccomp: { unconfined: true, profileName: 'p' } } }),
    details: {
      '/container/linuxInfo/seccomp': ['Seccomp unconfined can NOT be true when Profile is defined'],
    },
  },
  'shared memory of its own, shared with the parent': {
    body: mesos({ linuxInfo: { ipcInfo: { mode: 'SHARE_PARENT', shmSize: 3 } } }),
    details: {
      '/container/linuxInfo/ipcInfo': ['ipcInfo shmSize can NOT be set when mode is SHARE_PARENT'],
    },
  },
  'a resident app with everything wrong': {
    body: withVolumes([persistent({})], {
      unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
      upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
    }),
    details: {
      '/role': ['Resident apps cannot have the role *'],
      '/': ['unreachableStrategy must be disabled for resident tasks'],
      '/upgradeStrategy/maximumOverCapacity': ['got 1.0, expected 0.0'],
    },
  },
  'persistent volumes of every wrong kind': {
    body: withVolumes(
      [
        persistent({ size: 0, constraints: [['path', 'LIKE', 'a']] }, { mode: 'RO' }),
        persistent({ type: 'path', maxSize: 20 }, { containerPath: '..' }),
        persistent({ type: 'mount', maxSize: 5 }, { containerPath: 'a/b' }),
        persistent({
          type: 'mount',
          constraints: [
            ['size', 'LIKE', 'a'],
            ['path', 'FOO', 'a'],
            ['path', 'IS', 'a'],
            ['path', 'LIKE', '('],
          ],
        }),
      ],
      { id: '/r/a', role: 'r' },
    ),
    details: {
      '/container/volumes(0)/mode': ['does not equal RW'],
      '/container/volumes(0)/persistent/size': ['got 0, expected more than 0'],
      '/container/volumes(0)/persistent': ['Constraints on root volumes are not supported'],
      '/container/volumes(1)/containerPath': ['can not be one of (.,..)'],
      '/container/volumes(1)/persistent': ['Only mount volumes can have maxSize'],
      '/container/volumes(2)/containerPath': ['value must not contain "/"'],
      '/container/volumes(2)/persistent': ['Max size must be larger than size'],
      '/container/volumes(3)/persistent/constraints(0)': ['Unsupported constraint size,LIKE,a'],
      '/container/volumes(3)/persistent/constraints(1)': ['unknown constraint operator FOO'],
      '/container/volumes(3)/persistent/constraints(2)': ['Operator must be one of LIKE, UNLIKE'],
      '/container/volumes(3)/persistent/constraints(3)': ['Invalid regular expression'],
    },
  },
  'an external volume of an unknown provider': {
    features: ['external_volumes'],
    body: withVolumes([dvdi({ provider: 'x' })]),
    details: { '/container/volumes(0)/external/provider': ['is unknown provider'] },
  },
  'an external volume without a driver': {
    features: ['external_volumes'],
    body: withVolumes([dvdi({ options: {} })]),
    details: { '/container/volumes(0)/external/options("dvdi/driver")': ['not defined'] },
  },
  'an external volume of Docker with more than a driver': {
    features: ['external_volumes'],
    body: docker({ volumes: [dvdi({ size: 3, options: { 'dvdi/driver': 'rexray', 'dvdi/x': 'y' } })] }),
    details: {
      '/container/volumes(0)/external/options': ['must only contain dvdi/driver'],
      '/container/volumes(0)/external/size': ['must be undefined for Docker containers'],
    },
  },
  'an external volume in a place that leads elsewhere, only read': {
    features: ['external_volumes'],
    body: withVolumes([dvdi({}, { containerPath: '.', mode: 'RO' })]),
    details: {
      '/container/volumes(0)/containerPath': ['can not be one of (.,..)'],
      '/container/volumes(0)/mode': ['does not equal RW'],
    },
  },
  'two instances with one external volume': {
    features: ['external_volumes'],
    body: withVolumes([dvdi()], { instances: 2 }),
    details: { '/': ['Number of instances is limited to 1 when declaring DVDI volumes in app [/a]'] },
  },
};
