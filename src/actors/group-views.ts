/** Groups as GET requests see them, now and at past versions of the root. Part of the read model. */
import type { AppDefinition } from '../core/app/definition.ts';
import { emptyRootVersion, type GroupRecord, type RootDelta, versionOfKey } from '../core/group/group-record.ts';
import { PathIndex } from '../core/group/path-index.ts';
import { existedAt, type PastTree, RootHistory } from '../core/group/root-history.ts';
import type { AppId } from '../core/ids.ts';
import type { Timestamp } from '../core/time.ts';
import type { GroupView } from './front.ts';

/** Where the definitions are. */
export interface AppBook {
  readonly app: (id: string) => AppDefinition | undefined;
  readonly appAt: (id: string, version: Timestamp) => AppDefinition | undefined;
}

/** What a group has right below it, and of its own, at some time. */
interface Tree {
  readonly record: (path: string) => GroupRecord | undefined;
  readonly children: (path: string) => Iterable<string>;
  readonly hasChildren: (path: string) => boolean;
  readonly app: (id: string) => AppDefinition | undefined;
}

export class GroupViews {
  readonly #paths = new PathIndex();
  readonly #records = new Map<string, GroupRecord>();
  readonly #history = new RootHistory();
  readonly #apps: AppBook;

  constructor(apps: AppBook) {
    this.#apps = apps;
  }

  addApp(id: string): void {
    this.#paths.add(id);
  }

  removeApp(id: string): void {
    this.#paths.remove(id);
  }

  /** Takes over a record of kind `group`. */
  put(key: string, value: object | undefined): void {
    const version = versionOfKey(key);
    if (version !== undefined) {
      if (value) this.#history.put(value as RootDelta);
      else this.#history.remove(version);
      return;
    }
    const isKnown = this.#records.has(key);
    if (value) {
      if (!isKnown) this.#paths.add(key);
      this.#records.set(key, value as GroupRecord);
    } else if (isKnown) {
      this.#records.delete(key);
      this.#paths.remove(key);
    }
  }

  clear(): void {
    this.#paths.clear();
    this.#records.clear();
    this.#history.clear();
  }

  isGroup = (path: string): boolean => path === '/' || this.#paths.hasChildren(path) || this.#records.has(path);

  view(path: string): GroupView | undefined {
    if (!this.isGroup(path)) return undefined;
    const view = viewOf(path, this.#now());
    const { latest } = this.#history;
    return path === '/' && latest !== undefined && latest > view.version ? { ...view, version: latest } : view;
  }

  versions(path: string): readonly Timestamp[] | undefined {
    if (!this.isGroup(path)) return undefined;
    const all = this.#history.versions();
    if (path === '/') return all.length > 0 ? all : [this.view('/')?.version ?? emptyRootVersion];
    return all.filter((version) => {
      const past = this.#history.at(version);
      return past !== undefined && existedAt(path, past, this.#present());
    });
  }

  at(path: string, version: Timestamp): GroupView | undefined {
    const past = this.#history.at(version);
    if (!past || !existedAt(path, past, this.#present())) return undefined;
    const view = viewOf(path, this.#then(past));
    return path === '/' ? { ...view, version } : view;
  }

  #present() {
    return { group: (path: string) => this.#records.get(path), below: (path: string) => this.#below(path) };
  }

  *#below(path: string): Iterable<AppId> {
    for (const child of this.#paths.childrenOf(path)) {
      if (this.#apps.app(child)) yield child as AppId;
      yield* this.#below(child);
    }
  }

  #now(): Tree {
    return {
      record: (path) => this.#records.get(path),
      children: (path) => this.#paths.childrenOf(path),
      hasChildren: (path) => this.#paths.hasChildren(path),
      app: this.#apps.app,
    };
  }

  /** The whole tree as it was. Costs what there is: only asked for by those who look at the past. */
  #then(past: PastTree): Tree {
    const paths = new PathIndex();
    for (const id of this.#below('/')) if (!past.apps.has(id)) paths.add(id);
    for (const [id, version] of past.apps) if (version !== undefined) paths.add(id);
    const record = (path: string): GroupRecord | undefined =>
      past.groups.has(path) ? past.groups.get(path) : this.#records.get(path);
    for (const path of new Set([...this.#records.keys(), ...past.groups.keys()])) if (record(path)) paths.add(path);
    return {
      record,
      children: (path) => paths.childrenOf(path),
      hasChildren: (path) => paths.hasChildren(path),
      app: (id) => {
        const version = past.apps.get(id as AppId);
        if (version !== undefined) return this.#apps.appAt(id, version);
        return past.apps.has(id as AppId) ? undefined : this.#apps.app(id);
      },
    };
  }
}

function viewOf(path: string, tree: Tree): GroupView {
  const record = tree.record(path);
  const apps: AppDefinition[] = [];
  const groups: GroupView[] = [];
  let version = record?.version ?? emptyRootVersion;
  const see = (other: Timestamp): void => {
    if (other > version) version = other;
  };
  for (const child of tree.children(path)) {
    const app = tree.app(child);
    if (app) {
      apps.push(app);
      see(app.version);
    }
    if (!tree.hasChildren(child) && !tree.record(child)) continue;
    const group = viewOf(child, tree);
    groups.push(group);
    see(group.version);
  }
  return {
    id: path,
    version,
    dependencies: record?.dependencies ?? [],
    ...(record?.enforceRole === undefined ? {} : { enforceRole: record.enforceRole }),
    apps,
    groups,
  };
}
