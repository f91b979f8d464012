/** `If-Match`: a write only goes ahead if its caller has seen what it changes. */
import type { AppId } from '../ids.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { Timestamp } from '../time.ts';
import type { AppTree } from './app-tree.ts';
import { emptyRootVersion } from './group-record.ts';

export interface Expected {
  /** App or group. */
  readonly path: string;
  /** Any of these; `*` = it must be there, whatever its version. */
  readonly versions: readonly Timestamp[] | '*';
}

/** 412 with the present version in the header `ETag` if the expectation does not hold. */
export function preconditionRefusal(expected: Expected | undefined, tree: AppTree): Refusal | undefined {
  if (!expected) return undefined;
  const { path, versions } = expected;
  const current = tree.get(path as AppId)?.version ?? groupVersion(path, tree);
  if (current === undefined) return refusal('preconditionFailed', `'${path}' does not exist`);
  if (versions === '*' || versions.includes(current)) return undefined;
  return refusal('preconditionFailed', `'${path}' is at version ${current} by now`, {
    headers: { ETag: `"${current}"` },
  });
}

/** The latest stamp of a group, or of anything in it; undefined if there is none. Costs what lies in it. */
function groupVersion(path: string, tree: AppTree): Timestamp | undefined {
  if (path !== '/' && !tree.isGroup(path)) return undefined;
  let latest = emptyRootVersion;
  for (const { version } of tree.recordedGroups(path)) if (version > latest) latest = version;
  for (const id of tree.below(path)) {
    const version = tree.get(id)?.version;
    if (version !== undefined && version > latest) latest = version;
  }
  return latest;
}
