/**
 * The members of Marathon's answers, as its schemas and descriptions list them (1.4–1.11), and nothing else: strict clients throw on a
 * member that is not in here. Written down by hand from those sources, never from our own renderers.
 */

import { definition } from './marathon-app.ts';
import { anyOf, list, type Members, object, type Shape } from './shapes.ts';

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
  'version?': 'stamp',
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
