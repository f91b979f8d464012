/** From what a caller asks to what becomes of each app: new definitions, stamped, with ports, checked against the tree. */
import { applyChange } from '../app/apply-change.ts';
import type { AppChange } from '../app/change.ts';
import type { AppDefinition } from '../app/definition.ts';
import { kindOfChange } from '../app/diff.ts';
import { assignServicePorts } from '../app/service-ports.ts';
import type { AppSettings } from '../app/settings.ts';
import { dependenciesOf, dependencyCycle, idConflict } from '../app/tree-rules.ts';
import { rememberingTasksOf, stampVersions } from '../app/versions.ts';
import type { PlannedChange } from '../deploy/plan.ts';
import type { Deployment } from '../deploy/plan-types.ts';
import type { AppId } from '../ids.ts';
import { isBelow, parentOf } from '../ids.ts';
import type { Refusal } from '../refusal.ts';
import { appNotFound, invalid, refusal } from '../refusal.ts';
import type { Result } from '../result.ts';
import { err, ok } from '../result.ts';
import type { Timestamp } from '../time.ts';
import { nextVersion } from '../time.ts';
import type { AppTree } from './app-tree.ts';

/** What a change is decided on. */
export interface ChangeContext {
  readonly tree: AppTree;
  readonly versions: {
    readonly at: (id: AppId, version: Timestamp) => AppDefinition | undefined;
    readonly latest: (id: AppId) => Timestamp | undefined;
  };
  readonly settings: AppSettings;
  readonly nowMs: number;
  /** The caller insists (`force=true`). */
  readonly force: boolean;
  /** The caller wants new tasks for a change of metadata too (`restart=true`, design §8). */
  readonly restart?: boolean;
}

export interface ChangeSet {
  readonly version: Timestamp;
  readonly planned: readonly PlannedChange[];
}

type Wanted = {
  readonly change: AppChange;
  readonly before: AppDefinition | undefined;
  readonly after: AppDefinition | undefined;
};

/** Decides all changes of one request, or refuses all of them. Costs what is touched, not what exists. */
export function changeSet(changes: readonly AppChange[], context: ChangeContext): Result<ChangeSet, Refusal> {
  const seen = new Set<AppId>();
  const wanted: Wanted[] = [];
  let latest: Timestamp | undefined;
  for (const change of changes) {
    if (seen.has(change.id)) {
      return err(invalid([{ path: '/', errors: [`App '${change.id}' is named more than once.`] }]));
    }
    seen.add(change.id);
    const before = context.tree.get(change.id);
    const after = resolve(change, before, context);
    if (!after.ok) return after;
    wanted.push({ change, before, after: after.value });
    const stamp = context.versions.latest(change.id);
    if (stamp !== undefined && (latest === undefined || stamp > latest)) latest = stamp;
  }
  const version = nextVersion(context.nowMs, latest);
  const named = wanted.flatMap(({ before, after }) => (after ? [{ before, after }] : []));
  const assigned = assignServicePorts(named, context.tree.ports);
  if (!assigned.ok) return assigned;
  const withPorts = assigned.value.values();
  const planned = wanted.map((one) =>
    plan(one, one.after && withPorts.next().value, version, context.restart === true),
  );
  const refused = treeRefusal(planned, context.tree);
  return refused ? err(refused) : ok({ version, planned });
}

/** What is wrong with the tree that the changes would make, looked at only where they touch it. */
function treeRefusal(planned: readonly PlannedChange[], tree: AppTree): Refusal | undefined {
  const after = new Map<string, AppDefinition | undefined>(planned.map((p) => [p.id, p.after]));
  const get = (id: string): AppDefinition | undefined => (after.has(id) ? after.get(id) : tree.get(id as AppId));
  const added = planned.filter((p) => !p.before && p.after).map((p) => p.id);
  // Both are looked up for every app of the change: a change of thousands must not look through itself thousands of times.
  const newGroups = new Set<string>();
  for (const id of added) {
    for (let path = parentOf(id); path !== '/' && !newGroups.has(path); path = parentOf(path)) newGroups.add(path);
  }
  const members = new Map<string, readonly AppId[]>();
  const appsBelow = (path: string): readonly AppId[] => {
    const found = members.get(path) ?? [
      ...tree.below(path).filter((id) => get(id)),
      ...added.filter((id) => isBelow(id, path)),
    ];
    members.set(path, found);
    return found;
  };
  const isGroup = (path: string): boolean => newGroups.has(path) || (tree.isGroup(path) && appsBelow(path).length > 0);
  const view = { hasApp: (id: string) => get(id) !== undefined, isGroup, appsBelow };
  const linked = planned.filter((p) => p.after !== undefined && p.after.dependencies.length > 0).map((p) => p.id);
  const edges = (id: AppId): readonly AppId[] => {
    const app = get(id);
    return app && app.dependencies.length > 0 ? dependenciesOf(app, view) : [];
  };
  return idConflict(added, view) ?? dependencyCycle(linked, edges);
}

