/** What `/v2/info` says of flags (rest-api §6A.1): Marathon's defaults, or what was given, also where it means nothing here. */
import { describe, expect, it } from 'vitest';
import { parseFlags } from '../../../src/config/flags.ts';
import { infoConfig } from '../../../src/config/info.ts';
import { serverConfig } from '../../../src/config/server-config.ts';
import { ignoredFlags, serverFlags } from '../../../src/config/server-flags.ts';

function shown(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const parsed = parseFlags({
    specs: serverFlags,
    ignored: ignoredFlags,
    argv: ['--master', 'h:5050', ...argv],
    env,
  });
  const config = parsed.ok ? serverConfig(parsed.value, {}) : parsed;
  if (!config.ok) throw new Error(config.error);
  return infoConfig(config.value);
}

/** Flags that are taken without effect, with the defaults that Marathon shows. */
const marathon = {
  executor: '//cmd',
  launch_token: 100,
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
};
const zookeeper = {
  zk_timeout: 10_000,
  zk_connection_timeout: 10_000,
  zk_session_timeout: 10_000,
  zk_max_versions: 50,
  zk_max_node_size: 1_024_000,
  zk_compression: true,
  zk_compression_threshold: 65_536,
};
/** Null in Marathon too while nobody gives them. */
const optional = ['access_control_allow_origin', 'default_network_name', 'env_vars_prefix', 'webui_url'];
/** Known with the first connection, without a limit, and without ZooKeeper. */
const ours = ['mesos_leader_ui_url', 'max_instances_per_offer', 'zk'];

describe('What is told of flags', () => {
  it('is Marathon’s default for those without effect', () => {
    const { marathonConfig, zookeeperConfig } = shown([]);
    expect(marathonConfig).toMatchObject({
      ...marathon,
      leader_proxy_connection_timeout_ms: 5_000,
      leader_proxy_read_timeout_ms: 10_000,
      new_group_enforce_role: 'Off',
    });
    expect(zookeeperConfig).toEqual({ zk: null, ...zookeeper });
    const nulls = Object.entries({ ...marathonConfig, ...zookeeperConfig }).filter(([, value]) => value === null);
    expect(nulls.map(([name]) => name).toSorted()).toEqual([...optional, ...ours].toSorted());
  });

  it('is what was given, by whatever way', () => {
    const argv = ['--launch_tokens', '7', '--executor=/x', '--disable_store_cache', '--zk_compression_threshold', '9'];
    const env = {
      MARATHON_SCALE_APPS_INTERVAL: '11',
      MARATHON_DISABLE_ZK_COMPRESSION: '',
      MARATHON_LAUNCH_TOKENS: '8',
    };
    const { marathonConfig, zookeeperConfig } = shown([...argv, '--new_group_enforce_role', 'Top'], env);
    expect(marathonConfig).toMatchObject({
      launch_token: 7,
      executor: '/x',
      store_cache: false,
      scale_apps_interval: 11,
      new_group_enforce_role: 'Top',
    });
    expect(zookeeperConfig).toMatchObject({ zk_compression_threshold: 9, zk_compression: false });
  });

  it('has Marathon’s types whatever was given', () => {
    const { marathonConfig } = shown(['--launch_tokens', 'many', '--store_cache', 'perhaps', '--scale_apps_interval']);
    expect(marathonConfig).toMatchObject({ launch_token: 100, store_cache: true, scale_apps_interval: 300_000 });
  });

  it('has user and password of ZooKeeper crossed out', () => {
    const zk = 'zk://me:geheim@a:1,b:2';
    const told = shown(['--master', `${zk}/mesos`, '--zk', `${zk}/marathon`]);
    expect(told.marathonConfig['master']).toBe('zk://xxxxxxxx:xxxxxxxx@a:1,b:2/mesos');
    expect(told.zookeeperConfig['zk']).toBe('zk://xxxxxxxx:xxxxxxxx@a:1,b:2/marathon');
  });
});
