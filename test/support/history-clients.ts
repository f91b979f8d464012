/** Clients that write and read all the time through all servers, and note what they did and saw. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Attempt, attempt, describeAttempt, outcomeOf } from './attempt.ts';
import type { History, OperationKind } from './history.ts';
import { randomFrom } from './random.ts';

/** Who can be asked. */
export interface Door {
  readonly name: string;
  readonly url: string;
}

/**
 * What a key stands for. `steady`: tasks that nothing may touch, only a label changes. `scaled`: the number of instances follows
 * the value. `fleeting`: created and deleted, without tasks. `shared`: written by everybody, without tasks.
 */
export type KeyKind = 'steady' | 'scaled' | 'fleeting' | 'shared';

export const steadyInstances = 2;
const maxScaled = 3;
/** Values of different clients differ, so that every write can be told apart. */
const valuesPerClient = 1_000_000;
const requestTimeoutMs = 5_000;

const kindOf = (key: string): KeyKind => key.split('/')[1] as KeyKind;

/** How many instances an app has whose register holds this value. */
export function instancesOf(key: string, value: number): number {
  const kind = kindOf(key);
  if (kind === 'steady') return steadyInstances;
  return kind === 'scaled' ? value % (maxScaled + 1) : 0;
}

/** The app that a write of this value asks for. */
export const appOf = (key: string, value: number): object => ({
  id: key,
  cmd: 'exec sleep 100000',
  instances: instancesOf(key, value),
  cpus: 0.01,
  mem: 8,
  backoffSeconds: 1,
  labels: { value: String(value) },
});

/** One operation through one door, noted. */
export async function operate(
  history: History,
  client: string,
  door: Door,
  operation: { readonly kind: OperationKind; readonly key: string; readonly value?: number },
  timeoutMs = requestTimeoutMs,
): Promise<Attempt> {
  const { kind, key, value } = operation;
  const end = history.begin({ client, kind, key, value, server: door.name });
  const result = await send(door.url, kind, key, value, timeoutMs);
  if (kind !== 'read') {
    end({ outcome: outcomeOf(result), detail: describeAttempt(result) });
    return result;
  }
  const isAnswer = result.type === 'answer' && (result.status === 200 || result.status === 404);
  const seen = isAnswer && result.status === 200 ? valueIn(result.text) : undefined;
  end({
    outcome: isAnswer ? 'ok' : 'refused',
    detail: describeAttempt(result),
    ...(seen === undefined ? {} : { seen }),
  });
  return result;
}

function send(
  url: string,
  kind: OperationKind,
  key: string,
  value: number | undefined,
  timeoutMs: number,
): Promise<Attempt> {
  const path = `/v2/apps${key}`;
  switch (kind) {
    case 'read':
      return attempt(url, 'GET', path, undefined, timeoutMs);
    case 'delete':
      return attempt(url, 'DELETE', `${path}?force=true`, undefined, timeoutMs);
    case 'create':
      return attempt(url, 'POST', '/v2/apps?force=true', appOf(key, value ?? 0), timeoutMs);
    case 'put':
      return attempt(url, 'PUT', `${path}?force=true`, appOf(key, value ?? 0), timeoutMs);
  }
}

function valueIn(text: string): number {
  const { app } = JSON.parse(text) as { app: { labels: Record<string, string> } };
  return Number(app.labels['value']);
}

export interface Clients {
  readonly keys: readonly string[];
  /** Lets every client end its present operation. */
  readonly stop: () => Promise<void>;
}

export interface ClientOptions {
  readonly clients: number;
  readonly seed: number;
  /** Longest pause between two operations of a client. */
  readonly maxPauseMs: number;
}

/** The keys of so many clients. */
export function keysOf(clients: number): readonly string[] {
  const own = Array.from({ length: clients }, (_, n) => [`/steady/c${n}`, `/scaled/c${n}`, `/fleeting/c${n}`]);
  return [...own.flat(), '/shared/all'];
}

/** Gives values that no client has written yet. */
export type Values = (client: number) => number;

export function createValues(): Values {
  const last = new Map<number, number>();
  return (client) => {
    const value = (last.get(client) ?? (client + 1) * valuesPerClient) + 1;
    last.set(client, value);
    return value;
  };
}

/** Starts clients that go on until they are stopped. Each does one thing at a time. */
export function startClients(
  history: History,
  doors: () => readonly Door[],
  values: Values,
  options: ClientOptions,
): Clients {
  const keys = keysOf(options.clients);
  let isOver = false;
  const client = async (n: number): Promise<void> => {
    const random = randomFrom(options.seed * 1_000 + n);
    const own = keys.slice(n * 3, n * 3 + 3);
    while (!isOver) {
      const all = doors();
      const door = all[random(all.length)];
      if (door !== undefined) await operate(history, `c${n}`, door, nextOf(random, own, keys, values(n)));
      await delay(random(options.maxPauseMs));
    }
  };
  const running = Array.from({ length: options.clients }, (_, n) => client(n));
  return {
    keys,
    stop: async () => {
      isOver = true;
      await Promise.all(running);
    },
  };
}

function nextOf(
  random: (below: number) => number,
  own: readonly string[],
  keys: readonly string[],
  value: number,
): { kind: OperationKind; key: string; value?: number } {
  const [steady = '', scaled = '', fleeting = ''] = own;
  switch (random(10)) {
    case 0:
    case 1:
    case 2:
      return { kind: 'put', key: steady, value };
    case 3:
      return { kind: 'put', key: scaled, value };
    case 4:
      return { kind: 'put', key: '/shared/all', value };
    case 5:
      return { kind: 'create', key: fleeting, value };
    case 6:
      return { kind: 'delete', key: fleeting };
    default:
      return { kind: 'read', key: keys[random(keys.length)] ?? steady };
  }
}
