/** From a rewritten request to a definition with every default filled in (rest-api §7.2–7.11, §8.1). */
import type { AppId } from '../ids.ts';
import { resolvePath } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import type { AppBody, CheckBody, FetchBody } from './bodies.ts';
import { externalOf } from './bodies.ts';
import { healthCheckWithDefaults, readinessCheckWithDefaults } from './default-checks.ts';
import { containerWithDefaults, networksWithDefaults, portDefinitionsWithDefaults } from './default-network.ts';
import type { AppDefinition, Constraint, Fetch, UnreachableStrategy } from './definition.ts';
import type { AppSettings } from './settings.ts';

/** The version of an app that has not been stamped yet; `stampVersions` replaces it. */
export const unstamped: Timestamp = '1970-01-01T00:00:00.000Z';

/**
 * Fills in every default. Never fails: what breaks a rule stays as it is, for the rules to name. Filling in the defaults of a definition
 * changes nothing. Role: `--mesos_role`, or what the group enforces, unless the request or the stored app has one (rest-api §7.14).
 */
export function withDefaults(id: AppId, body: AppBody, settings: AppSettings): AppDefinition {
  const networks = networksWithDefaults(body.networks, settings);
  const isHost = networks.every((network) => network.mode === 'host');
  const container = containerWithDefaults(body, networks);
  const portDefinitions = isHost ? portDefinitionsWithDefaults(body.portDefinitions) : undefined;
  const portCount = isHost ? (portDefinitions?.length ?? 0) : (container?.portMappings?.length ?? 0);
  return {
    id,
    ...commandOf(body),
    env: body.env ?? {},
    ...(hasMembers(body.secrets) ? { secrets: body.secrets } : {}),
    labels: body.labels ?? {},
    instances: body.instances ?? 1,
    ...resourcesOf(body),
    constraints: (body.constraints ?? []).map(canonicalConstraint),
    ...(body.acceptedResourceRoles ? { acceptedResourceRoles: body.acceptedResourceRoles } : {}),
    role: body.role ?? settings.enforcedRole ?? settings.mesosRole,
    ...(container ? { container } : {}),
    networks,
    ...(portDefinitions ? { portDefinitions } : {}),
    requirePorts: isHost && (body.requirePorts ?? false),
    healthChecks: (body.healthChecks ?? []).map((check) => healthCheckWithDefaults(check, portCount)),
    ...(body.check ? { check: checkWithDefaults(body.check, portCount) } : {}),
    readinessChecks: (body.readinessChecks ?? []).map(readinessCheckWithDefaults),
    fetch: (body.fetch ?? []).map(fetchWithDefaults),
    dependencies: (body.dependencies ?? []).map((dependency) => resolvePath(dependency)),
    ...launchingOf(body),
    ...strategiesOf(body),
    ...(body.replaceBeforeKill === undefined ? {} : { replaceBeforeKill: body.replaceBeforeKill }),
    ...(body.tty === undefined ? {} : { tty: body.tty }),
    version: unstamped,
    versionInfo: { lastScalingAt: unstamped, lastConfigChangeAt: unstamped },
  };
}

const hasMembers = (map: object | undefined): boolean => map !== undefined && Object.keys(map).length > 0;

const commandOf = (body: AppBody) => ({
  ...(body.cmd === undefined ? {} : { cmd: body.cmd }),
  ...(body.args && body.args.length > 0 ? { args: body.args } : {}),
  ...(body.user === undefined ? {} : { user: body.user }),
});

function resourcesOf(body: AppBody) {
  const { executorResources, resourceLimits } = body;
  return {
    cpus: body.cpus ?? 1,
    mem: body.mem ?? 128,
    disk: body.disk ?? 0,
    gpus: body.gpus ?? 0,
    executor: body.executor ?? '',
    ...(executorResources
      ? {
          executorResources: {
            cpus: executorResources.cpus ?? 0.1,
            mem: executorResources.mem ?? 32,
            disk: executorResources.disk ?? 10,
          },
        }
      : {}),
    // A text other than `unlimited` passes here and is refused by the rules.
    ...(resourceLimits && hasMembers(resourceLimits)
      ? { resourceLimits: resourceLimits as NonNullable<AppDefinition['resourceLimits']> }
      : {}),
  };
}

