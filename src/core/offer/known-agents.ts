/** What is known of agents between two offers: what they last had on offer, and the most that they can have. */
import type { AgentInfo } from '../instance/instance.ts';
import type { Range, Unavailability } from '../mesos/types.ts';
import type { AgentView } from './fields.ts';
import { type Amounts, availableMilli, type ScalarName, type Supply } from './resources.ts';

/** What one role was last offered on an agent, less what was launched from it. Nobody takes from it any more. */
export interface SeenOffer {
  readonly role: string;
  readonly supply: Supply;
  readonly unavailability: Unavailability | undefined;
  readonly atMs: number;
}

/** The most that an agent is known to have had: free and used by our own tasks. More may be held by other frameworks. */
export interface Capacity {
  readonly amounts: Amounts;
  /** Sorted and disjoint. */
  readonly ports: readonly Range[];
}

export interface KnownAgent {
  readonly agent: AgentInfo;
  readonly view: AgentView;
  /** At most one for each role; empty if there is nothing on offer, as far as we know. */
  readonly seen: readonly SeenOffer[];
  readonly capacity: Capacity;
  /** Our tasks there. */
  readonly tasks: number;
  /** The last offer of the agent, epoch milliseconds; undefined if only our tasks tell of it. */
  readonly offeredAtMs: number | undefined;
}

/** All amounts of a supply that an ordinary launch in any role could take. */
export function amountsOf(supply: Supply): Amounts {
  const sum = (name: ScalarName) => availableMilli(supply.scalars[name], supply.roles);
  return { cpus: sum('cpus'), mem: sum('mem'), disk: sum('disk'), gpus: sum('gpus') };
}

/** The larger of two amounts, name by name. */
export const largest = (a: Amounts, b: Amounts): Amounts => ({
  cpus: Math.max(a.cpus, b.cpus),
  mem: Math.max(a.mem, b.mem),
  disk: Math.max(a.disk, b.disk),
  gpus: Math.max(a.gpus, b.gpus),
});

/** The union of two sets of ranges, sorted and disjoint; neighbours are joined. */
export function unionOf(a: readonly Range[], b: readonly Range[]): readonly Range[] {
  const joined: { begin: number; end: number }[] = [];
  for (const { begin, end } of [...a, ...b].sort((x, y) => x.begin - y.begin)) {
    const last = joined.at(-1);
    if (last && begin <= last.end + 1) last.end = Math.max(last.end, end);
    else joined.push({ begin, end });
  }
  return joined;
}
