/**
 * Bodies of writes that carry apps: JSON value → what core understands, or Marathon's 422 `Invalid JSON` with the place and the key
 * of every mistake (rest-api §1.2, §9.1). Nothing is coerced; unknown members are ignored at every depth.
 */
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import type { AppUpdate } from '../core/app/update.ts';
import type { GroupUpdate } from '../core/group/group-request.ts';
import { isPathId } from '../core/ids.ts';
import { type Refusal, refusal, unreadable, type Violation } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { parseTimestamp, timestamp } from '../core/time.ts';
import { appBodies, appBody, appBodyWithId, completeAppBodies, taskIdsBody } from './schemas/app.ts';
import { groupLevel, groupPatch } from './schemas/group.ts';
import { loggingBody } from './schemas/logging.ts';
import { maxViolations, violationsOf } from './schemas/read-errors.ts';
import { type JsonSchema, shaper } from './schemas/shape.ts';

const options = {
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  verbose: true,
  coerceTypes: false,
  useDefaults: false,
  formats: {
    'path-id': isPathId,
    timestamp: (text: string) => parseTimestamp(text) !== undefined,
  },
} as const;

/** Stops at the first mistake: the way of every good body. */
const quick = new Ajv(options);
/** Finds every mistake, and holds an object for each until it is done. */
const thorough = new Ajv({ ...options, allErrors: true });

/** Bodies with more values than this are told their first mistake only: a list of millions of mistakes would exhaust the memory. */
export const maxThoroughValues = 20_000;

/** True if the value holds at most `limit` values, nested ones included. */
function isAtMost(limit: number, value: unknown): boolean {
  let left = limit;
  const open: unknown[] = [value];
  while (open.length > 0) {
    for (const inner of Object.values(Object(open.pop()))) {
      left -= 1;
      if (left < 0) return false;
      if (typeof inner === 'object' && inner !== null) open.push(inner);
    }
  }
  return true;
}

/** Reads one kind of body. */
type Reader<Body> = (json: unknown) => Result<Body, Refusal>;

/** Compiles the schema, once: `shape` first, then the check. What lists all mistakes is compiled when first needed. */
function readerOf<Body>(schema: object): Reader<Body> {
  const shape = shaper(schema as JsonSchema);
  const validate: ValidateFunction = quick.compile(schema as AnySchema);
  let listAll: ValidateFunction | undefined;
  return (json) => {
    const shaped = shape(json);
    if (validate(shaped)) return ok(shaped as Body);
    if (!isAtMost(maxThoroughValues, shaped)) return err(unreadable(violationsOf(validate.errors ?? [])));
    listAll ??= thorough.compile(schema as AnySchema);
    listAll(shaped);
    return err(unreadable(violationsOf(listAll.errors ?? [])));
  };
}

interface LoggingBody {
  readonly level: string;
  readonly logger: string;
  readonly durationSeconds?: number;
}

type GroupLevel = Omit<GroupUpdate, 'apps' | 'groups'> & {
  readonly apps?: readonly unknown[];
  readonly groups?: readonly unknown[];
};

const readers = {
  app: readerOf<AppUpdate>(appBody),
  appWithId: readerOf<AppUpdate>(appBodyWithId),
  apps: readerOf<readonly AppUpdate[]>(appBodies),
  appsWithId: readerOf<readonly AppUpdate[]>(completeAppBodies),
  taskIds: readerOf<{ readonly ids: readonly string[] }>(taskIdsBody),
  groupLevel: readerOf<GroupLevel>(groupLevel),
  logging: readerOf<LoggingBody>(loggingBody),
  groupPatch: readerOf<{ readonly enforceRole?: boolean }>(groupPatch),
};

/**
 * One app of a POST (`requireId`), PUT or PATCH. Enumerations come in canonical case, nulls are gone, numbers and lengths are in
 * range; the operators of constraints are as they were sent. Refused with 422 `unreadable`.
 */
export const readAppUpdate = (json: unknown, options: { readonly requireId: boolean }): Result<AppUpdate, Refusal> =>
  (options.requireId ? readers.appWithId : readers.app)(json);

/**
 * The apps of a bulk PUT or PATCH. A missing id is refused with 422: as unreadable where definitions are complete, as `illegalArgument`
 * where they are partial (rest-api §3.6).
 */
export function readAppUpdates(
  json: unknown,
  options: { readonly isComplete: boolean },
): Result<readonly AppUpdate[], Refusal> {
  if (options.isComplete) return readers.appsWithId(json);
  const read = readers.apps(json);
  if (!read.ok) return read;
  return read.value.every((update) => update.id !== undefined)
    ? read
    : err(refusal('illegalArgument', 'requirement failed: App Update must have app id set'));
}

/** The `ids` of `POST /v2/tasks/delete` (rest-api §5.3). */
export function readTaskIds(json: unknown): Result<readonly string[], Refusal> {
  const read = readers.taskIds(json);
  return read.ok ? ok(read.value.ids) : read;
}

/** `{"enforceRole": …}` of PATCH (rest-api §4.2). */
export const readGroupPatch = (json: unknown): Result<{ readonly enforceRole?: boolean }, Refusal> =>
  readers.groupPatch(json);

/** A group of a POST or PUT with all that is inside, mistakes with their places (`/groups(1)/apps(0)/cpus`). */
export function readGroupUpdate(json: unknown): Result<GroupUpdate, Refusal> {
  const violations: Violation[] = [];
  const group = groupAt(json, '', violations);
  return violations.length > 0 || !group ? err(unreadable(violations)) : ok(group);
}

/** Depth is bounded by `maxBodyDepth`. */
function groupAt(json: unknown, at: string, violations: Violation[]): GroupUpdate | undefined {
  const level = readers.groupLevel(json);
  if (!level.ok) {
    note(level.error, at, violations);
    return undefined;
  }
  const { apps, groups, version, ...members } = level.value;
  const atMs = version === undefined ? undefined : parseTimestamp(version);
  return {
    ...members,
    ...(atMs === undefined ? {} : { version: timestamp(atMs) }),
    ...(apps ? { apps: apps.flatMap((app, i) => appAt(app, `${at}/apps(${i})`, violations) ?? []) } : {}),
    ...(groups ? { groups: groups.flatMap((one, i) => groupAt(one, `${at}/groups(${i})`, violations) ?? []) } : {}),
  };
}

function appAt(json: unknown, at: string, violations: Violation[]): AppUpdate | undefined {
  if (violations.length >= maxViolations) return undefined;
  const app = readers.appWithId(json);
  if (!app.ok) note(app.error, at, violations);
  return app.ok ? app.value : undefined;
}

function note({ details }: Refusal, at: string, violations: Violation[]): void {
  if (typeof details === 'string') return;
  for (const { path, errors } of details ?? []) {
    if (violations.length >= maxViolations) return;
    violations.push({ path: at + path, errors });
  }
}

/** `POST /logging`. */
export const readLoggingBody = (json: unknown): Result<LoggingBody, Refusal> => readers.logging(json);
