/**
 * Bodies of writes that carry apps: JSON value → what core understands, or Marathon's 422 `Invalid JSON` with the place and the key
 * of every mistake (rest-api §1.2, §9.1). Nothing is coerced; unknown members are ignored at every depth.
 */
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import type { AppUpdate } from '../core/app/update.ts';
import { isPathId } from '../core/ids.ts';
import { type Refusal, refusal, unreadable } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { parseTimestamp } from '../core/time.ts';
import { appBodies, appBody, appBodyWithId, taskIdsBody } from './schemas/app.ts';
import { violationsOf } from './schemas/read-errors.ts';
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

const readers = {
  app: readerOf<AppUpdate>(appBody),
  appWithId: readerOf<AppUpdate>(appBodyWithId),
  apps: readerOf<readonly AppUpdate[]>(appBodies),
  taskIds: readerOf<{ readonly ids: readonly string[] }>(taskIdsBody),
};

/**
 * One app of a POST (`requireId`), PUT or PATCH. Enumerations come in canonical case, nulls are gone, numbers and lengths are in
 * range; the operators of constraints are as they were sent. Refused with 422 `unreadable`.
 */
export const readAppUpdate = (json: unknown, options: { readonly requireId: boolean }): Result<AppUpdate, Refusal> =>
  (options.requireId ? readers.appWithId : readers.app)(json);

/** The apps of a bulk PUT or PATCH. A missing id is refused with 422 `illegalArgument` (rest-api §3.6). */
export function readAppUpdates(
  json: unknown,
  options: { readonly requireId: boolean },
): Result<readonly AppUpdate[], Refusal> {
  const read = readers.apps(json);
  if (!read.ok || !options.requireId) return read;
  const nameless = read.value.findIndex((update) => update.id === undefined);
  return nameless < 0
    ? read
    : err(refusal('illegalArgument', `The id of every app must be set; it is missing at (${nameless}).`));
}

/** The `ids` of `POST /v2/tasks/delete` (rest-api §5.3). */
export function readTaskIds(json: unknown): Result<readonly string[], Refusal> {
  const read = readers.taskIds(json);
  return read.ok ? ok(read.value.ids) : read;
}
