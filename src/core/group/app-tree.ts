/** The tree of apps with the indexes that make a change cost what it touches, never what exists (design §5.13). */
import type { AppDefinition } from '../app/definition.ts';
import type { PortRange } from '../app/service-ports.ts';
import { ServicePorts } from '../app/service-ports.ts';
import type { AppId } from '../ids.ts';
import { parentOf } from '../ids.ts';

/** Owned by one writer. Groups exist as long as something lies in them. */
export class AppTree {
  readonly #apps = new Map<AppId, AppDefinition>();
  /** Path of a group → paths right below it. */
  readonly #children = new Map<string, Set<string>>();
  /** Path → apps that name it as a dependency. */
  readonly #dependents = new Map<string, Set<AppId>>();

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
    return Math.max(0, this.#children.size - (this.#children.has('/') ? 1 : 0));
  }

  get(id: AppId): AppDefinition | undefined {
    return this.#apps.get(id);
  }

  all(): Iterable<AppDefinition> {
    return this.#apps.values();
  }

  /** True if something lies below the path. */
  isGroup(path: string): boolean {
    return this.#children.has(path);
  }

  /** Apps that name this app, or a group around it, as a dependency. */
  dependentsOf(id: AppId): readonly AppId[] {
    const found = new Set<AppId>();
    for (let path: string = id; ; path = parentOf(path)) {
      for (const dependent of this.#dependents.get(path) ?? []) found.add(dependent);
      if (path === '/') return [...found];
    }
  }

  /** The apps that an app depends on: those it names, and those inside the groups it names. Unknown ids give nothing. */
  dependenciesOf(id: AppId): readonly AppId[] {
    const found = new Set<AppId>();
    for (const path of this.#apps.get(id)?.dependencies ?? []) {
      if (this.#apps.has(path as AppId)) found.add(path as AppId);
      else for (const below of this.below(path)) found.add(below);
    }
    found.delete(id);
    return [...found];
  }

  /** Ids of all apps below a path. */
  below(path: string): readonly AppId[] {
    const found: AppId[] = [];
    const visit = (group: string): void => {
      for (const child of this.#children.get(group) ?? []) {
        if (this.#apps.has(child as AppId)) found.push(child as AppId);
        if (this.#children.has(child)) visit(child);
      }
    };
    visit(path);
    return found;
  }

  /** Adds or replaces an app. */
  put(app: AppDefinition): void {
    const before = this.#apps.get(app.id);
    if (before) this.#unindex(before);
    else this.#link(app.id);
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
    // Still a group: something else lies below it, and must stay reachable from above.
    if (this.#children.has(id)) return;
    for (let path: string = id; path !== '/'; path = parentOf(path)) {
      const siblings = this.#children.get(parentOf(path));
      siblings?.delete(path);
      if (!siblings || siblings.size > 0) return;
      this.#children.delete(parentOf(path));
      if (this.#apps.has(parentOf(path) as AppId)) return;
    }
  }

  #link(id: AppId): void {
    for (let path: string = id; path !== '/'; path = parentOf(path)) {
      const parent = parentOf(path);
      const siblings = this.#children.get(parent);
      if (siblings) {
        siblings.add(path);
        return;
      }
      this.#children.set(parent, new Set([path]));
    }
  }

  #unindex(app: AppDefinition): void {
    for (const path of app.dependencies) {
      const dependents = this.#dependents.get(path);
      dependents?.delete(app.id);
      if (dependents?.size === 0) this.#dependents.delete(path);
    }
  }
}
