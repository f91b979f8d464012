/** The apps that an app depends on, groups resolved to the apps inside them: what the graph stands for. */
import { type DependencyNode, isGroupNode } from '../../src/core/app/dependency-graph.ts';
import type { AppId } from '../../src/core/ids.ts';

/** Each once, in no particular order. */
export function appsNeededBy(
  id: AppId,
  edgesOf: (node: DependencyNode) => readonly DependencyNode[],
): readonly AppId[] {
  const found = new Set<string>();
  const resolve = (nodes: readonly DependencyNode[]): void => {
    for (const node of nodes) {
      if (isGroupNode(node)) resolve(edgesOf(node));
      else found.add(node);
    }
  };
  resolve(edgesOf(id));
  return [...found] as AppId[];
}
