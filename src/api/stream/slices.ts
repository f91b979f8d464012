/** Work on very many connections, without holding up everything else. */
import type { Clock } from '../../actors/ports.ts';

/** Time in a turn of the loop: ten thousand connections at once would take a tenth of a second and more. */
const turnBudgetMs = 4;
/** Done between two looks at the clock. */
const step = 32;

/** Hands the items to `serve`, so many at once, now and in the turns of the loop that follow. */
export function inSlices<T>(
  items: readonly T[],
  clock: Pick<Clock, 'monotonic'>,
  serve: (some: readonly T[]) => void,
): void {
  const go = (from: number): void => {
    const untilMs = clock.monotonic() + turnBudgetMs;
    for (let at = from; at < items.length; at += step) {
      serve(items.slice(at, at + step));
      if (clock.monotonic() < untilMs) continue;
      setImmediate(() => go(at + step));
      return;
    }
  };
  go(0);
}
