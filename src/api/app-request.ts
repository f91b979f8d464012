/** From the body of a PUT or PATCH to the change that it asks for (rest-api §3.5, §3.6). */

import { rollbackVersion } from '../core/app/apply-change.ts';
import type { AppChange } from '../core/app/change.ts';
import { readAppId } from '../core/app/id-rules.ts';
import type { AppUpdate } from '../core/app/update.ts';
import type { AppId } from '../core/ids.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { parseTimestamp, type Timestamp, timestamp } from '../core/time.ts';

/** Which verb carries the update. */
export type UpdateKind = { readonly type: 'put'; readonly partial: boolean } | { readonly type: 'patch' };

/** A version in a path or body, in the form in which versions are stored; another text is refused with 422. */
export function readVersion(text: string): Result<Timestamp, Refusal> {
  const epochMs = parseTimestamp(text);
  if (epochMs !== undefined) return ok(timestamp(epochMs));
  const message = `Invalid timestamp provided '${text}'. Expecting ISO-8601 datetime string.`;
  return err(refusal('illegalArgument', message));
}

/**
 * The change of one app. In a partial update `{"version": …}`, alone or with `id`, asks for a rollback; with other members it is
 * refused once the app is known to exist. In a complete definition the version is what a GET had shown, and means nothing.
 */
export function changeOf(id: AppId, update: AppUpdate, kind: UpdateKind): Result<AppChange, Refusal> {
  const plain: AppChange =
    kind.type === 'patch' ? { type: 'patch', id, update } : { type: 'put', id, update, partial: kind.partial };
  if (kind.type === 'put' && !kind.partial) return ok(plain);
  const wanted = rollbackVersion(update);
  if (!wanted.ok) return ok(plain);
  if (wanted.value === undefined) return ok(plain);
  const version = readVersion(wanted.value);
  return version.ok ? ok({ type: 'rollback', id, version: version.value }) : version;
}

/** The changes of a bulk request; each update names its app. */
export function changesOf(updates: readonly AppUpdate[], kind: UpdateKind): Result<readonly AppChange[], Refusal> {
  const changes: AppChange[] = [];
  for (const update of updates) {
    if (update.id === undefined) {
      return err(refusal('illegalArgument', "The 'id' of every app must be set in a bulk update"));
    }
    const id = readAppId(update.id);
    if (!id.ok) return id;
    // Whether the app exists or not: here a partial update is never read as a new definition.
    const isPartial = kind.type === 'patch' || kind.partial;
    const alone = isPartial ? rollbackVersion(update) : ok(undefined);
    if (!alone.ok) return alone;
    const change = changeOf(id.value, update, kind);
    if (!change.ok) return change;
    changes.push(change.value);
  }
  return ok(changes);
}
