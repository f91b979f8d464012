/** `/v2/info` (rest-api §6A.1): the one place where members without a value are null instead of absent. */
import type { ClusterView } from '../../actors/front.ts';
import type { ApiConfig } from '../dependencies.ts';

const marathonKeys = [
  'access_control_allow_origin',
  'checkpoint',
  'decline_offer_duration',
  'default_network_name',
  'env_vars_prefix',
  'executor',
  'failover_timeout',
  'features',
  'framework_name',
  'ha',
  'hostname',
  'launch_token',
  'launch_token_refresh_interval',
  'leader_proxy_connection_timeout_ms',
  'leader_proxy_read_timeout_ms',
  'local_port_min',
  'local_port_max',
  'master',
  'max_instances_per_offer',
  'mesos_bridge_name',
  'mesos_heartbeat_interval',
  'mesos_heartbeat_failure_threshold',
  'mesos_leader_ui_url',
  'mesos_role',
  'mesos_user',
  'min_revive_offers_interval',
  'new_group_enforce_role',
  'offer_matching_timeout',
  'on_elected_prepare_timeout',
  'reconciliation_initial_delay',
  'reconciliation_interval',
  'scale_apps_initial_delay',
  'scale_apps_interval',
  'store_cache',
  'task_launch_confirm_timeout',
  'task_launch_timeout',
  'task_lost_expunge_initial_delay',
  'task_lost_expunge_interval',
  'task_reservation_timeout',
  'webui_url',
  'maintenance_mode',
] as const;

const zookeeperKeys = [
  'zk',
  'zk_timeout',
  'zk_connection_timeout',
  'zk_session_timeout',
  'zk_max_versions',
  'zk_max_node_size',
  'zk_compression',
  'zk_compression_threshold',
] as const;

/** Exactly these members: strict clients throw on any other. Of `user:password@` in addresses nothing is told. */
const pick = (keys: readonly string[], values: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(keys.map((key) => [key, withoutCredentials(values[key] ?? null)]));

/** ZooKeeper's are crossed out, as Marathon does; nobody else's have a place in an address, and they are left out. */
const withoutCredentials = (value: unknown): unknown =>
  typeof value === 'string'
    ? value.replace(/^(zk:\/\/)[^/]*@/i, '$1xxxxxxxx:xxxxxxxx@').replace(/^((?!zk:)\w+:\/\/)[^/]*@/i, '$1')
    : value;

/** The address that was configured, or that of the master this server is subscribed to. */
function marathonConfig({ info }: ApiConfig, { mesosMaster }: ClusterView): Readonly<Record<string, unknown>> {
  if (mesosMaster === undefined) return info.marathonConfig;
  const { mesos_leader_ui_url: configured } = info.marathonConfig;
  return { ...info.marathonConfig, mesos_leader_ui_url: configured ?? `http://${mesosMaster}/` };
}

/** The answer to `GET /v2/info`. */
export const infoView = (config: ApiConfig, cluster: ClusterView): object => ({
  name: 'marathon',
  version: config.info.version,
  buildref: config.info.buildref,
  elected: cluster.elected,
  leader: cluster.leader ?? null,
  frameworkId: cluster.frameworkId ?? null,
  marathon_config: pick(marathonKeys, marathonConfig(config, cluster)),
  zookeeper_config: pick(zookeeperKeys, config.info.zookeeperConfig),
  http_config: { http_port: config.httpPort, https_port: config.httpsPort },
});
