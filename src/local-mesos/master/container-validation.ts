/** What a master refuses of a ContainerInfo, in its words (mesos-v1 §3.7). */

interface VolumeShape {
  readonly source?: { readonly type?: string; readonly [member: string]: unknown };
  readonly [member: string]: unknown;
}

interface ContainerShape {
  readonly type?: unknown;
  readonly docker?: { readonly parameters?: readonly { readonly key?: unknown }[] } | null;
  readonly volumes?: readonly VolumeShape[];
  readonly linux_info?: { readonly share_cgroups?: boolean };
}

const volumeSources = ['host_path', 'image', 'source'];

/** The fault of a container, or undefined. */
export function containerFault(container: unknown): string | undefined {
  if (container === undefined) return undefined;
  const { type, docker, volumes = [] } = container as ContainerShape;
  for (const volume of volumes) {
    const fault = volumeFault(volume);
    if (fault !== undefined) return `Invalid volume: ${fault}`;
  }
  if (type !== 'DOCKER') return undefined;
  if (docker === undefined || docker === null) return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  const isNamed = docker.parameters?.some(({ key }) => key === 'name') === true;
  return isNamed ? "Parameter in DockerInfo must not be 'name'" : undefined;
}

function volumeFault(volume: VolumeShape): string | undefined {
  if (volumeSources.filter((name) => volume[name] !== undefined).length !== 1) {
    return "Only one of them should be set: 'host_path', 'image' and 'source'";
  }
  const { source } = volume;
  if (source === undefined) return undefined;
  const { type = 'UNKNOWN' } = source;
  if (type === 'UNKNOWN') return "'source.type' is unknown";
  const member = type.toLowerCase();
  if (source[member] !== undefined) return undefined;
  return `'source.${member}' is not set for ${type === 'CSI_VOLUME' ? 'CSI' : type} volume`;
}

/** Whether a container asks to have, or not to have, the cgroups of its parent; undefined if it does not say. */
export const sharesCgroups = (container: unknown): boolean | undefined =>
  (container as ContainerShape | undefined)?.linux_info?.share_cgroups;
