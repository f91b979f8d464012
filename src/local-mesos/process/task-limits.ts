/** How much of the machine a task may use, in the units of the kernel and of container engines. */
import type { Resource, TaskInfo } from '../../core/mesos/types.ts';

export interface TaskLimits {
  /** Relative weight: 1,024 for each cpu, at least 2. */
  readonly cpuShares: number;
  /** Cpus: the task's limit, or what it asked for; infinite if it may use what is idle. */
  readonly cpuLimit: number;
  /** Whether the task itself named a limit. What it only asked for is enforced on demand. */
  readonly cpuIsLimited: boolean;
  /** What the task asked for. */
  readonly memMiB: number;
  /** Where it ends; infinite if it need not. */
  readonly memLimitMiB: number;
}

const sharesPerCpu = 1_024;
const minShares = 2;

/** Reads requests and limits; a limit of `Infinity` is a text in JSON (mesos-v1 §1.11). */
export function limitsOf(task: Pick<TaskInfo, 'resources' | 'limits'>): TaskLimits {
  const cpus = scalar(task.resources, 'cpus');
  const memMiB = scalar(task.resources, 'mem');
  return {
    cpuShares: Math.max(minShares, Math.round(cpus * sharesPerCpu)),
    cpuLimit: limit(task, 'cpus') ?? cpus,
    cpuIsLimited: limit(task, 'cpus') !== undefined,
    memMiB,
    memLimitMiB: limit(task, 'mem') ?? memMiB,
  };
}

const limit = ({ limits }: Pick<TaskInfo, 'limits'>, name: string): number | undefined => {
  const value = limits?.[name]?.value;
  return value === undefined ? undefined : Number(value);
};

function scalar(resources: readonly Resource[], name: string): number {
  return resources.reduce((sum, { name: own, scalar: amount }) => sum + (own === name ? (amount?.value ?? 0) : 0), 0);
}
