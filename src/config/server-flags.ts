/** The flags of the server: Marathon's names, our defaults where design §8 sets others (rest-api §11.2–11.6). */
import type { FlagSpec } from './flags.ts';

const port = { type: 'integer', min: 0, max: 65_535 } as const;
const milliseconds = { type: 'integer', min: 0, max: 2_147_483_647 } as const;

const mesos: readonly FlagSpec[] = [
  {
    name: 'master',
    type: 'string',
    help: 'Mesos master: host:port, http(s)://host:port, a comma list of them, or zk://[user:password@]host:port,…/mesos',
  },
  { name: 'framework_name', type: 'string', default: 'marathon', help: 'name to register under' },
  {
    name: 'failover_timeout',
    type: 'number',
    min: 0,
    default: 604_800,
    help: 'seconds that tasks outlive this server',
  },
  { name: 'checkpoint', type: 'boolean', default: true, help: 'let agents checkpoint tasks' },
  { name: 'mesos_role', type: 'string', default: '*', help: 'role of apps that name none' },
  { name: 'mesos_user', type: 'string', help: 'user of tasks that name none (default: the user of this process)' },
  { name: 'mesos_authentication_principal', type: 'string', help: 'principal for the Mesos master' },
  { name: 'mesos_authentication_secret', type: 'string', isSecret: true, help: 'secret of the principal' },
  { name: 'mesos_authentication_secret_file', type: 'string', help: 'file that holds the secret' },
  {
    name: 'mesos_ca_file',
    type: 'string',
    help: 'authorities that Mesos masters are certified by, PEM; for https masters',
  },
  { name: 'mesos_client_cert_file', type: 'string', help: 'certificate to show to Mesos masters, PEM' },
  { name: 'mesos_client_key_file', type: 'string', help: 'its private key, PEM' },
  {
    name: 'register_anew',
    type: 'boolean',
    default: false,
    help: 'go on as a new framework if the master has removed ours, and its tasks with it',
  },
  { name: 'mesos_leader_ui_url', type: 'string', help: 'address of the Mesos UI, for links' },
  {
    name: 'mesos_heartbeat_interval',
    ...milliseconds,
    default: 15_000,
    help: 'silence after which the link is suspect, ms',
  },
  {
    name: 'mesos_heartbeat_failure_threshold',
    type: 'integer',
    min: 1,
    default: 5,
    help: 'missed beats before reconnecting',
  },
  { name: 'webui_url', type: 'string', help: 'address of this UI, shown by Mesos' },
  {
    name: 'enable_features',
    type: 'string',
    help: 'comma list: vips, task_killing, external_volumes, secrets, gpu_resources, reservation_refinement',
  },
];

