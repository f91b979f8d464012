/** What a task's ContainerInfo asks for, and whether this agent can give it (mesos-v1 §3.7). */
import { isAbsolute, join, normalize } from 'node:path';
import type { Resource, TaskInfo } from '../../core/mesos/types.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { pathSegment } from './sandbox.ts';

/** A path of the host that appears in the sandbox as a link. */
export interface LinkedVolume {
  readonly hostPath: string;
  /** Relative to the sandbox. */
  readonly containerPath: string;
  /** Only persistent volumes are created by us. */
  readonly create: boolean;
}

export interface ContainerPlan {
  readonly image: string | undefined;
  readonly volumes: readonly LinkedVolume[];
  /** Things that the task should know are not so, for its stderr. */
  readonly notes: readonly string[];
}

/** A Volume as far as we read it. */
export interface VolumeShape {
  readonly mode?: string;
  readonly container_path?: string;
  readonly host_path?: string;
  readonly source?: {
    readonly type?: string;
    readonly host_path?: { readonly path?: string };
    readonly docker_volume?: { readonly name: string; readonly driver?: string };
  };
}

export interface PortMapping {
  readonly host_port: number;
  readonly container_port: number;
  readonly protocol?: string;
}

/** A ContainerInfo as far as we read it. */
export interface ContainerShape {
  readonly type?: string;
  readonly hostname?: string;
  readonly volumes?: readonly VolumeShape[];
  readonly docker?: {
    readonly image?: string;
    readonly network?: string;
    readonly port_mappings?: readonly PortMapping[];
    readonly privileged?: boolean;
    readonly force_pull_image?: boolean;
    readonly parameters?: readonly { readonly key: string; readonly value: string }[];
    readonly volume_driver?: string;
  };
  readonly mesos?: {
    readonly image?: {
      readonly docker?: { readonly name?: string };
      readonly appc?: unknown;
      readonly cached?: boolean;
    };
  };
  readonly network_infos?: readonly { readonly name?: string; readonly port_mappings?: readonly PortMapping[] }[];
}

/** The image a container is made of, if any. */
export const imageOf = ({ docker, mesos }: ContainerShape): string | undefined =>
  docker?.image ?? mesos?.image?.docker?.name;

/** What Marathon calls the bridge of a Mesos agent unless `--mesos_bridge_name` says otherwise. */
const mesosBridge = 'mesos-bridge';

/**
 * The network that a container with an image joins: its kind, and its name for the engine. An image of a MESOS container names its
 * network; Mesos' bridge is then the engine's.
 */
export function networkOf(shape: ContainerShape): { kind: 'HOST' | 'BRIDGE' | 'NONE' | 'USER'; name: string } {
  const named = shape.network_infos?.map(({ name = '' }) => name).find((name) => name !== '');
  const asked = shape.docker?.network ?? (shape.docker === undefined && named !== undefined ? 'USER' : 'HOST');
  if (asked === 'USER' && named !== undefined && named !== mesosBridge) return { kind: 'USER', name: named };
  if (asked === 'USER' || asked === 'BRIDGE') return { kind: 'BRIDGE', name: 'bridge' };
  return asked === 'NONE' ? { kind: 'NONE', name: 'none' } : { kind: 'HOST', name: 'host' };
}

/** The ports that a container has on the agent; none on the host's own network. */
export function portMappingsOf(shape: ContainerShape): readonly PortMapping[] {
  const { kind } = networkOf(shape);
  if (kind === 'HOST' || kind === 'NONE') return [];
  return shape.docker?.port_mappings ?? shape.network_infos?.flatMap((info) => info.port_mappings ?? []) ?? [];
}

/** Container ports and the ports of the agent that lead to them. */
export const publishedPorts = ({ container }: Pick<TaskInfo, 'container'>): ReadonlyMap<number, number> =>
  new Map(portMappingsOf((container ?? {}) as ContainerShape).map((port) => [port.container_port, port.host_port]));

/**
 * Reads the demands of a task. Without an image the task is a plain process: volumes become links in its sandbox, and what a
 * plain process cannot have is refused with a sentence that says so, rather than left out.
 */
export function planContainer(task: TaskInfo, workDir: string): Result<ContainerPlan, string> {
  const container = (task.container ?? {}) as ContainerShape;
  const image = imageOf(container);
  if (container.mesos?.image?.appc !== undefined) return err('appc images are not supported');
  if (container.type === 'DOCKER' && image === undefined)
    return err("ContainerInfo of type DOCKER has no 'docker.image'");
  const notes: string[] = [];
  const volumes: LinkedVolume[] = [];
  if (image === undefined) {
    const network = container.network_infos?.find((info) => info.name !== undefined && info.name !== '');
    if (network !== undefined) {
      return err(
        `a task without a container image cannot join the network '${network.name}': only host networking is there`,
      );
    }
    for (const volume of container.volumes ?? []) {
      const link = linkVolume(volume, notes);
      if (!link.ok) return link;
      if (link.value !== undefined) volumes.push(link.value);
    }
  }
  for (const resource of task.resources) {
    const link = persistentVolume(resource, workDir);
    if (link !== undefined && !link.ok) return link;
    if (link !== undefined) volumes.push(link.value);
  }
  return ok({ image, volumes, notes });
}

function linkVolume(volume: VolumeShape, notes: string[]): Result<LinkedVolume | undefined, string> {
  const hostPath = volume.source?.host_path?.path ?? volume.host_path;
  const containerPath = volume.container_path ?? '';
  if (hostPath === undefined || !isAbsolute(hostPath)) {
    const what = volume.source?.type ?? (hostPath === undefined ? 'this type' : `the relative host path '${hostPath}'`);
    return err(`the volume '${containerPath}' of ${what} needs a container engine`);
  }
  if (volume.mode === 'RO') notes.push(`Volume '${containerPath}' is not read-only: the task is a plain process`);
  // The host's own file system is what the task sees, so this path is in its place already.
  if (isAbsolute(containerPath) && normalize(containerPath) === normalize(hostPath)) return ok(undefined);
  if (!staysInside(containerPath)) {
    return err(
      `the volume '${containerPath}' needs a container image: a plain process can only have volumes in its sandbox`,
    );
  }
  return ok({ hostPath, containerPath: normalize(containerPath), create: false });
}

function persistentVolume(resource: Resource, workDir: string): Result<LinkedVolume, string> | undefined {
  const id = resource.disk?.persistence?.id;
  const volume = resource.disk?.volume as VolumeShape | undefined;
  if (id === undefined || volume === undefined) return undefined;
  const containerPath = volume.container_path ?? '';
  if (!staysInside(containerPath)) return err(`the persistent volume '${containerPath}' must lie inside the sandbox`);
  const hostPath = persistentVolumePath(workDir, roleOf(resource), id);
  return ok({ hostPath, containerPath: normalize(containerPath), create: true });
}

/** Where the data of a persistent volume lies: `<work dir>/volumes/roles/<role>/<id>`, as on a Mesos agent. */
export function persistentVolumePath(workDir: string, role: string, id: string): string {
  return join(workDir, 'volumes', 'roles', pathSegment(role), pathSegment(id));
}

function roleOf(resource: Resource): string {
  return resource.reservations?.at(-1)?.role ?? resource.role ?? '*';
}

/** Whether a relative path names something below its start, whatever `.` and `..` it contains. */
export function staysInside(path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return path !== '' && !isAbsolute(path) && !path.includes('\0') && parts.length > 0 && !parts.includes('..');
}
