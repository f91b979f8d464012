/** What the API is built from. Everything behind it is an interface, so that tests put fakes there. */
import type { Control, EventHub, ReadModel } from '../actors/front.ts';
import type { Clock, Logger, Metrics } from '../actors/ports.ts';

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

export interface ApiConfig {
  /** `--http_credentials`; absent = everybody may do everything. */
  readonly credentials?: Credentials;
  /** `--http_realm`. */
  readonly realm: string;
  /** PEM texts; needed for an HTTPS port. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** `--access_control_allow_origin`; empty = no CORS headers. */
  readonly corsOrigins: readonly string[];
  /** Advertised name and ports (`--hostname`, `--http_port`, `--https_port`). */
  readonly hostname: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** `--disable_http`: the advertised address is the HTTPS one. */
  readonly disableHttp: boolean;
  readonly compression: boolean;
  /** Largest body of a request in bytes; beyond it 413. */
  readonly maxBodyBytes: number;
  readonly info: InfoConfig;
  /** `--emit_legacy_fields` (design §8). */
  readonly emitLegacyFields: boolean;
  /** Folder of the web page; absent = none is served. */
  readonly uiDirectory?: string;
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
  info: { version: '1.11.0', buildref: 'unknown', marathonConfig: {}, zookeeperConfig: {} },
  emitLegacyFields: false,
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
}
