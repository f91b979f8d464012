/** What is written into the files of a task's cgroup, as Mesos' isolators do. */
import type { TaskLimits } from '../task-limits.ts';

/** One value for one file, named by its controller's directory (version 1) or in the only one (version 2). */
export interface ControlValue {
  readonly controller: 'memory' | 'cpu';
  readonly file: string;
  readonly value: string;
}

const bytesPerMiB = 1024 ** 2;
/** Mesos gives no task less than this. */
export const minMemoryMiB = 32;
const periodMicroseconds = 100_000;
/** The kernel takes no less. */
const minQuotaMicroseconds = 1_000;

/** Values for version 1. Infinite limits are left as they are: at none. */
export function valuesV1(limits: TaskLimits, hardCpuLimit: boolean): readonly ControlValue[] {
  const limit = memoryLimitBytes(limits);
  const quota = quotaOf(limits, hardCpuLimit);
  return [
    { controller: 'memory', file: 'memory.soft_limit_in_bytes', value: String(requestBytes(limits)) },
    ...(limit === undefined
      ? []
      : [{ controller: 'memory', file: 'memory.limit_in_bytes', value: String(limit) } as const]),
    { controller: 'cpu', file: 'cpu.shares', value: String(limits.cpuShares) },
    ...(quota === undefined
      ? []
      : ([
          { controller: 'cpu', file: 'cpu.cfs_period_us', value: String(periodMicroseconds) },
          { controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(quota) },
        ] as const)),
  ];
}

/** Values for version 2. When memory is out, the whole task is ended: half of one is of no use, and Mesos does so. */
export function valuesV2(limits: TaskLimits, hardCpuLimit: boolean): readonly ControlValue[] {
  const quota = quotaOf(limits, hardCpuLimit);
  return [
    { controller: 'memory', file: 'memory.max', value: String(memoryLimitBytes(limits) ?? 'max') },
    { controller: 'memory', file: 'memory.oom.group', value: '1' },
    { controller: 'cpu', file: 'cpu.weight', value: String(weightOf(limits.cpuShares)) },
    ...(quota === undefined
      ? []
      : [{ controller: 'cpu', file: 'cpu.max', value: `${quota} ${periodMicroseconds}` } as const]),
  ];
}

/** Shares from 2 to 262,144 as a weight from 1 to 10,000: the mapping that container runtimes have agreed on. */
export const weightOf = (shares: number): number =>
  Math.min(10_000, Math.max(1, 1 + Math.floor(((shares - 2) * 9_999) / 262_142)));

const requestBytes = ({ memMiB }: TaskLimits): number => Math.round(Math.max(memMiB, minMemoryMiB) * bytesPerMiB);

function memoryLimitBytes({ memLimitMiB }: TaskLimits): number | undefined {
  return Number.isFinite(memLimitMiB) ? Math.round(Math.max(memLimitMiB, minMemoryMiB) * bytesPerMiB) : undefined;
}

function quotaOf({ cpuLimit, cpuIsLimited }: TaskLimits, hardCpuLimit: boolean): number | undefined {
  if (!(hardCpuLimit || cpuIsLimited) || !Number.isFinite(cpuLimit)) return undefined;
  return Math.max(minQuotaMicroseconds, Math.round(cpuLimit * periodMicroseconds));
}
