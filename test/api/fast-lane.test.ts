/** Answers that are given again past the framework differ in nothing from those that it gives. */
import { setImmediate } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fakeApp, fakeInstance } from '../support/fake-front.ts';
import { ask, listeningApi, RawClient, type TestApi } from './support/api-server.ts';
import { haApi } from './support/followers.ts';

const counterOf = ({ metrics }: Pick<TestApi, 'metrics'>, name: string): number =>
  JSON.parse(metrics.renderJson()).counters[`marathon.${name}`]?.count ?? 0;

const laneCount = (api: Pick<TestApi, 'metrics'>): number => counterOf(api, 'http.answers.again.counter');

/** Headers of the connection, and the clock. */
const ofConnection = new Set(['date', 'connection', 'keep-alive']);

const filled = async (config: Parameters<typeof listeningApi>[0] = {}) => {
  const api = await listeningApi(config);
  for (let n = 0; n < 5; n += 1) {
    const app = fakeApp(`/g/a${n}`, { labels: { text: 'ü'.repeat(200) } });
    api.front.addApp(app, [fakeInstance(app, n)]);
  }
  return api;
};

const urls = [
  '/v2/apps',
  '/v2/apps/?id=a1',
  '/v2/apps//g/a1',
  '/v2/apps/g/a1/tasks',
  '/v2/apps/g/*',
  '/v2/tasks',
  '/v2/groups',
  '/v2/groups/g/apps',
  '/v2/deployments',
];
const requests: readonly Record<string, string>[] = [
  {},
  { accept: 'application/json' },
  { accept: '*/*', 'accept-encoding': 'gzip, deflate, br' },
  { 'accept-encoding': 'br' },
  { 'accept-encoding': 'identity' },
  { 'if-none-match': '"other"' },
  { origin: 'http://elsewhere', 'access-control-request-headers': 'x-one' },
];

