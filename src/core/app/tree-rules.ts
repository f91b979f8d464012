/** Rules about all apps together, checked for what a change touches only (rest-api §9.6; behaviour §4.3, §10.1). */
import type { AppId } from '../ids.ts';
import { isBelow, parentOf } from '../ids.ts';
import { invalid, type Refusal } from '../refusal.ts';
import type { AppDefinition } from './definition.ts';

/** What the rules may ask about the tree as it will be after the change. */
export interface TreeView {
  readonly hasApp: (id: string) => boolean;
  /** True if some app lies below this path. */
  readonly isGroup: (path: string) => boolean;
  /** Every app below this path. */
  readonly appsBelow: (path: string) => Iterable<AppId>;
}

/** 422 for the request as a whole. */
export const refusedAtRoot = (message: string): Refusal => invalid([{ path: '/', errors: [message] }]);

/** Refuses ids that are a group and an app at once. `added` are the apps that did not exist before. Costs O(depth) for each. */
export function idConflict(added: readonly AppId[], tree: Pick<TreeView, 'hasApp' | 'isGroup'>): Refusal | undefined {
  for (const id of added) {
    if (tree.isGroup(id)) return sameId;
    for (let path = parentOf(id); path !== '/'; path = parentOf(path)) if (tree.hasApp(path)) return sameId;
  }
  return undefined;
}

const sameId = refusedAtRoot('Groups and Applications may not have the same identifier.');

/**
 * The apps that an app depends on, groups resolved to the apps inside them. Unknown ids are ignored. An app inside a group that it depends on
 * waits for the others of the group, not for itself.
 */
export function dependenciesOf(app: Pick<AppDefinition, 'id' | 'dependencies'>, tree: TreeView): readonly AppId[] {
  const found = new Set<AppId>();
  for (const dependency of app.dependencies) {
    if (tree.hasApp(dependency)) found.add(dependency as AppId);
    else if (tree.isGroup(dependency)) {
      for (const id of tree.appsBelow(dependency)) if (id !== app.id) found.add(id);
    }
  }
  return [...found];
}

/**
 * Refuses a change that closes a circle of dependencies. A new circle leads through a changed app, so only what the changed apps depend on,
 * directly or not, is visited, once each; chains may be of any length.
 */
export function dependencyCycle(changed: Iterable<AppId>, edges: (id: AppId) => readonly AppId[]): Refusal | undefined {
  const finished = new Set<AppId>();
  for (const start of changed) if (!finished.has(start) && leadsToCircle(start, edges, finished)) return circular;
  return undefined;
}

const circular = refusedAtRoot('Dependency graph has cyclic dependencies.');

interface Visit {
  readonly id: AppId;
  readonly targets: readonly AppId[];
  next: number;
}

/** Depth-first search without recursion. */
function leadsToCircle(start: AppId, edges: (id: AppId) => readonly AppId[], finished: Set<AppId>): boolean {
  const open = new Set<AppId>([start]);
  const path: Visit[] = [{ id: start, targets: edges(start), next: 0 }];
  for (let visit = path.at(-1); visit; visit = path.at(-1)) {
    const target = visit.targets[visit.next];
    visit.next += 1;
    if (target === undefined) {
      path.pop();
      open.delete(visit.id);
      finished.add(visit.id);
    } else if (open.has(target)) return true;
    else if (!finished.has(target)) {
      open.add(target);
      path.push({ id: target, targets: edges(target), next: 0 });
    }
  }
  return false;
}

/** Refuses an id outside the group that names it in a request (rest-api §9.3). `path` is where the id stands in the body. */
export const childOutsideGroup = (id: string, group: string, path: string): Refusal | undefined =>
  isBelow(id, group) ? undefined : invalid([{ path, errors: [`Identifier is not child of '${group}'`] }]);
