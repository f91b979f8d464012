/** Delays between attempts that must not come in step with those of other clients. */
import type { Ids } from '../../actors/ports.ts';

export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  readonly next: () => number;
  /** The next delay is the first again. */
  readonly reset: () => void;
}

/**
 * The first delay lies between 0 and `firstMs`; each one after that between half and all of a value that doubles from `firstMs`
 * to `capMs`, so that an outage never meets a tight loop.
 */
export function createBackoff(ids: Pick<Ids, 'random'>, firstMs: number, capMs: number): Backoff {
  let attempts = 0;
  return {
    next: () => {
      attempts += 1;
      if (attempts === 1) return ids.random() * firstMs;
      const ceilingMs = Math.min(capMs, firstMs * 2 ** Math.min(attempts - 1, 30));
      return ceilingMs * (0.5 + ids.random() / 2);
    },
    reset: () => {
      attempts = 0;
    },
  };
}
