/** Lets only so many of the same thing go on at once; the others wait in the order in which they came. */

/** Gives a function that runs what it is given, at once or when one of the `most` that go on has ended. */
export function inTurns(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  let free = most;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      // Whoever waits gets the turn itself, so that nobody overtakes.
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
