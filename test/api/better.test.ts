/** What the API offers beyond Marathon's. */
import { describe, expect, it } from 'vitest';
import { AgentBook } from '../../src/actors/agent-book.ts';
import { liveApi } from '../contract/support/live-api.ts';
import { fakeApp } from '../support/fake-front.ts';
import { testApi } from './support/api-server.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });

describe('If-Match', () => {
  it('lets a write go ahead only if its caller saw the present version', async () => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    await world.advance(10_000);
    const { version } = (await ask('GET', '/v2/apps/a')).json().app;
    const stale = { 'if-match': '"2000-01-01T00:00:00.000Z"' };
    for (const [method, body] of [
      ['PUT', { instances: 2 }],
      ['PATCH', { instances: 2 }],
      ['DELETE', undefined],
    ] as const) {
      const refused = await ask(method, '/v2/apps/a', body, stale);
      expect([refused.statusCode, refused.headers['etag']]).toEqual([412, `"${version}"`]);
      expect(refused.json().message).toBe(`'/a' is at version ${version} by now`);
    }
    expect((await ask('PUT', '/v2/apps/a', { instances: 2 }, { 'if-match': `"${version}"` })).statusCode).toBe(200);
    expect((await ask('PUT', '/v2/apps/a', { instances: 3 }, { 'if-match': `"${version}"` })).statusCode).toBe(412);
    expect((await ask('PUT', '/v2/apps/none', app('/none'), { 'if-match': '*' })).statusCode).toBe(412);
    expect((await ask('PUT', '/v2/apps/a', {}, { 'if-match': 'nonsense' })).statusCode).toBe(400);
    expect((await ask('PUT', '/v2/apps', [], { 'if-match': '*' })).statusCode).toBe(400);
  });
});

describe('dryRun', () => {
  it.each([
    ['POST', '/v2/apps', app('/new')],
    ['PUT', '/v2/apps', [app('/new'), app('/a', { cmd: 'other' })]],
    ['PATCH', '/v2/apps', [{ id: '/a', instances: 5 }]],
    ['PUT', '/v2/apps/a', { cmd: 'other' }],
    ['PATCH', '/v2/apps/a', { instances: 5 }],
    ['DELETE', '/v2/apps/a', undefined],
    ['POST', '/v2/apps/a/restart', undefined],
  ] as const)('of %s %s answers with the plan and changes nothing', async (method, url, body) => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 2 }));
    await world.advance(10_000);
    const before = world.store
      .records()
      .map(({ json }) => json)
      .join();
    const answer = await ask(method, `${url}?dryRun=true`, body);
    expect(answer.statusCode).toBe(200);
    expect(Object.keys(answer.json()).toSorted()).toEqual([
      'capacity',
      'created',
      'kills',
      'removed',
      'restarted',
      'steps',
      'version',
    ]);
    expect(answer.json().steps.length).toBeGreaterThan(0);
    expect(answer.headers['marathon-deployment-id']).toBeUndefined();
    expect(
      world.store
        .records()
        .map(({ json }) => json)
        .join(),
    ).toBe(before);
  });

  it('is refused like the write itself', async () => {
    const { ask } = await liveApi({}, { agents: 0 });
    await ask('POST', '/v2/apps', app('/a'));
    expect((await ask('PUT', '/v2/apps/a?dryRun=true', { instances: 2 })).statusCode).toBe(409);
    expect((await ask('DELETE', '/v2/apps/none?dryRun=true')).statusCode).toBe(404);
  });
});

describe('Idempotency-Key', () => {
  it('answers a repeated POST as before, without doing it again', async () => {
    const { ask, world } = await liveApi();
    const headers = { 'idempotency-key': 'k1' };
    const first = await ask('POST', '/v2/apps', app('/a'), headers);
    const second = await ask('POST', '/v2/apps', app('/a'), headers);
    expect([second.statusCode, second.body]).toEqual([201, first.body]);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.headers['marathon-deployment-id']).toBe(first.headers['marathon-deployment-id']);
    expect(world.eventsOf('api_post_event')).toHaveLength(1);
    await world.advance(10_000);
    const restarts = [await ask('POST', '/v2/apps/a/restart', undefined, { 'idempotency-key': 'k2' })];
    await world.advance(60_000);
    restarts.push(await ask('POST', '/v2/apps/a/restart', undefined, { 'idempotency-key': 'k2' }));
    expect(restarts[1]?.body).toBe(restarts[0]?.body);
  });

  it('is bound to one request, keeps no refusal, and has an end', async () => {
    const { ask, world } = await liveApi();
    const key = (name: string) => ({ 'idempotency-key': name });
    expect((await ask('POST', '/v2/apps', app('/a'), key('k'))).statusCode).toBe(201);
    expect((await ask('POST', '/v2/apps', app('/b'), key('k'))).statusCode).toBe(422);
    expect((await ask('POST', '/v2/apps', app('/a'), key('other'))).statusCode).toBe(409);
    await world.advance(10_000);
    await ask('DELETE', '/v2/apps/a');
    await world.advance(60_000);
    expect((await ask('POST', '/v2/apps', app('/a'), key('other'))).statusCode).toBe(201);
    expect((await ask('POST', '/v2/apps', app('/c'), key('x'.repeat(300)))).statusCode).toBe(400);
    await world.advance(25 * 60 * 60 * 1000);
    expect((await ask('POST', '/v2/apps', app('/b'), key('k'))).statusCode).toBe(201);
  });

  it('forgets the oldest of too many', async () => {
    const { server, front, metrics } = testApi();
    const post = (n: number) =>
      server.inject({
        method: 'POST',
        url: '/v2/apps',
        payload: app(`/a${n}`),
        headers: { 'idempotency-key': `k${n}` },
      });
    for (let n = 0; n < 1_005; n += 1) await post(n);
    const sent = front.changes.length;
    expect((await post(1_004)).headers['idempotency-replayed']).toBe('true');
    expect((await post(0)).headers['idempotency-replayed']).toBeUndefined();
    expect(front.changes.length).toBe(sent + 1);
    expect(metrics.renderJson()).toContain('"marathon.http.idempotency-keys.size.gauge":{"value":1000}');
  });
});

