/** The members of an app as Marathon's schemas list them (1.4–1.11), and nothing else. Written down by hand from those sources. */
import { anyOf, list, type Members, map, object } from './shapes.ts';

const secret = object({ secret: 'string' });
const labels = map('string');
const portMapping = object({
  containerPort: 'integer',
  'hostPort?': 'integer',
  servicePort: 'integer',
  protocol: 'string',
  'name?': 'string',
  labels,
  'networkNames?': list('string'),
});

const volume = anyOf(
  object({ containerPath: 'string', hostPath: 'string', mode: 'string' }),
  object({
    containerPath: 'string',
    mode: 'string',
    persistent: object({
      'type?': 'string',
      size: 'integer',
      'maxSize?': 'integer',
      'profileName?': 'string',
      'constraints?': list(list('string')),
    }),
  }),
  object({
    containerPath: 'string',
    mode: 'string',
    external: object({
      provider: 'string',
      'name?': 'string',
      'size?': 'integer',
      'options?': map('any'),
      'shared?': 'boolean',
    }),
  }),
  object({ containerPath: 'string', 'mode?': 'string', secret: 'string' }),
);

const container = object({
  type: 'string',
  'docker?': object({
    image: 'string',
    forcePullImage: 'boolean',
    'privileged?': 'boolean',
    'parameters?': list(object({ key: 'string', value: 'string' })),
    'pullConfig?': secret,
  }),
  'linuxInfo?': object({
    'seccomp?': object({ 'profileName?': 'string', 'unconfined?': 'boolean' }),
    'ipcInfo?': object({ mode: 'string', 'shmSize?': 'integer' }),
  }),
  'portMappings?': list(portMapping),
  volumes: list(volume),
});

const command = object({ value: 'string' });
const healthCheck = object({
  protocol: 'string',
  'path?': 'string',
  'portIndex?': 'integer',
  'port?': 'integer',
  'command?': command,
  gracePeriodSeconds: 'integer',
  intervalSeconds: 'integer',
  timeoutSeconds: 'integer',
  maxConsecutiveFailures: 'integer',
  'delaySeconds?': 'integer',
  'ignoreHttp1xx?': 'boolean',
  'ipProtocol?': 'string',
});

const checkPort = { 'portIndex?': 'integer', 'port?': 'integer' } as const;
const check = object({
  'http?': object({ ...checkPort, 'path?': 'string', 'scheme?': 'string' }),
  'tcp?': object(checkPort),
  'exec?': object({ command: object({ 'shell?': 'string', 'argv?': list('string') }) }),
  intervalSeconds: 'integer',
  timeoutSeconds: 'integer',
  delaySeconds: 'integer',
});

const readinessCheck = object({
  name: 'string',
  protocol: 'string',
  path: 'string',
  portName: 'string',
  intervalSeconds: 'integer',
  timeoutSeconds: 'integer',
  httpStatusCodesForReady: list('integer'),
  preserveLastResponse: 'boolean',
});

const limit = anyOf('number', 'string');

/** Members of our own that an app has only if a user has set them (docs/beyond-marathon.md). */
const setByUsers: Members = { 'replaceBeforeKill?': 'boolean' };

/** Of a definition. */
export const definition: Members = {
  id: 'string',
  'cmd?': 'string',
  'args?': list('string'),
  'user?': 'string',
  'env?': map(anyOf('string', secret)),
  'secrets?': map(object({ source: 'string' })),
  labels,
  instances: 'integer',
  cpus: 'number',
  mem: 'number',
  disk: 'number',
  gpus: 'integer',
  executor: 'string',
  'executorResources?': object({ cpus: 'number', mem: 'number', disk: 'number' }),
  'resourceLimits?': object({ 'cpus?': limit, 'mem?': limit }),
  'constraints?': list(list('string')),
  'acceptedResourceRoles?': list('string'),
  role: 'string',
  'container?': container,
  networks: list(object({ mode: 'string', 'name?': 'string', 'labels?': labels })),
  'portDefinitions?': list(object({ port: 'integer', protocol: 'string', 'name?': 'string', 'labels?': labels })),
  requirePorts: 'boolean',
  'healthChecks?': list(healthCheck),
  'check?': check,
  'readinessChecks?': list(readinessCheck),
  'fetch?': list(
    object({ uri: 'string', extract: 'boolean', executable: 'boolean', cache: 'boolean', 'destPath?': 'string' }),
  ),
  'dependencies?': list('string'),
  backoffSeconds: 'integer',
  backoffFactor: 'number',
  maxLaunchDelaySeconds: 'integer',
  'taskKillGracePeriodSeconds?': 'integer',
  upgradeStrategy: object({ minimumHealthCapacity: 'number', maximumOverCapacity: 'number' }),
  killSelection: 'string',
  unreachableStrategy: anyOf('string', object({ inactiveAfterSeconds: 'integer', expungeAfterSeconds: 'integer' })),
  'residency?': object({ relaunchEscalationTimeoutSeconds: 'integer', taskLostBehavior: 'string' }),
  'tty?': 'boolean',
  version: 'stamp',
  'versionInfo?': object({ lastScalingAt: 'stamp', lastConfigChangeAt: 'stamp' }),
  ...setByUsers,
};
