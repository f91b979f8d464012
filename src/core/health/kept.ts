/** What a new leader knows of health before its own checks have spoken: load balancers must not be emptied by a failover. */
import type { HealthCheck } from '../app/definition.ts';
import type { Instance } from '../instance/instance.ts';
import type { HealthStatus } from './health.ts';

/** The cause that is shown until a check of the new leader's names another one. */
const keptCause = 'failed before the leader changed';

/**
 * One entry for each check, from the stored verdict of all of them together: alive if all were; a single check that failed is
 * known too, while of several nobody knows which one it was. Failures are counted anew, so that nothing is killed sooner.
 */
export function keptHealth(
  checks: readonly HealthCheck[],
  instance: Pick<Instance, 'healthy' | 'sinceMs'>,
): readonly (HealthStatus | undefined)[] {
  const { healthy, sinceMs } = instance;
  if (healthy === undefined) return [];
  if (healthy) return checks.map(() => ({ firstSuccessMs: sinceMs, lastSuccessMs: sinceMs, consecutiveFailures: 0 }));
  if (checks.length !== 1) return [];
  return [{ lastFailureMs: sinceMs, lastFailureCause: keptCause, consecutiveFailures: 0 }];
}
