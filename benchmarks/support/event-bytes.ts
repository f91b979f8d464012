/** What both sides of the event benchmark know of an event. */

/** Bytes of one event's JSON: what a status update has. */
export const eventBytes = 420;

/** Microseconds of the machine's monotonic clock, the same in all processes, in a width that never changes. */
export const nowMicros = (): string => microsText(Number(process.hrtime.bigint() / 1_000n));

export const microsText = (micros: number): string => Math.round(micros).toString().padStart(16, '0');
