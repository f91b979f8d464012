/** The description of the API is true: every operation in it, with good and bad bodies, answers as it says. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import type { LightMyRequestResponse as Response } from 'fastify';
import { describe, expect, it } from 'vitest';
import { componentSchemas, openApiDocument } from '../../src/api/openapi/document.ts';
import {
  anyAnswers,
  headersOf,
  type Operation,
  queryParameters,
  requestHeaders,
} from '../../src/api/openapi/operation.ts';
import { operations } from '../../src/api/openapi/operations.ts';
import type { PostResult } from '../../src/core/events-callback.ts';
import { isLong } from '../support/stack.ts';
import { bad, good } from './support/bodies.ts';
import { type LiveApi, liveApi } from './support/live-api.ts';

/** Requests to each operation. */
const rounds = isLong ? 500 : 40;

const ajv = new Ajv({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'api', components: { schemas: componentSchemas } });
const validators = new Map<object, ValidateFunction>();

/** What is wrong with an answer, if anything is. */
function complaint(operation: Operation, status: number, type: unknown, body: string): string | undefined {
  const answers = { ...anyAnswers, ...operation.answers };
  if (!Object.hasOwn(answers, status)) return `status ${status} is not described: ${body.slice(0, 300)}`;
  const shape = answers[status];
  if (!shape) return undefined;
  if (operation.hasText && status === 200 && String(type).startsWith('text/plain')) return undefined;
  if (operation.isEmptyUnlessDry && status === 200 && body === '') return undefined;
  if (type !== 'application/json') return `content type ${String(type)}`;
  const validate = validators.get(shape) ?? ajv.compile(absolute(shape) as object);
  validators.set(shape, validate);
  return validate(JSON.parse(body)) ? undefined : `${ajv.errorsText(validate.errors)} in ${body.slice(0, 600)}`;
}

/** References of the document, from outside of it. */
const absolute = (schema: unknown): unknown =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'));

const isStream = ({ media }: Operation): boolean => media === 'text/event-stream';

const ids = ['g/a', 'b', 'g', 'none', 'g/s/c', 'Bad_Id', 'tasks', '%2Fg%2Fa', 'ü', '*'];
const versions = ['2020-01-01T00:00:00.000Z', 'yesterday', '2026-01-01T00:00:00.000Z'];

function requestTo(operation: Operation, { newestEvent, deploymentId, finishedId, pausedId }: Prepared) {
  const { path, query = [], body } = operation;
  const url = fc
    .tuple(
      fc.constantFrom(...ids),
      fc.constantFrom(...versions),
      fc.constantFrom(deploymentId, finishedId, pausedId, '00000001-0000-4000-8000-000000000000'),
      fc.constantFrom('x', 'g_a.instance-00000000-0000-1000-8000-000000000000._app.1'),
    )
    .map(([id, version, deployment, taskId]) =>
      path
        .replace('{id}', id)
        .replace('{version}', version)
        .replace('{taskId}', taskId)
        .replace('{agentId}', id === 'b' ? 'S0' : 'none')
        .replace('{deploymentId}', deployment),
    );
  const values = {
    boolean: ['true', 'True', 'false', ''],
    string: ['a', '*', 'env==x', '('],
    list: ['apps.tasks', 'group.apps', 'warnings', 'why', 'plan', 'id', 'x'],
    number: ['60', '0.5', '', '0', 'x'],
    integer: ['3', '', '0', '1.5'],
    outcome: ['rollback', 'pause', 'keep', '', 'x'],
    url: ['http://127.0.0.1:1/a', 'http://127.0.0.1:1/b', 'ftp://127.0.0.1/', ''],
    planFormat: ['light', 'full', 'x'],
    eventId: ['', 'x', 'g.1', newestEvent],
  };
  const parameters = fc.record(
    Object.fromEntries(query.map((name) => [name, fc.constantFrom(...values[queryParameters[name]])])),
    { requiredKeys: [] },
  );
  const bodies = body ? fc.oneof(good(body, componentSchemas), bad(body, componentSchemas)) : fc.constant(undefined);
  return fc.tuple(url, parameters, bodies, headersFor(operation));
}

