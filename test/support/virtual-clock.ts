import type { Clock, TimerHandle } from '../../src/actors/ports.ts';
import { type Due, DueQueue } from '../../src/actors/runtime/due-queue.ts';

/** Timers that may fire at one instant before the clock calls it a loop. */
const MAX_FIRED_AT_ONCE = 1_000_000;

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /**
   * Moves on by `ms`, firing what falls due on the way: by time, then in order of creation, and with the clock at each
   * timer's own time. Throws for a negative `ms`, and when called from a timer.
   */
  readonly advance: (ms: number) => void;
  /** Somebody sets the clock on the wall; no timer takes notice. */
  readonly jump: (ms: number) => void;
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: () => number;
  /** Monotonic time of the next timer; undefined if there is none. */
  readonly nextDueMs: () => number | undefined;
}

interface Entry extends Due {
  readonly fire: () => void;
}

/** `startMs` is the wall time at the beginning, in epoch milliseconds; monotonic time begins at 0. */
export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  const entries = new DueQueue<Entry>();
  let elapsedMs = 0;
  let jumpedMs = 0;
  let isAdvancing = false;

  function fireDue(untilMs: number): void {
    let atOnce = 0;
    for (let next = entries.takeDue(untilMs); next !== undefined; next = entries.takeDue(untilMs)) {
      atOnce = next.dueMs > elapsedMs ? 0 : atOnce + 1;
      if (atOnce > MAX_FIRED_AT_ONCE) throw new Error(`timers keep firing at ${elapsedMs} ms`);
      elapsedMs = Math.max(elapsedMs, next.dueMs);
      next.fire();
    }
  }

  return {
    now: () => startMs + elapsedMs + jumpedMs,
    jump: (ms) => {
      jumpedMs += ms;
    },
    monotonic: () => elapsedMs,
    after: (delayMs, fire): TimerHandle => {
      let isDone = false;
      const entry: Entry = {
        dueMs: 0,
        sequence: 0,
        isCancelled: false,
        fire: () => {
          isDone = true;
          fire();
        },
      };
      entries.add(entry, elapsedMs + Math.max(0, delayMs));
      return {
        cancel: () => {
          if (!isDone) entries.cancel(entry);
        },
      };
    },
    advance: (ms) => {
      if (!(ms >= 0)) throw new Error(`time does not go back (${ms} ms)`);
      if (isAdvancing) throw new Error('time is going on already');
      isAdvancing = true;
      try {
        const untilMs = elapsedMs + ms;
        fireDue(untilMs);
        elapsedMs = untilMs;
      } finally {
        isAdvancing = false;
      }
    },
    pending: () => entries.size,
    nextDueMs: () => entries.peek()?.dueMs,
  };
}
