/** Shapes of JSON values, and what is wrong with a value that should have one. */

/** `?` = need not be there; a member that is there is never null unless its type says so. */
type Leaf =
  | 'string'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'any'
  | 'stamp'
  | 'string|null'
  | 'number|null'
  | 'integer|null'
  | 'boolean|null';

export type Shape =
  | Leaf
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly anyOf: readonly Shape[] }
  | { readonly members: Members };

/** Name → shape; a name that ends in `?` need not be there. */
export interface Members {
  readonly [name: string]: Shape;
}

export const object = (members: Members): Shape => ({ members });
export const list = (of: Shape): Shape => ({ list: of });
export const map = (of: Shape): Shape => ({ map: of });
export const anyOf = (...shapes: readonly Shape[]): Shape => ({ anyOf: shapes });

const leaves: Readonly<Record<Leaf, (value: unknown) => boolean>> = {
  any: () => true,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  stamp: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  'string|null': (value) => value === null || typeof value === 'string',
  'number|null': (value) => value === null || typeof value === 'number',
  'integer|null': (value) => value === null || Number.isInteger(value),
  'boolean|null': (value) => value === null || typeof value === 'boolean',
};

/** What is in an answer that Marathon's has not, what is missing, and what has another type. */
export function differences(shape: Shape, value: unknown, at = ''): readonly string[] {
  if (typeof shape === 'string')
    return leaves[shape](value) ? [] : [`${at || '/'} is no ${shape}: ${JSON.stringify(value)}`];
  if ('anyOf' in shape) {
    const found = shape.anyOf.map((one) => differences(one, value, at));
    return found.some((each) => each.length === 0) ? [] : found.reduce((a, b) => (b.length < a.length ? b : a));
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) return [`${at || '/'} is no list`];
    return value.flatMap((each, i) => differences(shape.list, each, `${at}[${i}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at || '/'} is no object`];
  const members = Object.entries(value);
  if ('map' in shape) return members.flatMap(([name, each]) => differences(shape.map, each, `${at}/${name}`));
  return differencesOf(shape.members, members, at);
}

function differencesOf(
  known: Members,
  members: readonly (readonly [string, unknown])[],
  at: string,
): readonly string[] {
  const names = new Set(members.map(([name]) => name));
  const missing = Object.keys(known).filter((name) => !name.endsWith('?') && !names.has(name));
  return [
    ...missing.map((name) => `${at}/${name} is missing`),
    ...members.flatMap(([name, value]) => {
      const shape = known[name] ?? known[`${name}?`];
      return shape === undefined ? [`${at}/${name} is not Marathon's`] : differences(shape, value, `${at}/${name}`);
    }),
  ];
}
