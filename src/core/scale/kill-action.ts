/** What the wish to end an instance's task comes to (behaviour §7). */
import type { Condition, Instance } from '../instance/instance.ts';

/**
 * `call`: Mesos is asked to kill it, and with goal Running it is launched again. `decommission`: no call reaches it; it is given up and
 * another instance takes its place. `nothing`: its volume must survive, and no call reaches it.
 */
export type KillAction = 'call' | 'decommission' | 'nothing';

const outOfReach: ReadonlySet<Condition> = new Set<Condition>([
  'Unknown',
  'Unreachable',
  'UnreachableInactive',
  'Dropped',
  'Gone',
]);

/** `hasReservation`: the instance keeps a volume on its agent (V120). */
export function killAction(
  { condition, goal }: Pick<Instance, 'condition' | 'goal'>,
  hasReservation: boolean,
): KillAction {
  if (!outOfReach.has(condition)) return 'call';
  if (hasReservation) return 'nothing';
  return goal === 'Running' ? 'decommission' : 'call';
}
