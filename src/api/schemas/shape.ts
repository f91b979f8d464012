/**
 * Brings a body into the shape that its schema knows, before it is checked: members that the schema does not list are left out, nulls
 * of optional members too, enumerations get their canonical case (rest-api §1.2). What does not fit is passed on as it is, for the
 * check to name. Depth and cost are bounded by the schema, not by the body's nesting.
 */
export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

type Shape = (value: unknown) => unknown;

const asIs: Shape = (value) => value;

/** Compiles the schema, once, into the function that shapes bodies. The function never changes what it is given. */
export function shaper(schema: JsonSchema): Shape {
  if (schema.anyOf) return unionShaper(schema.anyOf);
  if (schema.enum) return enumShaper(schema.enum);
  if (schema.items) {
    const item = shaper(schema.items);
    return (value) => (Array.isArray(value) ? value.map(item) : value);
  }
  if (schema.type === 'object') return objectShaper(schema);
  return asIs;
}

function enumShaper(values: readonly string[]): Shape {
  const canonical = new Map(values.map((value) => [value.toLowerCase(), value]));
  return (value) => (typeof value === 'string' ? (canonical.get(value.toLowerCase()) ?? value) : value);
}

/** A union is told apart by the JSON type alone: at most one alternative is an object. */
function unionShaper(alternatives: readonly JsonSchema[]): Shape {
  const object = alternatives.find((s) => s.type === 'object');
  const folded = alternatives.find((s) => s.enum);
  const shapeObject = object ? shaper(object) : asIs;
  const shapeText = folded ? shaper(folded) : asIs;
  return (value) => (isObject(value) ? shapeObject(value) : shapeText(value));
}

function objectShaper(schema: JsonSchema): Shape {
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {}).map(([name, s]) => [name, shaper(s)] as const);
  const known = new Set(members.map(([name]) => name));
  const other = schema.additionalProperties ? shaper(schema.additionalProperties) : undefined;
  return (value) => {
    if (!isObject(value)) return value;
    const shaped: Record<string, unknown> = {};
    for (const [name, shape] of members) {
      if (!Object.hasOwn(value, name)) continue;
      const member = value[name];
      if (member !== null || required.has(name)) shaped[name] = shape(member);
    }
    if (other) copyOthers(value, known, other, shaped);
    return shaped;
  };
}

function copyOthers(from: Record<string, unknown>, known: ReadonlySet<string>, shape: Shape, to: object): void {
  for (const name of Object.keys(from)) {
    if (known.has(name)) continue;
    // An own member, whatever its name: plain assignment of `__proto__` would change the prototype instead.
    Object.defineProperty(to, name, { value: shape(from[name]), enumerable: true, writable: true, configurable: true });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
