/** What to do about a task that no instance owns (behaviour §1.7, 1). Whatever it is, the update is acknowledged. */
import type { Condition } from '../instance/instance.ts';
import { isTerminal } from '../instance/instance.ts';

export type UnknownTaskAction = 'kill' | 'publish' | 'ignore';

/** Alive → kill it; ended or out of reach → `unknown_instance_terminated_event`; being killed → nothing (V20). */
export function unknownTask(condition: Condition): UnknownTaskAction {
  if (condition === 'Killing') return 'ignore';
  return isTerminal(condition) || condition === 'Unreachable' ? 'publish' : 'kill';
}
