/** Networks, ports and container: defaults and what the network mode implies (rest-api §7.3–7.5, §8.1). */
import type {
  AppBody,
  ContainerBody,
  DockerBody,
  Labels,
  NetworkBody,
  PersistentBody,
  PortDefinitionBody,
  PortMappingBody,
} from './bodies.ts';
import { persistentOf } from './bodies.ts';
import type { Container, Network, PortDefinition, PortMapping, Volume } from './definition.ts';
import type { AppSettings } from './settings.ts';

/** Host networking if nothing is given; a container network without a name gets the default one, if there is one. */
export function networksWithDefaults(
  bodies: readonly NetworkBody[] | undefined,
  settings: Pick<AppSettings, 'defaultNetworkName'>,
): readonly Network[] {
  if (!bodies || bodies.length === 0) return [{ mode: 'host' }];
  return bodies.map((body) => {
    const mode = body.mode ?? 'container';
    const name = body.name ?? (mode === 'container' ? settings.defaultNetworkName : undefined);
    return { mode, ...(name === undefined ? {} : { name }), ...nonEmptyLabels(body.labels) };
  });
}

const nonEmptyLabels = (labels: Labels | undefined) => (labels && Object.keys(labels).length > 0 ? { labels } : {});

/** One port with the name `default` if nothing is given; an empty list means no ports. */
export const portDefinitionsWithDefaults = (
  bodies: readonly PortDefinitionBody[] | undefined,
): readonly PortDefinition[] =>
  (bodies ?? [{ port: 0, name: 'default' }]).map((body) => ({
    port: body.port ?? 0,
    protocol: body.protocol ?? 'tcp',
    ...(body.name === undefined ? {} : { name: body.name }),
    ...nonEmptyLabels(body.labels),
  }));

/**
 * The container with its defaults. Off the host network there always is one, with port mappings: those given, filled up to the number
 * of port definitions (old clients sent `ports` for the service ports), or a default one. On the host network there are none.
 */
export function containerWithDefaults(body: AppBody, networks: readonly Network[]): Container | undefined {
  const isHost = networks.every((network) => network.mode === 'host');
  if (!body.container && isHost) return undefined;
  const container: ContainerBody = body.container ?? { type: 'MESOS' };
  const isBridged = networks.some((network) => network.mode === 'container/bridge');
  const type = container.type ?? 'DOCKER';
  return {
    type,
    ...(container.docker ? { docker: dockerWithDefaults(container.docker, type) } : {}),
    ...(container.linuxInfo ? { linuxInfo: container.linuxInfo } : {}),
    ...(isHost ? {} : { portMappings: mappingsOf(body).map(mappingWithDefaults(isBridged)) }),
    volumes: (container.volumes ?? []).map(volumeWithDefaults),
  };
}

/** `image` may be missing: then the rules refuse the app. */
function dockerWithDefaults(docker: DockerBody, type: Container['type']): NonNullable<Container['docker']> {
  return {
    image: docker.image ?? '',
    forcePullImage: docker.forcePullImage ?? false,
    ...(type === 'DOCKER' ? { privileged: docker.privileged ?? false, parameters: docker.parameters ?? [] } : {}),
    ...(docker.pullConfig ? { pullConfig: docker.pullConfig } : {}),
  };
}

/** Only an empty list of mappings means none: a list of port definitions says how many there are at least. */
function mappingsOf({ container, portDefinitions }: AppBody): readonly PortMappingBody[] {
  const given = container?.portMappings ?? [{ name: 'default' }];
  const missing = Math.max(0, (portDefinitions?.length ?? 0) - given.length);
  return [...given, ...Array.from({ length: missing }, () => ({}))];
}

const mappingWithDefaults =
  (isBridged: boolean) =>
  (body: PortMappingBody): PortMapping => {
    const hostPort = body.hostPort ?? (isBridged ? 0 : undefined);
    return {
      containerPort: body.containerPort ?? 0,
      ...(hostPort === undefined ? {} : { hostPort }),
      servicePort: body.servicePort ?? 0,
      protocol: body.protocol ?? 'tcp',
      ...(body.name === undefined ? {} : { name: body.name }),
      labels: body.labels ?? {},
      ...(body.networkNames && body.networkNames.length > 0 ? { networkNames: body.networkNames } : {}),
    };
  };

function volumeWithDefaults(volume: Volume): Volume {
  const persistent = persistentOf(volume);
  return persistent ? { ...volume, persistent: { ...persistentWithDefaults(persistent) } } : volume;
}

function persistentWithDefaults(body: PersistentBody): PersistentBody {
  const { constraints, ...rest } = body;
  return {
    ...rest,
    type: body.type ?? (body.profileName === undefined ? 'root' : 'mount'),
    ...(constraints && constraints.length > 0
      ? { constraints: constraints.map((parts) => parts.map((part, i) => (i === 1 ? part.toUpperCase() : part))) }
      : {}),
  };
}
