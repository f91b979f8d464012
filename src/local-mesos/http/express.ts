/**
 * What Mesos writes of a message that a client has sent: the fields it knows, lists only if something is in them, and every field whose
 * definition names a default (stout's and `src/common/http.cpp`'s conversion of messages to JSON; mesos-v1 §1.11).
 */
import { frameworkInfo } from './call-schema.ts';
import { compile, type FieldShape, type Schema } from './convert.ts';
import { container, discovery, executor, labels } from './task-schema.ts';

type Message = Readonly<Record<string, unknown>>;

const schemas = {
  container: compile(container),
  discovery: compile(discovery),
  executor: compile(executor),
  framework: compile(frameworkInfo),
  labels: labels.fields ?? [],
} satisfies Readonly<Record<string, Schema>>;

/** Messages do not change once they have been taken, so that each is written out once. */
const known = new WeakMap<object, Message>();

/** The message as Mesos writes it. The same message must not be asked for under two names. */
export function expressed(what: keyof typeof schemas, message: object): Message {
  let shown = known.get(message);
  if (shown === undefined) {
    shown = express(message as Message, schemas[what]);
    known.set(message, shown);
  }
  return shown;
}

function express(message: Message, schema: Schema): Message {
  const out: Record<string, unknown> = {};
  for (const [name, field] of schema) {
    const value = message[name];
    if (field.repeated === true) {
      if (Array.isArray(value) && value.length > 0) out[name] = value.map((item) => expressOne(item, field));
    } else if (value !== undefined && value !== null) out[name] = expressOne(value, field);
    else if (field.fallback !== undefined) out[name] = field.fallback;
  }
  return out;
}

function expressOne(value: unknown, field: FieldShape): unknown {
  if (field.kind === 'message') return express(value as Message, field.fields ?? []);
  if (field.kind !== 'map') return value;
  const entries = Object.entries(value as Message);
  return Object.fromEntries(entries.map(([key, one]) => [key, express(one as Message, field.fields ?? [])]));
}
