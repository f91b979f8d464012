/** The stored apps that have no actor yet: which are taken up next, and with what order. */
import type { AppId } from '../core/ids.ts';
import type { TargetOrder } from './protocol.ts';
import type { StoredInstance } from './stored-instance.ts';

/**
 * Of so many instances, or so many apps, actors are made at once: some milliseconds, since whoever asks for something meanwhile (a new app,
 * an offer, the proof of the lease) comes between two slices.
 */
export const instancesPerSlice = 100;
const appsPerSlice = 20;

/** One app that is yet to be taken up. */
export interface StoredApp {
  readonly instances: readonly StoredInstance[];
  /** Undefined until the groups actor has given one; some apps get none. */
  readonly order: TargetOrder | undefined;
}

const nothingStored: readonly StoredInstance[] = [];

/** Each app leaves it once, with everything that was stored of it. */
export class TakeUp {
  readonly #apps = new Map<AppId, StoredApp>();

  constructor(stored: Iterable<readonly [AppId, readonly StoredInstance[]]>) {
    for (const [appId, instances] of stored) this.#apps.set(appId, { instances, order: undefined });
  }

  /** Apps that are left. */
  get size(): number {
    return this.#apps.size;
  }

  has(appId: AppId): boolean {
    return this.#apps.has(appId);
  }

  /** An app is to be taken up with this order, also one without instances. */
  order(appId: AppId, order: TargetOrder): void {
    this.#apps.set(appId, { instances: this.#apps.get(appId)?.instances ?? nothingStored, order });
  }

  /** Takes one app out. */
  take(appId: AppId): StoredApp | undefined {
    const app = this.#apps.get(appId);
    this.#apps.delete(appId);
    return app;
  }

  /** The apps of the next slice; at least one, if any is left. */
  next(): readonly AppId[] {
    const slice: AppId[] = [];
    let instances = 0;
    for (const [appId, app] of this.#apps) {
      if (slice.length >= appsPerSlice || instances >= instancesPerSlice) break;
      slice.push(appId);
      instances += app.instances.length;
    }
    return slice;
  }
}
