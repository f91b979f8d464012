/** The scheduler's flags in one record; names and defaults are Marathon's where design §8 says nothing else. */
import type { AppSettings } from '../core/app/settings.ts';
import { defaultAppSettings } from '../core/app/settings.ts';
import type { KillBudget } from '../core/health/kill-budget.ts';
import { defaultKillBudget } from '../core/health/kill-budget.ts';
import type { MatchSettings } from '../core/offer/demand.ts';
import { defaultMatchSettings } from '../core/offer/demand.ts';

export interface SchedulerSettings {
  readonly app: AppSettings;
  readonly match: MatchSettings;
  /** `--decline_offer_duration`. */
  readonly declineOfferDurationMs: number;
  /** `--min_revive_offers_interval`. */
  readonly minReviveOffersIntervalMs: number;
  /** `--suppress_offers`. */
  readonly suppressOffers: boolean;
  /** `--task_launch_confirm_timeout`: provisioned, and nothing heard. */
  readonly taskLaunchConfirmTimeoutMs: number;
  /** `--task_launch_timeout`: staging or starting. */
  readonly taskLaunchTimeoutMs: number;
  /** `--reconciliation_interval`. */
  readonly reconciliationIntervalMs: number;
  /** `--kill_chunk_size`: kills that may be unconfirmed at once. */
  readonly killChunkSize: number;
  /** `--kill_retry_timeout`. */
  readonly killRetryTimeoutMs: number;
  /** `--health_kill_breaker`, `--health_kills_per_minute`, `--health_kills_per_app`. */
  readonly healthKills: { readonly hasBreaker: boolean; readonly budget: KillBudget };
  /** `--max_concurrent_marathon_health_checks`. */
  readonly maxConcurrentHealthChecks: number;
  /** `--max_running_deployments`; Infinity unless given. */
  readonly maxRunningDeployments: number;
  /** `--zk_max_versions`: stored versions of an app. */
  readonly maxVersions: number;
}

export const defaultSchedulerSettings: SchedulerSettings = {
  app: defaultAppSettings,
  match: defaultMatchSettings,
  declineOfferDurationMs: 120_000,
  minReviveOffersIntervalMs: 100,
  suppressOffers: true,
  taskLaunchConfirmTimeoutMs: 300_000,
  taskLaunchTimeoutMs: 300_000,
  reconciliationIntervalMs: 600_000,
  killChunkSize: 100,
  killRetryTimeoutMs: 30_000,
  healthKills: { hasBreaker: true, budget: defaultKillBudget },
  maxConcurrentHealthChecks: 2_048,
  maxRunningDeployments: Number.POSITIVE_INFINITY,
  maxVersions: 50,
};
