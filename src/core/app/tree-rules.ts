/** Rules about all apps together, checked for what a change touches only (rest-api §9.6; behaviour §4.3, §10.1). */
import type { AppId } from '../ids.ts';
import { parentOf } from '../ids.ts';
import { invalid, type Refusal } from '../refusal.ts';
import type { DependencyNode } from './dependency-graph.ts';

/** What the rules may ask about the tree as it will be after the change. */
export interface TreeView {
  readonly hasApp: (id: string) => boolean;
  /** True if some app lies below this path. */
  readonly isGroup: (path: string) => boolean;
}

/** 422 for the request as a whole. */
export const refusedAtRoot = (message: string): Refusal => invalid([{ path: '/', errors: [message] }]);

/** Refuses ids that are a group and an app at once. `added` are the apps that did not exist before. Costs O(depth) for each. */
export function idConflict(added: readonly AppId[], tree: TreeView): Refusal | undefined {
  for (const id of added) {
    if (tree.isGroup(id)) return sameId;
    for (let path = parentOf(id); path !== '/'; path = parentOf(path)) if (tree.hasApp(path)) return sameId;
  }
  return undefined;
}

const sameId = refusedAtRoot('Groups and Applications may not have the same identifier.');

/**
 * Refuses a change that closes a circle of dependencies. A new circle leads through a changed app, so only what the changed apps depend on,
 * directly or not, is visited, once each; chains may be of any length.
 */
export function dependencyCycle(
  changed: Iterable<DependencyNode>,
  edges: (node: DependencyNode) => readonly DependencyNode[],
): Refusal | undefined {
  const finished = new Set<DependencyNode>();
  for (const start of changed) if (!finished.has(start) && leadsToCircle(start, edges, finished)) return circular;
  return undefined;
}

const circular = refusedAtRoot('Dependency graph has cyclic dependencies.');

interface Visit {
  readonly id: DependencyNode;
  readonly targets: readonly DependencyNode[];
  next: number;
}

/** Depth-first search without recursion. */
function leadsToCircle(
  start: DependencyNode,
  edges: (node: DependencyNode) => readonly DependencyNode[],
  finished: Set<DependencyNode>,
): boolean {
  const open = new Set<DependencyNode>([start]);
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
