/** Host names of agents, looked up once for many probes: the system's lookup takes a thread of a small pool that all of us share. */
import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup as systemLookup } from 'node:dns';

/** An agent that moves is found again after this time. */
const keptMs = 5_000;
const maxNames = 10_000;

type Answer = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;
export type Lookup = (host: string, options: LookupOptions, answer: Answer) => void;
type FindAll = (
  host: string,
  options: { readonly all: true },
  answer: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

interface Entry {
  readonly found: readonly LookupAddress[];
  readonly untilMs: number;
}

/** A lookup for `net.connect`. Failures are not kept, but those who ask at the same time share one answer. */
export function createLookup(find: FindAll = systemLookup, now: () => number = () => performance.now()): Lookup {
  const known = new Map<string, Entry>();
  const asking = new Map<string, ((error: NodeJS.ErrnoException | null, found: readonly LookupAddress[]) => void)[]>();

  function findAll(host: string, then: (error: NodeJS.ErrnoException | null, found: readonly LookupAddress[]) => void) {
    const entry = known.get(host);
    if (entry && entry.untilMs > now()) {
      then(null, entry.found);
      return;
    }
    const others = asking.get(host);
    if (others) {
      others.push(then);
      return;
    }
    const waiting = [then];
    asking.set(host, waiting);
    find(host, { all: true }, (error, found) => {
      asking.delete(host);
      known.delete(host);
      if (!error) {
        if (known.size >= maxNames) known.clear();
        known.set(host, { found, untilMs: now() + keptMs });
      }
      for (const tell of waiting) tell(error, found);
    });
  }

  return (host, options, answer) => {
    findAll(host, (error, found) => {
      if (error) {
        answer(error, '');
        return;
      }
      const { family } = options;
      const wanted = family === 4 || family === 6 ? found.filter((a) => a.family === family) : found;
      const [first] = wanted;
      if (!first) answer(Object.assign(new Error(`no address for ${host}`), { code: 'ENOTFOUND' }), '');
      else if (options.all) answer(null, [...wanted]);
      else answer(null, first.address, first.family);
    });
  };
}
