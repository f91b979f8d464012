/** The description of the API is true: every operation in it, with good and bad bodies, answers as it says. */
import { Ajv, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { componentSchemas, openApiDocument } from '../../src/api/openapi/document.ts';
import { anyAnswers, type Operation, operations, queryParameters } from '../../src/api/openapi/operations.ts';
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
  if (type !== 'application/json') return `content type ${String(type)}`;
  const validate = validators.get(shape) ?? ajv.compile(absolute(shape) as object);
  validators.set(shape, validate);
  return validate(JSON.parse(body)) ? undefined : `${ajv.errorsText(validate.errors)} in ${body.slice(0, 600)}`;
}

/** References of the document, from outside of it. */
const absolute = (schema: unknown): unknown =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'));

const ids = ['g/a', 'b', 'g', 'none', 'g/s/c', 'Bad_Id', 'tasks', '%2Fg%2Fa', 'ü', '*'];
const versions = ['2020-01-01T00:00:00.000Z', 'yesterday', '2026-01-01T00:00:00.000Z'];

function requestTo(operation: Operation) {
  const { path, query = [], body } = operation;
  const url = fc
    .tuple(
      fc.constantFrom(...ids),
      fc.constantFrom(...versions),
      fc.constantFrom('x', 'g_a.instance-00000000-0000-1000-8000-000000000000._app.1'),
    )
    .map(([id, version, taskId]) =>
      path
        .replace('{id}', id)
        .replace('{version}', version)
        .replace('{taskId}', taskId)
        .replace('{agentId}', id === 'b' ? 'S0' : 'none')
        .replace('{deploymentId}', '00000001-0000-4000-8000-000000000000'),
    );
  const values = {
    boolean: ['true', 'True', 'false', ''],
    string: ['a', '*', 'env==x', '('],
    list: ['apps.tasks', 'group.apps', 'x'],
  };
  const parameters = fc.record(
    Object.fromEntries(query.map((name) => [name, fc.constantFrom(...values[queryParameters[name]])])),
    { requiredKeys: [] },
  );
  const bodies = body ? fc.oneof(good(body, componentSchemas), bad(body, componentSchemas)) : fc.constant(undefined);
  return fc.tuple(url, parameters, bodies);
}

async function prepared(): Promise<LiveApi & { readonly deploymentId: string; readonly taskId: string }> {
  const api = await liveApi();
  const app = (id: string) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, healthChecks: [{ protocol: 'HTTP' }] });
  await api.ask('PUT', '/v2/groups', {
    groups: [{ id: 'g', apps: [app('a')], groups: [{ id: 's', apps: [app('c')] }] }],
  });
  await api.ask('POST', '/v2/apps', app('/b'));
  const big = await api.ask('POST', '/v2/apps', { id: '/big', cmd: 'x', cpus: 10_000 });
  await api.world.advance(10_000);
  return { ...api, deploymentId: big.json().deployments[0].id, taskId: api.world.tasksOf('/b')[0] ?? '' };
}

const small = { cmd: 'sleep 9', cpus: 0.1, mem: 32 };

/** Requests that work, to begin with: a test that only ever sees refusals shows little. The rest hits something by chance. */
const samples: Readonly<Record<string, (found: { deploymentId: string; taskId: string }) => [string, unknown?]>> = {
  'POST /v2/apps': () => ['/v2/apps', { id: '/new', ...small }],
  'PUT /v2/apps': () => ['/v2/apps', [{ id: '/new', ...small }]],
  'PATCH /v2/apps': () => ['/v2/apps', [{ id: '/b', instances: 2 }]],
  'PUT /v2/apps/{id}': () => ['/v2/apps/new', small],
  'PATCH /v2/apps/{id}': () => ['/v2/apps/b', { instances: 2 }],
  'DELETE /v2/apps/{id}/tasks/{taskId}': ({ taskId }) => [`/v2/apps/b/tasks/${taskId}`],
  'POST /v2/groups': () => ['/v2/groups', { id: 'new', apps: [{ id: 'a', ...small }] }],
  'PUT /v2/groups': () => ['/v2/groups', { id: 'g', scaleBy: 2 }],
  'POST /v2/groups/{id}': () => ['/v2/groups/new', {}],
  'PUT /v2/groups/{id}': () => ['/v2/groups/g', { dependencies: ['/b'] }],
  'PATCH /v2/groups/{id}': () => ['/v2/groups/g', { enforceRole: false }],
  'DELETE /v2/deployments/{deploymentId}': ({ deploymentId }) => [`/v2/deployments/${deploymentId}`],
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
        fc.asyncProperty(requestTo(operation), async ([url, parameters, body]) => {
          const query = new URLSearchParams(parameters as Record<string, string>).toString();
          const before = storedOf(api);
          const method = operation.method.toUpperCase() as 'GET';
          const headers = body === undefined ? {} : { 'content-type': 'application/json' };
          const answer = await api.ask(method, `${url}?${query}`, body, headers);
          expect(complaint(operation, answer.statusCode, answer.headers['content-type'], answer.body)).toBeUndefined();
          statuses.add(answer.statusCode);
          if (answer.statusCode >= 400 || query.includes('dryRun=true')) expect(storedOf(api)).toBe(before);
        }),
        { numRuns: rounds, ...(isLong ? {} : { seed: 1 }), examples: sample ? [[[sample[0], {}, sample[1]]]] : [] },
      );
      expect(api.errors).toEqual([]);
      const mayWork = Object.keys(operation.answers).some((status) => Number(status) < 300);
      expect([...statuses].some((status) => status < 300)).toBe(mayWork);
      api.world.expectSane();
    },
  );
});
