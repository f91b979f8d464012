/** From the body of a PUT or PATCH to the change that it asks for (rest-api §3.5, §3.6). */
import type { AppChange } from '../core/app/change.ts';
import type { AppUpdate } from '../core/app/update.ts';
import { type AppId, isSegment, parseAppId, reservedLastSegments, resolvePath } from '../core/ids.ts';
import { invalid, type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { parseTimestamp, type Timestamp, timestamp } from '../core/time.ts';

/** Which verb carries the update. */
export type UpdateKind = { readonly type: 'put'; readonly partial: boolean } | { readonly type: 'patch' };

/** The id that a path or body names, or 422 with the rule that it breaks (rest-api §9.3). */
export function checkedAppId(text: string): Result<AppId, Refusal> {
  const id = parseAppId(text);
  return id === undefined ? err(invalid([{ path: '/id', errors: [idFault(text)] }])) : ok(id);
}

function idFault(text: string): string {
  const path = resolvePath(text);
  if (path === '/') return 'Path must contain at least one path element';
  if (path.slice(1).split('/').every(isSegment)) {
    return `must not end with any of the following reserved keywords: ${reservedLastSegments.join(', ')}`;
  }
  return (
    'must fully match regular expression ' +
    "'^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])$'"
  );
}

/** A version in a path or body, in the form in which versions are stored; another text is refused with 422. */
export function readVersion(text: string): Result<Timestamp, Refusal> {
  const epochMs = parseTimestamp(text);
  if (epochMs !== undefined) return ok(timestamp(epochMs));
  const message = `Invalid timestamp provided '${text}'. Expecting ISO-8601 datetime string.`;
  return err(refusal('illegalArgument', message));
}

/** 404 for a group (rest-api §3.7). */
export const groupNotFound = (path: string): Refusal => refusal('notFound', `Group '${path}' does not exist`);

/** The change of one app. `{"version": …}`, alone or with `id`, asks for a rollback and goes with nothing else. */
export function changeOf(id: AppId, update: AppUpdate, kind: UpdateKind): Result<AppChange, Refusal> {
  if (update.version === undefined) {
    return ok(
      kind.type === 'patch' ? { type: 'patch', id, update } : { type: 'put', id, update, partial: kind.partial },
    );
  }
  if (Object.keys(update).some((key) => key !== 'id' && key !== 'version')) {
    const rule = "The 'version' field may only be combined with the 'id' field.";
    return err(invalid([{ path: '/', errors: [rule] }]));
  }
  const version = readVersion(update.version);
  return version.ok ? ok({ type: 'rollback', id, version: version.value }) : version;
}

/** The changes of a bulk request; each update names its app. */
export function changesOf(updates: readonly AppUpdate[], kind: UpdateKind): Result<readonly AppChange[], Refusal> {
  const changes: AppChange[] = [];
  for (const update of updates) {
    if (update.id === undefined) {
      return err(refusal('illegalArgument', "The 'id' of every app must be set in a bulk update"));
    }
    const id = checkedAppId(update.id);
    if (!id.ok) return id;
    const change = changeOf(id.value, update, kind);
    if (!change.ok) return change;
    changes.push(change.value);
  }
  return ok(changes);
}
