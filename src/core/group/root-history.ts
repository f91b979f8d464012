/**
 * Past versions of the whole tree, as deltas (design §5.13): a version is found by undoing, from the present, what came after it. A delta
 * costs what it changed; whoever writes keeps at most `--zk_max_versions` of them.
 */
import type { AffectedApp } from '../deploy/plan-types.ts';
import type { AppId } from '../ids.ts';
import { isBelow } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import type { GroupDelta, GroupRecord, RootDelta } from './group-record.ts';

/** What differed at a past version: the app's version then, or the group then; undefined = was not there. */
export interface PastTree {
  readonly apps: ReadonlyMap<AppId, Timestamp | undefined>;
  readonly groups: ReadonlyMap<string, GroupRecord | undefined>;
}

/** What `existedAt` asks of the present tree. */
interface PresentTree {
  readonly group: (path: string) => GroupRecord | undefined;
  readonly below: (path: string) => Iterable<AppId>;
}

/** True if the group was there at a past version: by a record, or by an app in it. */
export function existedAt(path: string, past: PastTree, now: PresentTree): boolean {
  if (path === '/') return true;
  const record = past.groups.has(path) ? past.groups.get(path) : now.group(path);
  if (record) return true;
  for (const [id, version] of past.apps) if (version !== undefined && isBelow(id, path)) return true;
  for (const [id, then] of past.groups) if (then && isBelow(id, path)) return true;
  for (const id of now.below(path)) if (!past.apps.has(id)) return true;
  return false;
}

export class RootHistory {
  /** Oldest first. */
  #deltas: RootDelta[] = [];
  /** `id@version` → how many deltas need this definition to be undone. */
  readonly #needed = new Map<string, number>();

  get size(): number {
    return this.#deltas.length;
  }

  /** Versions that can be shown, newest first. */
  versions(): readonly Timestamp[] {
    return this.#deltas.map((d) => d.version).reverse();
  }

  get latest(): Timestamp | undefined {
    return this.#deltas.at(-1)?.version;
  }

  get oldest(): RootDelta | undefined {
    return this.#deltas[0];
  }

  has(version: Timestamp): boolean {
    return this.#deltas[this.#indexOf(version)]?.version === version;
  }

  /** The delta that the version will have once `more` is part of it: changes of the same millisecond make one version. */
  merged(more: RootDelta): RootDelta {
    const known = this.#deltas[this.#indexOf(more.version)];
    if (known?.version !== more.version) return more;
    return {
      version: more.version,
      apps: mergeById<AffectedApp>(known.apps, more.apps),
      groups: mergeById<GroupDelta>(known.groups, more.groups),
    };
  }

  /** Adds a delta, or replaces that of the same version. */
  put(delta: RootDelta): void {
    const index = this.#indexOf(delta.version);
    const known = this.#deltas[index];
    if (known?.version === delta.version) this.#count(known, -1);
    this.#deltas.splice(index, known?.version === delta.version ? 1 : 0, delta);
    this.#count(delta, 1);
  }

  /** Drops a version. */
  remove(version: Timestamp): void {
    const index = this.#indexOf(version);
    const known = this.#deltas[index];
    if (known?.version !== version) return;
    this.#deltas.splice(index, 1);
    this.#count(known, -1);
  }

  clear(): void {
    this.#deltas = [];
    this.#needed.clear();
  }

  /** True if some past tree holds this definition. */
  needs(id: AppId, version: Timestamp): boolean {
    return this.#needed.has(`${id}@${version}`);
  }

  /** What was different then; undefined for a version that is not kept. Costs what changed since. */
  at(version: Timestamp): PastTree | undefined {
    if (!this.has(version)) return undefined;
    const apps = new Map<AppId, Timestamp | undefined>();
    const groups = new Map<string, GroupRecord | undefined>();
    for (let i = this.#deltas.length - 1; i >= 0; i -= 1) {
      const delta = this.#deltas[i];
      if (!delta || delta.version <= version) break;
      for (const { id, before } of delta.apps) apps.set(id, before);
      for (const { id, before } of delta.groups) groups.set(id, before);
    }
    return { apps, groups };
  }

  /** Newest first, for whoever walks back. */
  *backwards(): Iterable<RootDelta> {
    for (let i = this.#deltas.length - 1; i >= 0; i -= 1) {
      const delta = this.#deltas[i];
      if (delta) yield delta;
    }
  }

  /** Place of the first delta that is not older; new ones mostly come last. */
  #indexOf(version: Timestamp): number {
    let index = this.#deltas.length;
    while (index > 0 && (this.#deltas[index - 1]?.version ?? '') >= version) index -= 1;
    return index;
  }

  #count(delta: RootDelta, by: 1 | -1): void {
    for (const { id, before } of delta.apps) {
      if (before === undefined) continue;
      const key = `${id}@${before}`;
      const count = (this.#needed.get(key) ?? 0) + by;
      if (count > 0) this.#needed.set(key, count);
      else this.#needed.delete(key);
    }
  }
}

interface Changed {
  readonly id: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The first `before` and the last `after` of each id. */
function mergeById<One extends Changed>(first: readonly One[], then: readonly One[]): readonly One[] {
  const byId = new Map<string, One>(first.map((one) => [one.id, one]));
  for (const one of then) {
    const known = byId.get(one.id);
    if (!known) byId.set(one.id, one);
    else {
      const { before: _replaced, ...rest } = one;
      byId.set(one.id, { ...rest, ...(known.before === undefined ? {} : { before: known.before }) } as One);
    }
  }
  return [...byId.values()];
}