const headerValues = {
  'If-Match': ['*', '"2000-01-01T00:00:00.000Z"', 'nonsense', ''],
  'If-None-Match': ['*', '"x"', ''],
  'Idempotency-Key': ['k', 'other', '', 'x'.repeat(300)],
  'Last-Event-ID': ['', 'x', 'g.1'],
} as const;

/** Often none at all: with conditions and keys little gets through. */
function headersFor(operation: Operation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const names = headersOf(operation);
  const values: Record<string, fc.Arbitrary<string>> = {};
  for (const name of names) values[name] = fc.constantFrom(...headerValues[name]);
  if (operation.hasText) values['accept'] = fc.constantFrom('text/plain', 'application/json');
  const some = fc.record(values, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;
  return fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: some });
}

interface Prepared {
  /** One that waits, … */
  readonly deploymentId: string;
  /** … one that is over, … */
  readonly finishedId: string;
  /** … and one that is paused. */
  readonly pausedId: string;
  readonly taskId: string;
  /** Id of an event that `since` may name. */
  readonly newestEvent: string;
}

const ok: PostResult = { type: 'answered', status: 200, durationMs: 1 };

async function prepared(): Promise<LiveApi & Prepared> {
  const posts = { post: (_: unknown, done: (result: PostResult) => void) => setImmediate(done, ok), close: () => {} };
  const callbacks = { poster: posts, settings: { endpoints: [], requestTimeoutMs: 1_000, slowMs: 1_000 } };
  const api = await liveApi({ hasCallbacks: true }, { callbacks });
  const app = (id: string) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, healthChecks: [{ protocol: 'HTTP' }] });
  await api.ask('PUT', '/v2/groups', {
    groups: [{ id: 'g', apps: [app('a')], groups: [{ id: 's', apps: [app('c')] }] }],
  });
  await api.ask('POST', '/v2/apps', app('/b'));
  const idle = await api.ask('POST', '/v2/apps', { ...app('/idle'), instances: 0 });
  const limits = 'deadline=5&onFailure=pause';
  const stuck = await api.ask('POST', `/v2/apps?${limits}`, { id: '/stuck', cmd: 'x', cpus: 10_000 });
  const big = await api.ask('POST', '/v2/apps', { id: '/big', cmd: 'x', cpus: 10_000 });
  await api.world.advance(10_000);
  const newestEvent = String((await api.ask('GET', '/v2/apps?since=')).headers['marathon-event-id']);
  const idOf = (answer: Response): string => answer.json().deployments[0].id;
  const found = { deploymentId: idOf(big), finishedId: idOf(idle), pausedId: idOf(stuck) };
  return { ...api, ...found, newestEvent, taskId: api.world.tasksOf('/b')[0] ?? '' };
}

/** Operations that answer with a status, as they are shown. */
const answering = (status: number) =>
  operations
    .filter(({ answers }) => Object.hasOwn(answers, status))
    .map((operation) => [`${operation.method.toUpperCase()} ${operation.path}`, operation] as const);

const bounded = { deadline: '60', maxLaunchAttempts: '3', onFailure: 'rollback', restart: 'true' };
const callback = { callbackUrl: 'http://127.0.0.1:1/a' };
const small = { cmd: 'sleep 9', cpus: 0.1, mem: 32 };

/** Requests that work, to begin with: a test that only ever sees refusals shows little. The rest hits something by chance. */
const samples: Readonly<
  Record<string, (found: Prepared) => readonly [string, unknown?, Readonly<Record<string, string>>?]>
