/** A clock that stands still until a test moves it. */
import type { Clock, TimerHandle } from '../../../src/actors/ports.ts';

interface Timer {
  readonly dueAt: number;
  readonly delayMs: number;
  readonly fire: () => void;
}

export interface FakeClock extends Clock {
  /** Moves the time and fires what became due, in order. */
  readonly advance: (byMs: number) => void;
  /** How many timers wait. */
  readonly pending: () => number;
  /** Resolves when a timer with a delay in [fromMs, toMs] is pending, with that delay. */
  readonly armed: (fromMs: number, toMs: number) => Promise<number>;
  /** Waits for such a timer and moves the time until it has fired. */
  readonly pass: (fromMs: number, toMs: number) => Promise<number>;
}

export function createFakeClock(): FakeClock {
  let time = 1_000_000;
  const timers = new Set<Timer>();
  let watchers: (() => boolean)[] = [];
  const find = (fromMs: number, toMs: number): Timer | undefined =>
    [...timers].find((timer) => timer.delayMs >= fromMs && timer.delayMs <= toMs);

  function after(delayMs: number, fire: () => void): TimerHandle {
    const timer = { dueAt: time + delayMs, delayMs, fire };
    timers.add(timer);
    watchers = watchers.filter((watch) => !watch());
    return { cancel: () => timers.delete(timer) };
  }

  function advance(byMs: number): void {
    const until = time + byMs;
    for (;;) {
      const next = [...timers].sort((a, b) => a.dueAt - b.dueAt)[0];
      if (next === undefined || next.dueAt > until) break;
      timers.delete(next);
      time = next.dueAt;
      next.fire();
    }
    time = until;
  }

  function armed(fromMs: number, toMs: number): Promise<number> {
    return new Promise((resolve) => {
      const watch = (): boolean => {
        const timer = find(fromMs, toMs);
        if (timer !== undefined) resolve(timer.delayMs);
        return timer !== undefined;
      };
      if (!watch()) watchers.push(watch);
    });
  }

  return {
    now: () => time,
    monotonic: () => time,
    after,
    advance,
    pending: () => timers.size,
    armed,
    pass: async (fromMs, toMs) => {
      const delayMs = await armed(fromMs, toMs);
      const timer = find(fromMs, toMs);
      if (timer !== undefined) advance(timer.dueAt - time);
      return delayMs;
    },
  };
}
