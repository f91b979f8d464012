/** Building blocks of the body schemas: what several members share. */
import { type Static, type TSchema, Type } from 'typebox';

/** Largest value of an `int` member; beyond it a body is unreadable (rest-api §9.1, `error.expected.int`). */
const maxInt32 = 2_147_483_647;

/** A 32-bit integer of at least `minimum`. */
export const int = (minimum = 0, maximum = maxInt32) => Type.Integer({ minimum, maximum });

/** Texts that are matched without regard to case and passed on in the case given here (rest-api §1.2). */
export const oneOf = <const Value extends string>(...values: readonly Value[]) =>
  Type.Unsafe<Value>({ type: 'string', enum: values });

/** Refused as a name in a map: whoever copies such a map member by member would change a prototype. */
const anyName = '^(?!__proto__$)';

/** A JSON object with free names and values of one kind. */
export const mapOf = <Item extends TSchema>(item: Item) =>
  Type.Unsafe<Readonly<Record<string, Static<Item>>>>({
    type: 'object',
    additionalProperties: item,
    propertyNames: { pattern: anyName },
  });

export const text = Type.String();
export const nonEmptyText = Type.String({ minLength: 1 });
export const flag = Type.Boolean();
export const labels = mapOf(text);

/** Path id of an app or group, absolute or relative (rest-api §7.1). */
export const pathId = Type.String({ minLength: 1, format: 'path-id' });

/** Port or service port. */
export const port = int(0, 65_535);

/** Name of a port (rest-api §7.5). */
export const portName = Type.String({ pattern: '^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$' });

/** Name of a container network (rest-api §7.4). */
export const networkName = Type.String({ pattern: '^[a-z0-9](?:[-a-z0-9_]*[a-z0-9])?$', maxLength: 63 });

export const protocol = oneOf('tcp', 'udp', 'udp,tcp');

/** Every member optional. */
export const optional = Type.Optional;
