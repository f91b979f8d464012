/** How many files may be followed at once, over SSE and `/v2/live` together. */
import type { Metrics } from '../../actors/ports.ts';

/** Each costs a question to an agent every second, or more while its file grows. */
export const maxFollowed = 256;

export class FollowPlaces {
  #taken = 0;

  constructor(metrics: Metrics) {
    metrics.gauge('task-files.followed', () => this.#taken);
  }

  /** A place, given back by the function; undefined if there is none. */
  take(): (() => void) | undefined {
    if (this.#taken >= maxFollowed) return undefined;
    this.#taken += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#taken -= 1;
      isHeld = false;
    };
  }
}
