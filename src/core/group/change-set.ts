/** From what a caller asks to what becomes of each app: new definitions, stamped, with ports, checked against the tree. */
import { applyChange } from '../app/apply-change.ts';
import type { AppChange } from '../app/change.ts';
import type { AppDefinition } from '../app/definition.ts';
import type { DependencyNode } from '../app/dependency-graph.ts';
import { kindOfChange } from '../app/diff.ts';
import { maxInstances, tooManyInstances } from '../app/limits.ts';
import { assignServicePorts } from '../app/service-ports.ts';
import type { AppSettings } from '../app/settings.ts';
import { rememberingTasksOf, stampVersions } from '../app/versions.ts';
import type { PlannedChange } from '../deploy/plan.ts';
import type { Deployment } from '../deploy/plan-types.ts';
import type { AppId } from '../ids.ts';
import type { Refusal, Violation } from '../refusal.ts';
import { appNotFound, invalid, refusal } from '../refusal.ts';
import type { Result } from '../result.ts';
import { err, ok } from '../result.ts';
import type { Timestamp } from '../time.ts';
import { nextVersion } from '../time.ts';
import type { AppTree } from './app-tree.ts';
import { groupDeltas, revertedGroups } from './group-deltas.ts';
import type { GroupDelta } from './group-record.ts';
import {
  type GroupChange,
  type GroupChanges,
  type GroupRequest,
  groupChanges,
  type PlacedChange,
} from './group-request.ts';
import type { RootHistory } from './root-history.ts';
import { targetTree } from './target-tree.ts';

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
  /** Groups whose own members change, come or go. */
  readonly groups: readonly GroupDelta[];
  /** Of the tree as it will be. */
  readonly edges: (node: DependencyNode) => readonly DependencyNode[];
}

type Wanted = {
  readonly change: AppChange;
  readonly before: AppDefinition | undefined;
  readonly after: AppDefinition | undefined;
};

/** Decides all changes of one request, or refuses all of them. Costs what is touched, not what exists. */
export const changeSet = (changes: readonly AppChange[], context: ChangeContext): Result<ChangeSet, Refusal> =>
  decide({ apps: changes.map((change) => ({ change, at: '' })), groups: [] }, context);

/** The same for a request about a group. */
export function groupChangeSet(
  request: GroupRequest,
  context: ChangeContext & { readonly history: RootHistory },
): Result<ChangeSet, Refusal> {
  const { tree, history, settings } = context;
  const changes = groupChanges(request, {
    tree,
    history,
    newGroupsEnforceRole: settings.newGroupsEnforceRole ?? false,
  });
  return changes.ok ? decide(changes.value, context) : changes;
}

/** Refuses a change of a group that removes apps, and names some of them (`--safe_group_updates`). */
export function withoutRemovals(set: ChangeSet): Result<ChangeSet, Refusal> {
  const removed = set.planned.filter((p) => p.before && !p.after).map((p) => p.id);
  if (removed.length === 0) return ok(set);
  const some = removed.slice(0, 10).join(', ') + (removed.length > 10 ? ', …' : '');
  const message = `This would remove ${removed.length} apps: ${some}. Say so with deleteMissing=true or force=true.`;
  return err(invalid([{ path: '/', errors: [message] }]));
}

function decide({ apps, groups }: GroupChanges, context: ChangeContext): Result<ChangeSet, Refusal> {
  const wanted = resolveAll(apps, groups, context);
  if (!wanted.ok) return wanted;
  const stamps = [
    ...apps.map(({ change }) => context.versions.latest(change.id)),
    ...groups.map(({ path }) => context.tree.group(path)?.version),
  ];
  const version = nextVersion(context.nowMs, newest(stamps));
  const named = wanted.value.flatMap(({ before, after }) => (after ? [{ before, after }] : []));
  const assigned = assignServicePorts(named, context.tree.ports);
  if (!assigned.ok) return assigned;
  const withPorts = assigned.value.values();
  const planned = wanted.value.map((one) =>
    plan(one, one.after && withPorts.next().value, version, context.restart === true),
  );
  return complete(version, planned, groupDeltas(groups, planned, version, context), context);
}

