/** What the API is built from. Everything behind it is an interface, so that tests put fakes there. */
import type { Control, EventHub, ReadModel } from '../actors/front.ts';
import type { Clock, Logger, Metrics, SandboxFiles } from '../actors/ports.ts';

/** Values that `/v2/info` shows (rest-api §6A.1). Members of the two maps that are missing are shown as null. */
export interface InfoConfig {
  readonly version: string;
  readonly buildref: string;
  readonly marathonConfig: Readonly<Record<string, unknown>>;
  readonly zookeeperConfig: Readonly<Record<string, unknown>>;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** How a server that does not lead hands requests to the one that does (rest-api §1.6, design §8). */
export interface ProxyConfig {
  /** `host:port` of this server, as others see it. */
  readonly ownAddress: string | (() => string);
  /** `--leader_proxy_connection_timeout`. */
  readonly connectTimeoutMs: number;
  /** `--leader_proxy_read_timeout`: until the headers of the answer, from the moment the leader has the request. */
  readonly readTimeoutMs: number;
  /** `--leader_proxy_max_open_connections`. Event streams and WebSockets have a limit of their own. */
  readonly maxConnections: number;
  /** `--deprecated_features proxy_events`: event streams are forwarded instead of redirected. */
  readonly proxyEvents: boolean;
  /** `--leader_proxy_ssl_ignore_hostname`. */
  readonly sslIgnoreHostname: boolean;
  /** PEM texts that are trusted besides the usual authorities; absent = the own certificate's chain. */
  readonly ca?: string;
  /** How long a request may wait, in all, for a leader that takes it. */
  readonly waitForLeaderMs: number;
}

/** Marathon's limits, and ours for the wait (design §8). */
export const defaultProxyLimits = {
  connectTimeoutMs: 5_000,
  readTimeoutMs: 10_000,
  maxConnections: 64,
  proxyEvents: false,
  sslIgnoreHostname: false,
  waitForLeaderMs: 1_000,
} as const satisfies Partial<ProxyConfig>;

export interface ApiConfig {
  /** `--http_credentials`; absent = everybody may do everything. */
  readonly credentials?: Credentials;
  /** `--http_realm`. */
  readonly realm: string;
  /** PEM texts; needed for an HTTPS port. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** `--access_control_allow_origin`; empty = no CORS headers. */
  readonly corsOrigins: readonly string[];
  /** `--webui_url`: where users see the web page, if not at this server's own address. */
  readonly webuiUrl?: string;
  /** Advertised name and ports (`--hostname`, `--http_port`, `--https_port`). */
  readonly hostname: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** `--disable_http`: the advertised address is the HTTPS one. */
  readonly disableHttp: boolean;
  readonly compression: boolean;
  /** Largest body of a request in bytes; beyond it 413. */
  readonly maxBodyBytes: number;
  /** `--http_max_concurrent_requests`; absent = no limit. Beyond it 503. */
  readonly maxConcurrentRequests?: number;
  readonly info: InfoConfig;
  /** `--emit_legacy_fields` (design §8). */
  readonly emitLegacyFields: boolean;
  /** `--event_subscriber http_callback`: there are HTTP callbacks. */
  readonly hasCallbacks?: boolean;
  /** `--safe_group_updates`: a PUT of a group that would remove apps needs `force=true` or `deleteMissing=true`. */
  readonly safeGroupUpdates: boolean;
  /** Folder of the web page; absent = none is served. */
  readonly uiDirectory?: string;
  /** Set if there may be other servers: then only a proven leader answers, and the others forward. */
  readonly proxy?: ProxyConfig;
}

/** 8 MB: a group of ten thousand ordinary apps fits. */
export const defaultMaxBodyBytes = 8 * 1024 * 1024;

/** Marathon's defaults for an API on loopback. */
export const defaultApiConfig: ApiConfig = {
  realm: 'Mesosphere',
  corsOrigins: [],
  hostname: '127.0.0.1',
  httpPort: 8080,
  httpsPort: 8443,
  disableHttp: false,
  compression: true,
  maxBodyBytes: defaultMaxBodyBytes,
  info: { version: '1.11.0', buildref: 'unknown', marathonConfig: { features: [] }, zookeeperConfig: {} },
  emitLegacyFields: false,
  safeGroupUpdates: false,
};

/** The metrics port, with what only the front door needs: meters and the two renderings. */
export interface ApiMetrics extends Metrics {
  /** Counts `by` events (1 unless told otherwise) on a meter, which shows rates. */
  readonly mark: (name: string, by?: number) => void;
  /** Dropwizard JSON (rest-api §12.1). */
  readonly renderJson: () => string;
  /** Prometheus text format 0.0.4 (rest-api §12.2). */
  readonly renderPrometheus: () => Promise<string>;
}

export interface ApiDependencies {
  readonly read: ReadModel;
  readonly control: Control;
  readonly events: EventHub;
  readonly metrics: ApiMetrics;
  readonly config: ApiConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Files of tasks on their agents; absent = nobody can read them here. */
  readonly files?: SandboxFiles;
  /** Changes how much is logged; absent = `/logging` is not there. */
  readonly logLevel?: { readonly get: () => string; readonly set: (level: string) => void };
}
