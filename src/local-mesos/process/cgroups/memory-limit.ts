/** A task that ran into its memory limit: noticed while it runs, and worded as Mesos words it (mesos-v1 §4.9). */
import type { TaskLimits } from '../task-limits.ts';
import { minMemoryMiB } from './control-files.ts';
import type { TaskCgroup } from './task-cgroup.ts';

/** The kernel ends the process that asked for too much, which need not be the task's first; then the rest of it is ended too. */
const lookMs = 1_000;
const bytesPerMiB = 1024 ** 2;
/** More of the kernel's statistics than any has. */
const maxStatisticsLength = 4_000;

/** Calls `onOut` once, when the kernel has ended something of the task. Returns how to stop looking. */
export function watchMemory(cgroup: TaskCgroup, onOut: () => void): () => void {
  const timer = setInterval(() => {
    if (cgroup.oomKills() === 0) return;
    clearInterval(timer);
    onOut();
  }, lookMs);
  return () => clearInterval(timer);
}

export interface MemoryLimitation {
  readonly message: string;
  readonly reason: 'REASON_CONTAINER_LIMITATION_MEMORY';
  readonly limitation: unknown;
}

/** What is reported of a task that the kernel has ended something of, or undefined. */
export function memoryLimitation(cgroup: TaskCgroup, { memLimitMiB }: TaskLimits): MemoryLimitation | undefined {
  if (cgroup.oomKills() === 0) return undefined;
  const { maxBytes, statistics } = cgroup.memoryUse();
  const used = maxBytes === undefined ? 'unknown' : `${Math.round(maxBytes / bytesPerMiB)}MB`;
  const limitMiB = Math.max(memLimitMiB, minMemoryMiB);
  const figures = statistics.slice(0, maxStatisticsLength);
  return {
    message: `Memory limit exceeded: Requested: ${limitMiB}MB Maximum Used: ${used}\n\nMEMORY STATISTICS: \n${figures}\n`,
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    limitation: { resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: limitMiB } }] },
  };
}
