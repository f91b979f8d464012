/** `dryRun=true` on every write: the plan with what it costs, nothing changed; or a clear refusal where there is no plan. */
import { describe, expect, it } from 'vitest';
import { operations } from '../../src/api/openapi/operations.ts';
import { type LiveApi, liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });

interface Plan {
  readonly steps?: number;
  readonly created?: readonly string[];
  readonly restarted?: readonly string[];
  readonly removed?: readonly string[];
  readonly kills?: number;
  readonly before?: number;
  readonly after?: number;
  readonly tasks?: readonly string[];
}
type Row = readonly [operation: string, path: string, body: unknown, plan: Plan | 'steps' | 400 | 404 | 422];

/** An app of three in a group, one that waits for ever, and one whose deployment is paused. `before` and `after` count instances. */
const rows: readonly Row[] = [
  ['POST /v2/apps', '/v2/apps', app('/new'), { steps: 2, created: ['/new'], kills: 0, before: 0, after: 1 }],
  ['PUT /v2/apps', '/v2/apps', [app('/g/a', { cmd: 'x' })], { steps: 1, restarted: ['/g/a'], kills: 3 }],
  ['PATCH /v2/apps', '/v2/apps', [{ id: '/g/a', instances: 1 }], { steps: 1, kills: 2, before: 3, after: 1 }],
  ['PUT /v2/apps/{id}', '/v2/apps/g/a', { instances: 5 }, { steps: 1, kills: 0, before: 3, after: 5 }],
  ['PUT /v2/apps/{id}', '/v2/apps/g/a?restart=true', { labels: { a: 'b' } }, { restarted: ['/g/a'], kills: 3 }],
  ['PUT /v2/apps/{id}', '/v2/apps/g/a', { labels: { a: 'b' } }, { steps: 1, restarted: [], kills: 0 }],
  ['PATCH /v2/apps/{id}', '/v2/apps/g/a', { cmd: 'x' }, { restarted: ['/g/a'], kills: 3 }],
  ['DELETE /v2/apps/{id}', '/v2/apps/g/a', undefined, { removed: ['/g/a'], kills: 3, before: 3, after: 0 }],
  ['POST /v2/apps/{id}/restart', '/v2/apps/g/a/restart', undefined, { restarted: ['/g/a'], kills: 3 }],
  ['DELETE /v2/apps/{id}/tasks', '/v2/apps/g/a/tasks', undefined, { steps: 0, kills: 3, before: 3, after: 3 }],
  ['DELETE /v2/apps/{id}/tasks', '/v2/apps/g/a/tasks?scale=true', undefined, { steps: 1, kills: 3, after: 0 }],
  ['DELETE /v2/apps/{id}/tasks', '/v2/apps/g/a/tasks?wipe=true', undefined, { steps: 0, kills: 3 }],
  [
    'DELETE /v2/apps/{id}/tasks/{taskId}',
    '/v2/apps/g/a/tasks/{task}',
    undefined,
    { steps: 0, kills: 1, tasks: ['{task}'] },
  ],
  ['DELETE /v2/apps/{id}/tasks/{taskId}', '/v2/apps/g/a/tasks/{task}?scale=true', undefined, { kills: 1, after: 2 }],
  ['DELETE /v2/apps/{id}/tasks/{taskId}', '/v2/apps/g/a/tasks/none', undefined, 404],
  ['POST /v2/groups', '/v2/groups', { id: 'n', apps: [app('a')] }, { steps: 2, created: ['/n/a'], after: 1 }],
  ['PUT /v2/groups', '/v2/groups', { id: 'g', apps: [] }, 'steps'],
  ['DELETE /v2/groups', '/v2/groups?force=true', undefined, { removed: ['/g/a', '/big', '/stuck'], kills: 5 }],
  ['POST /v2/groups/{id}', '/v2/groups/g', { id: 'n', apps: [app('a')] }, { created: ['/g/n/a'] }],
  ['PUT /v2/groups/{id}', '/v2/groups/g', { scaleBy: 2 }, 'steps'],
  ['PUT /v2/groups/{id}', '/v2/groups/g?embed=plan', { scaleBy: 2 }, { steps: 1, before: 3, after: 6 }],
  ['PATCH /v2/groups/{id}', '/v2/groups/g', { enforceRole: true }, { steps: 0, kills: 0 }],
  ['DELETE /v2/groups/{id}', '/v2/groups/g', undefined, { removed: ['/g/a'], kills: 3 }],
  ['PUT /v2/groups/{id}/versions/{version}', '/v2/groups/g/versions/{root}', undefined, 'steps'],
  ['DELETE /v2/deployments/{deploymentId}', '/v2/deployments/{paused}', undefined, { removed: ['/stuck'], steps: 1 }],
  ['DELETE /v2/deployments/{deploymentId}', '/v2/deployments/{paused}?force=true', undefined, { steps: 0, kills: 0 }],
  ['DELETE /v2/deployments/{deploymentId}', '/v2/deployments/none', undefined, 404],
  [
    'POST /v2/deployments/{deploymentId}/continue',
    '/v2/deployments/{paused}/continue',
    undefined,
    { steps: 1, created: ['/stuck'], after: 1 },
  ],
  ['POST /v2/deployments/{deploymentId}/continue', '/v2/deployments/{running}/continue', undefined, 422],
  ['POST /v2/tasks/delete', '/v2/tasks/delete', { ids: ['{task}'] }, { kills: 1, tasks: ['{task}'] }],
  ['POST /v2/tasks/delete', '/v2/tasks/delete?scale=true', { ids: ['{task}'] }, { kills: 1, before: 3, after: 2 }],
  ['DELETE /v2/queue/{id}/delay', '/v2/queue/big/delay', undefined, { steps: 0, kills: 0, before: 1, after: 1 }],
  ['DELETE /v2/leader', '/v2/leader', undefined, 400],
  ['POST /v2/eventSubscriptions', '/v2/eventSubscriptions?callbackUrl=http://127.0.0.1:1/', undefined, 400],
  ['DELETE /v2/eventSubscriptions', '/v2/eventSubscriptions?callbackUrl=http://127.0.0.1:1/', undefined, 400],
  ['POST /v2/pods', '/v2/pods', { id: '/p' }, 422],
  ['POST /logging', '/logging', { level: 'debug', logger: 'ROOT' }, 400],
];

