/** How long stored events are kept (design §5.9), the same rule for every store. */

export interface EventRetention {
  /** At least so many of the newest are kept, … */
  readonly minEvents: number;
  /** … and all that are younger than this, … */
  readonly minAgeMs: number;
  /** … but never more than so many. */
  readonly maxEvents: number;
}

export const defaultRetention: EventRetention = { minEvents: 100_000, minAgeMs: 600_000, maxEvents: 1_000_000 };

/** Events that were stored together; they are kept or dropped together. */
export interface EventChunk {
  readonly first: number;
  readonly count: number;
  /** Epoch milliseconds of the commit. */
  readonly atMs: number;
}

/** True if no reader may rely on this chunk any more. `nextEvent` is the number that the next event will get. */
export function isExpired(chunk: EventChunk, nextEvent: number, nowMs: number, retention: EventRetention): boolean {
  const newer = nextEvent - (chunk.first + chunk.count);
  if (newer >= retention.maxEvents) return true;
  return newer >= retention.minEvents && nowMs - chunk.atMs >= retention.minAgeMs;
}
