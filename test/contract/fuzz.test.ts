/**
 * Whatever is sent: no 500, no crash, an error in JSON with a message, and nothing changed by a request that was refused. Bodies are made
 * from the schemas, or spoilt byte by byte. A run that fails prints its seed; the seed is then kept in the list.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { componentSchemas } from '../../src/api/openapi/document.ts';
import { operations } from '../../src/api/openapi/operations.ts';
import { isLong } from '../support/stack.ts';
import { seededRandom } from '../support/world.ts';
import { bad, good } from './support/bodies.ts';
import { type LiveApi, liveApi } from './support/live-api.ts';

const keptSeeds = [1, 2];
const seeds = isLong ? [...keptSeeds, ...Array.from({ length: 18 }, (_, i) => 100 + i)] : keptSeeds;
/** 5,000 in a normal run, 100,000 in a long one. */
const requestsPerSeed = isLong ? 5_000 : 2_500;

/** A cluster of this many instances is enough to be confused about. */
const tame = (json: string): string =>
  json.replace(/"instances":\d{2,}/g, '"instances":2').replace(/"scaleBy":[\d.e+-]+/g, '"scaleBy":1.5');

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body: Buffer | undefined;
  readonly headers: Record<string, string>;
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const segments = [
  'a',
  'g',
  's',
  'b',
  'none',
  '*',
  '..',
  '%2F',
  '%00',
  '%C3%BC',
  'tasks',
  'versions',
  'restart',
  'delay',
  '::status',
  '__proto__',
  'x'.repeat(600),
];
const queries = [
  '',
  'force=true',
  'force=True&dryRun=true',
  'scale=true',
  'wipe=true',
  'embed=apps.tasks&embed=group.apps',
  'label=%28',
  'partialUpdate=false',
  'status=running',
  'force=&force[]=x',
  'since=',
  'since=x.1',
  'deadline=9&onFailure=pause',
  'embed=warnings&restart=true',
  '%',
];
const types = [
  'application/json',
  'application/json;charset=utf-8',
  'text/plain',
  '',
  'application/x-www-form-urlencoded',
];
const keys = ['k1', 'k2', 'k3', '', 'x'.repeat(300), 'ü'];
const matches = ['*', '"2026-01-01T00:00:00.000Z"', 'nonsense'];

/** The requests of a seed. */
function requestsOf(seed: number, count: number): readonly Sent[] {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const sample = <T>(arbitrary: fc.Arbitrary<T>): T =>
    fc.sample(arbitrary, { numRuns: 1, seed: Math.floor(random() * 2 ** 31) })[0] as T;
  const writes = operations.filter(({ body }) => body);
  const bodies = writes.map(({ body = {} }) => ({
    fine: good(body, componentSchemas),
    spoilt: bad(body, componentSchemas),
  }));
  const asText = (value: unknown): string => tame(typeof value === 'string' ? value : JSON.stringify(value));
  return Array.from({ length: count }, () => {
    const operation = pick(operations);
    const isWild = random() < 0.3;
    const path = operation.path.replaceAll(/\{\w+\}/g, () => pick(segments.slice(0, 6)));
    const url = isWild && random() < 0.5 ? `${path}/${pick(segments)}/${pick(segments)}` : path;
    const which = Math.max(0, writes.indexOf(operation));
    const kind = bodies[isWild ? Math.floor(random() * bodies.length) : which];
    const hasBody = operation.body !== undefined || random() < 0.1;
    const text = hasBody && kind ? asText(sample(random() < 0.6 ? kind.fine : kind.spoilt)) : undefined;
    return {
      method: isWild ? pick(methods) : operation.method.toUpperCase(),
      url: `${url}?${pick(queries)}`,
      body: text === undefined ? undefined : random() < 0.25 ? mangled(Buffer.from(text), random) : Buffer.from(text),
      headers: {
        ...(random() < 0.9 ? { 'content-type': 'application/json' } : { 'content-type': pick(types) }),
        // A stream does not end.
        ...(url.startsWith('/v2/events') ? { accept: 'application/json' } : {}),
        ...(random() < 0.05 ? { 'if-match': pick(matches) } : {}),
        ...(random() < 0.05 ? { 'idempotency-key': pick(keys) } : {}),
      },
    };
  });
}

/** A few bytes changed, doubled or left out. */
function mangled(bytes: Buffer, random: () => number): Buffer {
  let result = bytes;
  for (let i = 1 + Math.floor(random() * 3); i > 0 && result.length > 0; i -= 1) {
    const at = Math.floor(random() * result.length);
    const length = 1 + Math.floor(random() * 8);
    const piece =
      random() < 0.3
        ? Buffer.alloc(0)
        : Buffer.from([...result.subarray(at, at + length)].map((byte) => byte ^ (1 << Math.floor(random() * 8))));
    result = Buffer.concat([result.subarray(0, at), piece, result.subarray(random() < 0.5 ? at + length : at)]);
  }
  // A number that grew is no cluster for a test either.
  return Buffer.from(tame(result.toString('latin1')), 'latin1');
}

const storedOf = ({ world }: LiveApi): string => {
  const kinds = new Set(['app', 'appVersion', 'group', 'deployment']);
  return world.store
    .records()
    .map((r) => (kinds.has(r.kind) ? `${r.kind} ${r.key} ${r.json}` : ''))
    .join('\n');
};

/** What a request may leave behind on the average: the test's store keeps the events of those that changed something. */
const maxKiBPerRequest = 1;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** MiB of the heap that are in use, without what the test itself has collected. */
function heapMiB({ world }: LiveApi): number {
  world.events.length = 0;
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

describe('A fuzzed API', () => {
  it.each(seeds)('stands %i', { timeout: 600_000 }, async (seed) => {
    // Without agents every deployment stays, and locks what it touches.
    const isStuck = seed % 2 === 0;
    const api = await liveApi({}, { agents: isStuck ? 0 : 3 });
    const apps = ['/a', '/b', '/g/s'].map((id) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32 }));
    await api.ask('PUT', '/v2/apps', apps);
    const statuses = new Map<number, number>();
    let before = storedOf(api);
    const requests = requestsOf(seed, requestsPerSeed);
    const half = requests.length / 2;
    let halfMiB = 0;
    for (const [i, { method, url, body, headers }] of requests.entries()) {
      if (isLong && i === half) halfMiB = heapMiB(api);
      const answer = await api.ask(method as 'GET', url, body, headers);
      const what = `${method} ${url} ${body?.toString('utf8').slice(0, 500) ?? ''} → ${answer.statusCode} ${answer.body.slice(0, 300)}`;
      statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
      if (answer.statusCode >= 500) throw new Error(what);
      if (answer.statusCode >= 400 && method !== 'HEAD') expect(answer.json().message, what).toBeTypeOf('string');
      const after = storedOf(api);
      if (answer.statusCode >= 400 || method === 'GET' || method === 'HEAD' || url.includes('dryRun=true')) {
        if (after !== before) throw new Error(`changed something: ${what}`);
      }
      before = after;
    }
    if (isLong) expect(((heapMiB(api) - halfMiB) * 1024) / half).toBeLessThan(maxKiBPerRequest);
    expect(api.errors).toEqual([]);
    api.world.expectSane();
    // It was no monologue of refusals.
    for (const status of [200, 201, 400, 404, ...(isStuck ? [409] : []), 412, 422])
      expect([status, statuses.get(status)]).toEqual([status, expect.any(Number)]);
  });
});
