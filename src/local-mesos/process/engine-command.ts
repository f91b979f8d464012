/** The command line that runs a task's image on a Docker-compatible engine (mesos-v1 §5.4). */
import { isAbsolute, join } from 'node:path';
import type { Resource, TaskInfo } from '../../core/mesos/types.ts';
import type { ContainerShape, LinkedVolume, VolumeShape } from './container-plan.ts';
import type { EngineContainer } from './engine.ts';
import { valuesOf } from './environment.ts';
import type { Invocation } from './launcher.ts';

/** Where a container sees its sandbox. */
export const sandboxInContainer = '/mnt/mesos/sandbox';
const sharesPerCpu = 1_024;
const minShares = 2;
/** Engines refuse less. */
const minMemoryMiB = 6;

/** What to run in place of the task's command; the client stays in the foreground and exits as the container does. */
export function engineInvocation(
  task: TaskInfo,
  { engine, name }: EngineContainer,
  sandbox: string,
  mesosEnvironment: Readonly<Record<string, string>>,
  persistent: readonly LinkedVolume[],
): Invocation {
  const container = (task.container ?? {}) as ContainerShape;
  const image = container.docker?.image ?? container.mesos?.image?.docker?.name ?? '';
  const environment = {
    ...mesosEnvironment,
    ...valuesOf(task.command?.environment?.variables),
    MESOS_SANDBOX: sandboxInContainer,
    MESOS_CONTAINER_NAME: name,
  };
  const args = [
    'run',
    '--rm',
    `--name=${name}`,
    `--cpu-shares=${Math.max(minShares, Math.round(scalar(task.resources, 'cpus') * sharesPerCpu))}`,
    `--memory=${Math.max(minMemoryMiB, Math.round(scalar(task.resources, 'mem')))}m`,
    ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    ...['--volume', `${sandbox}:${sandboxInContainer}`],
    ...(container.volumes ?? []).flatMap((volume) => ['--volume', volumeArgument(volume, sandbox)]),
    ...persistent.flatMap((volume) => [
      '--volume',
      `${volume.hostPath}:${join(sandboxInContainer, volume.containerPath)}:rw`,
    ]),
    ...networkArguments(container),
    ...(container.docker?.privileged === true ? ['--privileged'] : []),
    ...(container.docker?.force_pull_image === true ? ['--pull=always'] : []),
    ...(container.docker?.parameters ?? []).map(({ key, value }) => `--${key}=${value}`),
  ];
  return { file: engine.program, argv0: engine.program, args: [...args, ...commandArguments(task, image)] };
}

function commandArguments(task: TaskInfo, image: string): readonly string[] {
  const { shell, value, arguments: given = [] } = task.command ?? {};
  if (shell !== false && value !== undefined) return ['--entrypoint=/bin/sh', image, '-c', value];
  return value === undefined || value === '' ? [image, ...given] : [image, value, ...given];
}

function volumeArgument(volume: VolumeShape, sandbox: string): string {
  const inside = volume.container_path ?? '';
  const target = isAbsolute(inside) ? inside : join(sandboxInContainer, inside);
  const host = volume.source?.host_path?.path ?? volume.host_path ?? volume.source?.docker_volume?.name ?? '';
  const named = volume.source?.docker_volume !== undefined;
  return `${named || isAbsolute(host) ? host : join(sandbox, host)}:${target}:${volume.mode === 'RO' ? 'ro' : 'rw'}`;
}

function networkArguments(container: ContainerShape): readonly string[] {
  const info = container.network_infos?.find((network) => network.name !== undefined && network.name !== '');
  const kind = container.docker?.network ?? (info === undefined ? 'HOST' : 'USER');
  const network = kind === 'USER' ? (info?.name ?? 'bridge') : kind.toLowerCase();
  const mappings = container.docker?.port_mappings ?? info?.port_mappings ?? [];
  const published = kind === 'BRIDGE' || kind === 'USER' ? mappings : [];
  return [
    `--network=${network}`,
    ...(container.hostname === undefined || kind === 'HOST' ? [] : [`--hostname=${container.hostname}`]),
    ...published.map((port) => `--publish=${port.host_port}:${port.container_port}/${port.protocol ?? 'tcp'}`),
  ];
}

function scalar(resources: readonly Resource[], name: string): number {
  return resources.reduce((sum, { name: own, scalar: amount }) => sum + (own === name ? (amount?.value ?? 0) : 0), 0);
}