describe('Pages and fields', () => {
  it('give every app once, whatever comes and goes between', async () => {
    const { server, front } = testApi();
    for (let n = 0; n < 25; n += 1) front.addApp(fakeApp(`/a${String(n).padStart(2, '0')}`));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const url = `/v2/apps?limit=10${cursor === undefined ? '' : `&cursor=${cursor}`}`;
      const body = (await server.inject(url)).json();
      seen.push(...body.apps.map((one: { id: string }) => one.id));
      front.appMap.delete('/a00');
      front.addApp(fakeApp('/a005'));
      cursor = body.next;
    } while (cursor !== undefined);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
    expect(Object.keys((await server.inject('/v2/apps')).json())).toEqual(['apps']);
  });

  it('show what is asked for, and refuse what makes no sense', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    const [chosen] = (await server.inject('/v2/apps?fields=id,instances&fields=tasksRunning,nonsense')).json().apps;
    expect(Object.keys(chosen).toSorted()).toEqual(['id', 'instances', 'tasksRunning']);
    for (const query of ['limit=0', 'limit=x', 'limit=10001', 'cursor=nonsense']) {
      expect([query, (await server.inject(`/v2/apps?${query}`)).statusCode]).toEqual([query, 400]);
    }
  });
});

/** Lost tasks stay in sight for a while. */
const later = { inactiveAfterSeconds: 300, expungeAfterSeconds: 600 };

describe('Agents', () => {
  it('are shown with what is used and offered, their tasks and their state', async () => {
    const { ask, world } = await liveApi({}, { agents: 2 });
    await ask('POST', '/v2/apps', app('/a', { instances: 3, cpus: 0.5, unreachableStrategy: later }));
    await world.advance(10_000);
    const { agents } = (await ask('GET', '/v2/agents')).json();
    expect(agents.map((one: { id: string }) => one.id)).toEqual(['S0', 'S1']);
    expect(agents[0]).toMatchObject({ hostname: 'host0', state: 'active', attributes: [] });
    const used = agents.reduce(
      (sum: number, one: { resources: { used: { cpus: number } } }) => sum + one.resources.used.cpus,
      0,
    );
    expect(used).toBe(1.5);
    expect(agents.flatMap((one: { tasks: object[] }) => one.tasks)).toHaveLength(3);
    const busy = agents.find((one: { tasks: object[] }) => one.tasks.length > 0).id;
    world.mesos.partition(world.mesos.agents.find(({ id }) => id === busy) as never);
    await world.advance(2_000);
    expect((await ask('GET', `/v2/agents/${busy}`)).json().agent.state).toBe('unreachable');
    expect((await ask('GET', '/v2/agents/none')).statusCode).toBe(404);
  });

  it('tell of maintenance to come, and of maintenance that began', async () => {
    const { server, front, clock } = testApi();
    const offer = (start: number) =>
      ({
        id: { value: 'O1' },
        framework_id: { value: 'F1' },
        agent_id: { value: 'S1' },
        hostname: 'h1',
        resources: [
          { name: 'cpus', type: 'SCALAR', scalar: { value: 1.5 } },
          { name: 'cpus', type: 'SCALAR', scalar: { value: 0.7 } },
        ],
        attributes: [{ name: 'rack', type: 'TEXT', text: { value: 'r1' } }],
        domain: { fault_domain: { region: { name: 'r' }, zone: { name: 'z' } } },
        unavailability: { start: { nanoseconds: start * 1e6 }, duration: { nanoseconds: 60e9 } },
      }) as never;
    const seen = async (start: number) => {
      const book = new AgentBook();
      book.offered(offer(start), 1_000);
      front.placementView = { ...front.placementView, agents: () => book.agents() };
      front.version += 1;
      return (await server.inject('/v2/agents/S1')).json().agent;
    };
    expect(await seen(clock.now() + 60_000)).toMatchObject({
      state: 'active',
      region: 'r',
      zone: 'z',
      attributes: [{ name: 'rack', text: 'r1' }],
      resources: { offered: { cpus: 2.2 }, total: { cpus: 2.2 } },
      lastOfferAt: '1970-01-01T00:00:01.000Z',
      drain: { durationSeconds: 60 },
    });
    expect((await seen(clock.now() - 1)).state).toBe('draining');
  });
});
