/** When the leader asks again (behaviour §6.2). */
import type { HealthCheck } from '../app/definition.ts';
import type { Instance } from '../instance/instance.ts';

const firstDelayMs = 100;
/** Marathon's first sweep comes after the interval, but not later than this. */
const firstSweepMs = 5_000;

/** What is left of the time in which failures of a task that never succeeded are dropped; negative when it is over. */
export const graceLeftMs = (check: HealthCheck, instance: Instance, nowMs: number): number =>
  (instance.activeSinceMs ?? instance.sinceMs) + check.gracePeriodSeconds * 1000 - nowMs;

/**
 * Delay before probe number `probesSoFar` of a task. Until the first success the early probes come quickly, 100 ms apart and then
 * doubling up to the interval, since a service that is up should not wait a minute to be believed: but only while `graceMs` is left,
 * when failures do not count. Probes that count come at the interval, or `maxConsecutiveFailures` would be used up in a second.
 */
export function probeDelayMs(check: HealthCheck, probesSoFar: number, isProven: boolean, graceMs: number): number {
  const intervalMs = Math.max(1, check.intervalSeconds) * 1000;
  if (isProven) return intervalMs;
  const quickMs = probesSoFar > 20 ? intervalMs : Math.min(intervalMs, firstDelayMs * 2 ** probesSoFar);
  if (quickMs < graceMs) return quickMs;
  return probesSoFar === 0 ? Math.min(intervalMs, firstSweepMs) : intervalMs;
}
