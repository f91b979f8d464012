/** The container of a task: networks, image, volumes (behaviour §8.3, mesos-v1 §3.7). */
import {
  type AppDefinition,
  type Container,
  isHostNetworked,
  type Network,
  type PortEntry,
} from '../app/definition.ts';
import { networkNamesOf, protocolsOf, wireLabels } from './discovery.ts';
import { volumeDriver, wireVolumes } from './volumes.ts';

export interface ContainerInputs {
  readonly taskId: string;
  readonly entries: readonly PortEntry[];
  /** One element for each entry. */
  readonly hostPorts: readonly (number | undefined)[];
  /** `--mesos_bridge_name`. */
  readonly mesosBridgeName: string;
}

/** True if the task runs in a container that must be described; a plain command on the host network is not. */
export const needsContainer = (app: AppDefinition): boolean =>
  app.container !== undefined || app.tty === true || !isHostNetworked(app);

/** The `container` of a TaskInfo, or undefined for a plain command. */
export function containerInfo(app: AppDefinition, inputs: ContainerInputs): unknown {
  if (!needsContainer(app)) return undefined;
  const { container } = app;
  const volumes = wireVolumes(container);
  const common = {
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(app.tty === true ? { tty_info: {} } : {}),
  };
  return container?.type === 'DOCKER'
    ? { ...dockerContainer(app, container, inputs), ...common }
    : { ...mesosContainer(app, container, inputs), ...common };
}

interface WirePort {
  readonly host_port: number;
  readonly container_port: number;
  readonly protocol: string;
}

/** A container port 0 means: the same number as on the agent. */
function wirePorts(inputs: ContainerInputs, isWanted: (entry: PortEntry) => boolean): readonly WirePort[] {
  return inputs.entries.flatMap((entry, i) => {
    const hostPort = inputs.hostPorts[i];
    if (hostPort === undefined || !isWanted(entry)) return [];
    return protocolsOf(entry.protocol).map((protocol) => ({
      host_port: hostPort,
      container_port: entry.declaredPort === 0 ? hostPort : entry.declaredPort,
      protocol,
    }));
  });
}

function dockerContainer(app: AppDefinition, { docker, volumes }: Container, inputs: ContainerInputs) {
  const network = app.networks.find(({ mode }) => mode !== 'host');
  const ports = network === undefined ? [] : wirePorts(inputs, () => true);
  const driver = volumeDriver(volumes);
  return {
    type: 'DOCKER',
    docker: {
      image: docker?.image ?? '',
      network: network === undefined ? 'HOST' : network.mode === 'container' ? 'USER' : 'BRIDGE',
      ...(ports.length === 0 ? {} : { port_mappings: ports }),
      privileged: docker?.privileged ?? false,
      parameters: [...(docker?.parameters ?? []), { key: 'label', value: `MESOS_TASK_ID=${inputs.taskId}` }],
      force_pull_image: docker?.forcePullImage ?? false,
      ...(driver === undefined ? {} : { volume_driver: driver }),
    },
    ...(network?.mode === 'container' ? { network_infos: [networkInfo(network, network.name)] } : {}),
  };
}

function networkInfo({ labels = {} }: Network, name: string | undefined) {
  const list = wireLabels(labels);
  return { ...(name === undefined ? {} : { name }), ...(list.length === 0 ? {} : { labels: { labels: list } }) };
}

function mesosContainer(app: AppDefinition, container: Container | undefined, inputs: ContainerInputs) {
  const networks = app.networks.filter(({ mode }) => mode !== 'host');
  const linuxInfo = container?.linuxInfo === undefined ? undefined : wireLinuxInfo(container.linuxInfo);
  return {
    type: 'MESOS',
    ...(container?.docker === undefined ? {} : { mesos: { image: wireImage(app, container.docker) } }),
    ...(networks.length === 0
      ? {}
      : { network_infos: networks.map((network) => attachedNetwork(app, network, inputs)) }),
    ...(linuxInfo === undefined ? {} : { linux_info: linuxInfo }),
  };
}

/** An empty address entry asks for one address. */
function attachedNetwork(app: AppDefinition, network: Network, inputs: ContainerInputs) {
  const isBridge = network.mode === 'container/bridge';
  const name = isBridge ? inputs.mesosBridgeName : network.name;
  const ports = wirePorts(
    inputs,
    (entry) => isBridge || name === undefined || networkNamesOf(app, entry).includes(name),
  );
  return {
    ...networkInfo(network, name),
    ip_addresses: [{}],
    ...(ports.length === 0 ? {} : { port_mappings: ports }),
  };
}

function wireImage(app: AppDefinition, { image, forcePullImage, pullConfig }: NonNullable<Container['docker']>) {
  const source = pullConfig === undefined ? undefined : app.secrets?.[pullConfig.secret]?.source;
  const config = source === undefined ? {} : { config: { type: 'REFERENCE', reference: { name: source } } };
  return { type: 'DOCKER', docker: { name: image, ...config }, cached: !forcePullImage };
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

/** `seccomp`, `ipcInfo` and `capabilities` in the words of the wire. */
function wireLinuxInfo(linuxInfo: Readonly<Record<string, unknown>>) {
  const { seccomp, ipcInfo, capabilities } = linuxInfo;
  const profile = member(seccomp, 'profileName');
  const unconfined = member(seccomp, 'unconfined');
  const shmSize = member(ipcInfo, 'shmSize');
  return {
    ...(capabilities === undefined ? {} : { effective_capabilities: { capabilities } }),
    ...(seccomp === undefined
      ? {}
      : {
          seccomp: {
            ...(profile === undefined ? {} : { profile_name: profile }),
            ...(unconfined === undefined ? {} : { unconfined }),
          },
        }),
    ...(ipcInfo === undefined ? {} : { ipc_mode: member(ipcInfo, 'mode') }),
    ...(shmSize === undefined ? {} : { shm_size: shmSize }),
  };
}
