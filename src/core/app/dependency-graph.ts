/**
 * The graph of dependencies, with groups as nodes of their own: a thousand apps that depend on a group of a thousand are a thousand edges to
 * one node and a thousand from it, not a million (behaviour §4.3).
 */
import { type AppId, isBelow } from '../ids.ts';

/** The id of an app, or a group that stands for all that is in it. */
export type DependencyNode = string;

/** Group nodes end in what no id can hold. */
const groupMark = '/*';
const groupNode = (path: string): DependencyNode => (path === '/' ? groupMark : path + groupMark);

/** True for a group: a node on the way that is no app itself. */
export const isGroupNode = (node: DependencyNode): boolean => node.endsWith(groupMark);

/** What the graph is made of. */
export interface DependencyView {
  /** What an app names, undefined if there is no such app. */
  readonly namedBy: (id: string) => readonly string[] | undefined;
  /** What the groups around a path name. */
  readonly namedAround: (id: string) => readonly string[];
  /** True if something lies below. */
  readonly isGroup: (path: string) => boolean;
  /** Paths right below a group, apps and groups alike. */
  readonly childrenOf: (path: string) => Iterable<string>;
  /** Every app below a path. */
  readonly appsBelow: (path: string) => Iterable<AppId>;
}

/**
 * What a node depends on. Unknown ids are ignored. An app inside a group that it depends on waits for the others of the group, not for itself:
 * these edges lead to each of them. At most one app for each group can have such edges without closing a circle, so that all edges of a tree
 * without circles together are as many as what is named and what there is.
 */
export function edgesOf(node: DependencyNode, view: DependencyView): readonly DependencyNode[] {
  return isGroupNode(node) ? membersOf(node.slice(0, -groupMark.length) || '/', view) : dependenciesOf(node, view);
}

function membersOf(path: string, { namedBy, isGroup, childrenOf }: DependencyView): readonly DependencyNode[] {
  const members: DependencyNode[] = [];
  for (const child of childrenOf(path)) {
    if (namedBy(child)) members.push(child);
    if (isGroup(child)) members.push(groupNode(child));
  }
  return members;
}

function dependenciesOf(id: string, view: DependencyView): readonly DependencyNode[] {
  const named = view.namedBy(id);
  if (!named) return [];
  const around = view.namedAround(id);
  if (named.length + around.length === 0) return [];
  const found = new Set<DependencyNode>();
  for (const path of around.length === 0 ? named : [...named, ...around]) {
    if (view.namedBy(path)) found.add(path);
    else if (!view.isGroup(path)) continue;
    else if (!isBelow(id, path)) found.add(groupNode(path));
    else for (const other of view.appsBelow(path)) if (other !== id) found.add(other);
  }
  return [...found];
}
