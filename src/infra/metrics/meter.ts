/** A meter: a count, and exponentially weighted rates over 1, 5 and 15 minutes, as `uptime` computes its load. */
import type { Clock } from '../../actors/ports.ts';

const tickMs = 5_000;
const minutes = [1, 5, 15] as const;

export interface Rates {
  readonly count: number;
  /** Events a second since the meter exists. */
  readonly meanRate: number;
  readonly m1Rate: number;
  readonly m5Rate: number;
  readonly m15Rate: number;
}

export class Meter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #startMs: number;
  readonly #rates = [0, 0, 0];
  #hasTicked = false;
  #tickedAtMs: number;
  #uncounted = 0;
  #count = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#startMs = clock.monotonic();
    this.#tickedAtMs = this.#startMs;
  }

  mark(by = 1): void {
    this.#catchUp();
    this.#count += by;
    this.#uncounted += by;
  }

  rates(): Rates {
    this.#catchUp();
    const ageMs = this.#clock.monotonic() - this.#startMs;
    const [m1Rate = 0, m5Rate = 0, m15Rate = 0] = this.#rates;
    return { count: this.#count, meanRate: ageMs > 0 ? (this.#count * 1000) / ageMs : 0, m1Rate, m5Rate, m15Rate };
  }

  /** Does the ticks that are due, at once: after the first one the others only decay. */
  #catchUp(): void {
    const ticks = Math.floor((this.#clock.monotonic() - this.#tickedAtMs) / tickMs);
    if (ticks < 1) return;
    this.#tickedAtMs += ticks * tickMs;
    const instant = (this.#uncounted * 1000) / tickMs;
    this.#uncounted = 0;
    minutes.forEach((minute, index) => {
      const kept = Math.exp(-tickMs / (minute * 60_000));
      const before = this.#rates[index] ?? 0;
      const afterFirst = this.#hasTicked ? before * kept + instant * (1 - kept) : instant;
      this.#rates[index] = afterFirst * kept ** (ticks - 1);
    });
    this.#hasTicked = true;
  }
}
