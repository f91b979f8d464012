/** `Idempotency-Key` when answers get lost: with another leader, before the first answer is there, and for every POST that deploys. */
import { describe, expect, it } from 'vitest';
import { maxRequestKeyAgeMs, maxRequestKeys, RequestKeys } from '../../src/core/request-keys.ts';
import { apiOn, liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });
const key = (name: string) => ({ 'idempotency-key': name });
const member = (headers: object) => (headers as Record<string, unknown>)['idempotency-replayed'];

/** A group with an app of three that runs, and a deployment that its deadline has paused. */
async function prepared() {
  const api = await liveApi();
  await api.ask('PUT', '/v2/groups/g', { apps: [app('a', { instances: 3 })] });
  await api.world.advance(10_000);
  const stuck = await api.ask('POST', '/v2/apps?deadline=5&onFailure=pause', app('/stuck', { cpus: 10_000 }));
  await api.world.advance(10_000);
  const known: Readonly<Record<string, string>> = {
    paused: stuck.json().deployments[0].id,
    task: api.world.tasksOf('/g/a')[0] ?? '',
  };
  const fill = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => known[name] ?? whole);
  return { ...api, fill };
}

const posts: readonly (readonly [string, unknown])[] = [
  ['/v2/apps', app('/new')],
  ['/v2/groups', { id: 'other', apps: [app('a')] }],
  ['/v2/groups/g', { id: 'inner', apps: [app('b')] }],
  ['/v2/apps/g/a/restart', undefined],
  ['/v2/tasks/delete?scale=true', { ids: ['{task}'] }],
  ['/v2/deployments/{paused}/continue', undefined],
];

describe('A POST with a key that is sent again', () => {
  it.each(posts)(
    'to %s is answered by the next leader as by the first, and not carried out again',
    async (path, body) => {
      const { ask, world, fill } = await prepared();
      const filled: unknown = body === undefined ? undefined : JSON.parse(fill(JSON.stringify(body)));
      const first = await ask('POST', fill(path), filled, key('k'));
      expect([first.statusCode, first.body.slice(0, 300)]).toEqual([
        expect.toSatisfy((s: number) => s < 300),
        expect.anything(),
      ]);
      await world.advance(1_000);
      await world.restart();
      const next = await apiOn(world);
      await world.advance(30_000);
      const before = [world.stored('deployment').length, world.stored('appVersion').length, world.tasksOf('/g/a')];
      const second = await next.ask('POST', fill(path), filled, key('k'));
      expect([second.statusCode, second.body]).toEqual([first.statusCode, first.body]);
      expect(second.headers['location']).toBe(first.headers['location']);
      expect(second.headers['marathon-deployment-id']).toBe(first.headers['marathon-deployment-id']);
      expect([member(first.headers), member(second.headers)]).toEqual([undefined, 'true']);
      await world.advance(30_000);
      const after = [world.stored('deployment').length, world.stored('appVersion').length, world.tasksOf('/g/a')];
      expect(after).toEqual(before);
      const other = await next.ask('POST', '/v2/apps', app('/different'), key('k'));
      expect([other.statusCode, other.json().message]).toEqual([
        422,
        'This Idempotency-Key was used for another request',
      ]);
      world.expectSane();
    },
  );

  it('before the first one is durable waits for it, wherever the process dies', async () => {
    let points = 0;
    for (let crashAt = 1; crashAt < 20; crashAt += 1) {
      const { ask, world } = await liveApi();
      let steps = 0;
      world.onStep = () => ++steps < crashAt;
      void ask('POST', '/v2/apps', app('/a'), key('k')).catch(() => {});
      for (let i = 0; i < 20 && !world.isCrashed; i += 1) await world.advance(100);
      if (!world.isCrashed) break;
      points += 1;
      await world.restart();
      const next = await apiOn(world);
      const answer = await next.ask('POST', '/v2/apps', app('/a'), key('k'));
      expect([crashAt, answer.statusCode, answer.json().id]).toEqual([crashAt, 201, '/a']);
      await world.advance(20_000);
      expect([crashAt, world.tasksOf('/a').length]).toEqual([crashAt, 1]);
      expect(world.stored('appVersion')).toHaveLength(1);
    }
    expect(points).toBeGreaterThan(2);
  });

  it('while the first one is under way is told so', async () => {
    const { world, ask } = await liveApi();
    const both = [ask('POST', '/v2/apps', app('/a'), key('k')), ask('POST', '/v2/apps', app('/a'), key('k'))];
    const statuses = (await Promise.all(both)).map(({ statusCode }) => statusCode).toSorted();
    expect(statuses).toEqual([201, 409]);
    expect(world.eventsOf('api_post_event')).toHaveLength(1);
  });

  it('may have been a dry run before, which takes no key', async () => {
    const { ask } = await liveApi();
    expect((await ask('POST', '/v2/apps?dryRun=true', app('/a'), key('k'))).statusCode).toBe(200);
    expect((await ask('POST', '/v2/apps?dryRun=true', app('/b'), key('k'))).statusCode).toBe(200);
    expect((await ask('POST', '/v2/apps', app('/a'), key('k'))).statusCode).toBe(201);
  });

  it('leaves a refused one free to be corrected, and stores nothing without a key', async () => {
    const { ask, world } = await liveApi();
    expect((await ask('POST', '/v2/apps', app('/a', { instances: -1 }), key('k'))).statusCode).toBe(422);
    expect((await ask('POST', '/v2/apps', app('/b'))).statusCode).toBe(201);
    const stored = () => world.stored('meta').filter(({ key: name }) => name.startsWith('request-key/'));
    expect(stored()).toEqual([]);
    expect((await ask('POST', '/v2/apps', app('/a'), key('k'))).statusCode).toBe(201);
    expect(stored()).toHaveLength(1);
  });
});

describe('The stored keys', () => {
  const result = (name: string, atMs: number) => ({
    key: name,
    fingerprint: 'f',
    atMs,
    version: '2020-01-01T00:00:00.000Z',
    deploymentId: 'd' as never,
  });

  it('are bounded by number and age, and say which records go', () => {
    const keys = new RequestKeys();
    for (let i = 0; i < maxRequestKeys; i += 1) expect(keys.add(result(`k${i}`, i))).toHaveLength(1);
    expect(keys.add(result('one more', maxRequestKeys)).map((r) => [r.key, r.value === undefined])).toEqual([
      ['request-key/k0', true],
      ['request-key/one more', false],
    ]);
    expect(keys.size).toBe(maxRequestKeys);
    expect(keys.find({ key: 'k0', fingerprint: 'f' }, 1_000)).toEqual({ ok: true, value: undefined });
    expect(keys.find({ key: 'k1', fingerprint: 'f' }, 1_000)).toMatchObject({ ok: true, value: { key: 'k1' } });
    expect(keys.find({ key: 'k1', fingerprint: 'g' }, 1_000).ok).toBe(false);
    expect(keys.find({ key: 'k1', fingerprint: 'g' }, maxRequestKeyAgeMs + 1)).toEqual({ ok: true, value: undefined });
    const late = keys.add(result('late', 2 * maxRequestKeyAgeMs));
    expect([late.length, keys.size]).toEqual([maxRequestKeys + 1, 1]);
  });

  it('are taken up in the order of their time', () => {
    const keys = new RequestKeys([result('b', 2), result('a', 1)]);
    const gone = keys.add(result('c', maxRequestKeyAgeMs + 1));
    expect(gone.map((r) => r.key)).toEqual(['request-key/a', 'request-key/c']);
  });
});
