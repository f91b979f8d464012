/**
 * The stored shape of an app: one canonical form, every default filled in, no deprecated member (rest-api §7.2, §8). Frozen
 * by convention: a change makes a new object with a new `version`.
 */
import type { AppId } from '../ids.ts';
import type { Timestamp } from '../time.ts';

export type Protocol = 'tcp' | 'udp' | 'udp,tcp';

export interface PortDefinition {
  readonly port: number;
  readonly protocol: Protocol;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PortMapping {
  readonly containerPort: number;
  /** Absent = no host port, 0 = any. */
  readonly hostPort?: number;
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly name?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly networkNames?: readonly string[];
}

export interface Network {
  readonly mode: 'host' | 'container' | 'container/bridge';
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Volume {
  readonly containerPath: string;
  readonly mode?: 'RO' | 'RW';
  readonly hostPath?: string;
  readonly persistent?: Readonly<Record<string, unknown>>;
  readonly external?: Readonly<Record<string, unknown>>;
  readonly secret?: string;
}

export interface Container {
  readonly type: 'DOCKER' | 'MESOS';
  readonly docker?: {
    readonly image: string;
    readonly forcePullImage: boolean;
    readonly privileged?: boolean;
    readonly parameters?: readonly { readonly key: string; readonly value: string }[];
    readonly pullConfig?: { readonly secret: string };
  };
  readonly linuxInfo?: Readonly<Record<string, unknown>>;
  readonly portMappings?: readonly PortMapping[];
  readonly volumes: readonly Volume[];
}

export type HealthCheckProtocol = 'HTTP' | 'HTTPS' | 'TCP' | 'COMMAND' | 'MESOS_HTTP' | 'MESOS_HTTPS' | 'MESOS_TCP';

export interface HealthCheck {
  readonly protocol: HealthCheckProtocol;
  readonly path?: string;
  readonly portIndex?: number | string;
  readonly port?: number;
  readonly command?: { readonly value: string };
  readonly gracePeriodSeconds: number;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly maxConsecutiveFailures: number;
  readonly delaySeconds?: number;
  readonly ignoreHttp1xx?: boolean;
  readonly ipProtocol?: 'IPv4' | 'IPv6';
}

export interface ReadinessCheck {
  readonly name: string;
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly path: string;
  readonly portName: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly httpStatusCodesForReady: readonly number[];
  readonly preserveLastResponse: boolean;
}

export interface Fetch {
  readonly uri: string;
  readonly extract: boolean;
  readonly executable: boolean;
  readonly cache: boolean;
  readonly destPath?: string;
}

export interface UpgradeStrategy {
  readonly minimumHealthCapacity: number;
  readonly maximumOverCapacity: number;
}

export type UnreachableStrategy =
  | 'disabled'
  | { readonly inactiveAfterSeconds: number; readonly expungeAfterSeconds: number };

export type KillSelection = 'YOUNGEST_FIRST' | 'OLDEST_FIRST';

export type ConstraintOperator = 'UNIQUE' | 'CLUSTER' | 'GROUP_BY' | 'LIKE' | 'UNLIKE' | 'MAX_PER' | 'IS';

/** `[field, operator]` or `[field, operator, value]`; operators are stored in upper case. */
export type Constraint = readonly [field: string, operator: ConstraintOperator, value?: string];

export type EnvValue = string | { readonly secret: string };

export interface AppDefinition {
  readonly id: AppId;
  readonly cmd?: string;
  readonly args?: readonly string[];
  readonly user?: string;
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly secrets?: Readonly<Record<string, { readonly source: string }>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly instances: number;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus: number;
  readonly executor: string;
  readonly executorResources?: { readonly cpus: number; readonly mem: number; readonly disk: number };
  readonly resourceLimits?: { readonly cpus?: number | 'unlimited'; readonly mem?: number | 'unlimited' };
  readonly constraints: readonly Constraint[];
  readonly acceptedResourceRoles?: readonly string[];
  readonly role: string;
  readonly container?: Container;
  readonly networks: readonly Network[];
  /** Host networking only. `port` is the service port. */
  readonly portDefinitions?: readonly PortDefinition[];
  readonly requirePorts: boolean;
  readonly healthChecks: readonly HealthCheck[];
  readonly check?: Readonly<Record<string, unknown>>;
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly fetch: readonly Fetch[];
  readonly dependencies: readonly string[];
  readonly backoffSeconds: number;
  readonly backoffFactor: number;
  readonly maxLaunchDelaySeconds: number;
  readonly taskKillGracePeriodSeconds?: number;
  readonly upgradeStrategy: UpgradeStrategy;
  readonly killSelection: KillSelection;
  /** An instance that fails its health checks goes only when another one has taken its place. Not Marathon's: shown only if set. */
  readonly replaceBeforeKill?: boolean;
  readonly unreachableStrategy: UnreachableStrategy;
  readonly tty?: boolean;
  readonly version: Timestamp;
  readonly versionInfo: VersionInfo;
}

export interface VersionInfo {
  readonly lastScalingAt: Timestamp;
  readonly lastConfigChangeAt: Timestamp;
  /** Older versions with this very configuration, which a rollback came back to; never shown. At most `maxSameConfig`. */
  readonly sameConfig?: readonly VersionRange[];
}

/** Versions from `from` on, up to but not including `before`. */
export interface VersionRange {
  readonly from: Timestamp;
  readonly before: Timestamp;
}

/** True if the app's ports are those of the agent itself. */
export const isHostNetworked = (app: AppDefinition): boolean => app.networks.every((n) => n.mode === 'host');

/** One entry of an app's ports, whichever member it came from, in definition order. */
export interface PortEntry {
  /** Container port of a mapping, else the definition's own (service) port. */
  readonly declaredPort: number;
  /** Port of a mapping on the agent: absent = none, 0 = any. For a definition: literal with `requirePorts`, else 0. */
  readonly requestedHostPort?: number;
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly name?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly networkNames?: readonly string[];
}

/** The app's ports in one form (behaviour §2.5). */
export function portEntries(app: AppDefinition): readonly PortEntry[] {
  if (!isHostNetworked(app)) {
    return (app.container?.portMappings ?? []).map((m) => ({
      declaredPort: m.containerPort,
      ...(m.hostPort === undefined ? {} : { requestedHostPort: m.hostPort }),
      servicePort: m.servicePort,
      protocol: m.protocol,
      ...(m.name === undefined ? {} : { name: m.name }),
      labels: m.labels,
      ...(m.networkNames === undefined ? {} : { networkNames: m.networkNames }),
    }));
  }
  return (app.portDefinitions ?? []).map((d) => ({
    declaredPort: d.port,
    requestedHostPort: app.requirePorts ? d.port : 0,
    servicePort: d.port,
    protocol: d.protocol,
    ...(d.name === undefined ? {} : { name: d.name }),
    labels: d.labels ?? {},
  }));
}
