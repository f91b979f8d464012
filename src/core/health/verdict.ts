/** Accounting of health check results (behaviour §6.3). */
import type { HealthCheck } from '../app/definition.ts';
import type { HealthStatus } from './health.ts';
import { isAlive } from './health.ts';

/** What one probe said. */
export type CheckResult =
  | { readonly type: 'healthy' }
  | { readonly type: 'unhealthy'; readonly cause: string }
  /** Neither: an informational HTTP status of a check that ignores those. */
  | { readonly type: 'ignored' };

/** Healthy: 200–399; 1xx is ignored only for HTTP and only if the check says so (V115, V116). */
export function judgeHttpStatus(check: Pick<HealthCheck, 'protocol' | 'ignoreHttp1xx'>, status: number): CheckResult {
  if (status >= 200 && status <= 399) return { type: 'healthy' };
  if (status >= 100 && status <= 199 && check.ignoreHttp1xx === true && check.protocol === 'HTTP') {
    return { type: 'ignored' };
  }
  return { type: 'unhealthy', cause: `status ${status}` };
}

export interface Verdict {
  /** The same object as before if the result changes nothing. */
  readonly status: HealthStatus | undefined;
  /** The failure counts: publish `failed_health_check_event`. */
  readonly isCountedFailure: boolean;
  /** New state of this check, if it flipped; the first result is a flip too. */
  readonly flippedTo: boolean | undefined;
  /** The task must die, with this cause. */
  readonly killCause: string | undefined;
}

const unchanged = (status: HealthStatus | undefined): Verdict => ({
  status,
  isCountedFailure: false,
  flippedTo: undefined,
  killCause: undefined,
});

/**
 * Folds one result into what is known. `runningSinceMs` is when the task began to run; failures before the first success are
 * dropped for `gracePeriodSeconds` from then. The kill falls on failure number max + 1, since the count *before* this failure
 * decides, and it repeats until the task is gone (V112–V114).
 */
export function verdict(
  check: HealthCheck,
  status: HealthStatus | undefined,
  result: CheckResult,
  runningSinceMs: number,
  nowMs: number,
): Verdict {
  if (result.type === 'ignored') return unchanged(status);
  const wasAlive = status && isAlive(status);
  if (result.type === 'healthy') {
    const next: HealthStatus = {
      ...status,
      firstSuccessMs: status?.firstSuccessMs ?? nowMs,
      // A success in the millisecond of a failure must still count as the later one.
      lastSuccessMs: status?.lastFailureMs === undefined ? nowMs : Math.max(nowMs, status.lastFailureMs + 1),
      consecutiveFailures: 0,
    };
    return {
      status: next,
      isCountedFailure: false,
      flippedTo: wasAlive === true ? undefined : true,
      killCause: undefined,
    };
  }
  const isInGrace = status?.firstSuccessMs === undefined && nowMs < runningSinceMs + check.gracePeriodSeconds * 1000;
  if (isInGrace) return unchanged(status);
  const consecutiveFailures = (status?.consecutiveFailures ?? 0) + 1;
  return {
    status: {
      ...status,
      lastFailureMs: Math.max(nowMs, status?.lastSuccessMs ?? 0),
      lastFailureCause: result.cause,
      consecutiveFailures,
    },
    isCountedFailure: true,
    flippedTo: wasAlive === false ? undefined : false,
    killCause: areTooMany(check, consecutiveFailures) ? result.cause : undefined,
  };
}

/**
 * Whether a task whose kill was put off still deserves it. `status` is what is known now: the failure that asked for the kill is
 * counted in it.
 */
export const isKillDeserved = (check: HealthCheck, status: HealthStatus | undefined): boolean =>
  status !== undefined && areTooMany(check, status.consecutiveFailures);

/** One failure more than are allowed; 0 allows any number. */
const areTooMany = ({ maxConsecutiveFailures }: HealthCheck, failures: number): boolean =>
  maxConsecutiveFailures > 0 && failures > maxConsecutiveFailures;

/** All checks together: all alive → true, any without a result → unknown, else false (V118). */
export function overallHealth(statuses: readonly (HealthStatus | undefined)[]): boolean | undefined {
  let allAlive = true;
  for (const status of statuses) {
    if (!status) return undefined;
    allAlive &&= isAlive(status);
  }
  return statuses.length === 0 ? undefined : allAlive;
}
