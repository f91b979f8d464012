/** The command line that runs a task's image on a Docker-compatible engine (mesos-v1 §5.4). */
import { isIP } from 'node:net';
import { isAbsolute, join } from 'node:path';
import type { TaskInfo } from '../../core/mesos/types.ts';
import { err, ok, type Result } from '../../core/result.ts';
import {
  type ContainerShape,
  imageOf,
  type LinkedVolume,
  networkOf,
  type PortMapping,
  portMappingsOf,
  type VolumeShape,
} from './container-plan.ts';
import type { ContainerEngine, EngineContainer } from './engine.ts';
import { valuesOf } from './environment.ts';
import type { Invocation } from './launcher.ts';
import { limitsOf } from './task-limits.ts';

/** Where a container sees its sandbox. */
const sandboxInContainer = '/mnt/mesos/sandbox';
/** Engines refuse less. */
const minMemoryMiB = 6;

export interface ContainerScene {
  readonly engine: ContainerEngine;
  readonly container: EngineContainer;
  readonly sandbox: string;
  /** Name or address of the agent; ports are published on an address only there. */
  readonly agentHost: string;
  readonly mesosEnvironment: Readonly<Record<string, string>>;
  readonly persistent: readonly LinkedVolume[];
  /** `--cgroups_enable_cfs`. */
  readonly hardCpuLimit: boolean;
}

/**
 * What to run in place of the task's command; the client stays in the foreground and exits as the container does. The error says
 * which port the task has not got.
 */
export function engineInvocation(task: TaskInfo, scene: ContainerScene): Result<Invocation, string> {
  const { engine, container, sandbox } = scene;
  const shape = (task.container ?? {}) as ContainerShape;
  const foreign = portMappingsOf(shape).find(({ host_port: port }) => !hasPort(task, port));
  if (foreign !== undefined) return err(`Port [${foreign.host_port}] not included in resources`);
  const driver = shape.docker?.volume_driver ?? driverOf(shape);
  const environment = {
    ...scene.mesosEnvironment,
    ...valuesOf(task.command?.environment?.variables),
    MESOS_SANDBOX: sandboxInContainer,
    MESOS_CONTAINER_NAME: container.name,
  };
  const args = [
    ...engine.options,
    'run',
    ...engine.runOptions,
    `--name=${container.name}`,
    ...limitArguments(task, scene.hardCpuLimit),
    ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    ...['--volume', `${sandbox}:${sandboxInContainer}`],
    ...(shape.volumes ?? []).flatMap((volume) => ['--volume', volumeArgument(volume, sandbox, driver !== undefined)]),
    ...scene.persistent.flatMap((volume) => [
      '--volume',
      `${volume.hostPath}:${join(sandboxInContainer, volume.containerPath)}:rw`,
    ]),
    ...networkArguments(shape, scene.agentHost),
    ...(driver === undefined ? [] : [`--volume-driver=${driver}`]),
    ...(shape.docker?.privileged === true ? ['--privileged'] : []),
    ...(shape.docker?.parameters ?? []).map(({ key, value }) => `--${key}=${value}`),
  ];
  const line = [...args, ...commandArguments(task, imageOf(shape) ?? '')];
  return ok({ file: engine.program, argv0: engine.program, args: line });
}

/** A request is soft where there is a limit beside it, and the limit where there is none, as Mesos has it. */
function limitArguments(task: TaskInfo, hardCpuLimit: boolean): readonly string[] {
  const { cpuShares, cpuLimit, cpuIsLimited, memMiB, memLimitMiB } = limitsOf(task);
  const hard = Math.max(minMemoryMiB, Math.round(memLimitMiB));
  const cpus = hardCpuLimit || cpuIsLimited ? cpuLimit : Number.POSITIVE_INFINITY;
  return [
    `--cpu-shares=${cpuShares}`,
    ...(Number.isFinite(cpus) && cpus > 0 ? [`--cpus=${cpus}`] : []),
    ...(Number.isFinite(hard) ? [`--memory=${hard}m`] : []),
    ...(memLimitMiB === memMiB ? [] : [`--memory-reservation=${Math.max(minMemoryMiB, Math.round(memMiB))}m`]),
  ];
}

function commandArguments(task: TaskInfo, image: string): readonly string[] {
  const { shell, value, arguments: given = [] } = task.command ?? {};
  if (shell !== false && value !== undefined) return ['--entrypoint=/bin/sh', image, '-c', value];
  return value === undefined || value === '' ? [image, ...given] : [image, value, ...given];
}

const driverOf = ({ volumes }: ContainerShape): string | undefined =>
  volumes?.map(({ source }) => source?.docker_volume?.driver).find((driver) => driver !== undefined);

/** With a volume driver the host's side is a name that the driver knows; else a relative one begins in the sandbox. */
function volumeArgument(volume: VolumeShape, sandbox: string, hasDriver: boolean): string {
  const inside = volume.container_path ?? '';
  const target = isAbsolute(inside) ? inside : join(sandboxInContainer, inside);
  const host = volume.source?.host_path?.path ?? volume.host_path ?? volume.source?.docker_volume?.name ?? '';
  const isName = hasDriver || volume.source?.docker_volume !== undefined;
  return `${isName || isAbsolute(host) ? host : join(sandbox, host)}:${target}:${volume.mode === 'RO' ? 'ro' : 'rw'}`;
}

function networkArguments(shape: ContainerShape, agentHost: string): readonly string[] {
  const { kind, name } = networkOf(shape);
  return [
    `--network=${name}`,
    ...(shape.hostname === undefined || kind === 'HOST' ? [] : [`--hostname=${shape.hostname}`]),
    ...portMappingsOf(shape).map((port) => `--publish=${publication(port, agentHost)}`),
  ];
}

/**
 * Mesos publishes on every address of the machine. Agents of a local cluster share one, and each has an address of its own, on
 * loopback unless the cluster was given another: there and nowhere else the port is to be had.
 */
function publication(port: PortMapping, agentHost: string): string {
  const family = isIP(agentHost);
  const address = family === 0 ? '' : family === 6 ? `[${agentHost}]:` : `${agentHost}:`;
  return `${address}${port.host_port}:${port.container_port}/${(port.protocol ?? 'tcp').toLowerCase()}`;
}

function hasPort({ resources }: TaskInfo, port: number): boolean {
  return resources.some(
    ({ name, ranges }) =>
      name === 'ports' && (ranges?.range ?? []).some(({ begin, end }) => begin <= port && port <= end),
  );
}
