/** What a master refuses of a ContainerInfo, in its words (mesos-v1 §3.7). */

interface ContainerShape {
  readonly type?: unknown;
  readonly docker?: { readonly parameters?: readonly { readonly key?: unknown }[] } | null;
  readonly volumes?: readonly { readonly [member: string]: unknown }[];
}

const volumeSources = ['host_path', 'image', 'source'];

/** The fault of a task's container, or undefined. */
export function containerFault(container: unknown): string | undefined {
  if (container === undefined) return undefined;
  const { type, docker, volumes = [] } = container as ContainerShape;
  if (type === 'DOCKER' && (docker === undefined || docker === null)) {
    return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  }
  if (docker?.parameters?.some(({ key }) => key === 'name') === true)
    return "Parameter in DockerInfo must not be 'name'";
  const isDoubtful = volumes.some((volume) => volumeSources.filter((name) => volume[name] !== undefined).length > 1);
  return isDoubtful ? "Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'" : undefined;
}
