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

const ajv = new Ajv({
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: true,
  verbose: true,
  coerceTypes: false,
  useDefaults: false,
  formats: {
    'path-id': isPathId,
    timestamp: (text: string) => parseTimestamp(text) !== undefined,
  },
});

/** Reads one kind of body. */
type Reader<Body> = (json: unknown) => Result<Body, Refusal>;

/** Compiles the schema, once: `shape` first, then the check. */
function readerOf<Body>(schema: object): Reader<Body> {
  const shape = shaper(schema as JsonSchema);
  const validate: ValidateFunction = ajv.compile(schema as AnySchema);
  return (json) => {
    const shaped = shape(json);
    return validate(shaped) ? ok(shaped as Body) : err(unreadable(violationsOf(validate.errors ?? [])));
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
