/** The metrics that count status updates by state. */
import type { TaskStatus } from '../core/mesos/types.ts';

const updateCounters = new Map<TaskStatus['state'], string>();

/** Name of the counter of a state, built once: it is wanted several times for each launch. */
export function updateCounter(state: TaskStatus['state']): string {
  const known = updateCounters.get(state);
  if (known !== undefined) return known;
  const name = `mesos.task-updates.${state.toLowerCase().replaceAll('_', '-')}`;
  // A master may say anything.
  if (updateCounters.size < 100) updateCounters.set(state, name);
  return name;
}
