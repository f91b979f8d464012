/** Flags of the server → one frozen configuration, or one line that says what is wrong with them. */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { hostname as machineName, userInfo } from 'node:os';
import type { CallbackSettings } from '../actors/callbacks.ts';
import type { FrameworkSettings } from '../actors/ports.ts';
import type { SchedulerSettings } from '../actors/settings.ts';
import { defaultSchedulerSettings } from '../actors/settings.ts';
import { checkCallbackUrl, maxSubscriptions } from '../core/events-callback.ts';
import { withoutUserInfo } from '../core/redact.ts';
import type { Result } from '../core/result.ts';
import { err, ok } from '../core/result.ts';
import { parseMasters } from '../infra/mesos/detector.ts';
import { parseStateUrl, parseZkUrl, type ZkServers } from '../infra/zookeeper/zk-url.ts';
import type { FlagValues, ParsedFlags } from './flags.ts';

/** State in ZooKeeper, shared with other servers. */
export interface ZooKeeperConfig {
  readonly servers: ZkServers;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** False = this is the only server, and it leads without an election. */
  readonly isElected: boolean;
}

/** How a follower forwards (rest-api §11.4). */
export interface LeaderProxyConfig {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly maxConnections: number;
  readonly sslIgnoreHostname: boolean;
  readonly proxyEvents: boolean;
}

export interface ServerConfig {
  readonly master: string;
  readonly framework: FrameworkSettings;
  readonly mesosCredentials: { readonly principal: string; readonly secret: string } | undefined;
  /** Set when masters are spoken to with certificates of ours or of an authority of ours. */
  readonly mesosTls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** A framework that the master has removed may be followed by a new one although instances are known. */
  readonly registerAnew: boolean;
  readonly missedHeartbeats: number;
  readonly settings: SchedulerSettings;
  /** Of the embedded store; not used with `zooKeeper`. */
  readonly dataDir: string;
  readonly zooKeeper: ZooKeeperConfig | undefined;
  readonly leaderProxy: LeaderProxyConfig;
  readonly loggingLevel: string;
  readonly hostname: string;
  readonly http: { readonly host: string; readonly port: number } | undefined;
  readonly https: { readonly host: string; readonly port: number } | undefined;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  readonly realm: string;
  readonly corsOrigins: readonly string[];
  readonly compression: boolean;
  /** Infinity for no limit. */
  readonly maxConcurrentRequests: number;
  readonly emitLegacyFields: boolean;
  /** Set with `--event_subscriber http_callback`. */
  readonly callbacks: CallbackSettings | undefined;
  readonly safeGroupUpdates: boolean;
  /** Flags as `/v2/info` shows them. */
  readonly flags: FlagValues;
  /** What was given for flags that mean nothing here: `/v2/info` shows it all the same. */
  readonly ignoredFlags: ReadonlyMap<string, string>;
}

const features: ReadonlySet<string> = new Set([
  'vips',
  'task_killing',
  'external_volumes',
  'secrets',
  'gpu_resources',
  // Not Marathon's: resources with refined reservations are offered to frameworks with this capability alone (mesos-v1 §3.3).
  'reservation_refinement',
]);
/** Names of old versions for what is always on. */
const oldFeatures: ReadonlySet<string> = new Set(['maintenance_mode']);

