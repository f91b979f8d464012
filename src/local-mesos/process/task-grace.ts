/** How long a task may take to end after it was asked to. */
import type { TaskInfo } from '../../core/mesos/types.ts';

export interface KillGrace {
  /** In place of the task's own. */
  readonly graceMs?: number | undefined;
  /** Whatever the task's own is. */
  readonly longestMs?: number;
}

/** Grace between SIGTERM and SIGKILL when a task has no kill_policy (mesos-v1 §5.1). */
export const defaultGraceMs = 3_000;
/** The same for a container: the executor's shutdown grace (mesos-v1 §5.4). */
const containerGraceMs = 5_000;

/** The grace of a task, in milliseconds. */
export function graceOf({ kill_policy }: Pick<TaskInfo, 'kill_policy'>, isContainer: boolean): number {
  const nanoseconds = kill_policy?.grace_period?.nanoseconds;
  if (nanoseconds !== undefined) return nanoseconds / 1e6;
  return isContainer ? containerGraceMs : defaultGraceMs;
}
