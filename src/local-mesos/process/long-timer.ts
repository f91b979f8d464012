/** Timers without the limit of Node's, which fire at once when asked to wait for more than 2^31 - 1 ms. */

const longestTimerMs = 2_147_483_647;

/** Calls `run` after a delay of any length; returns how to cancel that. */
export function startTimer(delayMs: number, run: () => void): () => void {
  const dueAt = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    timer = setTimeout(
      () => {
        const stillMs = dueAt - performance.now();
        // Timers may fire a fraction of a millisecond early.
        if (stillMs < 1) run();
        else wait(stillMs);
      },
      Math.min(leftMs, longestTimerMs),
    );
  };
  wait(delayMs);
  return () => clearTimeout(timer);
}
