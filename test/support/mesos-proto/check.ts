/** Compares what is sent to Mesos with the definitions of the protocol, more strictly than Mesos does. */
import { enums, messages } from './messages.ts';

/** Calls that need not say more. */
const withoutBody: ReadonlySet<string> = new Set(['teardown', 'revive', 'suppress']);

/** Every mistake in one call, as `path: what`; empty if there is none. */
export function mistakesInCall(call: unknown): readonly string[] {
  const found: string[] = [];
  checkMessage('Call', call, '', found);
  const { type, ...bodies } = (call ?? {}) as Record<string, unknown>;
  const body = typeof type === 'string' ? type.toLowerCase() : '';
  if (type === undefined) found.push('type: is missing');
  for (const name of Object.keys(bodies)) {
    if (name !== 'framework_id' && name !== body) found.push(`${name}: does not belong to ${String(type)}`);
  }
  if (!withoutBody.has(body) && !(body in bodies)) found.push(`${body}: is missing`);
  return found;
}

/** The same for the text of a call, in which Mesos' parser finds mistakes of its own. */
export function mistakesInText(text: string): readonly string[] {
  return [...mistakesInJson(text), ...mistakesInCall(JSON.parse(text))];
}

/** The same for one message of another name. */
export function mistakesIn(message: string, value: unknown): readonly string[] {
  const found: string[] = [];
  const text = JSON.stringify(value);
  found.push(...mistakesInJson(text));
  checkMessage(message, JSON.parse(text), '', found);
  return found;
}

const halfPair = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Mesos' parser refuses half a surrogate pair, and with it everything that is in the same call. */
function mistakesInJson(text: string): readonly string[] {
  const values: string[] = [];
  JSON.parse(text, (key, value: unknown) => {
    values.push(key, typeof value === 'string' ? value : '');
    return value;
  });
  return values.some((value) => halfPair.test(value)) ? ['half a surrogate pair: 400 for the whole call'] : [];
}

function checkMessage(message: string, value: unknown, path: string, found: string[]): void {
  const fields = messages[message];
  if (fields === undefined) throw new Error(`no message ${message}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    found.push(`${path}: is no ${message}`);
    return;
  }
  const given = value as Readonly<Record<string, unknown>>;
  for (const [name, member] of Object.entries(given)) {
    const field = fields[name];
    if (field === undefined) found.push(`${path}${name}: ${message} has no such field`);
    else if (member !== undefined) checkField(field, member, path + name, found);
  }
  for (const [name, field] of Object.entries(fields)) {
    if (field.endsWith('!') && given[name] === undefined) found.push(`${path}${name}: is required`);
  }
}

function checkField(field: string, value: unknown, path: string, found: string[]): void {
  const [, kind = '', how] = /^(\w+)(!|\[\]|\{\})?$/.exec(field) ?? [];
  if (how === '[]') {
    if (!Array.isArray(value)) found.push(`${path}: is no list`);
    else for (const [i, item] of value.entries()) checkOne(kind, item, `${path}[${i}]`, found);
  } else if (how === '{}') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) found.push(`${path}: is no map`);
    else for (const [key, item] of Object.entries(value)) checkOne(kind, item, `${path}{${key}}`, found);
  } else checkOne(kind, value, path, found);
}

function checkOne(kind: string, value: unknown, path: string, found: string[]): void {
  const values = enums[kind];
  if (values) {
    if (typeof value !== 'string' || !values.has(value)) found.push(`${path}: ${JSON.stringify(value)} is no ${kind}`);
  } else if (messages[kind]) checkMessage(kind, value, `${path}.`, found);
  else {
    const fault = faultOf(kind, value);
    if (fault !== undefined) found.push(`${path}: ${JSON.stringify(value)} ${fault}`);
  }
}

const integers: Readonly<Record<string, readonly [least: number, most: number]>> = {
  uint32: [0, 2 ** 32 - 1],
  // What is larger than 2^53 is not exact, and from 1e21 on it is written as a fraction.
  uint64: [0, 2 ** 63 - 1],
  int64: [-(2 ** 63), 2 ** 63 - 1],
};

function faultOf(kind: string, value: unknown): string | undefined {
  switch (kind) {
    case 'string':
      return typeof value === 'string' ? undefined : 'is no text';
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'is no boolean';
    case 'bytes':
      return typeof value === 'string' && /^([\w+/-]{4})*([\w+/-]{2}==|[\w+/-]{3}=)?$/.test(value)
        ? undefined
        : 'is no base64';
    case 'double':
      return typeof value === 'number' || value === 'Infinity' ? undefined : 'is no number';
    default: {
      const [least, most] = integers[kind] ?? [];
      if (least === undefined || most === undefined) throw new Error(`no kind ${kind}`);
      const isRight = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
      return isRight ? undefined : `is no ${kind}`;
    }
  }
}