/** Checks flags against each other and reads the files they name. */
export function serverConfig(
  parsed: ParsedFlags,
  env: Readonly<Record<string, string | undefined>>,
): Result<ServerConfig, string> {
  const values = parsed.values;
  const contradiction = contradictionIn(parsed);
  if (contradiction) return err(contradiction);
  const tls = readTls(values);
  if (!tls.ok) return tls;
  const credentials = readCredentials(text(values, 'http_credentials') ?? env['MESOSPHERE_HTTP_CREDENTIALS']);
  if (!credentials.ok) return credentials;
  const mesosCredentials = readMesosCredentials(values);
  if (!mesosCredentials.ok) return mesosCredentials;
  const mesosTls = readMesosTls(values);
  if (!mesosTls.ok) return mesosTls;
  const enabled = list(values, 'enable_features').filter((f) => !oldFeatures.has(f));
  const unknown = enabled.find((f) => !features.has(f));
  if (unknown !== undefined)
    return err(`--enable_features: unknown feature "${unknown}" (known: ${[...features].join(', ')})`);
  const httpHost = text(values, 'http_address') ?? '127.0.0.1';
  const isPlain = values['disable_http'] !== true;
  const hostname = text(values, 'hostname') ?? advertised(httpHost);
  const config: ServerConfig = {
    master: text(values, 'master') ?? '',
    framework: frameworkSettings(values, hostname, new Set(enabled)),
    mesosCredentials: mesosCredentials.value,
    mesosTls: mesosTls.value,
    registerAnew: values['register_anew'] === true,
    missedHeartbeats: number(values, 'mesos_heartbeat_failure_threshold'),
    settings: schedulerSettings(values, new Set(enabled)),
    dataDir: text(values, 'data_dir') ?? '.ultramarathon',
    zooKeeper: zooKeeperConfig(values),
    leaderProxy: {
      connectTimeoutMs: number(values, 'leader_proxy_connection_timeout'),
      readTimeoutMs: number(values, 'leader_proxy_read_timeout'),
      maxConnections: number(values, 'leader_proxy_max_open_connections'),
      sslIgnoreHostname: values['leader_proxy_ssl_ignore_hostname'] === true,
      proxyEvents: list(values, 'deprecated_features').includes('proxy_events'),
    },
    loggingLevel: text(values, 'logging_level') ?? 'info',
    hostname,
    http: isPlain ? { host: httpHost, port: number(values, 'http_port') } : undefined,
    https: tls.value
      ? { host: text(values, 'https_address') ?? '127.0.0.1', port: number(values, 'https_port') }
      : undefined,
    tls: tls.value,
    credentials: credentials.value,
    realm: text(values, 'http_realm') ?? 'Mesosphere',
    corsOrigins: list(values, 'access_control_allow_origin'),
    compression: values['http_compression'] !== false,
    maxConcurrentRequests: unlimited(values, 'http_max_concurrent_requests'),
    emitLegacyFields: values['emit_legacy_fields'] === true,
    callbacks: callbackSettings(values),
    safeGroupUpdates: values['safe_group_updates'] === true,
    flags: values,
    ignoredFlags: parsed.ignored,
  };
  return ok(Object.freeze(config));
}

const unlimited = (values: FlagValues, name: string): number =>
  values[name] === undefined ? Number.POSITIVE_INFINITY : number(values, name);

