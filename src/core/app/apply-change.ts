/** One request about one app → the definition that it asks for (rest-api §3.4–3.6). */
import { appNotFound, invalid, type Refusal, refusal } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { parseTimestamp, type Timestamp, timestamp } from '../time.ts';
import type { AppChange } from './change.ts';
import type { AppDefinition } from './definition.ts';
import { kindOfChange } from './diff.ts';
import { normalizeComplete, normalizePartial } from './normalize.ts';
import { keepServicePorts } from './service-ports.ts';
import type { AppSettings } from './settings.ts';
import type { AppUpdate } from './update.ts';

/** The changes that carry a definition. */
export type DefiningChange = Extract<AppChange, { readonly type: 'create' | 'put' | 'patch' }>;

/**
 * The definition that a change makes of the stored app. Its version and version info are still those of `current`, or the placeholder
 * `unstamped` for a new app: `stampVersions` follows. Service ports of 0 have taken back what the app had; `assignServicePorts` fills
 * in the rest. A change that changes nothing returns `current` itself.
 *
 * Refused: 404 for a PATCH of a missing app, 409 for the creation of one that exists, 422 for broken rules.
 */
export function applyChange(
  current: AppDefinition | undefined,
  change: DefiningChange,
  settings: AppSettings,
  options: { readonly force: boolean } = { force: false },
): Result<AppDefinition, Refusal> {
  if (change.type === 'patch' && !current) return err(appNotFound(change.id));
  const isPartial = change.type === 'patch' || (change.type === 'put' && change.partial);
  // What would create the app is read as a complete definition, whose version means nothing.
  if (current && isPartial && change.update.version !== undefined) return err(versionNotAlone);
  const context = { settings, ...options };
  if (change.type === 'create' && current) {
    // What is wrong with the body is told first, as Marathon does: 422 whether the id is free or not.
    const wanted = normalizeComplete(change.id, change.update, context);
    return wanted.ok ? err(refusal('alreadyExists', `An app with id [${change.id}] already exists.`)) : wanted;
  }
  const next =
    current && isPartial
      ? normalizePartial(current, change.update, context)
      : normalizeComplete(change.id, change.update, { ...context, current });
  if (!next.ok || !current) return next;
  const kept = keepServicePorts(next.value, current, settings);
  const app = { ...kept, version: current.version, versionInfo: current.versionInfo };
  return ok(kindOfChange(current, app) === 'none' ? current : app);
}

const versionNotAlone = invalid([
  { path: '/', errors: ["The 'version' field may only be combined with the 'id' field."] },
]);

/**
 * The stored version that a PUT (partial) or PATCH asks to go back to, in canonical form; undefined if it asks for something else.
 * Refused with 422 if `version` comes with other members (rest-api §3.5). A caller turns the value into a `rollback` change.
 */
export function rollbackVersion(update: AppUpdate): Result<Timestamp | undefined, Refusal> {
  if (update.version === undefined) return ok(undefined);
  const others = Object.keys(update).filter((name) => name !== 'version' && name !== 'id');
  if (others.length > 0) return err(versionNotAlone);
  const atMs = parseTimestamp(update.version);
  return ok(atMs === undefined ? update.version : timestamp(atMs));
}
