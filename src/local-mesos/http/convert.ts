/**
 * Turns parsed JSON into a message the way Mesos' JSON-to-protobuf conversion does: null is absent, unknown enum values are
 * absent, numbers may be strings, one value may stand for a list of one; anything else of the wrong type is an error, and
 * missing required fields are reported together (mesos-v1 §1.11). The object is changed in place, since it is the caller's own.
 */
import { err, ok, type Result } from '../../core/result.ts';

export interface FieldShape {
  readonly kind: 'string' | 'number' | 'boolean' | 'bytes' | 'enum' | 'message' | 'map' | 'opaque';
  readonly required?: boolean;
  readonly repeated?: boolean;
  readonly values?: ReadonlySet<string>;
  readonly fields?: readonly (readonly [string, FieldShape])[];
  /** What is written where nothing is set. */
  readonly fallback?: string | number | boolean;
}

export type Fields = Readonly<Record<string, FieldShape>>;

export const str: FieldShape = { kind: 'string' };
export const num: FieldShape = { kind: 'number' };
export const bool: FieldShape = { kind: 'boolean' };
export const bytes: FieldShape = { kind: 'bytes' };
/** A message nobody here reads. */
export const opaque: FieldShape = { kind: 'opaque' };
export const message = (fields: Fields): FieldShape => ({ kind: 'message', fields: Object.entries(fields) });
/** An object with any names, whose values are all such messages. */
export const mapOf = (fields: Fields): FieldShape => ({ kind: 'map', fields: Object.entries(fields) });
export const enumOf = (values: readonly string[]): FieldShape => ({ kind: 'enum', values: new Set(values) });
export const required = (field: FieldShape): FieldShape => ({ ...field, required: true });
export const repeated = (field: FieldShape): FieldShape => ({ ...field, repeated: true });
/** A field whose definition names a default, which stands in everything that is written of it. */
export const byDefault = (field: FieldShape, fallback: string | number | boolean): FieldShape => ({
  ...field,
  fallback,
});

type Message = Record<string, unknown>;

/** Compiles fields once for use with `convert`. */
export type Schema = readonly (readonly [string, FieldShape])[];
export const compile = (fields: Fields): Schema => Object.entries(fields);

/** The message, or why it is none (without the prefix `Failed to convert JSON into Call protobuf: `). */
export function convert(json: unknown, schema: Schema): Result<Message, string> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return err('Expecting a JSON object');
  const missing: string[] = [];
  const fault = convertMessage(json as Message, schema, '', missing);
  if (fault !== undefined) return err(fault);
  return missing.length > 0 ? err(`Missing required fields: ${missing.join(', ')}`) : ok(json as Message);
}

function convertMessage(target: Message, schema: Schema, path: string, missing: string[]): string | undefined {
  for (const [name, field] of schema) {
    const value = target[name];
    if (value === undefined || value === null) {
      if (value === null) delete target[name];
      if (field.required === true) missing.push(path + name);
      continue;
    }
    const fault =
      field.repeated === true
        ? convertList(target, name, field, path, missing)
        : convertOne(target, name, name, field, path + name, missing);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function convertList(
  target: Message,
  name: string,
  field: FieldShape,
  path: string,
  missing: string[],
): string | undefined {
  const value = target[name];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  target[name] = list;
  for (let i = 0; i < list.length; i++) {
    const fault = convertOne(list, i, name, field, `${path}${name}[${i}]`, missing);
    if (fault !== undefined) return fault;
  }
  if (field.kind === 'enum') target[name] = list.filter((item) => item !== undefined);
  return undefined;
}

function convertOne(
  holder: Message | unknown[],
  key: string | number,
  name: string,
  field: FieldShape,
  path: string,
  missing: string[],
): string | undefined {
  const slots = holder as Record<string | number, unknown>;
  const value = slots[key];
  if (Array.isArray(value)) return wrong('array', name);
  if (field.kind === 'opaque') return typeof value === 'object' ? undefined : wrong(typeof value, name);
  if (field.kind === 'message') {
    if (typeof value !== 'object' || value === null) return wrong(typeof value, name);
    return convertMessage(value as Message, field.fields ?? [], `${path}.`, missing);
  }
  if (field.kind === 'map') {
    if (typeof value !== 'object' || value === null) return wrong(typeof value, name);
    return convertMap(value as Message, field, path, missing);
  }
  if (typeof value === 'object') return wrong('object', name);
  return convertScalar(slots, key, name, field);
}

function convertMap(map: Message, field: FieldShape, path: string, missing: string[]): string | undefined {
  const values: FieldShape = { kind: 'message', ...(field.fields === undefined ? {} : { fields: field.fields }) };
  for (const key of Object.keys(map)) {
    const fault = convertOne(map, key, key, values, `${path}.${key}`, missing);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function convertScalar(
  slots: Record<string | number, unknown>,
  key: string | number,
  name: string,
  field: FieldShape,
): string | undefined {
  const value = slots[key];
  switch (field.kind) {
    case 'number': {
      if (typeof value === 'number') return undefined;
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
      if (Number.isNaN(number)) return wrong(typeof value, name);
      slots[key] = number;
      return undefined;
    }
    case 'boolean':
      if (value === 'true' || value === 'false') slots[key] = value === 'true';
      return typeof slots[key] === 'boolean' ? undefined : wrong(typeof value, name);
    case 'enum':
      if (typeof value !== 'string') return wrong(typeof value, name);
      if (field.values?.has(value) === true) return undefined;
      if (field.required === true) return `Failed to find enum for '${value}'`;
      slots[key] = undefined;
      return undefined;
    case 'bytes':
      return typeof value === 'string' ? base64Fault(value, name) : wrong(typeof value, name);
    default:
      return typeof value === 'string' ? undefined : wrong(typeof value, name);
  }
}

const wrong = (type: string, name: string): string => `Not expecting a JSON ${type} for field '${name}'`;

function base64Fault(value: string, name: string): string | undefined {
  const bad = /[^A-Za-z0-9+/=\-_]/.exec(value);
  return bad === null ? undefined : `Failed to base64 decode bytes field '${name}': Invalid character '${bad[0]}'`;
}
