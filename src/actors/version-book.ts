/** Every stored definition, by app and version. Written by the groups actor alone; everybody in the subtree may read. */
import type { AppDefinition } from '../core/app/definition.ts';
import type { AppId } from '../core/ids.ts';
import type { Timestamp } from '../core/time.ts';

export class VersionBook {
  readonly #versions = new Map<AppId, Map<Timestamp, AppDefinition>>();

  /** Adds or replaces one version. */
  put(app: AppDefinition): void {
    const known = this.#versions.get(app.id);
    if (known) known.set(app.version, app);
    else this.#versions.set(app.id, new Map([[app.version, app]]));
  }

  /** The definition that this very version had. */
  at(id: AppId, version: Timestamp): AppDefinition | undefined {
    return this.#versions.get(id)?.get(version);
  }

  /** All versions of an app, oldest first. */
  versionsOf(id: AppId): readonly Timestamp[] {
    return [...(this.#versions.get(id)?.keys() ?? [])].sort();
  }

  /** The newest stamp of an app, so that the next one differs from it. */
  latest(id: AppId): Timestamp | undefined {
    let latest: Timestamp | undefined;
    for (const version of this.#versions.get(id)?.keys() ?? []) {
      if (latest === undefined || version > latest) latest = version;
    }
    return latest;
  }

  /** Drops one version. */
  remove(id: AppId, version: Timestamp): void {
    const known = this.#versions.get(id);
    known?.delete(version);
    if (known?.size === 0) this.#versions.delete(id);
  }
}