const launchingOf = (body: AppBody) => ({
  backoffSeconds: body.backoffSeconds ?? 1,
  backoffFactor: body.backoffFactor ?? 1.15,
  maxLaunchDelaySeconds: body.maxLaunchDelaySeconds ?? 300,
  ...(body.taskKillGracePeriodSeconds === undefined
    ? {}
    : { taskKillGracePeriodSeconds: body.taskKillGracePeriodSeconds }),
});

/** What depends on the kind of the app: with persistent volumes, with external ones, or ordinary (rest-api §7.11). */
function strategiesOf(body: AppBody) {
  const volumes = body.container?.volumes ?? [];
  const isResident = volumes.some((volume) => volume.persistent !== undefined);
  const isCareful = isResident || volumes.some((volume) => externalOf(volume) !== undefined);
  const strategy = body.upgradeStrategy;
  return {
    upgradeStrategy: {
      minimumHealthCapacity: strategy?.minimumHealthCapacity ?? (isCareful ? 0.5 : 1),
      maximumOverCapacity: strategy?.maximumOverCapacity ?? (isCareful ? 0 : 1),
    },
    killSelection: body.killSelection ?? 'YOUNGEST_FIRST',
    unreachableStrategy: unreachableWithDefaults(body.unreachableStrategy, isResident),
  };
}

function unreachableWithDefaults(given: AppBody['unreachableStrategy'], isResident: boolean): UnreachableStrategy {
  if (given === 'disabled' || (given === undefined && isResident)) return 'disabled';
  const { inactiveAfterSeconds = 0, expungeAfterSeconds = 0 } = given ?? {};
  return { inactiveAfterSeconds, expungeAfterSeconds };
}

const valueMayBeAbsent: ReadonlySet<string> = new Set(['UNIQUE', 'CLUSTER', 'GROUP_BY']);

/** Operators in upper case; an empty value, as old servers showed it where there was none, counts as absent. */
function canonicalConstraint(parts: readonly string[]): Constraint {
  const operator = parts[1]?.toUpperCase();
  const hasEmptyValue =
    parts.length === 3 && parts[2] === '' && operator !== undefined && valueMayBeAbsent.has(operator);
  const kept = hasEmptyValue ? parts.slice(0, 2) : parts;
  return kept.map((part, i) => (i === 1 ? part.toUpperCase() : part)) as unknown as Constraint;
}

const fetchWithDefaults = (fetch: FetchBody): Fetch => ({
  uri: fetch.uri,
  extract: fetch.extract ?? true,
  executable: fetch.executable ?? false,
  cache: fetch.cache ?? false,
  ...(fetch.destPath === undefined ? {} : { destPath: fetch.destPath }),
});

function checkWithDefaults(check: CheckBody, portCount: number): Readonly<Record<string, unknown>> {
  const indexed = <Address extends { readonly portIndex?: number; readonly port?: number }>(
    address: Address,
  ): Address =>
    address.port === undefined && address.portIndex === undefined && portCount > 0
      ? { ...address, portIndex: 0 }
      : address;
  return {
    ...(check.http ? { http: { scheme: 'HTTP', ...indexed(check.http) } } : {}),
    ...(check.tcp ? { tcp: indexed(check.tcp) } : {}),
    ...(check.exec ? { exec: check.exec } : {}),
    intervalSeconds: check.intervalSeconds ?? 60,
    timeoutSeconds: check.timeoutSeconds ?? 20,
    delaySeconds: check.delaySeconds ?? 15,
  };
}
