/** The tree that a change would make, looked at only where the change touches it. */
import type { AppDefinition } from '../app/definition.ts';
import { type DependencyNode, edgesOf } from '../app/dependency-graph.ts';
import { dependencyCycle, idConflict, refusedAtRoot } from '../app/tree-rules.ts';
import { volumeConflicts } from '../app/volume-conflicts.ts';
import type { PlannedChange } from '../deploy/plan.ts';
import type { AppId } from '../ids.ts';
import { isBelow, parentOf } from '../ids.ts';
import { invalid, type Refusal } from '../refusal.ts';
import type { AppTree } from './app-tree.ts';
import type { GroupDelta, GroupRecord } from './group-record.ts';

export interface TargetTree {
  /** What a node of the graph of dependencies will depend on. */
  readonly edges: (node: DependencyNode) => readonly DependencyNode[];
  /** What is wrong with it (rest-api §9.6). */
  readonly refusal: (maxApps: number | undefined) => Refusal | undefined;
}

/** Overlays changes on a tree without changing it. */
export function targetTree(
  planned: readonly PlannedChange[],
  groups: readonly GroupDelta[],
  tree: AppTree,
): TargetTree {
  const after = new Map<string, AppDefinition | undefined>(planned.map((p) => [p.id, p.after]));
  const get = (id: string): AppDefinition | undefined => (after.has(id) ? after.get(id) : tree.get(id as AppId));
  const added = planned.filter((p) => !p.before && p.after).map((p) => p.id);
  // Looked up for every app of the change: a change of thousands must not look through itself thousands of times.
  const newChildren = new Map<string, Set<string>>();
  for (const id of added) addTo(newChildren, id);
  const members = new Map<string, readonly AppId[]>();
  const appsBelow = (path: string): readonly AppId[] => {
    const found = members.get(path) ?? [
      ...tree.below(path).filter((id) => get(id)),
      ...added.filter((id) => isBelow(id, path)),
    ];
    members.set(path, found);
    return found;
  };
  const isGroup = (path: string): boolean =>
    newChildren.has(path) || (tree.isGroup(path) && appsBelow(path).length > 0);
  const hasApp = (id: string): boolean => get(id) !== undefined;
  const view = {
    namedBy: (id: string) => get(id)?.dependencies,
    namedAround: groupDependencies(groups, tree),
    isGroup: (path: string) => newChildren.has(path) || tree.isGroup(path),
    childrenOf: (path: string) => {
      const more = newChildren.get(path);
      return more ? new Set([...tree.childrenOf(path), ...more]) : tree.childrenOf(path);
    },
    appsBelow,
  };
  const edges = (node: DependencyNode): readonly DependencyNode[] => edgesOf(node, view);
  const volumeConflict = (): Refusal | undefined => {
    const conflicts = volumeConflicts(planned, () => appsBelow('/').flatMap((id) => get(id) ?? []));
    return conflicts.length === 0 ? undefined : invalid(conflicts);
  };
  const refusal = (maxApps: number | undefined): Refusal | undefined => {
    const linked = planned.filter((p) => p.after).map((p) => p.id);
    const relinked = groups.filter((g) => (g.after?.dependencies.length ?? 0) > 0).flatMap(({ id }) => appsBelow(id));
    const newPaths = groups.filter((g) => g.after && !g.before).map((g) => g.id);
    return (
      idConflict(added, { hasApp, isGroup }) ??
      pathConflict(newPaths, hasApp) ??
      dependencyCycle([...linked, ...relinked], edges) ??
      volumeConflict() ??
      tooMany(planned, tree, maxApps)
    );
  };
  return { edges, refusal };
}

/** Links a path to the group that it lies in, and that to its own, up to one that is linked already. */
function addTo(children: Map<string, Set<string>>, id: string): void {
  for (let at = id; at !== '/'; at = parentOf(at)) {
    const siblings = children.get(parentOf(at));
    if (siblings) {
      siblings.add(at);
      return;
    }
    children.set(parentOf(at), new Set([at]));
  }
}

/** What the groups around an id will depend on. */
function groupDependencies(groups: readonly GroupDelta[], tree: AppTree): (id: string) => readonly string[] {
  if (groups.length === 0) return (id) => tree.groupDependenciesOf(id);
  const changed = new Map<string, GroupRecord | undefined>(groups.map((g) => [g.id, g.after]));
  return (id) => {
    const found: string[] = [];
    for (let path = parentOf(id); ; path = parentOf(path)) {
      const record = changed.has(path) ? changed.get(path) : tree.group(path);
      found.push(...(record?.dependencies ?? []));
      if (path === '/') return found;
    }
  };
}

/** Refuses a group at or below the id of an app. */
function pathConflict(paths: readonly string[], hasApp: (id: string) => boolean): Refusal | undefined {
  for (const path of paths) {
    for (let at = path; at !== '/'; at = parentOf(at)) {
      if (hasApp(at)) return refusedAtRoot('Groups and Applications may not have the same identifier.');
    }
  }
  return undefined;
}

function tooMany(planned: readonly PlannedChange[], tree: AppTree, maxApps: number | undefined): Refusal | undefined {
  if (maxApps === undefined) return undefined;
  const added = planned.filter((p) => !p.before && p.after).length;
  const removed = planned.filter((p) => p.before && !p.after).length;
  if (added <= removed || tree.size + added - removed <= maxApps) return undefined;
  const message = `This server may not handle more than ${maxApps} applications (--max_apps)`;
  return invalid([{ path: '/apps', errors: [message] }]);
}