/** The definition that a change asks for, not stamped yet; undefined for a delete. */
function resolve(
  change: AppChange,
  before: AppDefinition | undefined,
  context: ChangeContext,
): Result<AppDefinition | undefined, Refusal> {
  switch (change.type) {
    case 'create':
    case 'put':
    case 'patch':
      return applyChange(before, change, context.settings, { force: context.force });
    case 'delete':
      return before ? ok(undefined) : err(appNotFound(change.id));
    case 'restart':
      return before ? ok(before) : err(appNotFound(change.id));
    case 'scale':
      return before ? ok({ ...before, instances: Math.max(0, change.instances) }) : err(appNotFound(change.id));
    case 'rollback': {
      if (!before) return err(appNotFound(change.id));
      const stored = context.versions.at(change.id, change.version);
      return stored ? ok(stored) : err(appNotFound(change.id, change.version));
    }
  }
}

function plan(
  { change, before }: Wanted,
  app: AppDefinition | undefined,
  version: Timestamp,
  isRestartWanted: boolean,
): PlannedChange {
  if (!app) return { id: change.id, before, after: undefined, kind: 'config' };
  if (before && change.type === 'restart') {
    return { id: change.id, before, after: stampVersions(before, app, version, 'none', true), kind: 'restart' };
  }
  const difference = before ? kindOfChange(before, app) : 'config';
  const kind = difference === 'metadata' && isRestartWanted ? 'config' : difference;
  const sentenced = change.type === 'scale' ? change.sentenced : [];
  if (before && kind === 'none' && sentenced.length === 0) return { id: change.id, before, after: before, kind };
  const effective = kind === 'none' ? 'scale' : kind;
  const after = stampVersions(before, app, version, effective, false);
  return { id: change.id, before, after, kind: effective, ...(sentenced.length > 0 ? { sentenced } : {}) };
}

/**
 * Undoes what a deployment changed, and only that: what it changed goes back, what it added goes, what it removed returns. A
 * locked app cannot have been changed by anyone else meanwhile (behaviour §4.7).
 */
export function revertOf(deployment: Deployment, context: ChangeContext): Result<ChangeSet, Refusal> {
  let latest: Timestamp | undefined;
  for (const { id } of deployment.affected) {
    const stamp = context.versions.latest(id);
    if (stamp !== undefined && (latest === undefined || stamp > latest)) latest = stamp;
  }
  const version = nextVersion(context.nowMs, latest);
  const planned: PlannedChange[] = [];
  for (const { id, before: beforeVersion } of deployment.affected) {
    const current = context.tree.get(id);
    if (beforeVersion === undefined) {
      if (current) planned.push({ id, before: current, after: undefined, kind: 'config' });
      continue;
    }
    const original = context.versions.at(id, beforeVersion);
    if (!original) return err(refusal('internal', `Version ${beforeVersion} of '${id}' is no longer stored`));
    // A rolling step back even where the definitions are equal: some instances may run the version in between.
    const kind = current ? backwards(current, original) : 'config';
    const stamped = stampVersions(current, original, version, kind, false);
    // What still runs the original configuration is what the way back leads to: it stays.
    const after = current && kind === 'config' ? rememberingTasksOf(original, current, stamped) : stamped;
    planned.push({ id, before: current, after, kind });
  }
  // Nobody else touched these apps, but others may have come where they were, or depend on them now.
  const refused = treeRefusal(planned, context.tree);
  return refused ? err(refused) : ok({ version, planned });
}

function backwards(current: AppDefinition, original: AppDefinition): 'scale' | 'metadata' | 'config' {
  if (current.versionInfo.lastConfigChangeAt !== original.versionInfo.lastConfigChangeAt) return 'config';
  const kind = kindOfChange(current, original);
  return kind === 'none' ? 'scale' : kind;
}
