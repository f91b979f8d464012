/** `/v2/live` over real sockets, on a fake front. */
import { describe, expect, it } from 'vitest';
import { maxRemembered } from '../../../src/api/stream/live/selection.ts';
import { maxPartSize, patchPauseMs } from '../../../src/api/stream/live/state-feed.ts';
import type { EventType, LoggedEvent } from '../../../src/core/events.ts';
import { fakeApp, fakeInstance } from '../../support/fake-front.ts';
import { listeningApi, type TestApi } from '../support/api-server.ts';
import { type Client, type Frame, open } from './live-client.ts';

type Api = TestApi & { readonly port: number };

function event(n: number, more: object = {}, eventType: EventType = 'app_terminated_event'): LoggedEvent {
  return { id: `1.${n}`, type: eventType, json: JSON.stringify({ eventType, n, ...more }) };
}

function addApp(api: Api, id: string, labels = {}, instances = 1): void {
  const app = fakeApp(id, { labels });
  const before = api.front.appMap.get(id);
  const list = Array.from({ length: instances }, (_, n) => fakeInstance(app, n));
  api.front.addApp(app, list);
  api.front.changed({ type: 'app', id, before });
  for (const instance of list) api.front.changed({ type: 'instance', id: instance.id, appId: id });
}

function removeApp(api: Api, id: string): void {
  const before = api.front.appMap.get(id);
  api.front.appMap.delete(id);
  api.front.changed({ type: 'app', id, before });
  for (const instance of [...api.front.instanceMap.values()]) {
    if (instance.appId !== id) continue;
    api.front.instanceMap.delete(instance.id);
    api.front.changed({ type: 'instance', id: instance.id, appId: id });
  }
}

/** Lets a pause between two patches pass. */
const pass = (api: Api): void => api.clock.advance(patchPauseMs);

describe('/v2/live: events', () => {
  it('come with their ids, filtered by type, and end with the subscription', async () => {
    const api = await listeningApi();
    const client = await open(api.port);
    await client.subscribe({ sub: 'all', stream: 'events' });
    await client.subscribe({ sub: 'some', stream: 'events', types: ['deployment_success'] });
    api.front.deliver(event(1), event(2, {}, 'deployment_success'));
    await client.until(() => client.events('some').length === 1 && client.events('all').length === 2);
    expect(client.events('all')).toEqual([1, 2]);
    expect(client.frames.at(-1)).toEqual({
      op: 'event',
      sub: 'some',
      id: '1.2',
      event: { eventType: 'deployment_success', n: 2 },
    });
    client.say({ op: 'unsubscribe', sub: 'all' });
    await client.frame('unsubscribed', 'all');
    api.front.deliver(event(3, {}, 'deployment_success'));
    await client.until(() => client.events('some').length === 2);
    expect(client.events('all')).toEqual([1, 2]);
    expect(api.front.published).toEqual([]);
  });

  it('are selected by the path and the labels of the apps that they are about, removed ones included', async () => {
    const api = await listeningApi();
    addApp(api, '/prod/web', { tier: 'front' });
    addApp(api, '/prod/db', { tier: 'back' });
    addApp(api, '/production', { tier: 'front' });
    const client = await open(api.port);
    await client.subscribe({ sub: 'prod', stream: 'events', prefix: '/prod' });
    await client.subscribe({ sub: 'front', stream: 'events', label: 'tier==front' });
    await client.subscribe({ sub: 'both', stream: 'events', prefix: '/prod', label: 'tier==front' });
    const plan = { id: 'd', steps: [{ actions: [{ action: 'ScaleApplication', app: '/prod/db' }] }] };
    removeApp(api, '/prod/web');
    api.front.deliver(
      event(1, { appId: '/prod/web' }),
      event(2, { runSpecId: '/prod/db' }),
      event(3, { plan }),
      event(4, { appId: '/production' }),
      event(5, { appDefinition: { id: '/prod/web' } }),
      event(6, { master: 'm' }),
      event(7, { appId: '/prod/unknown' }),
    );
    await client.until(() => client.events('prod').length === 5 && client.events('front').length === 3);
    expect(client.events('prod')).toEqual([1, 2, 3, 5, 7]);
    expect(client.events('front')).toEqual([1, 4, 5]);
    expect(client.events('both')).toEqual([1, 5]);
    expect(maxRemembered).toBeGreaterThan(1_000);
    const { gauges } = JSON.parse(api.metrics.renderJson());
    expect(gauges).toMatchObject({ 'marathon.http.live.removed-apps.gauge': { value: 1 } });
  });

  it('resume after an id, with a gap frame for what is gone', async () => {
    const api = await listeningApi();
    for (let n = 300; n <= 600; n += 1) api.front.log.set(n, { type: 'app_terminated_event', json: event(n).json });
    api.front.begin({ generation: '1', next: 601 });
    const client = await open(api.port);
    await client.subscribe({ sub: 'a', stream: 'events', since: '1.590' });
    await client.subscribe({ sub: 'b', stream: 'events', since: '1.7' });
    await client.subscribe({ sub: 'c', stream: 'events', since: 'old.7' });
    api.front.deliver(event(601));
    await client.until(() => client.events('a').length === 11 && client.events('b').length === 302);
    await client.until(() => client.events('c').length === 1);
    expect(client.events('a')).toEqual(Array.from({ length: 11 }, (_, i) => 591 + i));
    expect(client.events('b')).toEqual(Array.from({ length: 302 }, (_, i) => 300 + i));
    const gaps = client.frames
      .filter(({ op }) => op === 'gap')
      .sort((a, b) => ((a.sub ?? '') < (b.sub ?? '') ? -1 : 1));
    expect(gaps).toMatchObject([
      { sub: 'b', from: '1.8', to: '1.299', reason: 'expired' },
      { sub: 'c', from: 'old.8', to: '1.600', reason: 'replaced' },
    ]);
  });
});

