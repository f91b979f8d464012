/**
 * How many tasks may be killed for failed health checks in a minute: over all, and of one app. What exceeds it waits for its turn and is
 * asked again first, so that an app is restarted in parts and may recover in between.
 */

export interface KillBudget {
  /** Over all; Infinity = no limit. */
  readonly perMinute: number;
  /** Share of an app's instances; Infinity = no limit. */
  readonly perAppShare: number;
}

/** An app may always lose this many in a minute: small apps are treated as Marathon treats them. */
const perAppAtLeast = 5;

export const defaultKillBudget: KillBudget = { perMinute: 200, perAppShare: 0.2 };

/** Kills that an app of so many instances may suffer in a minute. */
export const appAllowance = ({ perAppShare }: KillBudget, instances: number): number =>
  Number.isFinite(perAppShare) ? Math.max(perAppAtLeast, Math.ceil(perAppShare * instances)) : perAppShare;

/** A bucket that holds a minute's allowance and fills up evenly. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

const minuteMs = 60_000;

/** What is in the bucket at `nowMs`; a bucket that was never used is full. */
export function tokensIn(bucket: Bucket | undefined, perMinute: number, nowMs: number): number {
  if (!bucket || perMinute === Number.POSITIVE_INFINITY) return perMinute;
  const filled = bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * perMinute) / minuteMs;
  return Math.min(perMinute, filled);
}

/** Takes one kill out of it, or gives undefined if there is none. */
export function takeOne(bucket: Bucket | undefined, perMinute: number, nowMs: number): Bucket | undefined {
  // A hair less than one is one: sums of fractions fall short of what they stand for.
  const tokens = tokensIn(bucket, perMinute, nowMs);
  return tokens < 1 - 1e-9 ? undefined : { tokens: Math.max(0, tokens - 1), atMs: nowMs };
}

/** True once every bucket is full again, whatever its size, and need not be remembered. */
export const isForgotten = (bucket: Bucket, nowMs: number): boolean => nowMs - bucket.atMs >= minuteMs;
