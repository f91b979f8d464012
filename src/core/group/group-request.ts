/** What a request about a group asks of the apps and groups below it (rest-api §4.2, §4.3; behaviour §10.1). */
import type { AppChange } from '../app/change.ts';
import { checkId } from '../app/id-rules.ts';
import { maxIdLength } from '../app/limits.ts';
import type { AppUpdate } from '../app/update.ts';
import { Violations } from '../app/violations.ts';
import type { AppId } from '../ids.ts';
import { isBelow, parentOf, resolvePath } from '../ids.ts';
import { invalid, missed, type Refusal, refusal } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { Timestamp } from '../time.ts';
import type { AppTree } from './app-tree.ts';
import type { GroupRecord } from './group-record.ts';
import { existedAt, type RootHistory } from './root-history.ts';

/** A group as a request carries it. Types are checked; ids are as they were sent. Absent members keep what there is. */
export interface GroupUpdate {
  readonly id?: string;
  /** Complete definitions; those of the group that are missing here go. */
  readonly apps?: readonly AppUpdate[];
  /** Sub-groups that are missing here go, with all that is in them. */
  readonly groups?: readonly GroupUpdate[];
  readonly dependencies?: readonly string[];
  readonly enforceRole?: boolean;
  /** Alone: multiplies the instances of every app below, rounded up. */
  readonly scaleBy?: number;
  /** Alone: back to what the group was at this version of the root, in canonical form. */
  readonly version?: Timestamp;
}

/** `path` is absolute. */
export type GroupRequest =
  /** POST: refused with 409 if the path is taken. */
  | { readonly type: 'create'; readonly path: string; readonly update: GroupUpdate }
  | { readonly type: 'put'; readonly path: string; readonly update: GroupUpdate }
  | { readonly type: 'delete'; readonly path: string }
  /** PATCH; undefined asks for the server's default. */
  | { readonly type: 'enforceRole'; readonly path: string; readonly enforceRole: boolean | undefined };

/** A change of an app with the place in the body that asks for it, such as `/groups(1)/apps(0)`; empty = the request as a whole. */
export interface PlacedChange {
  readonly change: AppChange;
  readonly at: string;
}

/** Members that a group will have; undefined = the group goes. */
export interface GroupChange {
  readonly path: string;
  readonly after: Omit<GroupRecord, 'id' | 'version'> | undefined;
}

export interface GroupChanges {
  readonly apps: readonly PlacedChange[];
  readonly groups: readonly GroupChange[];
}

export interface GroupRequestContext {
  readonly tree: AppTree;
  readonly history: RootHistory;
  /** `--new_group_enforce_role top`. */
  readonly newGroupsEnforceRole: boolean;
}

/** 404 for a group (rest-api §4.1). */
export const groupNotFound = (path: string): Refusal => refusal('notFound', `Group '${path}' does not exist`);

const isTopLevel = (path: string): boolean => path !== '/' && parentOf(path) === '/';
const exists = (tree: AppTree, path: string): boolean => path === '/' || tree.isGroup(path);

/** Takes a request apart. Costs what lies below the group at most, and only what the request touches where that is less. */
export function groupChanges(request: GroupRequest, context: GroupRequestContext): Result<GroupChanges, Refusal> {
  const { tree } = context;
  const { path } = request;
  switch (request.type) {
    case 'delete':
      return exists(tree, path) ? ok(removalOf(path, tree)) : err(groupNotFound(path));
    case 'enforceRole':
      return enforceRoleChange(request, context);
    case 'create':
      if (exists(tree, path)) {
        return err(refusal('alreadyExists', `Group ${path} is already created. Use PUT to change this group.`));
      }
      if (tree.get(path as AppId)) {
        return err(refusal('alreadyExists', `An app with the path ${path} already exists.`));
      }
      return putChanges(path, request.update, context);
    case 'put':
      return putChanges(path, request.update, context);
  }
}

function enforceRoleChange(
  { path, enforceRole }: Extract<GroupRequest, { type: 'enforceRole' }>,
  context: GroupRequestContext,
): Result<GroupChanges, Refusal> {
  if (!isTopLevel(path)) return err(invalid([{ path: '/', errors: ['Path needs to be top-level'] }]));
  if (!exists(context.tree, path)) return err(missed(groupNotFound(path)));
  const dependencies = context.tree.group(path)?.dependencies ?? [];
  const value = enforceRole ?? context.newGroupsEnforceRole;
  return ok({ apps: [], groups: [{ path, after: { dependencies, enforceRole: value } }] });
}

