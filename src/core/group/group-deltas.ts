/** What a change does to the records of groups (behaviour §10.1). */
import type { PlannedChange } from '../deploy/plan.ts';
import { isBelow, parentOf } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import type { AppTree } from './app-tree.ts';
import type { GroupDelta, GroupRecord } from './group-record.ts';
import type { GroupChange } from './group-request.ts';

interface DeltaContext {
  readonly tree: AppTree;
  readonly settings: { readonly newGroupsEnforceRole?: boolean };
}

/**
 * The groups that a change touches: those that it names; empty ones that give way to an app; those that lose an app or a group, which stay
 * even if they are empty then, as in Marathon; new top-level ones that enforce their role by default. Unchanged ones are left out.
 */
export function groupDeltas(
  changes: readonly GroupChange[],
  planned: readonly PlannedChange[],
  version: Timestamp,
  { tree, settings }: DeltaContext,
): readonly GroupDelta[] {
  const after = new Map<string, GroupRecord | undefined>();
  for (const { path, after: members } of changes) {
    after.set(path, members && { id: path, version, ...members });
  }
  for (const { path, after: members } of changes) {
    if (!members && path !== '/') stampLoss(parentOf(path), version, tree, after);
  }
  for (const { id, before, after: app } of planned) {
    if (!app) stampLoss(parentOf(id), version, tree, after);
    const top = `/${id.split('/', 2)[1] ?? ''}`;
    const isNewGroup = app && !before && top !== id && !tree.isGroup(top) && !after.has(top);
    if (isNewGroup && settings.newGroupsEnforceRole) {
      after.set(top, { id: top, version, dependencies: [], enforceRole: true });
    }
  }
  const named = new Set(changes.map((change) => change.path));
  giveWay(planned, named, tree, after);
  return changedGroups(after, tree, (id) => named.has(id));
}

/** Empty groups make room for an app with their id, unless the request names them: then the two clash. */
function giveWay(
  planned: readonly PlannedChange[],
  named: ReadonlySet<string>,
  tree: AppTree,
  after: Map<string, GroupRecord | undefined>,
): void {
  const added = new Set<string>(planned.filter((p) => p.after && !p.before).map((p) => p.id));
  for (const id of added) {
    for (const { id: group } of tree.recordedGroups(id)) if (!named.has(group)) after.set(group, undefined);
  }
  for (const path of after.keys()) {
    for (let at = path; at !== '/'; at = parentOf(at)) {
      if (added.has(at) && !named.has(path)) after.set(path, undefined);
    }
  }
}

/** A group that loses something stays, and its stamp tells of it, unless the request removes it too. */
function stampLoss(path: string, version: Timestamp, tree: AppTree, after: Map<string, GroupRecord | undefined>): void {
  if (path === '/' || after.has(path)) return;
  for (let above = path; ; above = parentOf(above)) {
    if (after.has(above) && after.get(above) === undefined) return;
    if (above === '/') break;
  }
  after.set(path, { dependencies: [], ...tree.group(path), id: path, version });
}

function changedGroups(
  after: ReadonlyMap<string, GroupRecord | undefined>,
  tree: AppTree,
  isNamed: (id: string) => boolean = () => true,
): readonly GroupDelta[] {
  const deltas: GroupDelta[] = [];
  for (const [id, record] of after) {
    const before = tree.group(id);
    if (before === record || (before && record && isNamed(id) && isSameGroup(before, record))) continue;
    deltas.push({ id, ...(before ? { before } : {}), ...(record ? { after: record } : {}) });
  }
  return deltas;
}

const isSameGroup = (a: GroupRecord, b: GroupRecord): boolean =>
  a.enforceRole === b.enforceRole &&
  a.dependencies.length === b.dependencies.length &&
  a.dependencies.every((dependency, i) => b.dependencies[i] === dependency);

/**
 * Undoes what a deployment did to groups, and only that: one that it added goes if it is empty now, one that it removed comes back, and
 * dependencies are undone member by member, since others may have added some meanwhile (rest-api §5.2).
 */
export function revertedGroups(
  deltas: readonly GroupDelta[],
  planned: readonly PlannedChange[],
  version: Timestamp,
  { tree }: Pick<DeltaContext, 'tree'>,
): readonly GroupDelta[] {
  const target = new Map(planned.map((p) => [p.id as string, p.after]));
  const isEmpty = (path: string): boolean =>
    tree.below(path).every((id) => target.has(id) && target.get(id) === undefined) &&
    !planned.some((p) => p.after && isBelow(p.id, path)) &&
    tree.recordedGroups(path).every(({ id }) => id === path || deltas.some((d) => d.id === id && !d.before));
  const after = new Map<string, GroupRecord | undefined>();
  for (const { id, before, after: made } of deltas) {
    const now = tree.group(id);
    if (!before) {
      if (now && isEmpty(id)) after.set(id, undefined);
    } else if (!now) after.set(id, { ...before, version });
    else {
      const added = new Set((made?.dependencies ?? []).filter((one) => !before.dependencies.includes(one)));
      const missing = before.dependencies.filter((one) => !now.dependencies.includes(one));
      const dependencies = [...now.dependencies.filter((one) => !added.has(one)), ...missing];
      after.set(id, { ...now, version, dependencies });
    }
  }
  return changedGroups(after, tree);
}
