/** Random bodies from JSON Schemas: good ones, and ones that are wrong in one place. */
import fc from 'fast-check';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
}

export type Schemas = Readonly<Record<string, object>>;

const ids = ['/a', '/g/a', 'b', 'g/s/c', '../d', '/g', 'web.prod', '/tasks-1'];
const texts = ['', 'a', 'sleep 9', '*', 'hostname', 'UNIQUE', 'CLUSTER', '(', 'ü', '\u0000', 'x'.repeat(300)];

/** Bodies that the schema takes; whether they make sense is another question. */
export function good(schema: object, schemas: Schemas, depth = 0): fc.Arbitrary<unknown> {
  const of = schema as Schema;
  if (of.$ref) return good(schemas[of.$ref.split('/').at(-1) ?? ''] ?? {}, schemas, depth + 1);
  if (of.anyOf) return fc.oneof(...of.anyOf.map((one) => good(one, schemas, depth + 1)));
  if (of.enum) return fc.constantFrom(...of.enum, ...of.enum.map((value) => value.toLowerCase()));
  switch (of.type) {
    case 'string':
      return textOf(of);
    case 'integer':
      return fc.integer({ min: of.minimum ?? -5, max: Math.min(of.maximum ?? 1000, (of.minimum ?? 0) + 70_000) });
    case 'number':
      return fc.double({ min: of.minimum ?? 0, max: Math.min(of.maximum ?? 1e6, 1e6), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return depth > 6
        ? fc.constant([])
        : fc.array(good(of.items ?? {}, schemas, depth + 1), { minLength: of.minItems ?? 0, maxLength: 2 });
    case 'object':
      return objectOf(of, schemas, depth);
    default:
      return fc.json().map((json) => JSON.parse(json) as unknown);
  }
}

function textOf(schema: Schema): fc.Arbitrary<string> {
  if (schema.format === 'path-id') return fc.constantFrom(...ids);
  if (schema.format === 'timestamp') return fc.constantFrom('2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00+01:00');
  if (schema.pattern) return fc.constantFrom('http', 'net-1');
  return fc.constantFrom(...texts.filter((text) => text.length <= (schema.maxLength ?? 1000)));
}

function objectOf(schema: Schema, schemas: Schemas, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [] } = schema;
  const names = Object.keys(properties).filter((name) => required.includes(name) || depth < 6);
  if (names.length === 0 && schema.additionalProperties && schema.additionalProperties !== true) {
    return fc.dictionary(
      fc.constantFrom('a', 'B_1', 'HAPROXY_GROUP', ''),
      good(schema.additionalProperties, schemas, depth + 1),
      {
        maxKeys: 2,
      },
    );
  }
  const members = names.map((name) => {
    const value = good(properties[name] ?? {}, schemas, depth + 1);
    // Few members at a time: bodies with all of them are never free of contradictions.
    const weight = depth === 0 && names.length > 8 ? 8 : 1;
    const absent = { weight, arbitrary: fc.constant(undefined) };
    const chance = required.includes(name) ? value : fc.oneof(absent, { weight: 1, arbitrary: value });
    return [name, chance] as const;
  });
  return fc.record(Object.fromEntries(members)).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
}

const odd: readonly unknown[] = [null, 3, -1, 1.5, 1e300, true, '', 'x', [], [[]], {}, { a: {} }, [null], '\ud800'];

/** The same with something else in one place, or no JSON at all. */
export function bad(schema: object, schemas: Schemas): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc
      .tuple(good(schema, schemas), fc.nat(), fc.constantFrom(...odd))
      .map(([body, at, value]) => spoil(body, at, value)),
    fc.constantFrom('{', '', '[1,', 'null', '"x"', '{"id":"/a"}}', '\u0000', '{"a":1e999}'),
  );
}

/** Puts `value` in the place number `at` of a body, counted over all members. */
function spoil(body: unknown, at: number, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(body ?? null)) as unknown;
  const places: [Record<string, unknown>, string][] = [];
  const visit = (inner: unknown): void => {
    if (typeof inner !== 'object' || inner === null) return;
    for (const name of Object.keys(inner)) {
      places.push([inner as Record<string, unknown>, name]);
      visit((inner as Record<string, unknown>)[name]);
    }
  };
  visit(copy);
  const place = places[at % Math.max(1, places.length)];
  if (!place) return value;
  place[0][place[1]] = value;
  return copy;
}
