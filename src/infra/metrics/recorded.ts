/** What the registry holds and the renderings read. */
import type { Histogram } from './histogram.ts';
import type { Meter } from './meter.ts';

export interface Timer {
  /** Seconds. */
  readonly histogram: Histogram;
  readonly meter: Meter;
}

/** Everything that was recorded, by full dotted name (`marathon.http.requests.size.counter.bytes`). */
export interface Recorded {
  readonly counters: ReadonlyMap<string, { readonly value: number }>;
  readonly gauges: ReadonlyMap<string, { readonly read: () => number }>;
  readonly meters: ReadonlyMap<string, Meter>;
  readonly timers: ReadonlyMap<string, Timer>;
}

/** Reads a gauge; one that throws shows NaN, since a scrape must not fail for one bad value. */
export function readGauge(read: () => number): number {
  try {
    return read();
  } catch {
    return Number.NaN;
  }
}
