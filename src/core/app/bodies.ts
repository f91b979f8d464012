/**
 * The loose members of an `AppUpdate`, as the body's schema lets them through (rest-api §7.3–7.10). Types and simple ranges are
 * checked there; whatever is not listed here cannot be present.
 */
import type { Fetch, HealthCheckProtocol, Protocol, ReadinessCheck, Volume } from './definition.ts';
import type { AppUpdate } from './update.ts';

export type Labels = Readonly<Record<string, string>>;

export interface PortDefinitionBody {
  readonly port?: number;
  readonly protocol?: Protocol;
  readonly name?: string;
  readonly labels?: Labels;
}

export interface PortMappingBody {
  readonly containerPort?: number;
  readonly hostPort?: number;
  readonly servicePort?: number;
  readonly protocol?: Protocol;
  readonly name?: string;
  readonly labels?: Labels;
  readonly networkNames?: readonly string[];
}

export interface NetworkBody {
  readonly mode?: 'host' | 'container' | 'container/bridge';
  readonly name?: string;
  readonly labels?: Labels;
}

export interface DockerBody {
  readonly image?: string;
  readonly forcePullImage?: boolean;
  readonly privileged?: boolean;
  readonly parameters?: readonly { readonly key: string; readonly value: string }[];
  readonly pullConfig?: { readonly secret: string };
  /** Refused if present. */
  readonly credential?: unknown;
  /** Deprecated → `networks`. */
  readonly network?: 'BRIDGE' | 'HOST' | 'NONE' | 'USER';
  /** Deprecated → `container.portMappings`. */
  readonly portMappings?: readonly PortMappingBody[];
}

export interface ContainerBody {
  readonly type?: 'DOCKER' | 'MESOS';
  readonly docker?: DockerBody;
  readonly linuxInfo?: Readonly<Record<string, unknown>>;
  readonly portMappings?: readonly PortMappingBody[];
  readonly volumes?: readonly Volume[];
}

export interface IpAddressBody {
  readonly networkName?: string;
  readonly labels?: Labels;
  readonly groups?: readonly string[];
  readonly discovery?: {
    readonly ports?: readonly {
      readonly number: number;
      readonly name: string;
      readonly protocol?: Protocol;
      readonly labels?: Labels;
    }[];
  };
}

export interface HealthCheckBody {
  readonly protocol?: HealthCheckProtocol;
  readonly path?: string;
  readonly portIndex?: number;
  readonly port?: number;
  readonly command?: { readonly value: string };
  readonly gracePeriodSeconds?: number;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly maxConsecutiveFailures?: number;
  readonly delaySeconds?: number;
  readonly ignoreHttp1xx?: boolean;
  readonly ipProtocol?: 'IPv4' | 'IPv6';
}

/** `check` of an app (rest-api §7.7). */
export interface CheckBody {
  readonly http?: {
    readonly portIndex?: number;
    readonly port?: number;
    readonly path?: string;
    readonly scheme?: 'HTTP' | 'HTTPS';
  };
  readonly tcp?: { readonly portIndex?: number; readonly port?: number };
  readonly exec?: { readonly command: { readonly shell?: string; readonly argv?: readonly string[] } };
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly delaySeconds?: number;
}

export type FetchBody = Partial<Fetch> & { readonly uri: string };

/** A volume's `persistent` (rest-api §7.3). */
export interface PersistentBody {
  readonly type?: 'root' | 'path' | 'mount';
  /** MiB. */
  readonly size: number;
  /** MiB. */
  readonly maxSize?: number;
  readonly profileName?: string;
  readonly constraints?: readonly (readonly string[])[];
}

/** A volume's `external` (rest-api §7.3). */
export interface ExternalBody {
  readonly provider: string;
  readonly name: string;
  /** GiB. */
  readonly size?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly shared?: boolean;
}

/** An update with its loose members named. */
export interface AppBody
  extends Omit<
    AppUpdate,
    | 'container'
    | 'networks'
    | 'portDefinitions'
    | 'healthChecks'
    | 'check'
    | 'readinessChecks'
    | 'fetch'
    | 'ipAddress'
    | 'constraints'
    | 'executorResources'
    | 'resourceLimits'
    | 'unreachableStrategy'
  > {
  readonly container?: ContainerBody;
  readonly networks?: readonly NetworkBody[];
  readonly portDefinitions?: readonly PortDefinitionBody[];
  readonly healthChecks?: readonly HealthCheckBody[];
  readonly check?: CheckBody;
  readonly readinessChecks?: readonly Partial<ReadinessCheck>[];
  readonly executorResources?: { readonly cpus?: number; readonly mem?: number; readonly disk?: number };
  /** A text is `unlimited`, or refused. */
  readonly resourceLimits?: { readonly cpus?: number | string; readonly mem?: number | string };
  readonly unreachableStrategy?:
    | 'disabled'
    | { readonly inactiveAfterSeconds?: number; readonly expungeAfterSeconds?: number };
  readonly fetch?: readonly FetchBody[];
  readonly ipAddress?: IpAddressBody;
  readonly constraints?: readonly (readonly string[])[];
}

/** What the definition's own type leaves open. */
export const persistentOf = (volume: Volume): PersistentBody | undefined =>
  volume.persistent as PersistentBody | undefined;

/** As above, for external volumes. */
export const externalOf = (volume: Volume): ExternalBody | undefined => volume.external as ExternalBody | undefined;