const onlyTopLevel = (path: string): string =>
  `enforceRole can only be set for top-level groups, and ${path} is not top-level`;

function putChanges(path: string, update: GroupUpdate, context: GroupRequestContext): Result<GroupChanges, Refusal> {
  const special = (['version', 'scaleBy'] as const).filter((name) => update[name] !== undefined);
  const given = Object.values(update).filter((value) => value !== undefined).length;
  if (special.length > 0 && given > 1) {
    const errors = ['not allowed in conjunction with other properties.'];
    return err(invalid(special.map((name) => ({ path: `/${name}`, errors }))));
  }
  if (update.version !== undefined) return rollback(path, update.version, context);
  if (update.scaleBy !== undefined) return scale(path, update.scaleBy, context);
  const structure = new Structure(context, namesServices(update));
  structure.take(path, update, '');
  return structure.result();
}

/** True if a body says, anywhere, which apps there should be: then no group in it may change the role that it enforces. */
const namesServices = (update: GroupUpdate): boolean =>
  update.apps !== undefined || (update.groups?.some(namesServices) ?? false);

/** Everything below a group, and the group itself. */
function removalOf(path: string, tree: AppTree): GroupChanges {
  const apps = tree.below(path).map((id) => ({ change: { type: 'delete', id } as const, at: '' }));
  const recorded = tree.recordedGroups(path).map(({ id }) => ({ path: id, after: undefined }));
  return { apps, groups: [{ path, after: undefined }, ...recorded.filter((group) => group.path !== path)] };
}

function scale(path: string, factor: number, { tree }: GroupRequestContext): Result<GroupChanges, Refusal> {
  if (!exists(tree, path)) return err(groupNotFound(path));
  const apps = tree.below(path).flatMap((id): readonly PlacedChange[] => {
    const instances = Math.ceil((tree.get(id)?.instances ?? 0) * factor);
    return [{ change: { type: 'scale', id, instances, sentenced: [] }, at: '' }];
  });
  return ok({ apps, groups: [] });
}

/** Only what was different then is changed: apps come back, go, or take up what they were. */
function rollback(path: string, version: Timestamp, context: GroupRequestContext): Result<GroupChanges, Refusal> {
  const { tree, history } = context;
  const past = history.at(version);
  const known = new Map<string, boolean>();
  const existedThen = (group: string): boolean => {
    const answer = known.get(group) ?? (past !== undefined && existedAt(group, past, tree));
    known.set(group, answer);
    return answer;
  };
  if (!past || !existedThen(path)) {
    const message = `Group ${path} not available in version ${version}`;
    return err(refusal('illegalArgument', message));
  }
  const isInside = (id: string): boolean => path === '/' || id === path || isBelow(id, path);
  const apps: PlacedChange[] = [];
  for (const [id, then] of past.apps) {
    if (!isInside(id)) continue;
    const now = tree.get(id);
    if (then === undefined) {
      if (now) apps.push({ change: { type: 'delete', id }, at: '' });
    } else if (now?.version !== then) apps.push({ change: { type: 'restore', id, version: then }, at: '' });
  }
  const groups: GroupChange[] = [];
  for (const [id, then] of past.groups) {
    if (!isInside(id)) continue;
    if (!then) groups.push({ path: id, after: undefined });
    else {
      const { id: _id, version: _version, ...after } = then;
      groups.push({ path: id, after });
    }
  }
  for (const { change } of apps) {
    if (change.type !== 'delete') continue;
    for (let at = parentOf(change.id); isInside(at) && !existedThen(at); at = parentOf(at)) {
      if (!groups.some((group) => group.path === at)) groups.push({ path: at, after: undefined });
    }
  }
  return ok({ apps, groups });
}

/** Collects what a body says about a group and those inside it. */
class Structure {
  readonly #context: GroupRequestContext;
  readonly #apps: PlacedChange[] = [];
  readonly #groups: GroupChange[] = [];
  readonly #violations = new Violations();
  readonly #namesServices: boolean;

  constructor(context: GroupRequestContext, hasServices: boolean) {
    this.#context = context;
    this.#namesServices = hasServices;
  }

