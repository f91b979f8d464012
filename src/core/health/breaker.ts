/**
 * The circuit breaker of health kills (design §8). When many tasks that were well begin to fail at once, the fault is rarely theirs: the
 * network, a database, or the leader itself. While it is open nobody is killed for a health check.
 */
import type { CensusFacts } from './census.ts';

/** Below this many once-healthy tasks it never opens for a mass of failures: a share of few means nothing. */
const minTasks = 20;
/** It opens if more than this share of them begins to fail within the window, and closes when no more than this share fails. */
const failingShare = 0.3;
export const windowMs = 30_000;
/**
 * After this time it closes even if the mass still fails. What only a restart can mend is then mended at the pace of the kill budget.
 */
export const longestOpenMs = 15 * 60_000;

export interface BreakerFacts extends CensusFacts {
  /** When the leader's loop last lagged more than half of the time-out of a probe that was due; undefined = not yet. */
  readonly laggedAtMs: number | undefined;
}

export type Breaker =
  | { readonly type: 'closed' }
  | { readonly type: 'open'; readonly reason: 'massFailure' | 'leaderLag'; readonly sinceMs: number };

export const closedBreaker: Breaker = { type: 'closed' };

/** The breaker at `nowMs`; the same object if nothing changed. All times are of one clock, in milliseconds. */
export function nextBreaker(breaker: Breaker, facts: BreakerFacts, nowMs: number): Breaker {
  const isLate = facts.laggedAtMs !== undefined && nowMs - facts.laggedAtMs < windowMs;
  const isMassBegun = facts.tasks >= minTasks && facts.fresh > failingShare * facts.tasks;
  if (breaker.type === 'closed') {
    if (isMassBegun) return { type: 'open', reason: 'massFailure', sinceMs: nowMs };
    return isLate ? { type: 'open', reason: 'leaderLag', sinceMs: nowMs } : breaker;
  }
  if (breaker.reason === 'leaderLag') {
    if (isMassBegun) return { ...breaker, reason: 'massFailure' };
    return isLate ? breaker : closedBreaker;
  }
  if (isMassBegun) return breaker;
  const isMassLeft = facts.failing > failingShare * facts.tasks && nowMs - breaker.sinceMs < longestOpenMs;
  return isMassLeft || isLate ? breaker : closedBreaker;
}