const text = (values: FlagValues, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const number = (values: FlagValues, name: string): number => Number(values[name]);

const list = (values: FlagValues, name: string): readonly string[] =>
  (text(values, name) ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

const callbackSettings = (values: FlagValues): CallbackSettings | undefined =>
  values['event_subscriber'] === 'http_callback'
    ? {
        endpoints: list(values, 'http_endpoints'),
        requestTimeoutMs: number(values, 'http_event_request_timeout'),
        slowMs: number(values, 'http_event_callback_slow_consumer_timeout'),
      }
    : undefined;

/** What is wrong with the flags of callbacks. */
function callbackContradiction(values: FlagValues): string | undefined {
  const endpoints = list(values, 'http_endpoints');
  if (endpoints.length > 0 && values['event_subscriber'] !== 'http_callback')
    return '--http_endpoints needs --event_subscriber http_callback';
  if (endpoints.length > maxSubscriptions) return `--http_endpoints: more than ${maxSubscriptions} URLs`;
  for (const url of endpoints) {
    const checked = checkCallbackUrl(url);
    if (checked.ok) continue;
    const { details } = checked.error;
    const why = typeof details === 'object' ? details[0]?.errors[0] : checked.error.message;
    return `--http_endpoints: "${withoutUserInfo(url)}" ${why}`;
  }
  return undefined;
}

/** True for addresses that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || /^(::|(0{1,4}:){7}0{0,3})1$/.test(host);

/** The name to give to others where none is set: nobody can reach "every address". */
function advertised(httpHost: string): string {
  if (isLoopback(httpHost)) return '127.0.0.1';
  return /^(0\.0\.0\.0|[0:]+)$/.test(httpHost) ? machineName() : httpHost;
}

function contradictionIn({ values, given }: ParsedFlags): string | undefined {
  const master = text(values, 'master');
  if (master === undefined)
    return 'server needs --master HOST:PORT (or use "ultramarathon start", which brings its own cluster)';
  if (given.has('zk') && given.has('data_dir'))
    return '--zk and --data_dir exclude each other: state lives in one of them';
  const unusable = unusableZk(values, given);
  if (unusable !== undefined) return unusable;
  const masters = /^zk:\/\//i.test(master) ? parseZkUrl(master) : parseMasters(master);
  if (!masters.ok) return `--master: ${masters.error}`;
  const callbacks = callbackContradiction(values);
  if (callbacks !== undefined) return callbacks;
  if (number(values, 'local_port_min') >= number(values, 'local_port_max')) {
    return '--local_port_min must be smaller than --local_port_max';
  }
  if (given.has('ssl_keystore_path')) {
    return '--ssl_keystore_path: Java key stores are not supported; give PEM files by --ssl_cert_file and --ssl_key_file';
  }
  const hasTls = text(values, 'ssl_cert_file') !== undefined;
  const isPlain = values['disable_http'] !== true;
  if (!isPlain && !hasTls) return '--disable_http needs --ssl_cert_file and --ssl_key_file';
  const isSamePort = values['http_port'] === values['https_port'] && values['http_port'] !== 0;
  if (isPlain && hasTls && isSamePort && values['http_address'] === values['https_address']) {
    return '--http_port and --https_port must differ';
  }
  return undefined;
}

/** Shortest session that a busy process on a busy machine can keep. */
const minSessionTimeoutMs = 1_000;

function unusableZk(values: FlagValues, given: ParsedFlags['given']): string | undefined {
  const zk = text(values, 'zk');
  if (zk === undefined) return given.has('zk') ? '--zk needs zk://host:port,host:port/path' : undefined;
  const servers = parseStateUrl(zk);
  if (!servers.ok) return `--zk: ${servers.error}`;
  const sessionMs = number(values, 'zk_session_timeout');
  if (sessionMs < minSessionTimeoutMs) return `--zk_session_timeout must be ${minSessionTimeoutMs} ms or more`;
  const hostname = text(values, 'hostname');
  const address = text(values, values['disable_http'] === true ? 'https_address' : 'http_address') ?? '127.0.0.1';
  if (hostname !== undefined && !isLoopback(hostname) && isLoopback(address)) {
    const flag = values['disable_http'] === true ? '--https_address' : '--http_address';
    return `--zk with --hostname ${hostname} needs ${flag}: bound to ${address}, this server could not be reached by the others`;
  }
  return undefined;
}

function zooKeeperConfig(values: FlagValues): ZooKeeperConfig | undefined {
  const servers = parseStateUrl(text(values, 'zk') ?? '');
  if (!servers.ok) return undefined;
  return {
    servers: servers.value,
    sessionTimeoutMs: number(values, 'zk_session_timeout'),
    connectTimeoutMs: number(values, 'zk_connection_timeout'),
    isElected: values['ha'] !== false,
  };
}

function readTls(values: FlagValues): Result<ServerConfig['tls'], string> {
  const certFile = text(values, 'ssl_cert_file');
  const keyFile = text(values, 'ssl_key_file');
  if (certFile === undefined && keyFile === undefined) return ok(undefined);
  if (certFile === undefined || keyFile === undefined) return err('--ssl_cert_file and --ssl_key_file need each other');
  const cert = readFile('--ssl_cert_file', certFile);
  const key = readFile('--ssl_key_file', keyFile);
  if (!cert.ok) return cert;
  return key.ok ? ok({ cert: cert.value, key: key.value }) : key;
}

function readFile(flag: string, path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch (error) {
    return err(
      `${flag}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no file' : 'cannot read'} ${path}`,
    );
  }
}

/** `user:password`; the first colon splits, and neither part may be empty (rest-api §1.7). */
function readCredentials(given: string | undefined): Result<ServerConfig['credentials'], string> {
  if (given === undefined) return ok(undefined);
  const cut = given.indexOf(':');
  if (cut <= 0 || cut === given.length - 1) return err('--http_credentials must be user:password');
  return ok({ user: given.slice(0, cut), password: given.slice(cut + 1) });
}

function readMesosCredentials(values: FlagValues): Result<ServerConfig['mesosCredentials'], string> {
  const principal = text(values, 'mesos_authentication_principal');
  const file = text(values, 'mesos_authentication_secret_file');
  const inline = text(values, 'mesos_authentication_secret');
  if (file !== undefined && inline !== undefined)
    return err('--mesos_authentication_secret and its _file exclude each other');
  if (file === undefined && inline === undefined) return ok(undefined);
  if (principal === undefined) return err('a Mesos secret needs --mesos_authentication_principal');
  const read = file === undefined ? ok(inline ?? '') : readFile('--mesos_authentication_secret_file', file);
  if (!read.ok) return read;
  const secret = read.value.trim();
  if (principal.includes(':') || secret.includes(':')) return err('Mesos principal and secret must not hold a colon');
  return ok({ principal, secret });
}

function readMesosTls(values: FlagValues): Result<ServerConfig['mesosTls'], string> {
  const names = { ca: 'mesos_ca_file', cert: 'mesos_client_cert_file', key: 'mesos_client_key_file' } as const;
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const [part, name] of Object.entries(names) as ['ca' | 'cert' | 'key', string][]) {
    const path = text(values, name);
    if (path === undefined) continue;
    const content = readFile(`--${name}`, path);
    if (!content.ok) return content;
    tls[part] = content.value;
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    return err('--mesos_client_cert_file and --mesos_client_key_file need each other');
  }
  return ok(Object.keys(tls).length === 0 ? undefined : tls);
}

/** What this framework tells the master (behaviour §2.11). */
function frameworkSettings(values: FlagValues, hostname: string, enabled: ReadonlySet<string>): FrameworkSettings {
  const principal = text(values, 'mesos_authentication_principal');
  const webuiUrl = text(values, 'webui_url');
  return {
    name: text(values, 'framework_name') ?? 'marathon',
    user: text(values, 'mesos_user') ?? userInfo().username,
    roles: [text(values, 'mesos_role') ?? '*'],
    failover_timeout: number(values, 'failover_timeout'),
    checkpoint: values['checkpoint'] !== false,
    hostname,
    ...(webuiUrl === undefined ? {} : { webui_url: webuiUrl }),
    ...(principal === undefined ? {} : { principal }),
    capabilities: [
      { type: 'PARTITION_AWARE' },
      { type: 'REGION_AWARE' },
      { type: 'MULTI_ROLE' },
      ...(enabled.has('task_killing') ? [{ type: 'TASK_KILLING_STATE' }] : []),
      ...(enabled.has('reservation_refinement') ? [{ type: 'RESERVATION_REFINEMENT' }] : []),
      ...(enabled.has('gpu_resources') ? [{ type: 'GPU_RESOURCES' }] : []),
    ],
  };
}

function schedulerSettings(values: FlagValues, enabled: ReadonlySet<string>): SchedulerSettings {
  const mesosBridgeName = text(values, 'mesos_bridge_name') ?? 'mesos-bridge';
  return {
    ...defaultSchedulerSettings,
    app: {
      mesosRole: text(values, 'mesos_role') ?? '*',
      defaultNetworkName: text(values, 'default_network_name'),
      mesosBridgeName,
      localPortMin: number(values, 'local_port_min'),
      localPortMax: number(values, 'local_port_max'),
      features: enabled,
      newGroupsEnforceRole: values['new_group_enforce_role'] === 'top',
      ...(values['max_apps'] === undefined ? {} : { maxApps: number(values, 'max_apps') }),
    },
    match: {
      ...defaultSchedulerSettings.match,
      acceptedResourceRolesDefault: values['accepted_resource_roles_default_behavior'] as
        | 'any'
        | 'unreserved'
        | 'reserved',
      envVarsPrefix: text(values, 'env_vars_prefix'),
      maintenanceMode: values['maintenance_mode'] !== false,
      drainingSeconds: number(values, 'draining_seconds'),
      gpuScheduling: values['gpu_scheduling_behavior'] as 'restricted' | 'unrestricted',
      maxInstancesPerOffer: unlimited(values, 'max_instances_per_offer'),
      mesosBridgeName,
    },
    declineOfferDurationMs: number(values, 'decline_offer_duration'),
    minReviveOffersIntervalMs: number(values, 'min_revive_offers_interval'),
    suppressOffers: values['suppress_offers'] !== false,
    taskLaunchConfirmTimeoutMs: number(values, 'task_launch_confirm_timeout'),
    taskLaunchTimeoutMs: number(values, 'task_launch_timeout'),
    reconciliationIntervalMs: number(values, 'reconciliation_interval'),
    killChunkSize: number(values, 'kill_chunk_size'),
    killRetryTimeoutMs: number(values, 'kill_retry_timeout'),
    healthKills: {
      hasBreaker: values['health_kill_breaker'] !== false,
      budget: {
        perMinute: number(values, 'health_kills_per_minute') || Number.POSITIVE_INFINITY,
        perAppShare: number(values, 'health_kills_per_app') / 100 || Number.POSITIVE_INFINITY,
      },
    },
    maxConcurrentHealthChecks: number(values, 'max_concurrent_marathon_health_checks'),
    maxRunningDeployments: unlimited(values, 'max_running_deployments'),
    maxVersions: number(values, 'zk_max_versions'),
  };
}
