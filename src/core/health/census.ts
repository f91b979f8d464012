/** How many once-healthy tasks there are, and how many of them fail: what the circuit breaker looks at (design §8). */
import type { AppId, InstanceId } from '../ids.ts';

interface Counts {
  proven: number;
  failing: number;
  /** Began to fail within the window. */
  fresh: number;
}

export interface CensusFacts {
  /** Tasks that were healthy at least once. */
  readonly tasks: number;
  /** Of these, which fail now. */
  readonly failing: number;
  /** Of these, which began to fail within the window. */
  readonly fresh: number;
}

/**
 * Counts by app, so that apps in the middle of a deployment can be left out. Mutable, since it follows every flip of every task; each
 * call costs the same however many tasks there are. One entry for each task that was healthy once; `forget` removes it.
 */
export class HealthCensus {
  readonly #appOf = new Map<InstanceId, AppId>();
  /** When it began, in order of beginning. */
  readonly #failingSince = new Map<InstanceId, number>();
  /** Those of `#failingSince` that are still fresh, in the same order. */
  readonly #fresh = new Map<InstanceId, number>();
  readonly #byApp = new Map<AppId, Counts>();
  readonly #all: Counts = { proven: 0, failing: 0, fresh: 0 };
  readonly #windowMs: number;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** All checks of the task succeed: for the first time, or again. */
  healthy(id: InstanceId, appId: AppId): void {
    if (!this.#appOf.has(id)) {
      this.#appOf.set(id, appId);
      this.#add(appId, 'proven', 1);
      return;
    }
    this.#recover(id, appId);
  }

  /** A check of a once-healthy task failed. Others do not count: they may never have worked. */
  failing(id: InstanceId, nowMs: number): void {
    const appId = this.#appOf.get(id);
    if (appId === undefined || this.#failingSince.has(id)) return;
    this.#failingSince.set(id, nowMs);
    this.#fresh.set(id, nowMs);
    this.#add(appId, 'failing', 1);
    this.#add(appId, 'fresh', 1);
  }

  /** The task is over, out of reach, or another one now. */
  forget(id: InstanceId): void {
    const appId = this.#appOf.get(id);
    if (appId === undefined) return;
    this.#recover(id, appId);
    this.#appOf.delete(id);
    this.#add(appId, 'proven', -1);
  }

  /** What is known at `nowMs`, without the apps in `excluded`. */
  facts(nowMs: number, excluded: Iterable<AppId>): CensusFacts {
    for (const [id, sinceMs] of this.#fresh) {
      if (sinceMs > nowMs - this.#windowMs) break;
      this.#fresh.delete(id);
      const appId = this.#appOf.get(id);
      if (appId !== undefined) this.#add(appId, 'fresh', -1);
    }
    let { proven, failing, fresh } = this.#all;
    for (const appId of new Set(excluded)) {
      const counts = this.#byApp.get(appId);
      proven -= counts?.proven ?? 0;
      failing -= counts?.failing ?? 0;
      fresh -= counts?.fresh ?? 0;
    }
    return { tasks: proven, failing, fresh };
  }

  #recover(id: InstanceId, appId: AppId): void {
    if (this.#failingSince.delete(id)) this.#add(appId, 'failing', -1);
    if (this.#fresh.delete(id)) this.#add(appId, 'fresh', -1);
  }

  #add(appId: AppId, what: keyof Counts, by: 1 | -1): void {
    this.#all[what] += by;
    const counts = this.#byApp.get(appId) ?? { proven: 0, failing: 0, fresh: 0 };
    counts[what] += by;
    if (counts.proven === 0) this.#byApp.delete(appId);
    else this.#byApp.set(appId, counts);
  }
}