> = {
  'GET /v2/apps': ({ newestEvent }) => ['/v2/apps', undefined, { since: newestEvent }],
  'POST /v2/apps': () => ['/v2/apps', { id: '/new', ...small, cpus: 500 }, { embed: 'warnings' }],
  'PUT /v2/apps': () => ['/v2/apps', [{ id: '/new', ...small, replaceBeforeKill: true }], bounded],
  'PATCH /v2/apps': () => ['/v2/apps', [{ id: '/b', instances: 2 }]],
  'PUT /v2/apps/{id}': () => ['/v2/apps/new', { ...small, cpus: 500 }, { ...bounded, embed: 'warnings' }],
  'GET /v2/apps/{id}/why': () => ['/v2/apps/big/why'],
  'PATCH /v2/apps/{id}': () => ['/v2/apps/b', { instances: 2 }],
  'DELETE /v2/apps/{id}/tasks/{taskId}': ({ taskId }) => [`/v2/apps/b/tasks/${taskId}`],
  'POST /v2/groups': () => ['/v2/groups', { id: 'new', apps: [{ id: 'a', ...small }] }],
  'PUT /v2/groups': () => ['/v2/groups', { id: 'g', scaleBy: 2 }, { dryRun: 'true', embed: 'plan' }],
  'POST /v2/groups/{id}': () => ['/v2/groups/new', {}],
  'PUT /v2/groups/{id}': () => ['/v2/groups/g', { dependencies: ['/b'] }],
  'PATCH /v2/groups/{id}': () => ['/v2/groups/g', { enforceRole: false }],
  'DELETE /v2/deployments/{deploymentId}': ({ deploymentId }) => [`/v2/deployments/${deploymentId}`],
  'GET /v2/deployments/{deploymentId}': ({ pausedId }) => [`/v2/deployments/${pausedId}`],
  'POST /v2/deployments/{deploymentId}/continue': ({ pausedId }) => [`/v2/deployments/${pausedId}/continue`],
  'POST /v2/eventSubscriptions': () => ['/v2/eventSubscriptions', undefined, callback],
  'DELETE /v2/eventSubscriptions': () => ['/v2/eventSubscriptions', undefined, callback],
  'GET /v2/tasks/{taskId}/files': ({ taskId }) => [`/v2/tasks/${taskId}/files`],
  'GET /v2/tasks/{taskId}/files/read': ({ taskId }) => [
    `/v2/tasks/${taskId}/files/read`,
    undefined,
    { path: 'stdout' },
  ],
  'GET /v2/tasks/{taskId}/files/download': ({ taskId }) => [
    `/v2/tasks/${taskId}/files/download`,
    undefined,
    { path: 'stdout' },
  ],
  'GET /v2/queue': () => ['/v2/queue', undefined, { embed: 'why' }],
  'POST /v2/tasks/delete': ({ taskId }) => ['/v2/tasks/delete', { ids: [taskId] }],
  'DELETE /v2/queue/{id}/delay': () => ['/v2/queue/big/delay'],
  'GET /v2/agents/{agentId}': () => ['/v2/agents/S0'],
  'POST /logging': () => ['/logging', { level: 'debug', logger: 'ROOT' }],
};

/** What is stored, as text: a refused request must leave it as it is. */
const storedOf = ({ world }: LiveApi): string =>
  JSON.stringify(world.store.records().filter(({ kind }) => kind !== 'instance'));

