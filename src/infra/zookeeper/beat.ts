/** Beats of a watchdog that knows when it was late itself. */
import type { Clock, TimerHandle } from '../../actors/ports.ts';

/**
 * Calls `beat` after `delayMs`, and tells it whether that came late: then this process was not running for a while, answers that came
 * meanwhile have not been read yet (timers fire before sockets are read), and the silence of the other side says nothing. Before the next
 * beat they have been.
 */
export function afterBeat(clock: Clock, delayMs: number, beat: (isLate: boolean) => void): TimerHandle {
  const dueMs = clock.monotonic() + delayMs;
  return clock.after(delayMs, () => beat(clock.monotonic() - dueMs > delayMs / 2));
}