function complete(
  version: Timestamp,
  planned: readonly PlannedChange[],
  groups: readonly GroupDelta[],
  { tree, settings }: ChangeContext,
): Result<ChangeSet, Refusal> {
  const target = targetTree(planned, groups, tree);
  const refused = target.refusal(settings.maxApps);
  return refused ? err(refused) : ok({ version, planned, groups, edges: target.edges });
}

/** The later of some stamps. */
function newest(stamps: Iterable<Timestamp | undefined>): Timestamp | undefined {
  let latest: Timestamp | undefined;
  for (const stamp of stamps) if (stamp !== undefined && (latest === undefined || stamp > latest)) latest = stamp;
  return latest;
}

/** Bodies with many apps are told what is wrong with this many of them. */
const maxRefusedApps = 20;

/** What every change asks for. If some are refused for what is in them, all that is wrong is told at once, each at its place. */
function resolveAll(
  apps: readonly PlacedChange[],
  groups: readonly GroupChange[],
  context: ChangeContext,
): Result<readonly Wanted[], Refusal> {
  const seen = new Set<AppId>();
  const wanted: Wanted[] = [];
  const violations: Violation[] = [];
  let refused = 0;
  const settingsOf = roleSettings(groups, context);
  for (const { change, at } of apps) {
    if (seen.has(change.id)) {
      return err(invalid([{ path: at || '/', errors: [`App '${change.id}' is named more than once.`] }]));
    }
    seen.add(change.id);
    const before = context.tree.get(change.id);
    const after = resolve(change, before, { ...context, settings: settingsOf(change.id) });
    if (after.ok) wanted.push({ change, before, after: after.value });
    else if (at === '' || after.error.code !== 'invalid' || typeof after.error.details === 'string') return after;
    else {
      violations.push(...(after.error.details ?? []).map((one) => ({ ...one, path: placed(one.path, at) })));
      if (++refused >= maxRefusedApps) break;
    }
  }
  return violations.length > 0 ? err(invalid(violations)) : ok(wanted);
}

const placed = (path: string, at: string): string => (path === '/' ? at : at + path);

/** The settings that hold for an app: its top-level group may enforce a role. */
function roleSettings(groups: readonly GroupChange[], { tree, settings }: ChangeContext): (id: AppId) => AppSettings {
  const changed = new Map(groups.map((g) => [g.path, g.after]));
  const known = new Map<string, AppSettings>();
  return (id) => {
    const top = id.split('/', 2)[1] ?? '';
    const path = `/${top}`;
    if (path === id) return settings;
    let own = known.get(path);
    if (!own) {
      const isNew = settings.newGroupsEnforceRole === true && !tree.isGroup(path);
      const record = changed.has(path) ? changed.get(path) : tree.group(path);
      own = (record?.enforceRole ?? isNew) ? { ...settings, enforcedRole: top } : settings;
      known.set(path, own);
    }
    return own;
  };
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
      if (change.instances > maxInstances) {
        return err(invalid([{ path: '/instances', errors: [tooManyInstances(change.instances)] }]));
      }
      return before ? ok({ ...before, instances: Math.max(0, change.instances) }) : err(appNotFound(change.id));
    case 'rollback':
    case 'restore': {
      if (!before && change.type === 'rollback') return err(appNotFound(change.id));
      const stored = context.versions.at(change.id, change.version);
      return stored ? ok(stored) : err(appNotFound(change.id));
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
  const stamps = [
    ...deployment.affected.map(({ id }) => context.versions.latest(id)),
    ...(deployment.groups ?? []).map(({ id }) => context.tree.group(id)?.version),
  ];
  const version = nextVersion(context.nowMs, newest(stamps));
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
  const groups = revertedGroups(deployment.groups ?? [], planned, version, context);
  // Nobody else touched these apps, but others may have come where they were, or depend on them now.
  return complete(version, planned, groups, context);
}

function backwards(current: AppDefinition, original: AppDefinition): 'scale' | 'metadata' | 'config' {
  if (current.versionInfo.lastConfigChangeAt !== original.versionInfo.lastConfigChangeAt) return 'config';
  const kind = kindOfChange(current, original);
  return kind === 'none' ? 'scale' : kind;
}