describe('The description of the API', () => {
  it('is served, is OpenAPI 3.1, and resolves all its references', async () => {
    const { ask } = await liveApi();
    const served = await ask('GET', '/openapi.json');
    expect(served.headers['content-type']).toBe('application/json');
    const document = served.json();
    expect(document).toEqual(JSON.parse(JSON.stringify(openApiDocument('1.11.0'))));
    const names = [...served.body.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name as string);
    const operationIds = Object.values(
      document.paths as Record<string, Record<string, { operationId: string }>>,
    ).flatMap((verbs) => Object.values(verbs).map(({ operationId }) => operationId));
    expect(new Set(operationIds).size).toBe(operations.length);
  });

  // deviation(different): `/v2/schemas/app`, `/help`, `/api-console`
  //   Marathon: an old schema; a console
  //   here: the schema that bodies are checked with; lead to `/docs`, made from `/openapi.json`
  //   why: true by test
  it('is shown at /docs without a request to anywhere else, and Marathon’s old paths lead there', async () => {
    const { ask } = await liveApi();
    const page = await ask('GET', '/docs');
    expect(page.headers['content-type']).toBe('text/html;charset=utf-8');
    expect(page.body).not.toMatch(/https?:\/\/|src=|@import|<link/);
    for (const path of ['/help', '/api-console']) {
      const answer = await ask('GET', path);
      expect([answer.statusCode, answer.headers['location']]).toEqual([302, '/docs']);
    }
    expect((await ask('GET', '/v2/schemas/app')).json()).toMatchObject({ type: 'object', required: ['id'] });
  });

  it.each(operations.map((operation) => [`${operation.method.toUpperCase()} ${operation.path}`, operation] as const))(
    'is true for %s',
    async (name, operation) => {
      const api = await prepared();
      const statuses = new Set<number>();
      const sample = samples[name]?.(api);
      await fc.assert(
        fc.asyncProperty(requestTo(operation, api), async ([url, parameters, body, headers]) => {
          const query = new URLSearchParams(parameters as Record<string, string>).toString();
          const before = storedOf(api);
          const method = operation.method.toUpperCase() as 'GET';
          // Streams do not end; that they begin is another test.
          const asked = isStream(operation) ? { ...headers, accept: 'application/json' } : headers;
          const answer = await api.ask(method, `${url}?${query}`, body, asked);
          expect(complaint(operation, answer.statusCode, answer.headers['content-type'], answer.body)).toBeUndefined();
          statuses.add(answer.statusCode);
          if (answer.statusCode >= 400 || query.includes('dryRun=true')) expect(storedOf(api)).toBe(before);
        }),
        {
          numRuns: rounds,
          ...(isLong ? {} : { seed: 1 }),
          examples: sample ? [[[sample[0], sample[2] ?? {}, sample[1], {}]]] : [],
        },
      );
      expect(api.errors).toEqual([]);
      // Streams are opened in another test.
      const mayWork = Object.keys(operation.answers).some((status) => /^2/.test(status)) && !isStream(operation);
      expect([...statuses].some((status) => status < 300)).toBe(mayWork);
      api.world.expectSane();
    },
  );

  it.each(answering(412))('is true for If-Match of %s', async (name, { method, path }) => {
    const api = await prepared();
    const [url = path.replace('{id}', 'g/a').replace('{version}', '2020-01-01T00:00:00.000Z'), body] =
      samples[name]?.(api) ?? [];
    const stale = await api.ask(method.toUpperCase() as 'PUT', url, body, { 'if-match': '"2000-01-01T00:00:00.000Z"' });
    // What is not there yet has no version that anybody could have seen.
    expect([stale.statusCode, stale.json().message]).toEqual([412, expect.any(String)]);
  });

  it('tells of every query parameter and header that the program reads', () => {
    const read = new Set<string>();
    const source = readdirSync('src/api', { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('stream/live') && !file.startsWith('follower'),
    );
    for (const file of source) {
      const text = readFileSync(`src/api/${file}`, 'utf8');
      for (const [, name] of text.matchAll(/\b(?:first|all|bool)\(\s*(?:query|queryOf\(request\)),\s*'([^']+)'/g))
        read.add(name ?? '');
    }
    expect(read.size).toBeGreaterThan(20);
    const told = new Set<string>(operations.flatMap(({ query = [] }) => query));
    expect([...read].filter((name) => !told.has(name))).toEqual([]);
    expect(Object.keys(queryParameters).filter((name) => !told.has(name as 'force'))).toEqual([]);
    const headers = new Set(operations.flatMap((operation) => headersOf(operation)));
    expect([...headers].toSorted()).toEqual(Object.keys(requestHeaders).toSorted());
    const document = JSON.stringify(openApiDocument('1'));
    for (const header of headers) expect(document).toContain(`"name":"${header}","in":"header"`);
  });
});
