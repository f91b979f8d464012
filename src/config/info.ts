/** What `/v2/info` says of the configuration (rest-api §6A.1). Nothing secret is in here. */
import type { InfoConfig } from '../api/dependencies.ts';
import { withoutPassword } from '../infra/zookeeper/zk-url.ts';
import type { ServerConfig } from './server-config.ts';

/** Clients switch features on this; it names the Marathon whose API is spoken. */
const spokenVersion = '1.11.24';

/** Flags under the names that `/v2/info` uses; members without a value are null. */
export function infoConfig({ flags, hostname, framework, settings, zooKeeper, corsOrigins }: ServerConfig): InfoConfig {
  const flag = (name: string): unknown => flags[name] ?? null;
  /** What has a meaning with several servers alone. */
  const shared = (name: string): unknown => (zooKeeper ? flag(name) : null);
  const zk = typeof flags['zk'] === 'string' && zooKeeper ? withoutPassword(flags['zk']) : null;
  return {
    version: spokenVersion,
    buildref: 'ultramarathon',
    marathonConfig: {
      access_control_allow_origin: corsOrigins.length > 0 ? [...corsOrigins] : null,
      checkpoint: flag('checkpoint'),
      decline_offer_duration: flag('decline_offer_duration'),
      default_network_name: flag('default_network_name'),
      env_vars_prefix: flag('env_vars_prefix'),
      executor: '//cmd',
      failover_timeout: flag('failover_timeout'),
      features: [...settings.app.features],
      framework_name: framework.name,
      ha: zooKeeper?.isElected === true,
      hostname,
      launch_token: null,
      launch_token_refresh_interval: null,
      leader_proxy_connection_timeout_ms: shared('leader_proxy_connection_timeout'),
      leader_proxy_read_timeout_ms: shared('leader_proxy_read_timeout'),
      local_port_min: flag('local_port_min'),
      local_port_max: flag('local_port_max'),
      master: flag('master'),
      max_instances_per_offer: flag('max_instances_per_offer'),
      mesos_bridge_name: flag('mesos_bridge_name'),
      mesos_heartbeat_interval: flag('mesos_heartbeat_interval'),
      mesos_heartbeat_failure_threshold: flag('mesos_heartbeat_failure_threshold'),
      mesos_leader_ui_url: flag('mesos_leader_ui_url'),
      mesos_role: flag('mesos_role'),
      mesos_user: framework.user,
      min_revive_offers_interval: flag('min_revive_offers_interval'),
      new_group_enforce_role: flag('new_group_enforce_role'),
      offer_matching_timeout: null,
      on_elected_prepare_timeout: null,
      reconciliation_initial_delay: null,
      reconciliation_interval: flag('reconciliation_interval'),
      scale_apps_initial_delay: null,
      scale_apps_interval: null,
      store_cache: null,
      task_launch_confirm_timeout: flag('task_launch_confirm_timeout'),
      task_launch_timeout: flag('task_launch_timeout'),
      task_lost_expunge_initial_delay: null,
      task_lost_expunge_interval: null,
      task_reservation_timeout: null,
      webui_url: flag('webui_url'),
      maintenance_mode: flag('maintenance_mode'),
    },
    zookeeperConfig: {
      zk,
      zk_timeout: null,
      zk_connection_timeout: shared('zk_connection_timeout'),
      zk_session_timeout: shared('zk_session_timeout'),
      zk_max_versions: flag('zk_max_versions'),
      zk_max_node_size: null,
      zk_compression: null,
      zk_compression_threshold: null,
    },
  };
}