  result(): Result<GroupChanges, Refusal> {
    const violations = this.#violations.list();
    return violations.length > 0 ? err(invalid(violations)) : ok({ apps: this.#apps, groups: this.#groups });
  }

  /** The group at `path`, which stands at `at` in the body. */
  take(path: string, update: GroupUpdate, at: string): void {
    const { must } = this.#violations;
    const { tree } = this.#context;
    const dependencies = update.dependencies?.map((text, i) => {
      const resolved = resolvePath(text, path);
      if (resolved !== '/') checkId(resolved, `${at}/dependencies(${i})`, must);
      return resolved;
    });
    if (path !== '/') this.#takeMembers(path, update, dependencies, at);
    else must(update.enforceRole !== true, `${at}/enforceRole`, onlyTopLevel(path));
    const direct = [...tree.childrenOf(path)];
    if (update.apps) this.#takeApps(path, update.apps, direct, at);
    if (update.groups) this.#takeGroups(path, update.groups, direct, at);
  }

  #takeMembers(path: string, update: GroupUpdate, dependencies: readonly string[] | undefined, at: string): void {
    const { must } = this.#violations;
    const { tree, newGroupsEnforceRole } = this.#context;
    const known = tree.group(path);
    const isNew = !tree.isGroup(path);
    must(update.enforceRole !== true || isTopLevel(path), `${at}/enforceRole`, onlyTopLevel(path));
    const wanted = isTopLevel(path) ? update.enforceRole : undefined;
    const changesRole = wanted !== undefined && !isNew && wanted !== (known?.enforceRole ?? false);
    must(
      !changesRole || !this.#namesServices,
      `${at}/enforceRole`,
      'enforceRole cannot be modified in a request that adds, removes or modifies services; please make these changes in separate requests.',
    );
    const byDefault = isNew && isTopLevel(path) && newGroupsEnforceRole ? true : known?.enforceRole;
    const enforceRole = wanted ?? byDefault;
    this.#groups.push({
      path,
      after: {
        dependencies: dependencies ?? known?.dependencies ?? [],
        ...(enforceRole === undefined ? {} : { enforceRole }),
      },
    });
  }

  #takeApps(path: string, updates: readonly AppUpdate[], direct: readonly string[], at: string): void {
    const { tree } = this.#context;
    const listed = new Set<string>();
    updates.forEach((update, i) => {
      const here = `${at}/apps(${i})`;
      const id = this.#childId(update.id, path, here);
      if (id === undefined) return;
      listed.add(id);
      const dependencies = update.dependencies?.map((text) => resolvePath(text, path));
      const absolute = dependencies ? { ...update, dependencies } : update;
      this.#apps.push({ change: { type: 'put', id: id as AppId, update: absolute, partial: false }, at: here });
    });
    for (const id of direct) {
      if (!listed.has(id) && tree.get(id as AppId)) {
        this.#apps.push({ change: { type: 'delete', id: id as AppId }, at: '' });
      }
    }
  }

  #takeGroups(path: string, updates: readonly GroupUpdate[], direct: readonly string[], at: string): void {
    const { tree } = this.#context;
    const listed = new Set<string>();
    updates.forEach((update, i) => {
      const here = `${at}/groups(${i})`;
      const id = this.#childId(update.id, path, here);
      if (id === undefined) return;
      this.#violations.must(!listed.has(id), `${here}/id`, `Group '${id}' is named more than once.`);
      listed.add(id);
      for (const name of ['version', 'scaleBy'] as const) {
        const message = 'not allowed in conjunction with other properties.';
        this.#violations.must(update[name] === undefined, `${here}/${name}`, message);
      }
      this.take(id, update, here);
    });
    for (const id of direct) {
      if (listed.has(id) || !tree.isGroup(id)) continue;
      const { apps, groups } = removalOf(id, tree);
      this.#apps.push(...apps);
      this.#groups.push(...groups);
    }
  }

  /** The id of something right below the group. */
  #childId(text: string | undefined, path: string, at: string): string | undefined {
    const { must } = this.#violations;
    if (text === undefined) {
      must(false, `${at}/id`, 'must be set inside a group');
      return undefined;
    }
    const id = resolvePath(text, path);
    const isChild = id !== '/' && parentOf(id) === path;
    must(isChild, `${at}/id`, `Identifier is not child of '${path}'`);
    if (isChild) checkId(id, `${at}/id`, must);
    must(id.length <= maxIdLength, `${at}/id`, `must not be longer than ${maxIdLength} characters`);
    return isChild ? id : undefined;
  }
}
