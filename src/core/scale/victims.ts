/**
 * Whom to kill first when there are too many (design §8 "scale-down", behaviour §4.6): the sentenced, those that do not run, the
 * choice of GROUP_BY, the unhealthy, and then by kill selection.
 */
import type { AppDefinition, KillSelection } from '../app/definition.ts';
import type { InstanceId } from '../ids.ts';
import type { Condition, Instance } from '../instance/instance.ts';
import { constraintVictims } from '../offer/scale-down.ts';

/** What the choice looks at. */
export type Candidate = Pick<
  Instance,
  'id' | 'condition' | 'sinceMs' | 'activeSinceMs' | 'healthy' | 'agent' | 'tasks'
>;

/** Lower dies first. Those that wait for an offer cost nobody anything; Running ones come last. */
function weight(condition: Condition): number {
  switch (condition) {
    case 'Unreachable':
      return 2;
    case 'Provisioned':
      return 3;
    case 'Staging':
      return 4;
    case 'Starting':
      return 5;
    case 'Running':
      return 7;
    case 'Killing':
      return 6;
    default:
      return 1;
  }
}

const runningWeight = weight('Running');

const ageOf = (c: Candidate): number =>
  c.condition === 'Staging' ? (c.tasks[0]?.stagedAtMs ?? c.sinceMs) : (c.activeSinceMs ?? c.sinceMs);

/** What is not known to be healthy yet goes before what is. */
const proof = ({ healthy }: Candidate): number => (healthy === undefined ? 1 : healthy ? 2 : 0);

/** Sorts the next to die to the front, ties by id so that the choice can be repeated. */
function compare(selection: KillSelection): (a: Candidate, b: Candidate) => number {
  const direction = selection === 'YOUNGEST_FIRST' ? -1 : 1;
  return (a, b) => {
    const byWeight = weight(a.condition) - weight(b.condition);
    if (byWeight !== 0) return byWeight;
    const byHealth = proof(a) - proof(b);
    if (byHealth !== 0) return byHealth;
    const byAge = direction * (ageOf(a) - ageOf(b));
    if (byAge !== 0) return byAge;
    return a.id < b.id ? -1 : 1;
  };
}

/**
 * The `count` instances to kill, in order. `sentenced` ids come first where they are among the candidates; unknown ids are
 * ignored.
 */
export function victims(
  app: AppDefinition,
  candidates: readonly Candidate[],
  sentenced: ReadonlySet<InstanceId>,
  count: number,
): readonly InstanceId[] {
  const chosen: InstanceId[] = [];
  const rest: Candidate[] = [];
  for (const c of candidates) {
    if (sentenced.has(c.id)) chosen.push(c.id);
    else rest.push(c);
  }
  if (chosen.length >= count) return chosen.slice(0, Math.max(0, count));
  rest.sort(compare(app.killSelection));
  const notRunning = rest.filter((c) => weight(c.condition) < runningWeight).slice(0, count - chosen.length);
  for (const c of notRunning) chosen.push(c.id);
  if (chosen.length >= count) return chosen;
  const running = rest.filter((c) => weight(c.condition) >= runningWeight);
  const spread = constraintVictims(app, located(running), count - chosen.length);
  const picked = new Set(spread);
  chosen.push(...spread);
  for (const c of running) {
    if (chosen.length >= count) break;
    if (!picked.has(c.id)) chosen.push(c.id);
  }
  return chosen;
}

/** What runs has an agent; the spread over agents is what GROUP_BY looks at. */
const located = (candidates: readonly Candidate[]) =>
  candidates.flatMap(({ id, agent }) => (agent ? [{ id, agent }] : []));