async function prepared(): Promise<LiveApi & { readonly fill: (text: string) => string }> {
  const settings = { endpoints: [], requestTimeoutMs: 1_000, slowMs: 1_000 };
  const callbacks = { poster: { post: () => {}, close: () => {} }, settings };
  const api = await liveApi({ hasCallbacks: true }, { callbacks });
  await api.ask('PUT', '/v2/groups/g', { apps: [app('a', { instances: 3 })] });
  await api.world.advance(10_000);
  const big = await api.ask('POST', '/v2/apps', app('/big', { cpus: 10_000 }));
  const stuck = await api.ask('POST', '/v2/apps?deadline=5&onFailure=pause', app('/stuck', { cpus: 10_000 }));
  await api.world.advance(10_000);
  const known: Readonly<Record<string, string>> = {
    running: big.json().deployments[0].id,
    paused: stuck.json().deployments[0].id,
    root: (await api.ask('GET', '/v2/groups/g/versions')).json()[0],
    task: api.world.tasksOf('/g/a')[0] ?? '',
  };
  return { ...api, fill: (text) => text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => known[name] ?? whole) };
}

const everythingOf = ({ world }: LiveApi): string =>
  JSON.stringify([
    world.store.records(),
    world.read.stateVersion(),
    world.mesos.callsOf('kill').length,
    world.events.length,
  ]);

describe('A dry run', () => {
  it.each(rows)('of %s at %s tells what it would do, and does nothing', async (_, path, body, plan) => {
    const api = await prepared();
    const { ask, world, fill } = api;
    const before = everythingOf(api);
    const filled: unknown = body === undefined ? undefined : JSON.parse(fill(JSON.stringify(body)));
    const url = fill(path);
    const method = _.split(' ', 1)[0] as 'GET';
    const answer = await ask(method, `${url}${url.includes('?') ? '&' : '?'}dryRun=true`, filled);
    expect(everythingOf(api)).toBe(before);
    expect(answer.headers['marathon-deployment-id']).toBeUndefined();
    if (typeof plan === 'number') {
      expect([answer.statusCode, typeof answer.json().message]).toEqual([plan, 'string']);
      return;
    }
    expect([answer.statusCode, answer.body.slice(0, 300)]).toEqual([200, expect.anything()]);
    const found = answer.json();
    if (plan === 'steps') {
      expect(Object.keys(found)).toEqual(['steps']);
      return;
    }
    const { capacity, steps } = found;
    const told: Required<Plan> = {
      ...found,
      steps: steps.length,
      before: capacity.before.instances,
      after: capacity.after.instances,
    };
    expect(told).toMatchObject(JSON.parse(fill(JSON.stringify(plan))));
    await world.advance(1_000);
    expect((await ask('GET', '/v2/leader')).statusCode).toBe(200);
  });

  it('has a row for every write there is', () => {
    const writes = operations.filter(({ method }) => method !== 'get');
    const named = new Set(rows.map(([operation]) => operation));
    expect(
      writes.map(({ method, path }) => `${method.toUpperCase()} ${path}`).filter((one) => !named.has(one)),
    ).toEqual([]);
  });

  it('is refused like the write itself: locked, unknown, wrong, unexpected', async () => {
    const { ask, fill } = await prepared();
    const stale = { 'if-match': '"2000-01-01T00:00:00.000Z"' };
    expect((await ask('PUT', '/v2/apps/big?dryRun=true', { instances: 2 })).statusCode).toBe(409);
    expect((await ask('DELETE', '/v2/apps/big?dryRun=true&force=false')).statusCode).toBe(409);
    expect((await ask('PUT', '/v2/groups/g?dryRun=true', { apps: [{ id: 'A' }] })).statusCode).toBe(422);
    expect((await ask('PUT', '/v2/apps/g/a?dryRun=true', { instances: 2 }, stale)).statusCode).toBe(412);
    expect((await ask('DELETE', '/v2/apps/g/a/tasks?dryRun=true&scale=true&wipe=true')).statusCode).toBe(400);
    expect((await ask('DELETE', fill('/v2/deployments/{paused}?dryRun=true&deadline=x'))).statusCode).toBe(400);
  });
});
