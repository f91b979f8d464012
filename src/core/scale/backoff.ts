/**
 * Launch delay of one app configuration (behaviour §5). A failure grows it, a quiet `maxLaunchDelaySeconds` ends it; a start
 * that works does not reset it, or crash loops would never slow down.
 */
import type { AppDefinition } from '../app/definition.ts';
import type { Condition } from '../instance/instance.ts';
import type { Timestamp } from '../time.ts';

export interface Backoff {
  /** `lastConfigChangeAt` of the configuration; another configuration starts without delay. */
  readonly configVersion: Timestamp;
  readonly delayMs: number;
  /** The last failure or launch; the delay counts from here. */
  readonly referenceMs: number;
  /** Since when the app may be called quiet: its last launch, or the end of the delay after a failure. */
  readonly quietSinceMs: number;
}

type Config = Pick<AppDefinition, 'backoffSeconds' | 'backoffFactor' | 'maxLaunchDelaySeconds' | 'versionInfo'>;

const failures: ReadonlySet<Condition> = new Set(['Dropped', 'Error', 'Failed', 'Gone', 'Finished']);

/** Services must not finish; being killed, unknown or out of reach is no fault of the app (V93). */
export const countsAsFailure = (condition: Condition): boolean => failures.has(condition);

/**
 * The delay that still holds for this configuration, if any. It ends after `maxLaunchDelaySeconds` of quiet (V92). Waiting out the
 * delay is not quiet: else an app that has reached the largest delay would begin again with the smallest.
 */
export function currentBackoff(backoff: Backoff | undefined, app: Config, nowMs: number): Backoff | undefined {
  if (!backoff || backoff.configVersion !== app.versionInfo.lastConfigChangeAt) return undefined;
  return nowMs > backoff.quietSinceMs + app.maxLaunchDelaySeconds * 1000 ? undefined : backoff;
}

/** After a failure: the first delay, or the next one (V88–V90). */
export function grown(backoff: Backoff | undefined, app: Config, nowMs: number): Backoff {
  const maxMs = app.maxLaunchDelaySeconds * 1000;
  const before = currentBackoff(backoff, app, nowMs);
  const delayMs = Math.min(maxMs, before ? before.delayMs * app.backoffFactor : app.backoffSeconds * 1000);
  const configVersion = app.versionInfo.lastConfigChangeAt;
  return { configVersion, delayMs, referenceMs: nowMs, quietSinceMs: nowMs + delayMs };
}

/** A launch went ahead: the delay keeps its size and counts from now (V91). */
export function advanced(backoff: Backoff | undefined, app: Config, nowMs: number): Backoff | undefined {
  const before = currentBackoff(backoff, app, nowMs);
  return before && { ...before, referenceMs: nowMs, quietSinceMs: nowMs };
}

/** When the next launch may be, epoch milliseconds; undefined = now. */
export const notBeforeMs = (backoff: Backoff | undefined): number | undefined =>
  backoff && backoff.referenceMs + backoff.delayMs;
