/** The tree of apps with the indexes that make a change cost what it touches, never what exists (design §5.13). */
import type { AppDefinition } from '../app/definition.ts';
import { type DependencyNode, type DependencyView, edgesOf } from '../app/dependency-graph.ts';
import type { PortRange } from '../app/service-ports.ts';
import { ServicePorts } from '../app/service-ports.ts';
import type { AppId } from '../ids.ts';
import { parentOf } from '../ids.ts';
import type { GroupRecord } from './group-record.ts';
import { PathIndex } from './path-index.ts';

/** Owned by one writer. Groups exist as long as something lies in them, or by a record of their own. */
export class AppTree {
  readonly #apps = new Map<AppId, AppDefinition>();
  readonly #paths = new PathIndex();
  /** Path → apps that name it as a dependency. */
  readonly #dependents = new Map<string, Set<AppId>>();
  readonly #groups = new Map<string, GroupRecord>();

  readonly #view: DependencyView = {
    namedBy: (id) => this.#apps.get(id as AppId)?.dependencies,
    namedAround: (id) => this.groupDependenciesOf(id),
    isGroup: (path) => this.#paths.hasChildren(path),
    childrenOf: (path) => this.#paths.childrenOf(path),
    appsBelow: (path) => this.below(path),
  };

  /** Service ports of all apps. */
  readonly ports: ServicePorts;

  constructor(range: PortRange) {
    this.ports = new ServicePorts(range);
  }

  get size(): number {
    return this.#apps.size;
  }

  /** Groups that exist, the root not counted. */
  get groupCount(): number {
    let empty = 0;
    for (const path of this.#groups.keys()) if (path !== '/' && !this.#paths.hasChildren(path)) empty += 1;
    return this.#paths.filledGroups + empty;
  }

  get(id: AppId): AppDefinition | undefined {
    return this.#apps.get(id);
  }

  all(): Iterable<AppDefinition> {
    return this.#apps.values();
  }

  /** True if something lies below the path, or the group has a record. */
  isGroup(path: string): boolean {
    return this.#paths.hasChildren(path) || this.#groups.has(path);
  }

  /** What a group has of its own. */
  group(path: string): GroupRecord | undefined {
    return this.#groups.get(path);
  }

  /** Paths right below a group, apps and groups alike. */
  childrenOf(path: string): Iterable<string> {
    return this.#paths.childrenOf(path);
  }

  /** Groups with a record below a path, the path itself included. */
  recordedGroups(path: string): readonly GroupRecord[] {
    const found: GroupRecord[] = [];
    const visit = (group: string): void => {
      const record = this.#groups.get(group);
      if (record) found.push(record);
      for (const child of this.#paths.childrenOf(group)) visit(child);
    };
    visit(path);
    return found;
  }

  /** Adds or replaces the record of a group. */
  putGroup(record: GroupRecord): void {
    if (!this.#groups.has(record.id)) this.#paths.add(record.id);
    this.#groups.set(record.id, record);
  }

  /** Drops the record of a group; what lies below keeps it there. */
  removeGroup(path: string): void {
    if (this.#groups.delete(path)) this.#paths.remove(path);
  }

  /** Apps that name this app, or a group around it, as a dependency. */
  dependentsOf(id: AppId): readonly AppId[] {
    const found = new Set<AppId>();
    for (let path: string = id; ; path = parentOf(path)) {
      for (const dependent of this.#dependents.get(path) ?? []) found.add(dependent);
      if (path === '/') return [...found];
    }
  }

  /** What a node of the graph of dependencies depends on (`dependency-graph.ts`). */
  edgesOf(node: DependencyNode): readonly DependencyNode[] {
    return edgesOf(node, this.#view);
  }

  /** What the groups around a path depend on. */
  groupDependenciesOf(id: string): readonly string[] {
    if (this.#groups.size === 0) return [];
    const found: string[] = [];
    for (let path = parentOf(id); ; path = parentOf(path)) {
      found.push(...(this.#groups.get(path)?.dependencies ?? []));
      if (path === '/') return found;
    }
  }

  /** Ids of all apps below a path. */
  below(path: string): readonly AppId[] {
    const found: AppId[] = [];
    const visit = (group: string): void => {
      for (const child of this.#paths.childrenOf(group)) {
        if (this.#apps.has(child as AppId)) found.push(child as AppId);
        if (this.#paths.hasChildren(child)) visit(child);
      }
    };
    visit(path);
    return found;
  }

  /** Adds or replaces an app. */
  put(app: AppDefinition): void {
    const before = this.#apps.get(app.id);
    if (before) this.#unindex(before);
    else this.#paths.add(app.id);
    this.#apps.set(app.id, app);
    this.ports.replace(before, app);
    for (const path of app.dependencies) {
      const dependents = this.#dependents.get(path);
      if (dependents) dependents.add(app.id);
      else this.#dependents.set(path, new Set([app.id]));
    }
  }

  /** Removes an app and the groups that it leaves empty. */
  remove(id: AppId): void {
    const before = this.#apps.get(id);
    if (!before) return;
    this.#unindex(before);
    this.ports.replace(before, undefined);
    this.#apps.delete(id);
    this.#paths.remove(id);
  }

  #unindex(app: AppDefinition): void {
    for (const path of app.dependencies) {
      const dependents = this.#dependents.get(path);
      dependents?.delete(app.id);
      if (dependents?.size === 0) this.#dependents.delete(path);
    }
  }
}
