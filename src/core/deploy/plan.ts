/** From what changed to the ordered steps of a deployment (behaviour §4.3). */
import type { AppDefinition } from '../app/definition.ts';
import { type DependencyNode, isGroupNode } from '../app/dependency-graph.ts';
import type { PlanView } from '../events.ts';
import type { AppId, InstanceId } from '../ids.ts';
import type { AffectedApp, Deployment, PlanAction, PlanStep } from './plan-types.ts';

/** One app of a change. */
export interface PlannedChange {
  readonly id: AppId;
  readonly before: AppDefinition | undefined;
  readonly after: AppDefinition | undefined;
  /** What differs (`core/app/diff`); `restart` for an explicit restart of an equal definition. */
  readonly kind: 'none' | 'scale' | 'metadata' | 'config' | 'restart';
  readonly sentenced?: readonly InstanceId[];
}

/**
 * Steps: stop what goes, start what is new (with no instances, kept for compatibility), then one step for each layer of
 * dependencies, lowest first (V77–V87). `edges` are those of the target tree.
 */
export function planSteps(
  changes: readonly PlannedChange[],
  edges: (node: DependencyNode) => readonly DependencyNode[],
): readonly PlanStep[] {
  const stops: PlanAction[] = [];
  const starts: PlanAction[] = [];
  const layers = new Map<number, PlanAction[]>();
  const depth = layerDepth(edges);
  for (const change of changes) {
    if (!change.after) {
      if (change.before) stops.push({ action: 'StopApplication', app: change.id });
      continue;
    }
    if (!change.before) starts.push({ action: 'StartApplication', app: change.id });
    const action = actionOf(change);
    if (!action) continue;
    const layer = depth(change.id);
    const actions = layers.get(layer);
    if (actions) actions.push(action);
    else layers.set(layer, [action]);
  }
  const ordered = [...layers.entries()].sort(([a], [b]) => a - b).map(([, actions]) => actions);
  return [stops, starts, ...ordered].filter((actions) => actions.length > 0).map((actions) => ({ actions }));
}

function actionOf(change: PlannedChange): PlanAction | undefined {
  const sentenced = change.sentenced && change.sentenced.length > 0 ? { sentenced: change.sentenced } : {};
  const scale: PlanAction = { action: 'ScaleApplication', app: change.id, ...sentenced };
  if (!change.before) return scale;
  if (change.kind === 'none') return undefined;
  // Metadata needs no new tasks: one scale step, which does nothing if the count is right (design §8).
  if (change.kind === 'scale' || change.kind === 'metadata' || change.after?.instances === 0) return scale;
  return { action: 'RestartApplication', app: change.id, ...sentenced };
}

interface Visit {
  readonly id: DependencyNode;
  readonly targets: readonly DependencyNode[];
  next: number;
  deepest: number;
}

/**
 * Layer of an app: the number of apps on the longest path of dependencies that starts at it. Remembers what it computed, and does
 * without recursion, since chains may be of any length.
 */
function layerDepth(edges: (node: DependencyNode) => readonly DependencyNode[]): (id: AppId) => number {
  const known = new Map<DependencyNode, number>();
  return (start) => {
    const open = new Set<DependencyNode>();
    const path: Visit[] = [];
    const enter = (id: DependencyNode): void => {
      open.add(id);
      path.push({ id, targets: edges(id), next: 0, deepest: 0 });
    };
    if (!known.has(start)) enter(start);
    for (let visit = path.at(-1); visit; visit = path.at(-1)) {
      const target = visit.targets[visit.next];
      if (target === undefined) {
        // A group is no step of its own.
        known.set(visit.id, visit.deepest + (isGroupNode(visit.id) ? 0 : 1));
        open.delete(visit.id);
        path.pop();
        continue;
      }
      const layer = known.get(target);
      // Cycles are refused before planning; a stored one must not end the process.
      if (layer === undefined && !open.has(target)) {
        enter(target);
        continue;
      }
      visit.deepest = Math.max(visit.deepest, layer ?? 0);
      visit.next += 1;
    }
    return known.get(start) ?? 1;
  };
}

/**
 * A change that takes over an app from a cancelled upgrade finishes the upgrade: whatever it asks for itself, instances of the old
 * configuration must still be replaced. Use the result for planning; stamps and events follow the change as it was asked for.
 */
export function takingOver(
  changes: readonly PlannedChange[],
  cancelled: readonly Deployment[],
): readonly PlannedChange[] {
  const interrupted = new Set<AppId>();
  for (const { steps } of cancelled) {
    for (const { actions } of steps) {
      for (const { action, app } of actions) if (action === 'RestartApplication') interrupted.add(app);
    }
  }
  const isHalfDone = ({ id, kind }: PlannedChange): boolean =>
    interrupted.has(id) && (kind === 'scale' || kind === 'metadata');
  return changes.map((change) => (isHalfDone(change) ? { ...change, kind: 'restart' } : change));
}

/** The versions that a change touches, for the deployment's record. */
export const affectedBy = (changes: readonly PlannedChange[]): readonly AffectedApp[] =>
  changes
    .filter((c) => c.kind !== 'none' || !c.before || !c.after)
    .map((c) => ({
      id: c.id,
      ...(c.before ? { before: c.before.version } : {}),
      ...(c.after ? { after: c.after.version } : {}),
    }));

/** The plan as events show it. */
export const planView = (deployment: Pick<Deployment, 'id' | 'version' | 'steps'>): PlanView => ({
  id: deployment.id,
  version: deployment.version,
  steps: deployment.steps.map(stepView),
});

/** One step as events show it: without what only we need. */
export const stepView = (step: PlanStep): PlanView['steps'][number] => ({
  actions: step.actions.map(({ action, app }) => ({ action, app })),
});