const scheduling: readonly FlagSpec[] = [
  { name: 'local_port_min', ...port, default: 10_000, help: 'first service port that is assigned' },
  { name: 'local_port_max', ...port, default: 20_000, help: 'the range of service ports ends before it' },
  { name: 'env_vars_prefix', type: 'string', help: 'prefix of HOST and the port variables' },
  { name: 'default_network_name', type: 'string', help: 'network of apps that name none' },
  { name: 'mesos_bridge_name', type: 'string', default: 'mesos-bridge', help: 'network of the bridge mode' },
  {
    name: 'accepted_resource_roles_default_behavior',
    type: 'string',
    default: 'any',
    choices: ['any', 'unreserved', 'reserved'],
    help: 'roles of resources that apps accept',
  },
  { name: 'maintenance_mode', type: 'boolean', default: true, help: 'avoid agents under maintenance' },
  { name: 'draining_seconds', type: 'integer', min: 0, default: 0, help: 'avoid them this long before' },
  {
    name: 'gpu_scheduling_behavior',
    type: 'string',
    default: 'restricted',
    choices: ['restricted', 'unrestricted'],
    help: 'who may run on agents with GPUs',
  },
  { name: 'task_launch_timeout', ...milliseconds, default: 300_000, help: 'ms that a task may stage' },
  {
    name: 'task_launch_confirm_timeout',
    ...milliseconds,
    default: 300_000,
    help: 'ms until the first word of a launch',
  },
  { name: 'reconciliation_interval', ...milliseconds, default: 600_000, help: 'ms between reconciliations' },
  { name: 'max_instances_per_offer', type: 'integer', min: 1, help: 'launches from one offer (default: no limit)' },
  { name: 'decline_offer_duration', ...milliseconds, default: 120_000, help: 'ms that a declined offer stays away' },
  { name: 'min_revive_offers_interval', ...milliseconds, default: 100, help: 'ms between two revives' },
  { name: 'suppress_offers', type: 'boolean', default: true, help: 'ask for no offers while nobody waits' },
  { name: 'max_running_deployments', type: 'integer', min: 1, help: 'deployments at once (default: no limit)' },
  { name: 'kill_chunk_size', type: 'integer', min: 1, default: 100, help: 'kills at once' },
  { name: 'kill_retry_timeout', ...milliseconds, default: 30_000, help: 'ms until a kill is repeated' },
  { name: 'max_concurrent_marathon_health_checks', type: 'integer', min: 1, default: 2_048, help: 'probes at once' },
  {
    name: 'health_kill_breaker',
    type: 'boolean',
    default: true,
    help: 'no kills for failed health checks while many tasks fail at once or this server lags',
  },
  {
    name: 'health_kills_per_minute',
    type: 'integer',
    min: 0,
    default: 200,
    help: 'kills for failed health checks in a minute, over all; 0 = no limit',
  },
  {
    name: 'health_kills_per_app',
    type: 'integer',
    min: 0,
    max: 100,
    default: 20,
    help: 'the same for one app, in percent of its instances but at least 5; 0 = no limit',
  },
  { name: 'max_apps', type: 'integer', min: 1, help: 'apps that there may be (default: no limit)' },
  {
    name: 'new_group_enforce_role',
    type: 'string',
    default: 'off',
    choices: ['off', 'top'],
    help: 'top: services in new top-level groups must have the role of the group',
  },
  { name: 'zk_max_versions', type: 'integer', min: 1, default: 50, help: 'stored versions of an app' },
];

const http: readonly FlagSpec[] = [
  { name: 'hostname', type: 'string', help: 'name under which this server is reached' },
  { name: 'http_address', type: 'string', default: '127.0.0.1', help: 'address to listen on' },
  { name: 'http_port', ...port, default: 8080, help: 'port of API and UI; 0 = any' },
  { name: 'https_address', type: 'string', default: '127.0.0.1', help: 'address to listen on with TLS' },
  { name: 'https_port', ...port, default: 8443, help: 'port with TLS' },
  { name: 'disable_http', type: 'boolean', default: false, help: 'TLS only' },
  { name: 'ssl_cert_file', type: 'string', help: 'certificate chain, PEM' },
  { name: 'ssl_key_file', type: 'string', help: 'private key, PEM' },
  {
    name: 'ssl_keystore_path',
    type: 'string',
    help: 'not supported: give PEM files by --ssl_cert_file and --ssl_key_file',
  },
  { name: 'http_credentials', type: 'string', isSecret: true, help: 'user:password for everything' },
  { name: 'http_realm', type: 'string', default: 'Mesosphere', help: 'realm of basic authentication' },
  {
    name: 'http_max_concurrent_requests',
    type: 'integer',
    min: 1,
    help: 'requests under way at once, event streams not counted; beyond it 503 (default: no limit)',
  },
  { name: 'http_compression', type: 'boolean', default: true, help: 'compress answers' },
  {
    name: 'leader_proxy_connection_timeout',
    ...milliseconds,
    default: 5_000,
    help: 'ms until a follower gives up connecting to the leader',
  },
  {
    name: 'leader_proxy_read_timeout',
    ...milliseconds,
    default: 10_000,
    help: 'ms that a follower waits for the answer of the leader',
  },
  {
    name: 'leader_proxy_max_open_connections',
    type: 'integer',
    min: 1,
    default: 64,
    help: 'connections of a follower to the leader',
  },
  {
    name: 'leader_proxy_ssl_ignore_hostname',
    type: 'boolean',
    default: false,
    help: 'the certificate of the leader may name another host',
  },
  { name: 'deprecated_features', type: 'string', help: 'comma list; proxy_events: followers forward event streams' },
  { name: 'access_control_allow_origin', type: 'string', help: 'comma list of origins for CORS, or *' },
  {
    name: 'event_subscriber',
    type: 'string',
    choices: ['http_callback'],
    help: 'http_callback: events are posted to the subscribers of /v2/eventSubscriptions',
  },
  { name: 'http_endpoints', type: 'string', help: 'comma list of callback URLs that are subscribed at the start' },
  { name: 'http_event_request_timeout', ...milliseconds, default: 10_000, help: 'ms that a callback may take' },
  {
    name: 'http_event_callback_slow_consumer_timeout',
    ...milliseconds,
    default: 10_000,
    help: 'ms beyond which a callback counts as slow',
  },
  {
    name: 'safe_group_updates',
    type: 'boolean',
    default: false,
    help: 'a group PUT that removes apps needs force=true or deleteMissing=true',
  },
  { name: 'emit_legacy_fields', type: 'boolean', default: false, help: 'add old members (ports, uris) to apps' },
];

