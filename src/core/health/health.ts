/** What is known of one health check of one instance (behaviour §6.3). Kept in memory; only flips become durable. */
export interface HealthStatus {
  readonly firstSuccessMs?: number;
  readonly lastSuccessMs?: number;
  readonly lastFailureMs?: number;
  readonly lastFailureCause?: string;
  readonly consecutiveFailures: number;
}

/** Alive: it has had a success, and no failure since. */
export const isAlive = (status: HealthStatus): boolean =>
  status.lastSuccessMs !== undefined &&
  (status.lastFailureMs === undefined || status.lastSuccessMs > status.lastFailureMs);
