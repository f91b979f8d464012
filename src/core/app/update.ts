/**
 * An app as a request carries it: every member optional, old spellings included, types and simple ranges already checked by
 * the body's schema (rest-api §7.2, §8). Enumerations are in canonical case, nulls are gone.
 */
import type { AppDefinition, Constraint } from './definition.ts';

type Loose = Readonly<Record<string, unknown>>;

export interface AppUpdate
  extends Partial<
    Omit<
      AppDefinition,
      | 'id'
      | 'container'
      | 'networks'
      | 'portDefinitions'
      | 'healthChecks'
      | 'readinessChecks'
      | 'fetch'
      | 'constraints'
      | 'upgradeStrategy'
      | 'version'
      | 'versionInfo'
    >
  > {
  readonly id?: string;
  /** Alone (or with `id`) it asks for a rollback; otherwise it is ignored. */
  readonly version?: string;
  readonly versionInfo?: unknown;
  readonly container?: Loose;
  readonly networks?: readonly Loose[];
  readonly portDefinitions?: readonly Loose[];
  readonly healthChecks?: readonly Loose[];
  readonly readinessChecks?: readonly Loose[];
  readonly fetch?: readonly Loose[];
  readonly constraints?: readonly Constraint[];
  readonly upgradeStrategy?: { readonly minimumHealthCapacity?: number; readonly maximumOverCapacity?: number };
  /** Deprecated → `portDefinitions`. */
  readonly ports?: readonly number[];
  /** Deprecated → `fetch`. */
  readonly uris?: readonly string[];
  /** Deprecated → `networks`. */
  readonly ipAddress?: Loose;
  /** Deprecated, without effect. */
  readonly residency?: Loose;
}