describe('/v2/live: state', () => {
  it('begins with a snapshot and goes on with what changed', async () => {
    const api = await listeningApi();
    addApp(api, '/web', {}, 2);
    const client = await open(api.port);
    await client.subscribe({ sub: 's', stream: 'state' });
    const snapshot = await client.frame('snapshot', 's');
    expect(snapshot).toMatchObject({ id: '1.0', part: 0, last: true });
    expect(snapshot.objects?.map(({ topic, id }) => `${topic} ${id}`)).toEqual([
      'apps /web',
      'tasks web.instance-00000000-0000-11ea-8a7e-000000000000',
      'tasks web.instance-00000000-0000-11ea-8a7e-000000000001',
    ]);
    expect(snapshot.objects?.[0]?.value).toMatchObject({ id: '/web', tasksRunning: 2, deployments: [] });
    expect(snapshot.objects?.[1]?.value).toMatchObject([{ appId: '/web', state: 'TASK_RUNNING' }]);
    addApp(api, '/new');
    pass(api);
    await client.until(() => client.state('s').has('apps /new'));
    removeApp(api, '/web');
    pass(api);
    await client.until(() => !client.state('s').has('apps /web'));
    expect([...client.state('s').keys()].sort()).toEqual([
      'apps /new',
      'tasks new.instance-00000000-0000-11ea-8a7e-000000000000',
    ]);
  });

  it('merges to five a second for each object, and sends the last state', async () => {
    const api = await listeningApi();
    addApp(api, '/web');
    const client = await open(api.port);
    await client.subscribe({ sub: 's', stream: 'state', topics: ['apps'] });
    await client.frame('snapshot', 's');
    pass(api);
    await client.until(() => true);
    const patches = (): readonly Frame[] => client.frames.filter(({ op }) => op === 'patch');
    const before = patches().length;
    for (let i = 0; i <= 1_000; i += 1) {
      addApp(api, '/web', { count: String(i) });
      api.clock.advance(1);
    }
    pass(api);
    await client.until(() => JSON.stringify(client.state('s').get('apps /web')).includes('"count":"1000"'));
    expect(patches().length - before).toBeGreaterThanOrEqual(5);
    expect(patches().length - before).toBeLessThanOrEqual(7);
  });

  it('shows only what is selected, and removes what ceases to be', async () => {
    const api = await listeningApi();
    addApp(api, '/prod/web', { tier: 'front' });
    addApp(api, '/prod/db', { tier: 'back' });
    addApp(api, '/test/web', { tier: 'front' });
    const client = await open(api.port);
    await client.subscribe({
      sub: 's',
      stream: 'state',
      topics: ['apps', 'tasks'],
      prefix: '/prod',
      label: 'tier==front',
    });
    await client.frame('snapshot', 's');
    const names = (): readonly string[] =>
      [...client.state('s').keys()].map((name) => name.replace(/\.instance.*/, '')).sort();
    expect(names()).toEqual(['apps /prod/web', 'tasks prod_web']);
    // The label comes, and goes, without anything happening to the tasks.
    const db = fakeApp('/prod/db', { labels: { tier: 'front' } });
    api.front.addApp(db);
    api.front.changed({ type: 'app', id: db.id, before: undefined });
    pass(api);
    await client.until(() => names().length === 4);
    expect(names()).toEqual(['apps /prod/db', 'apps /prod/web', 'tasks prod_db', 'tasks prod_web']);
    const web = fakeApp('/prod/web', { labels: {} });
    api.front.addApp(web);
    api.front.changed({ type: 'app', id: web.id, before: undefined });
    pass(api);
    await client.until(() => names().length === 2);
    expect(names()).toEqual(['apps /prod/db', 'tasks prod_db']);
    const sent = client.frames.length;
    addApp(api, '/test/web', { tier: 'front', n: '2' });
    pass(api);
    client.say({ op: 'ping' });
    await client.frame('pong');
    expect(client.frames.slice(sent).map(({ op }) => op)).toEqual(['pong']);
  });

  it('comes in parts if it is large, while changes go on, and ends up right; compressed if the client agrees', async () => {
    const api = await listeningApi();
    const pad = 'x'.repeat(2_000);
    for (let i = 0; i < 500; i += 1) addApp(api, `/app-${i}`, { pad, v: '0' });
    const [plain, packed] = [await open(api.port, { perMessageDeflate: false }), await open(api.port)];
    expect([plain.socket.extensions, packed.socket.extensions]).toEqual(['', 'permessage-deflate']);
    for (const client of [plain, packed]) client.say({ op: 'subscribe', sub: 's', stream: 'state', topics: ['apps'] });
    for (const client of [plain, packed]) await client.frame('snapshot', 's');
    for (let i = 0; i < 500; i += 7) addApp(api, `/app-${i}`, { pad, v: '1' });
    for (let i = 3; i < 500; i += 50) removeApp(api, `/app-${i}`);
    pass(api);
    const isDone = (client: Client): boolean =>
      client.frames.some(({ op, last }) => op === 'snapshot' && last === true) &&
      [...api.front.appMap.values()].every(
        (app) => JSON.stringify(client.state('s').get(`apps ${app.id}`))?.includes(`"v":"${app.labels['v']}"`) ?? false,
      );
    for (const client of [plain, packed]) {
      await client.until(() => isDone(client) && client.state('s').size === 490);
      expect(client.frames.filter(({ op }) => op === 'snapshot').length).toBeGreaterThan(5);
    }
    expect(500 * pad.length).toBeGreaterThan(5 * maxPartSize);
    const bytes = (client: Client): number =>
      (client.socket as unknown as { _socket: { bytesRead: number } })._socket.bytesRead;
    expect(bytes(packed)).toBeLessThan(bytes(plain) / 5);
  });

  it('begins anew when the state was loaded anew, once this server leads again', async () => {
    const api = await listeningApi();
    addApp(api, '/old');
    const client = await open(api.port);
    await client.subscribe({ sub: 's', stream: 'state', topics: ['apps'] });
    await client.frame('snapshot', 's');
    api.front.clusterView = { ...api.front.clusterView, elected: false };
    api.front.appMap.clear();
    api.front.changed({ type: 'everything' });
    pass(api);
    client.say({ op: 'ping' });
    await client.frame('pong');
    expect([...client.state('s').keys()]).toEqual(['apps /old']);
    addApp(api, '/young');
    api.front.clusterView = { ...api.front.clusterView, elected: true };
    pass(api);
    await client.until(() => client.state('s').has('apps /young'));
    expect([...client.state('s').keys()]).toEqual(['apps /young']);
  });

  it('gives a client that does not read a new snapshot instead of what it missed', async () => {
    const api = await listeningApi();
    addApp(api, '/web');
    const client = await open(api.port, { perMessageDeflate: false });
    await client.subscribe({ sub: 's', stream: 'state', topics: ['apps'] });
    await client.frame('snapshot', 's');
    client.socket.pause();
    const pad = 'x'.repeat(100_000);
    for (let i = 0; i < 200; i += 1) {
      addApp(api, '/web', { pad, i: String(i) });
      pass(api);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await api.metrics.renderPrometheus()).toContain('marathon_http_live_fell_behind_counter 1\n');
    client.socket.resume();
    await client.until(() => JSON.stringify(client.state('s').get('apps /web')).includes('"i":"199"'));
    expect(client.frames.filter(({ op }) => op === 'snapshot').length).toBeGreaterThanOrEqual(2);
    expect(client.frames.length).toBeLessThan(200);
  });
});
