import type { Clock, TimerHandle } from '../actors/ports.ts';

/** Node fires a longer timer at once, with a warning. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * The machine's time. `after` never fires early: Node's timers, which count whole milliseconds, may do so by up to one, and
 * cannot wait for more than 24.8 days. A delay that is not a number counts as 0.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, fire): TimerHandle => {
    const timer = new SystemTimer(performance.now() + (delayMs > 0 ? delayMs : 0), fire);
    timer.arm();
    return timer;
  },
};

class SystemTimer implements TimerHandle {
  readonly #dueMs: number;
  readonly #fire: () => void;
  #timeout: NodeJS.Timeout | undefined;

  constructor(dueMs: number, fire: () => void) {
    this.#dueMs = dueMs;
    this.#fire = fire;
  }

  arm(): void {
    const leftMs = Math.min(MAX_DELAY_MS, Math.ceil(this.#dueMs - performance.now()));
    this.#timeout = setTimeout(this.#look, leftMs);
  }

  readonly cancel = (): void => {
    clearTimeout(this.#timeout);
  };

  readonly #look = (): void => {
    if (performance.now() >= this.#dueMs) this.#fire();
    else this.arm();
  };
}
