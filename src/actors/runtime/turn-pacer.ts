import type { Clock } from '../ports.ts';

/**
 * The least time that an actor with a backlog may use, even among thousands: about what nact costs for waking it. Below that
 * more time would go into taking turns than into messages.
 */
const MIN_SLICE_MS = 0.005;
/** Messages between two looks at the clock, at most. */
const MAX_STEP = 16;

/**
 * Shares the time of one turn of the event loop among the actors that have work, so that I/O gets its turn after about
 * `budgetMs`, twice that at most, however many they are. Each gets an equal slice, by the number of actors that were active a turn
 * ago, and may always handle one message; one with a long inbox gets its share of the waiting messages, if that is more. Under a virtual clock no time passes and only the drain limit counts, the same in every run.
 */
export class TurnPacer {
  readonly #clock: Clock;
  readonly #budgetMs: number;
  #isOpen = false;
  #active = 0;
  #sliceMs: number;

  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock;
    this.#budgetMs = budgetMs;
    this.#sliceMs = budgetMs;
  }

  /** Called as an actor begins its turn. */
  enter(): void {
    this.#active += 1;
    if (this.#isOpen) return;
    this.#isOpen = true;
    // Queued before any actor of this turn is woken again, so it runs at the beginning of the next one.
    setImmediate(this.#close);
  }

  /**
   * How many more messages the actor may handle before it asks again; 0 when its slice is used up. `share` (0 to 1) of the whole
   * budget is its own in any case.
   */
  allowance(handled: number, startedMs: number, share = 0): number {
    const usedMs = this.#clock.monotonic() - startedMs;
    if (usedMs <= 0) return MAX_STEP;
    const leftMs = Math.max(this.#sliceMs, this.#budgetMs * share) - usedMs;
    return Math.min(MAX_STEP, Math.floor((leftMs * handled) / usedMs));
  }

  readonly #close = (): void => {
    this.#isOpen = false;
    this.#sliceMs = Math.max(MIN_SLICE_MS, this.#budgetMs / Math.max(1, this.#active));
    this.#active = 0;
  };
}
