/**
 * The members of Marathon's answers, as its schemas and descriptions list them (1.4–1.11), and nothing else: strict clients throw on a
 * member that is not in here. Written down by hand from those sources, never from our own renderers.
 */

/** `?` = need not be there; a member that is there is never null unless its type says so. */
type Leaf =
  | 'string'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'any'
  | 'stamp'
  | 'string|null'
  | 'number|null'
  | 'integer|null'
  | 'boolean|null';

export type Shape =
  | Leaf
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly anyOf: readonly Shape[] }
  | { readonly members: Members };

/** Name → shape; a name that ends in `?` need not be there. */
export interface Members {
  readonly [name: string]: Shape;
}

const object = (members: Members): Shape => ({ members });
const list = (of: Shape): Shape => ({ list: of });
const map = (of: Shape): Shape => ({ map: of });
const anyOf = (...shapes: readonly Shape[]): Shape => ({ anyOf: shapes });

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

/** Members of our own that an app has only if a user has set them (docs/compatibility.md). */
const setByUsers: Members = { 'replaceBeforeKill?': 'boolean' };

const definition: Members = {
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

const healthResult = object({
  alive: 'boolean',
  consecutiveFailures: 'integer',
  'firstSuccess?': 'stamp',
  'lastSuccess?': 'stamp',
  'lastFailure?': 'stamp',
  'lastFailureCause?': 'string',
  instanceId: 'string',
});

const task = object({
  id: 'string',
  appId: 'string',
  host: 'string',
  'slaveId?': 'string',
  state: 'string',
  ports: list('integer'),
  servicePorts: list('integer'),
  ipAddresses: list(object({ ipAddress: 'string', protocol: 'string' })),
  'stagedAt?': 'stamp',
  'startedAt?': 'stamp',
  version: 'stamp',
  healthCheckResults: list(healthResult),
  'checkResult?': object({
    'http?': object({ statusCode: 'integer' }),
    'tcp?': object({ succeeded: 'boolean' }),
    'command?': object({ exitCode: 'integer' }),
  }),
  localVolumes: list(object({ runSpecId: 'string', containerPath: 'string', uuid: 'string', persistenceId: 'string' })),
  'region?': 'string',
  'zone?': 'string',
  role: 'string',
});

const counts = { staged: 'integer', running: 'integer', healthy: 'integer', unhealthy: 'integer' } as const;
const statistics = object({
  stats: object({
    counts: object(counts),
    'lifeTime?': object({ averageSeconds: 'number', medianSeconds: 'number' }),
  }),
});
const taskStats = object({
  'startedAfterLastScaling?': statistics,
  'withLatestConfig?': statistics,
  'withOutdatedConfig?': statistics,
  'totalSummary?': statistics,
});

const readinessResult = object({
  name: 'string',
  taskId: 'string',
  ready: 'boolean',
  'lastResponse?': object({ status: 'integer', contentType: 'string', body: 'string' }),
});

const appInfo: Members = {
  ...definition,
  'tasksStaged?': 'integer',
  'tasksRunning?': 'integer',
  'tasksHealthy?': 'integer',
  'tasksUnhealthy?': 'integer',
  'deployments?': list(object({ id: 'string' })),
  'tasks?': list(task),
  'readinessCheckResults?': list(readinessResult),
  'lastTaskFailure?': object({
    appId: 'string',
    host: 'string',
    message: 'string',
    state: 'string',
    taskId: 'string',
    timestamp: 'stamp',
    version: 'stamp',
    'slaveId?': 'string',
  }),
  'taskStats?': taskStats,
  'tasksStats?': taskStats,
};

const groupMembers: Record<string, Shape> = {
  id: 'string',
  'apps?': list(object(appInfo)),
  'pods?': list('any'),
  dependencies: list('string'),
  version: 'stamp',
  'enforceRole?': 'boolean',
};
const group = object(groupMembers);
groupMembers['groups?'] = list(group);

const action = { action: 'string', 'app?': 'string', 'pod?': 'string' } as const;
const steps = list(object({ actions: list(object(action)) }));

const deployment = object({
  id: 'string',
  version: 'stamp',
  affectedApps: list('string'),
  affectedPods: list('string'),
  steps,
  currentActions: list(object({ ...action, readinessCheckResults: list(readinessResult) })),
  currentStep: 'integer',
  totalSteps: 'integer',
});

const ranges = list(object({ begin: 'integer', end: 'integer' }));
const rejections = list(object({ reason: 'string', declined: 'integer', processed: 'integer' }));
const offer = object({
  id: 'string',
  hostname: 'string',
  agentId: 'string',
  resources: list(
    object({ name: 'string', role: 'string', 'scalar?': 'number', 'ranges?': ranges, 'set?': list('string') }),
  ),
  attributes: list(
    object({ name: 'string', 'text?': 'string', 'scalar?': 'number', 'ranges?': ranges, 'set?': list('string') }),
  ),
});

const queueItem = object({
  app: object(definition),
  count: 'integer',
  role: 'string',
  since: 'stamp',
  delay: object({ timeLeftSeconds: 'integer', overdue: 'boolean' }),
  processedOffersSummary: object({
    processedOffersCount: 'integer',
    unusedOffersCount: 'integer',
    'lastUnusedOfferAt?': 'stamp',
    'lastUsedOfferAt?': 'stamp',
    rejectSummaryLastOffers: rejections,
    rejectSummaryLaunchAttempt: rejections,
  }),
  'lastUnusedOffers?': list(object({ offer, reason: list('string'), timestamp: 'stamp' })),
});

const text = 'string|null';
const whole = 'integer|null';
const flag = 'boolean|null';

/** The only place with nulls (trap 29). */
const info = object({
  name: 'string',
  version: 'string',
  buildref: 'string',
  elected: 'boolean',
  leader: text,
  frameworkId: text,
  marathon_config: object({
    access_control_allow_origin: anyOf(list('string'), text),
    checkpoint: flag,
    decline_offer_duration: whole,
    default_network_name: text,
    env_vars_prefix: text,
    executor: text,
    failover_timeout: whole,
    features: list('string'),
    framework_name: text,
    ha: flag,
    hostname: text,
    launch_token: whole,
    launch_token_refresh_interval: whole,
    leader_proxy_connection_timeout_ms: whole,
    leader_proxy_read_timeout_ms: whole,
    local_port_min: whole,
    local_port_max: whole,
    master: text,
    max_instances_per_offer: whole,
    mesos_bridge_name: text,
    mesos_heartbeat_interval: whole,
    mesos_heartbeat_failure_threshold: whole,
    mesos_leader_ui_url: text,
    mesos_role: text,
    mesos_user: text,
    min_revive_offers_interval: whole,
    new_group_enforce_role: text,
    offer_matching_timeout: whole,
    on_elected_prepare_timeout: whole,
    reconciliation_initial_delay: whole,
    reconciliation_interval: whole,
    scale_apps_initial_delay: whole,
    scale_apps_interval: whole,
    store_cache: flag,
    task_launch_confirm_timeout: whole,
    task_launch_timeout: whole,
    task_lost_expunge_initial_delay: whole,
    task_lost_expunge_interval: whole,
    task_reservation_timeout: whole,
    webui_url: text,
    maintenance_mode: flag,
  }),
  zookeeper_config: object({
    zk: text,
    zk_timeout: whole,
    zk_connection_timeout: whole,
    zk_session_timeout: whole,
    zk_max_versions: whole,
    zk_max_node_size: whole,
    zk_compression: flag,
    zk_compression_threshold: whole,
  }),
  http_config: object({ http_port: whole, https_port: whole }),
});

/** What a change is answered with. */
const result = object({ version: 'stamp', deploymentId: 'string' });

/** Every refusal (rest-api §1.5). */
export const errorShape = object({
  message: 'string',
  'details?': anyOf('string', list(object({ path: 'string', errors: list('string') }))),
  'deployments?': list(object({ id: 'string' })),
});

const tasks = object({ tasks: list(task) });
const apps = list(object(appInfo));

/** Method and path → the answer of success; the first row that fits. */
export const marathonAnswers: readonly (readonly [method: string, path: RegExp, shape: Shape])[] = [
  ['GET', /^\/v2\/apps$/, object({ apps })],
  ['POST', /^\/v2\/apps$/, object(appInfo)],
  ['GET', /^\/v2\/apps\/.+\/versions$/, object({ versions: list('stamp') })],
  ['GET', /^\/v2\/apps\/.+\/versions\/[^/]+$/, object(definition)],
  ['GET', /^\/v2\/apps\/.+\/tasks$/, tasks],
  ['DELETE', /^\/v2\/apps\/.+\/tasks$/, anyOf(tasks, result)],
  ['DELETE', /^\/v2\/apps\/.+\/tasks\/[^/]+$/, anyOf(object({ task }), result)],
  ['GET', /^\/v2\/apps\/(.+\/)?\*$/, object({ '*': apps })],
  ['GET', /^\/v2\/apps\/.+$/, object({ app: object(appInfo) })],
  ['POST', /^\/v2\/apps\/.+\/restart$/, result],
  ['PUT', /^\/v2\/apps/, result],
  ['PATCH', /^\/v2\/apps/, result],
  ['DELETE', /^\/v2\/apps\/.+$/, result],
  ['GET', /^\/v2\/groups(\/.+)?\/apps$/, apps],
  ['GET', /^\/v2\/groups(\/.+)?\/versions$/, list('stamp')],
  ['GET', /^\/v2\/groups(\/.+)?$/, group],
  ['POST', /^\/v2\/groups/, result],
  ['PUT', /^\/v2\/groups/, anyOf(result, object({ steps }))],
  ['DELETE', /^\/v2\/groups/, result],
  ['GET', /^\/v2\/deployments$/, list(deployment)],
  ['DELETE', /^\/v2\/deployments\/[^/]+$/, result],
  ['GET', /^\/v2\/tasks$/, tasks],
  ['POST', /^\/v2\/tasks\/delete$/, anyOf(tasks, result)],
  ['GET', /^\/v2\/queue$/, object({ queue: list(queueItem) })],
  ['GET', /^\/v2\/info$/, info],
  ['GET', /^\/v2\/leader$/, object({ leader: 'string' })],
  ['DELETE', /^\/v2\/leader$/, object({ message: 'string', details: list('any') })],
  ['GET', /^\/v2\/plugins$/, object({ plugins: list('any') })],
  ['GET', /^\/v2\/eventSubscriptions$/, object({ callbackUrls: list('string') })],
];

const leaves: Readonly<Record<Leaf, (value: unknown) => boolean>> = {
  any: () => true,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  stamp: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  'string|null': (value) => value === null || typeof value === 'string',
  'number|null': (value) => value === null || typeof value === 'number',
  'integer|null': (value) => value === null || Number.isInteger(value),
  'boolean|null': (value) => value === null || typeof value === 'boolean',
};

/** What is in an answer that Marathon's has not, what is missing, and what has another type. */
export function differences(shape: Shape, value: unknown, at = ''): readonly string[] {
  if (typeof shape === 'string')
    return leaves[shape](value) ? [] : [`${at || '/'} is no ${shape}: ${JSON.stringify(value)}`];
  if ('anyOf' in shape) {
    const found = shape.anyOf.map((one) => differences(one, value, at));
    return found.some((each) => each.length === 0) ? [] : found.reduce((a, b) => (b.length < a.length ? b : a));
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) return [`${at || '/'} is no list`];
    return value.flatMap((each, i) => differences(shape.list, each, `${at}[${i}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at || '/'} is no object`];
  const members = Object.entries(value);
  if ('map' in shape) return members.flatMap(([name, each]) => differences(shape.map, each, `${at}/${name}`));
  return differencesOf(shape.members, members, at);
}

function differencesOf(
  known: Members,
  members: readonly (readonly [string, unknown])[],
  at: string,
): readonly string[] {
  const names = new Set(members.map(([name]) => name));
  const missing = Object.keys(known).filter((name) => !name.endsWith('?') && !names.has(name));
  return [
    ...missing.map((name) => `${at}/${name} is missing`),
    ...members.flatMap(([name, value]) => {
      const shape = known[name] ?? known[`${name}?`];
      return shape === undefined ? [`${at}/${name} is not Marathon's`] : differences(shape, value, `${at}/${name}`);
    }),
  ];
}
