import { describe, expect, it } from 'vitest';
import type { Breaker, BreakerFacts } from '../../../src/core/health/breaker.ts';
import { closedBreaker, longestOpenMs, nextBreaker, windowMs } from '../../../src/core/health/breaker.ts';

const facts = (tasks: number, fresh: number, more: Partial<BreakerFacts> = {}): BreakerFacts => ({
  tasks,
  fresh,
  failing: fresh,
  laggedAtMs: undefined,
  ...more,
});
const open = (sinceMs = 0): Breaker => ({ type: 'open', reason: 'massFailure', sinceMs });

describe('The circuit breaker of health kills (design §8)', () => {
  it.each([
    [20, 6, 'closed'],
    [20, 7, 'open'],
    [19, 19, 'closed'],
    [1_000, 300, 'closed'],
    [1_000, 301, 'open'],
    [0, 0, 'closed'],
  ])('with %i once-healthy tasks of which %i begin to fail is %s', (tasks, fresh, type) => {
    expect(nextBreaker(closedBreaker, facts(tasks, fresh), 5)).toMatchObject({ type });
  });

  it('stays open while the mass fails, though nobody new begins to', () => {
    const before = open();
    expect(nextBreaker(before, facts(100, 0, { failing: 31 }), windowMs * 2)).toBe(before);
    expect(nextBreaker(before, facts(100, 0, { failing: 30 }), windowMs * 2)).toBe(closedBreaker);
  });

  it('closes by itself in the end, and opens again only for a new mass', () => {
    const failing = facts(100, 0, { failing: 90 });
    expect(nextBreaker(open(), failing, longestOpenMs - 1).type).toBe('open');
    expect(nextBreaker(open(), failing, longestOpenMs)).toBe(closedBreaker);
    expect(nextBreaker(closedBreaker, failing, longestOpenMs + 1)).toBe(closedBreaker);
  });

  it('opens for a while when the leader lags', () => {
    const lagged = facts(1, 0, { laggedAtMs: 1_000 });
    const opened = nextBreaker(closedBreaker, lagged, 1_000);
    expect(opened).toEqual({ type: 'open', reason: 'leaderLag', sinceMs: 1_000 });
    expect(nextBreaker(opened, lagged, 1_000 + windowMs - 1)).toBe(opened);
    expect(nextBreaker(opened, lagged, 1_000 + windowMs)).toBe(closedBreaker);
  });

  it('becomes one for a mass if that begins while the leader lags', () => {
    const lagging: Breaker = { type: 'open', reason: 'leaderLag', sinceMs: 1 };
    expect(nextBreaker(lagging, facts(100, 31, { laggedAtMs: 1 }), 2)).toMatchObject({ reason: 'massFailure' });
  });
});
