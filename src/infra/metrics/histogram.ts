/**
 * A bounded histogram with logarithmic buckets: 32 for each power of two, so that a quantile is off by 3 % at most. It looks
 * back over the last one to two windows, as Marathon's resetting reservoir does; the count alone is for all time.
 */
import type { Clock } from '../../actors/ports.ts';

/** Length of a window. */
export const windowMs = 60_000;

const subBits = 5;
const subBuckets = 1 << subBits;
/** Values are counted in units of 1/1024 of what is recorded; the largest power of two of such units. */
const unitsPerValue = 1024;
const maxExponent = 46;
const bucketCount = (maxExponent - subBits + 2) * subBuckets;

/** What a histogram shows, in the unit of its values. */
export interface Snapshot {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  /** In the order of `quantiles`. */
  readonly quantiles: readonly number[];
}

/** The quantiles that Marathon shows, with the names of its JSON. */
export const quantiles = [
  [0.5, 'p50'],
  [0.75, 'p75'],
  [0.95, 'p95'],
  [0.98, 'p98'],
  [0.99, 'p99'],
  [0.999, 'p999'],
] as const;

/** Index of the bucket of a value ≥ 0 (in units): linear below 64, then 32 for each power of two. */
function bucketOf(units: number): number {
  if (units < subBuckets * 2) return Math.floor(units);
  const exponent = Math.min(Math.floor(Math.log2(units)), maxExponent);
  const sub = Math.floor(units / 2 ** (exponent - subBits)) - subBuckets;
  return (exponent - subBits + 1) * subBuckets + Math.min(Math.max(sub, 0), subBuckets - 1);
}

/** The middle of a bucket, in units. */
function middleOf(bucket: number): number {
  if (bucket < subBuckets * 2) return bucket;
  const width = 2 ** (Math.floor(bucket / subBuckets) - 1);
  return ((bucket % subBuckets) + subBuckets) * width + width / 2;
}

class Window {
  readonly buckets = new Uint32Array(bucketCount);
  count = 0;
  sum = 0;
  squares = 0;
  min = Number.POSITIVE_INFINITY;
  max = 0;

  record(value: number): void {
    const bucket = bucketOf(value * unitsPerValue);
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.count += 1;
    this.sum += value;
    this.squares += value * value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  clear(): void {
    this.buckets.fill(0);
    this.count = 0;
    this.sum = 0;
    this.squares = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = 0;
  }
}

export class Histogram {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #current = new Window();
  #previous = new Window();
  #sinceMs: number;
  #total = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonic();
  }

  /** Adds a value; negative ones and non-numbers count as 0. */
  record(value: number): void {
    this.#turn();
    this.#total += 1;
    this.#current.record(value > 0 ? value : 0);
  }

  snapshot(): Snapshot {
    this.#turn();
    const [a, b] = [this.#current, this.#previous];
    const recent = a.count + b.count;
    if (recent === 0)
      return { count: this.#total, min: 0, max: 0, mean: 0, stddev: 0, quantiles: quantiles.map(() => 0) };
    const mean = (a.sum + b.sum) / recent;
    const variance = Math.max(0, (a.squares + b.squares) / recent - mean * mean);
    const min = Math.min(a.min, b.min);
    const max = Math.max(a.max, b.max);
    return {
      count: this.#total,
      min,
      max,
      mean,
      stddev: Math.sqrt(variance),
      quantiles: this.#quantiles(recent, min, max),
    };
  }

  #quantiles(recent: number, min: number, max: number): readonly number[] {
    const found: number[] = [];
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount && found.length < quantiles.length; bucket += 1) {
      seen += (this.#current.buckets[bucket] ?? 0) + (this.#previous.buckets[bucket] ?? 0);
      for (let next = quantiles[found.length]; next && seen >= next[0] * recent; next = quantiles[found.length]) {
        found.push(Math.min(Math.max(middleOf(bucket) / unitsPerValue, min), max));
      }
    }
    return found;
  }

  /** Starts a new window when the current one is full; both are emptied after a long silence. */
  #turn(): void {
    const age = this.#clock.monotonic() - this.#sinceMs;
    if (age < windowMs) return;
    [this.#current, this.#previous] = [this.#previous, this.#current];
    this.#current.clear();
    if (age >= 2 * windowMs) this.#previous.clear();
    this.#sinceMs += Math.floor(age / windowMs) * windowMs;
  }
}
