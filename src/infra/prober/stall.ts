/** How long this thread did not get to its work: nobody else may be blamed for that time. */

const tickMs = 20;
/** Timers are never exact; what is shorter than this is no stall. */
const toleranceMs = 15;

export interface StallMeter {
  /** Milliseconds of stalls since the meter was made, up to this very moment. Only grows. */
  readonly totalMs: () => number;
  readonly stop: () => void;
}

/** Starts to measure. `now` is a monotonic clock in milliseconds. */
export function createStallMeter(now: () => number = () => performance.now()): StallMeter {
  let totalMs = 0;
  let expectedMs = now() + tickMs;
  const overdueMs = (): number => {
    const lateMs = now() - expectedMs;
    return lateMs > toleranceMs ? lateMs : 0;
  };
  const timer = setInterval(() => {
    totalMs += overdueMs();
    expectedMs = now() + tickMs;
  }, tickMs);
  timer.unref();
  return { totalMs: () => totalMs + overdueMs(), stop: () => clearInterval(timer) };
}
