/** From Ajv's errors to Marathon's: paths such as `/portDefinitions(0)/port`, keys such as `error.min` (rest-api §9.0, §9.1). */
import type { ErrorObject } from 'ajv';
import type { Violation } from '../../core/refusal.ts';

/** A body can be wrong in more places than anybody reads. */
export const maxViolations = 100;

const typeKeys: Readonly<Record<string, string>> = {
  string: 'error.expected.jsstring',
  number: 'error.expected.jsnumber',
  integer: 'error.expected.jsnumber',
  boolean: 'error.expected.jsboolean',
  array: 'error.expected.jsarray',
  object: 'error.expected.jsobject',
};

const keywordKeys: Readonly<Record<string, string>> = {
  required: 'error.path.missing',
  enum: 'error.unknown.enum.literal',
  minimum: 'error.min',
  maximum: 'error.max',
  minLength: 'error.minLength',
  maxLength: 'error.maxLength',
  minItems: 'error.minLength',
  maxItems: 'error.maxLength',
  pattern: 'error.pattern',
  propertyNames: 'error.pattern',
};

/** One violation for each path, in the order of the errors; of the alternatives of a union those that fit best. */
export function violationsOf(errors: readonly ErrorObject[]): readonly Violation[] {
  const telling = tellingErrors(errors);
  const reached = telling.filter((e) => !isOfAlternative(e)).map((e) => e.instancePath);
  const byPath = new Map<string, Set<string>>();
  for (const error of telling) {
    if (isOfAlternative(error) && reached.some((path) => isAtOrBelow(path, error.instancePath))) continue;
    const path = pathOf(error);
    const keys = byPath.get(path);
    if (keys) keys.add(keyOf(error));
    else if (byPath.size < maxViolations) byPath.set(path, new Set([keyOf(error)]));
    else break;
  }
  return [...byPath].map(([path, keys]) => ({ path, errors: [...keys] }));
}

/** Leaves out what only says that something inside it is wrong, and limits of values that have the wrong type anyway. */
function tellingErrors(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const mistyped = new Map<unknown, Set<string>>();
  for (const error of errors) {
    if (error.keyword !== 'type') continue;
    const paths = mistyped.get(error.parentSchema);
    if (paths) paths.add(error.instancePath);
    else mistyped.set(error.parentSchema, new Set([error.instancePath]));
  }
  return errors.filter((error) => {
    if (error.keyword === 'anyOf' || error.keyword === 'if' || error.propertyName !== undefined) return false;
    return error.keyword === 'type' || mistyped.get(error.parentSchema)?.has(error.instancePath) !== true;
  });
}

/** The wrong type for one alternative of a union: another alternative may have got further. */
const isOfAlternative = (error: ErrorObject): boolean =>
  error.keyword === 'type' && /\/anyOf\/\d+\/type$/.test(error.schemaPath);

const isAtOrBelow = (path: string, above: string): boolean => path === above || path.startsWith(`${above}/`);

function keyOf(error: ErrorObject): string {
  const { keyword, data } = error;
  if (keyword === 'type') {
    const expected = String(error.params['type']);
    return expected === 'integer' && typeof data === 'number'
      ? 'error.expected.int'
      : (typeKeys[expected] ?? 'error.invalid');
  }
  if (keyword === 'format')
    return error.params['format'] === 'timestamp' ? 'error.expected.date.isoformat' : 'error.pattern';
  const isInteger = (error.parentSchema as { readonly type?: string } | undefined)?.type === 'integer';
  if (isInteger && typeof data === 'number' && (data | 0) !== data) return 'error.expected.int';
  return keywordKeys[keyword] ?? 'error.invalid';
}

/** `/a/0/b` → `/a(0)/b`; the root is empty, unlike that of rules, which is `/`. Names are told from indices by what the body holds there. */
function pathOf(error: ErrorObject): string {
  const member = error.keyword === 'required' ? `/${String(error.params['missingProperty'])}` : '';
  const name = error.keyword === 'propertyNames' ? `/${String(error.params['propertyName'])}` : '';
  return bracketed(error.instancePath) + member + name;
}

/** Map entries of the bodies are below these members; everything else that is a number is an index. */
const maps = new Set(['env', 'secrets', 'labels', 'options', 'volumeContext', 'nodeStageSecret', 'nodePublishSecret']);

function bracketed(pointer: string): string {
  if (pointer === '') return '';
  const segments = pointer
    .slice(1)
    .split('/')
    .map((s) => s.replaceAll('~1', '/').replaceAll('~0', '~'));
  let path = '';
  segments.forEach((segment, i) => {
    const isEntry = i > 0 && maps.has(segments[i - 1] ?? '');
    path += !isEntry && /^\d+$/.test(segment) ? `(${segment})` : `/${segment}`;
  });
  return path;
}
