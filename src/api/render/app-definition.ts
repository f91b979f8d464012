/** Apps as answers show them: exactly the members that Marathon 1.11 emits, absent instead of null (rest-api §7.2, §7.18). */
import type { AppDefinition, Container, Network, PortMapping } from '../../core/app/definition.ts';
import { isHostNetworked, portEntries } from '../../core/app/definition.ts';
import { isResident } from '../../core/app/resident.ts';

export interface AppDefinitionOptions {
  /** `--emit_legacy_fields`: also `ports`, `uris`, `container.docker.network` and `container.docker.portMappings`. */
  readonly legacy: boolean;
}

/** The object that an app's JSON is made from. It shares parts with the definition: do not change it. */
export function renderAppDefinition(
  app: AppDefinition,
  options: AppDefinitionOptions = { legacy: false },
): Readonly<Record<string, unknown>> {
  return {
    id: app.id,
    ...given('acceptedResourceRoles', app.acceptedResourceRoles),
    ...filled('args', app.args),
    backoffFactor: app.backoffFactor,
    backoffSeconds: app.backoffSeconds,
    ...given('check', app.check),
    ...given('cmd', app.cmd),
    ...filled('constraints', app.constraints),
    ...(app.container ? { container: containerOf(app.container, app.networks, options) } : {}),
    cpus: app.cpus,
    ...filled('dependencies', app.dependencies),
    disk: app.disk,
    ...filledMap('env', app.env),
    executor: app.executor,
    ...given('executorResources', app.executorResources),
    ...filled('fetch', app.fetch),
    ...filled('healthChecks', app.healthChecks),
    instances: app.instances,
    labels: app.labels,
    maxLaunchDelaySeconds: app.maxLaunchDelaySeconds,
    mem: app.mem,
    gpus: app.gpus,
    networks: app.networks,
    ...(isHostNetworked(app) ? { portDefinitions: app.portDefinitions ?? [] } : {}),
    ...(options.legacy ? legacyLists(app) : {}),
    ...filled('readinessChecks', app.readinessChecks),
    requirePorts: app.requirePorts,
    ...(isResident(app) ? { residency } : {}),
    ...given('resourceLimits', app.resourceLimits),
    ...filledMap('secrets', app.secrets),
    ...given('taskKillGracePeriodSeconds', app.taskKillGracePeriodSeconds),
    upgradeStrategy: {
      maximumOverCapacity: app.upgradeStrategy.maximumOverCapacity,
      minimumHealthCapacity: app.upgradeStrategy.minimumHealthCapacity,
    },
    ...given('user', app.user),
    version: app.version,
    versionInfo: {
      lastScalingAt: app.versionInfo.lastScalingAt,
      lastConfigChangeAt: app.versionInfo.lastConfigChangeAt,
    },
    killSelection: app.killSelection,
    unreachableStrategy: app.unreachableStrategy,
    ...given('tty', app.tty),
    ...given('replaceBeforeKill', app.replaceBeforeKill),
    role: app.role,
  };
}

const given = (name: string, value: unknown) => (value === undefined ? {} : { [name]: value });

const filled = (name: string, list: readonly unknown[] | undefined) =>
  list && list.length > 0 ? { [name]: list } : {};

const filledMap = (name: string, map: object | undefined) =>
  map && Object.keys(map).length > 0 ? { [name]: map } : {};

/** Without effect; Marathon shows it for apps with persistent volumes. */
const residency = { relaunchEscalationTimeoutSeconds: 3600, taskLostBehavior: 'WAIT_FOREVER' } as const;

function containerOf(container: Container, networks: readonly Network[], { legacy }: AppDefinitionOptions): object {
  const { docker, portMappings } = container;
  const showsLegacy = legacy && container.type === 'DOCKER';
  return {
    type: container.type,
    ...(docker
      ? {
          docker: {
            forcePullImage: docker.forcePullImage,
            image: docker.image,
            parameters: docker.parameters ?? [],
            privileged: docker.privileged ?? false,
            ...given('pullConfig', docker.pullConfig),
            ...(showsLegacy ? legacyDocker(networks, portMappings) : {}),
          },
        }
      : {}),
    volumes: container.volumes,
    ...given('portMappings', portMappings),
    ...given('linuxInfo', container.linuxInfo),
  };
}

const legacyModes = { host: 'HOST', 'container/bridge': 'BRIDGE', container: 'USER' } as const;

function legacyDocker(networks: readonly Network[], portMappings: readonly PortMapping[] | undefined): object {
  const mode = networks[0]?.mode ?? 'host';
  return { network: legacyModes[mode], ...given('portMappings', portMappings) };
}

const legacyLists = (app: AppDefinition) => ({
  ports: portEntries(app).map((entry) => entry.servicePort),
  uris: app.fetch.map((fetch) => fetch.uri),
});
