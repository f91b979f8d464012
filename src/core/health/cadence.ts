/** When the leader asks again (behaviour §6.2). */
import type { HealthCheck } from '../app/definition.ts';

const firstDelayMs = 100;

/**
 * Delay before probe number `probesSoFar` of a task. Until the first success the early probes come quickly, 100 ms apart and then
 * doubling up to the interval: failures do not count then, and a service that is up should not wait a minute to be believed.
 */
export function probeDelayMs(check: HealthCheck, probesSoFar: number, isProven: boolean): number {
  const intervalMs = Math.max(1, check.intervalSeconds) * 1000;
  if (isProven || probesSoFar > 20) return intervalMs;
  return Math.min(intervalMs, firstDelayMs * 2 ** probesSoFar);
}
