/** How simulated tasks, agents and the master behave, and the reading of changes to that. */
import { err, ok, type Result } from '../../core/result.ts';

export interface SimulatedBehaviour {
  /** Whether tasks report TASK_STARTING first, as real command tasks do. */
  readonly sendStarting: boolean;
  /** From the launch to TASK_STARTING, if that is sent. */
  readonly startingDelayMs: number;
  /** From the launch, or from TASK_STARTING, to TASK_RUNNING. */
  readonly runningDelayMs: number;
  /** From a KILL to TASK_KILLED. */
  readonly killDelayMs: number;
  /** The part (0 to 1) of launched tasks that end with TASK_FAILED instead of running on. */
  readonly failRate: number;
  /** From TASK_RUNNING to TASK_FAILED; 0: they fail instead of running at all. */
  readonly failAfterMs: number;
  /** From TASK_RUNNING to TASK_FINISHED; 0: tasks run until they are killed. */
  readonly finishAfterMs: number;
  /** The part (0 to 1) of updates that get lost on their way to the scheduler, and are repeated later. */
  readonly dropUpdateRate: number;
  /** The part (0 to 1) of updates that come twice, the second time after up to `updateDelayMs`. */
  readonly doubleUpdateRate: number;
  /** The part (0 to 1) of updates that come late, by up to `updateDelayMs`, and so behind others that were sent after them. */
  readonly delayUpdateRate: number;
  /** Longest delay of a doubled or delayed update; each has its own. */
  readonly updateDelayMs: number;
  /** How long the master takes to look at a call. */
  readonly answerDelayMs: number;
}

export const defaultBehaviour: SimulatedBehaviour = {
  sendStarting: false,
  startingDelayMs: 0,
  runningDelayMs: 0,
  killDelayMs: 0,
  failRate: 0,
  failAfterMs: 0,
  finishAfterMs: 0,
  dropUpdateRate: 0,
  doubleUpdateRate: 0,
  delayUpdateRate: 0,
  updateDelayMs: 500,
  answerDelayMs: 0,
};

const rates: ReadonlySet<string> = new Set(['failRate', 'dropUpdateRate', 'doubleUpdateRate', 'delayUpdateRate']);

/** Merges a partial behaviour, such as a JSON body, into another. The error names the member. */
export function changeBehaviour(base: SimulatedBehaviour, change: unknown): Result<SimulatedBehaviour, string> {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return err('expecting a JSON object');
  for (const [name, value] of Object.entries(change)) {
    if (!Object.hasOwn(base, name)) return err(`unknown member "${name}"`);
    if (name === 'sendStarting') {
      if (typeof value !== 'boolean') return err('"sendStarting" must be true or false');
    } else if (typeof value !== 'number' || !(value >= 0)) return err(`"${name}" must be a number from 0`);
    else if (rates.has(name) && value > 1) return err(`"${name}" must lie between 0 and 1`);
  }
  return ok({ ...base, ...change });
}

const atOnce: readonly number[] = [0];

/** After which times (ms) an update arrives at the scheduler: once, twice, late, or never. `random` gives numbers in [0, 1). */
export function arrivalsOf(behaviour: SimulatedBehaviour, random: () => number): readonly number[] {
  const { dropUpdateRate, doubleUpdateRate, delayUpdateRate, updateDelayMs } = behaviour;
  // No draw without a rate: a seed must not mean something else because of a fault that nobody asked for.
  const falls = (rate: number): boolean => rate > 0 && random() < rate;
  if (falls(dropUpdateRate)) return [];
  const first = falls(delayUpdateRate) ? random() * updateDelayMs : 0;
  if (falls(doubleUpdateRate)) return [first, first + random() * updateDelayMs];
  return first === 0 ? atOnce : [first];
}

/** A small generator of numbers in [0, 1) that always gives the same ones for a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
