/** Waiting for what other processes do: their state can only be asked for. */
import { setTimeout as delay } from 'node:timers/promises';

const pauseMs = 25;
/** Nobody waits so long for what happens; it only has to be more than the busiest machine needs. */
const patienceMs = 60_000;

/**
 * Asks until the answer is neither undefined nor false, and gives it. After `timeoutMs` it fails with what was waited for; an
 * error of the last question is told too, earlier ones are part of waiting.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = patienceMs,
): Promise<T> {
  const startedMs = performance.now();
  for (;;) {
    let trouble: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      trouble = error;
    }
    if (performance.now() - startedMs > timeoutMs) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}`, { cause: trouble });
    }
    await delay(pauseMs);
  }
}