const storage: readonly FlagSpec[] = [
  { name: 'data_dir', type: 'string', help: 'directory of the embedded store (one server)' },
  {
    name: 'zk',
    type: 'string',
    isSecret: true,
    help: 'zk://user:password@host:port,…/path: state for several servers',
  },
  { name: 'ha', type: 'boolean', default: true, help: 'with --zk: elect a leader among several servers' },
  {
    name: 'zk_session_timeout',
    ...milliseconds,
    default: 10_000,
    help: 'ms after which ZooKeeper forgets a silent server',
  },
  { name: 'zk_connection_timeout', ...milliseconds, default: 10_000, help: 'ms to wait for a connection to ZooKeeper' },
  {
    name: 'logging_level',
    type: 'string',
    default: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    help: 'least important level that is logged',
  },
];

/** Everything that `ultramarathon server` takes. */
export const serverFlags: readonly FlagSpec[] = [...mesos, ...scheduling, ...http, ...storage];

const ignoredNames: ReadonlySet<string> = new Set(
  `executor default_accepted_resource_roles mesos_authentication
  on_elected_prepare_timeout graceful_shutdown_timeout leader_election_backend task_reservation_timeout
  task_lost_expunge_initial_delay task_lost_expunge_interval task_lost_expunge_gc reconciliation_initial_delay
  scale_apps_initial_delay scale_apps_interval max_tasks_per_offer max_tasks_per_offer_cycle revive_offers_for_new_apps
  revive_offers_repetitions offer_matching_timeout max_parallel_offers max_queued_offers mesos_offer_constraints
  min_mesos_offer_constraints_update_interval launch_tokens launch_token_refresh_interval killsPerBatch killBatchDuration
  task_operation_notification_timeout launch_queue_request_timeout deployment_manager_request_timeout
  group_manager_request_timeout task_tracker_request_timeout task_update_request_timeout max_queued_root_group_updates
  max_parallel_status_updates max_queued_status_updates max_actor_startup_time save_tasks_to_launch_timeout
  ssl_keystore_password
  event_stream_max_outstanding_messages assets_path zk_timeout
  zk_compression zk_compression_threshold zk_max_node_size zk_max_concurrency zk_operation_max_retries
  zk_operation_base_retry_sleep_ms internal_store_backend store_cache internal_version_caching group_versions_cache_size
  storage_compaction_interval storage_compaction_scan_batch_size backup_location marathon_store_timeout artifact_store
  plugin_dir plugin_conf logstash sentry sentry_tags metrics_name_prefix metrics_prometheus metrics_statsd metrics_statsd_host
  metrics_statsd_port metrics_statsd_transmission_interval_ms metrics_datadog metrics_datadog_protocol metrics_datadog_host
  metrics_datadog_port metrics_datadog_api_key metrics_datadog_transmission_interval_ms
  metrics_histogram_reservoir_highest_trackable_value metrics_histogram_reservoir_significant_digits
  metrics_histogram_reservoir_reset_periodically metrics_histogram_reservoir_resetting_interval_ms
  metrics_histogram_reservoir_resetting_chunks metrics tracing reporter_graphite reporter_datadog metrics_averaging_window`
    .split(/\s+/)
    .filter((name) => name !== ''),
);

const ignoredLowerCase: ReadonlySet<string> = new Set([...ignoredNames].map((name) => name.toLowerCase()));
const ignoredFamilies = /^instance_tracker_|_execution_context_size$/;

/** Flags of Marathon's that mean nothing here, as they are on the command line or in lower case, as variables give them. */
export const ignoredFlags = {
  has: (name: string): boolean => ignoredNames.has(name) || ignoredLowerCase.has(name) || ignoredFamilies.test(name),
} as const;
