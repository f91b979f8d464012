/**
 * The parts of the Mesos v1 JSON that both sides of the wire speak (mesos-v1 reference; the transcripts outrank it). Members
 * keep the names of the wire, so that no translation stands between a frame and a decision.
 */

export interface Value<T> {
  readonly value: T;
}

export interface Range {
  readonly begin: number;
  readonly end: number;
}

export type ValueType = 'SCALAR' | 'RANGES' | 'SET' | 'TEXT';

export interface Label {
  readonly key: string;
  readonly value?: string;
}

export interface Labels {
  readonly labels?: readonly Label[];
}

export interface ReservationInfo {
  readonly type?: 'STATIC' | 'DYNAMIC';
  readonly role?: string;
  readonly principal?: string;
  readonly labels?: Labels;
}

export interface Resource {
  readonly name: string;
  readonly type: ValueType;
  readonly scalar?: Value<number>;
  readonly ranges?: { readonly range?: readonly Range[] };
  readonly set?: { readonly item?: readonly string[] };
  readonly role?: string;
  readonly allocation_info?: { readonly role?: string };
  readonly reservation?: ReservationInfo;
  readonly reservations?: readonly ReservationInfo[];
  readonly disk?: {
    readonly persistence?: { readonly id: string; readonly principal?: string };
    readonly source?: {
      readonly type?: string;
      readonly path?: { readonly root?: string };
      readonly mount?: { readonly root?: string };
      readonly profile?: string;
    };
    readonly volume?: unknown;
  };
  readonly revocable?: unknown;
  readonly shared?: unknown;
}

export interface Attribute {
  readonly name: string;
  readonly type: ValueType;
  readonly scalar?: Value<number>;
  readonly ranges?: { readonly range?: readonly Range[] };
  readonly set?: { readonly item?: readonly string[] };
  readonly text?: Value<string>;
}

export interface DomainInfo {
  readonly fault_domain?: { readonly region: { readonly name: string }; readonly zone: { readonly name: string } };
}

/** Times exceed 2^53 nanoseconds: `nanoseconds` is rounded, its exact digits stand beside it where that matters. */
export interface TimeInfo {
  readonly nanoseconds: number;
  readonly nanoseconds_exact?: string;
}

export interface Unavailability {
  readonly start?: TimeInfo;
  readonly duration?: TimeInfo;
}

export interface Offer {
  readonly id: Value<string>;
  readonly framework_id: Value<string>;
  readonly agent_id: Value<string>;
  readonly hostname: string;
  readonly url?: unknown;
  readonly domain?: DomainInfo;
  readonly resources: readonly Resource[];
  readonly attributes?: readonly Attribute[];
  readonly executor_ids?: readonly Value<string>[];
  readonly unavailability?: Unavailability;
  readonly allocation_info?: { readonly role?: string };
}

export const mesosTaskStates = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
] as const;

export type MesosTaskState = (typeof mesosTaskStates)[number];

export interface IpAddress {
  readonly ip_address?: string;
  readonly protocol?: 'IPv4' | 'IPv6';
}

export interface TaskStatus {
  readonly task_id: Value<string>;
  readonly state: MesosTaskState;
  readonly message?: string;
  /** `SOURCE_MASTER`, `SOURCE_AGENT` or `SOURCE_EXECUTOR`. */
  readonly source?: string;
  /** `REASON_…`, with AGENT where the old API says SLAVE. */
  readonly reason?: string;
  readonly agent_id?: Value<string>;
  readonly executor_id?: Value<string>;
  /** Seconds, with fractions. */
  readonly timestamp?: number;
  /** Present exactly when the update must be acknowledged. Base64. */
  readonly uuid?: string;
  readonly healthy?: boolean;
  readonly check_status?: unknown;
  readonly container_status?: {
    readonly network_infos?: readonly { readonly ip_addresses?: readonly IpAddress[] }[];
    readonly [other: string]: unknown;
  };
  readonly unreachable_time?: TimeInfo;
  readonly data?: string;
}

export interface EnvironmentVariable {
  readonly name: string;
  readonly type?: 'VALUE' | 'SECRET';
  readonly value?: string;
}

export interface CommandUri {
  readonly value: string;
  readonly executable?: boolean;
  readonly extract?: boolean;
  readonly cache?: boolean;
  readonly output_file?: string;
}

export interface CommandInfo {
  readonly shell?: boolean;
  readonly value?: string;
  readonly arguments?: readonly string[];
  readonly user?: string;
  readonly uris?: readonly CommandUri[];
  readonly environment?: { readonly variables?: readonly EnvironmentVariable[] };
}

export interface MesosHealthCheck {
  readonly type: 'COMMAND' | 'HTTP' | 'TCP';
  readonly command?: CommandInfo;
  readonly http?: {
    readonly scheme?: string;
    readonly port: number;
    readonly path?: string;
    readonly protocol?: string;
    readonly statuses?: readonly number[];
  };
  readonly tcp?: { readonly port: number; readonly protocol?: string };
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
  readonly consecutive_failures?: number;
  readonly grace_period_seconds?: number;
}

export interface DiscoveryPort {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly labels?: Labels;
}

export interface TaskInfo {
  readonly name: string;
  readonly task_id: Value<string>;
  readonly agent_id: Value<string>;
  readonly resources: readonly Resource[];
  readonly limits?: Readonly<Record<string, Value<number>>>;
  readonly command?: CommandInfo;
  readonly executor?: unknown;
  readonly container?: unknown;
  readonly labels?: Labels;
  readonly health_check?: MesosHealthCheck;
  readonly check?: unknown;
  readonly kill_policy?: { readonly grace_period?: { readonly nanoseconds: number } };
  readonly max_completion_time?: { readonly nanoseconds: number };
  readonly discovery?: {
    readonly visibility: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
    readonly name?: string;
    readonly ports?: { readonly ports?: readonly DiscoveryPort[] };
    readonly labels?: Labels;
  };
}

/** What a scheduler registers with (behaviour §2.11). */
export interface FrameworkInfo {
  readonly id?: Value<string>;
  readonly name: string;
  readonly user: string;
  readonly roles?: readonly string[];
  readonly failover_timeout?: number;
  readonly checkpoint?: boolean;
  readonly hostname?: string;
  readonly webui_url?: string;
  readonly principal?: string;
  readonly capabilities?: readonly { readonly type: string }[];
}

export interface MasterInfo {
  readonly id?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly version?: string;
  readonly address?: { readonly hostname?: string; readonly ip?: string; readonly port?: number };
  readonly domain?: DomainInfo;
}
