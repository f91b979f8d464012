/** What `/v2/info` says of the configuration (rest-api §6A.1). Nothing secret is in here. */
import type { InfoConfig } from '../api/dependencies.ts';
import { crossedOut } from '../infra/zookeeper/zk-url.ts';
import type { ServerConfig } from './server-config.ts';

/** Clients switch features on this; it names the Marathon whose API is spoken. */
const spokenVersion = '1.11.24';

/**
 * Flags that are taken and mean nothing here, with Marathon's defaults (rest-api §11.2–11.6). Marathon always shows a value for
 * them, and typed clients need not expect a null.
 */
const shownOnly = {
  executor: '//cmd',
  launch_tokens: 100,
  launch_token_refresh_interval: 30_000,
  offer_matching_timeout: 3_000,
  on_elected_prepare_timeout: 180_000,
  reconciliation_initial_delay: 15_000,
  scale_apps_initial_delay: 15_000,
  scale_apps_interval: 300_000,
  store_cache: true,
  task_lost_expunge_initial_delay: 300_000,
  task_lost_expunge_interval: 30_000,
  task_reservation_timeout: 20_000,
  zk_timeout: 10_000,
  zk_max_node_size: 1_024_000,
  zk_compression: true,
  zk_compression_threshold: 65_536,
} as const satisfies Readonly<Record<string, string | number | boolean>>;

/** What was given, if it is of the type that Marathon has there; otherwise its default. */
function shownAs(given: string | undefined, preset: string | number | boolean): string | number | boolean {
  if (given === undefined) return preset;
  if (typeof preset === 'string') return given;
  if (typeof preset === 'boolean') return given === 'true' || given === 'false' ? given === 'true' : preset;
  return /^\d{1,15}$/.test(given) ? Number(given) : preset;
}

const capitalised = (word: unknown): unknown =>
  typeof word === 'string' ? word.slice(0, 1).toUpperCase() + word.slice(1) : word;

/** Flags under the names that `/v2/info` uses; members without a value are null. */
export function infoConfig(config: ServerConfig): InfoConfig {
  const { flags, hostname, framework, settings, zooKeeper, corsOrigins, ignoredFlags } = config;
  const flag = (name: string): unknown => flags[name] ?? null;
  const shown = (name: keyof typeof shownOnly): unknown => shownAs(ignoredFlags.get(name), shownOnly[name]);
  return {
    version: spokenVersion,
    buildref: 'ultramarathon',
    marathonConfig: {
      access_control_allow_origin: corsOrigins.length > 0 ? [...corsOrigins] : null,
      checkpoint: flag('checkpoint'),
      decline_offer_duration: flag('decline_offer_duration'),
      default_network_name: flag('default_network_name'),
      env_vars_prefix: flag('env_vars_prefix'),
      executor: shown('executor'),
      failover_timeout: flag('failover_timeout'),
      features: [...settings.app.features],
      framework_name: framework.name,
      ha: zooKeeper?.isElected === true,
      hostname,
      launch_token: shown('launch_tokens'),
      launch_token_refresh_interval: shown('launch_token_refresh_interval'),
      leader_proxy_connection_timeout_ms: flag('leader_proxy_connection_timeout'),
      leader_proxy_read_timeout_ms: flag('leader_proxy_read_timeout'),
      local_port_min: flag('local_port_min'),
      local_port_max: flag('local_port_max'),
      master: crossedOut(config.master),
      max_instances_per_offer: flag('max_instances_per_offer'),
      mesos_bridge_name: flag('mesos_bridge_name'),
      mesos_heartbeat_interval: flag('mesos_heartbeat_interval'),
      mesos_heartbeat_failure_threshold: flag('mesos_heartbeat_failure_threshold'),
      mesos_leader_ui_url: flag('mesos_leader_ui_url'),
      mesos_role: flag('mesos_role'),
      mesos_user: framework.user,
      min_revive_offers_interval: flag('min_revive_offers_interval'),
      new_group_enforce_role: capitalised(flag('new_group_enforce_role')),
      offer_matching_timeout: shown('offer_matching_timeout'),
      on_elected_prepare_timeout: shown('on_elected_prepare_timeout'),
      reconciliation_initial_delay: shown('reconciliation_initial_delay'),
      reconciliation_interval: flag('reconciliation_interval'),
      scale_apps_initial_delay: shown('scale_apps_initial_delay'),
      scale_apps_interval: shown('scale_apps_interval'),
      store_cache: shown('store_cache'),
      task_launch_confirm_timeout: flag('task_launch_confirm_timeout'),
      task_launch_timeout: flag('task_launch_timeout'),
      task_lost_expunge_initial_delay: shown('task_lost_expunge_initial_delay'),
      task_lost_expunge_interval: shown('task_lost_expunge_interval'),
      task_reservation_timeout: shown('task_reservation_timeout'),
      webui_url: flag('webui_url'),
      maintenance_mode: flag('maintenance_mode'),
    },
    zookeeperConfig: {
      zk: typeof flags['zk'] === 'string' && zooKeeper ? crossedOut(flags['zk']) : null,
      zk_timeout: shown('zk_timeout'),
      zk_connection_timeout: flag('zk_connection_timeout'),
      zk_session_timeout: flag('zk_session_timeout'),
      zk_max_versions: flag('zk_max_versions'),
      zk_max_node_size: shown('zk_max_node_size'),
      zk_compression: shown('zk_compression'),
      zk_compression_threshold: shown('zk_compression_threshold'),
    },
  };
}