describe('the fast lane', () => {
  it.each([{}, { corsOrigins: ['http://elsewhere', 'http://there'] }, { compression: false }])(
    'answers as the framework does, with %j',
    async (config) => {
      const api = await filled(config);
      for (const path of urls) {
        for (const headers of requests) {
          for (const method of ['GET', 'HEAD'] as const) {
            // Nothing is known at this version yet: the first answer is the framework's.
            api.front.version += 1;
            const before = laneCount(api);
            const told = await ask(api.port, { method, path, headers });
            expect(laneCount(api)).toBe(before);
            const again = await ask(api.port, { method, path, headers });
            expect([path, headers, laneCount(api) - before]).toEqual([path, headers, 1]);
            expect(again.status).toBe(told.status);
            const [ours, theirs] = [again.headers, told.headers].map((all) =>
              Object.entries(all).filter(([name]) => !ofConnection.has(name)),
            );
            expect(ours).toEqual(theirs);
            expect(again.body).toBe(told.body);
          }
        }
        const { etag = '' } = (await ask(api.port, { path })).headers;
        const unchanged = await ask(api.port, { path, headers: { 'if-none-match': etag } });
        const told = await api.server.inject({ url: path, headers: { 'if-none-match': etag } });
        expect([unchanged.status, unchanged.body, told.statusCode]).toEqual([304, '', 304]);
        expect(Object.keys(unchanged.headers).filter((name) => !ofConnection.has(name))).toEqual(
          Object.keys(told.headers).filter((name) => !ofConnection.has(name)),
        );
      }
    },
  );

  it('shows a change at once, and compressed bodies are the plain ones', async () => {
    const api = await filled();
    const plain = (await ask(api.port, { path: '/v2/apps' })).body;
    const packed = { gzip: gunzipSync, br: brotliDecompressSync };
    for (const [encoding, open] of Object.entries(packed)) {
      for (let i = 0; i < 2; i += 1) {
        const answer = await fetchBytes(api.port, '/v2/apps', encoding);
        expect(open(answer).toString()).toBe(plain);
      }
    }
    api.front.addApp(fakeApp('/g/new'));
    expect((await ask(api.port, { path: '/v2/apps' })).body).toContain('/g/new');
    api.front.refuses = undefined;
    api.front.appMap.delete('/g/new');
    api.front.changed({ type: 'app', id: '/g/new', before: fakeApp('/g/new') });
    expect((await ask(api.port, { path: '/v2/apps' })).body).toBe(plain);
    expect((await ask(api.port, { path: '/v2/apps/g/new' })).status).toBe(404);
  });

  it('leaves to the framework what must be refused, or depends on more than the URL', async () => {
    const api = await filled({ credentials: { user: 'u', password: 'p' } });
    const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
    const text = { authorization, accept: 'text/plain' };
    for (let i = 0; i < 2; i += 1)
      expect((await ask(api.port, { path: '/v2/tasks', headers: { authorization } })).status).toBe(200);
    expect(laneCount(api)).toBe(1);
    expect((await ask(api.port, { path: '/v2/tasks' })).status).toBe(401);
    expect((await ask(api.port, { path: '/v2/tasks', headers: { authorization: 'Basic eDp5' } })).status).toBe(401);
    const lines = await ask(api.port, { path: '/v2/tasks', headers: text });
    expect(lines.headers['content-type']).toContain('text/plain');
    const post = await ask(api.port, { method: 'POST', path: '/v2/tasks', headers: { authorization } });
    expect(post.status).toBe(405);
    const body = await ask(api.port, {
      path: '/v2/tasks',
      headers: { authorization, 'content-length': '2' },
      body: '{}',
    });
    expect(body.status).toBe(200);
    for (const path of ['/v2/apps?embed=apps.taskStats', '/v2/apps?since=', '/v2/info', '/v2/queue']) {
      for (let i = 0; i < 2; i += 1)
        expect((await ask(api.port, { path, headers: { authorization } })).status).toBe(200);
    }
    expect(laneCount(api)).toBe(1);
  });

  it('is closed to a server that does not lead', async () => {
    const api = await haApi();
    api.lead();
    for (let i = 0; i < 2; i += 1) expect((await ask(api.port, { path: '/v2/apps' })).status).toBe(200);
    expect(laneCount(api)).toBe(1);
    api.follow();
    expect((await ask(api.port, { path: '/v2/apps' })).status).toBe(503);
    api.lead();
    expect((await ask(api.port, { path: '/v2/apps' })).status).toBe(200);
    expect(laneCount(api)).toBe(2);
  });

  it('is counted, timed and logged like any other request', async () => {
    const api = await filled();
    await ask(api.port, { path: '/v2/apps?embed=apps.counts' });
    const seen = () => {
      const { counters, meters, timers, gauges } = JSON.parse(api.metrics.renderJson());
      return [
        counters['marathon.http.responses.size.counter.bytes'].count,
        meters['marathon.http.responses.2xx.rate.meter'].count,
        timers['marathon.http.requests.duration.timer.seconds'].count,
        timers['marathon.http.requests.get.duration.timer.seconds'].count,
        gauges['marathon.http.requests.active.gauge'].value,
      ];
    };
    const logged = () => api.lines.filter(({ event }) => event === 'http.request');
    while (logged().length < 1) await setImmediate();
    const [bytes, ...counts] = seen();
    expect(counts).toEqual([1, 1, 1, 0]);
    await ask(api.port, { path: '/v2/apps?embed=apps.counts' });
    while (logged().length < 2) await setImmediate();
    expect(laneCount(api)).toBe(1);
    expect(seen()).toEqual([2 * bytes, 2, 2, 2, 0]);
    const [first, second] = logged();
    expect(second).toEqual(first);
    expect(second?.fields).toMatchObject({ method: 'GET', path: '/v2/apps', status: 200 });
  });

  it('keeps a connection alive, and answers what was pipelined in its order', async () => {
    const api = await filled();
    await ask(api.port, { path: '/v2/deployments' });
    const one = 'GET /v2/deployments HTTP/1.1\r\nHost: x\r\n\r\n';
    const client = new RawClient(
      api.port,
      `${one}GET /v2/info HTTP/1.1\r\nHost: x\r\n\r\n${one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`,
    );
    await client.until(({ closed }) => closed);
    expect(client.text.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(client.text.indexOf('"frameworkId"')).toBeGreaterThan(client.text.indexOf('[]'));
    expect(client.text.endsWith('[]')).toBe(true);
    expect(laneCount(api)).toBe(2);
  });
});

/** The body as it came. */
async function fetchBytes(port: number, path: string, encoding: string): Promise<Buffer> {
  const client = new RawClient(
    port,
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\nConnection: close\r\n\r\n`,
  );
  await client.until(({ closed }) => closed);
  expect(client.text).toContain(`Content-Encoding: ${encoding}\r\n`);
  return Buffer.from(client.text.slice(client.text.indexOf('\r\n\r\n') + 4), 'latin1');
}
