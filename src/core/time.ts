/**
 * Version stamps and timestamps: UTC, ISO 8601, exactly three fraction digits and a `Z` (rest-api §1.4). Their fixed width
 * makes the order of the texts the order of the times.
 */
export type Timestamp = string;

/** Remembered because thousands of events share a millisecond; it cannot be observed from outside. */
let last = { epochMs: 0, text: new Date(0).toISOString() };

/** Renders epoch milliseconds as Marathon does. */
export function timestamp(epochMs: number): Timestamp {
  if (epochMs !== last.epochMs) last = { epochMs, text: new Date(epochMs).toISOString() };
  return last.text;
}

/**
 * Epoch milliseconds of a timestamp, or undefined if the text is not an ISO date-time with an offset or `Z`, or names a day that the
 * month does not have.
 */
export function parseTimestamp(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(text)) return undefined;
  // The parser of V8 takes February 31st for March 2nd or 3rd.
  const day = text.slice(0, 10);
  const midnightMs = Date.parse(day);
  if (Number.isNaN(midnightMs) || !timestamp(midnightMs).startsWith(day)) return undefined;
  const epochMs = Date.parse(text);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/**
 * The stamp of a change: now, or one millisecond after the latest stamp that the same path already has. Two changes of one
 * path in the same millisecond must stay apart, since the stamp is the identity of a version (rest-api §15, trap 28).
 */
export function nextVersion(nowMs: number, latest: Timestamp | undefined): Timestamp {
  const latestMs = latest === undefined ? undefined : parseTimestamp(latest);
  return timestamp(latestMs !== undefined && latestMs >= nowMs ? latestMs + 1 : nowMs);
}
