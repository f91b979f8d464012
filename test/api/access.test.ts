import { Agent, request as httpsRequest } from 'node:https';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { basicAuthenticator, parseCredentials } from '../../src/api/auth.ts';
import { listen } from '../../src/api/listen.ts';
import { fakeApp } from '../support/fake-front.ts';
import { ask, listeningApi, testApi } from './support/api-server.ts';

const credentials = { user: 'ann', password: 'se:cret' };
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('basic authentication', () => {
  it('splits at the first colon and wants both parts', () => {
    expect(parseCredentials('ann:se:cret')).toEqual(credentials);
    for (const text of ['', 'ann', ':x', 'ann:', ':']) expect(parseCredentials(text)).toBeUndefined();
  });

  it.each([
    [basic('ann:se:cret'), true],
    [basic('ann:se:cret').replace('Basic', 'bAsIc'), true],
    [basic('ann:wrong'), false],
    [basic('ann'), false],
    ['Basic', false],
    ['Basic %%%', false],
    ['Bearer x', false],
    ['token=abc', false],
    [undefined, false],
  ])('judges %s', (header, isAuthentic) => {
    expect(basicAuthenticator(credentials)(header)).toBe(isAuthentic);
  });

  // deviation(missing): authentication by plugins
  //   here: basic authentication, one user (`--http_credentials`)
  //   instead: a proxy in front
  it.each(['/ping', '/metrics', '/v2/apps', '/v2/events', '/', '/ui/', '/v2/nope'])('covers %s', async (path) => {
    const { port } = await listeningApi({ credentials, realm: 'Mine' });
    const answer = await ask(port, { path });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Basic realm="Mine"']);
    expect(JSON.parse(answer.body)).toEqual({ message: 'Invalid username or password.' });
    if (path === '/v2/events') return;
    expect((await ask(port, { path, headers: { authorization: basic('ann:se:cret') } })).status).not.toBe(401);
  });

  it('covers writes with bodies and WebSocket upgrades', async () => {
    const { port, front } = await listeningApi({ credentials });
    const write = await ask(port, { method: 'POST', path: '/v2/apps', body: '{"id":"/x","cmd":"y"}' });
    expect([write.status, front.changes.length]).toEqual([401, 0]);
    const opened = (options: object): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/v2/events`, options);
        socket.once('open', () => {
          resolve('open');
          socket.close();
        });
        socket.once('error', (error) => resolve(error.message));
      });
    expect(await opened({})).toContain('401');
    expect(await opened({ headers: { authorization: basic('ann:se:cret') } })).toBe('open');
  });
});

describe('listen', () => {
  it('serves HTTP and HTTPS from one set of routes', async () => {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const { server } = testApi();
    const at = { host: '127.0.0.1', port: 0 };
    const tls = { cert: pems.cert, key: pems.private };
    const listening = await listen(server, { http: at, https: at, tls });
    if (!listening.ok) throw new Error(listening.error.message);
    const { httpPort = 0, httpsPort = 0, close } = listening.value;
    onTestFinished(close);
    expect((await ask(httpPort, { path: '/ping' })).body).toBe('pong');
    const secure = await new Promise<string>((resolve, reject) => {
      const agent = new Agent({ rejectUnauthorized: false });
      httpsRequest({ host: '127.0.0.1', port: httpsPort, path: '/v2/apps', agent }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
    expect(secure).toBe('{"apps":[]}');
    const socket = new WebSocket(`wss://127.0.0.1:${httpsPort}/v2/events`, { rejectUnauthorized: false });
    const first = await new Promise((resolve, reject) => {
      socket.once('message', (data) => resolve(JSON.parse(String(data)).eventType));
      socket.once('error', reject);
    });
    expect(first).toBe('event_stream_attached');
    socket.terminate();
  });

  it('tells in one line that a port is taken, for either protocol', async () => {
    const { port } = await listeningApi();
    const at = { host: '127.0.0.1', port };
    const http = await listen(testApi().server, { http: at });
    expect(http).toEqual({
      ok: false,
      error: { code: 'portTaken', message: `Port ${port} on 127.0.0.1 is already in use` },
    });
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const tls = { cert: pems.cert, key: pems.private };
    const https = await listen(testApi().server, { http: { host: '127.0.0.1', port: 0 }, https: at, tls });
    expect(https).toMatchObject({ ok: false, error: { code: 'portTaken' } });
  });

  it('tells what is wrong with an address or a certificate', async () => {
    const away = await listen(testApi().server, { http: { host: '203.0.113.1', port: 0 } });
    expect(away).toMatchObject({ ok: false, error: { code: 'addressUnusable' } });
    const at = { host: '127.0.0.1', port: 0 };
    const none = await listen(testApi().server, { https: at });
    expect(none).toMatchObject({ ok: false, error: { code: 'tlsUnusable' } });
    const bad = await listen(testApi().server, { https: at, tls: { cert: 'x', key: 'y' } });
    expect(bad).toMatchObject({
      ok: false,
      error: { code: 'tlsUnusable', message: expect.not.stringContaining('\n') },
    });
  });
});

describe('cached answers', () => {
  const paths = ['/v2/apps', '/v2/apps?embed=apps.tasks', '/v2/apps/web', '/v2/tasks', '/v2/deployments', '/v2/queue'];

  it.each(paths)('cost nothing to a reader that has them (%s)', async (url) => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    const first = await server.inject(url);
    const etag = String(first.headers.etag);
    const again = await server.inject({ url, headers: { 'if-none-match': `"x", ${etag}` } });
    expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    front.version += 1;
    const changed = await server.inject({ url, headers: { 'if-none-match': etag } });
    expect(changed.statusCode).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
  });

  it('are not taken for those of another process', async () => {
    const [one, two] = [testApi(), testApi()];
    const etag = String((await one.server.inject('/v2/apps')).headers.etag);
    const answer = await two.server.inject({ url: '/v2/apps', headers: { 'if-none-match': etag } });
    expect(answer.statusCode).toBe(200);
  });

  it('show a write at once', async () => {
    const { server, front } = testApi();
    await server.inject('/v2/apps');
    front.addApp(fakeApp('/new'));
    expect((await server.inject('/v2/apps')).json().apps).toHaveLength(1);
  });

  it.each([
    ['gzip', true],
    ['gzip, deflate, br', true],
    ['*', true],
    ['gzip;q=0', false],
    ['identity', false],
  ])('come compressed to those who take it (%s)', async (encoding, isCompressed) => {
    const { server, front } = testApi();
    for (let n = 0; n < 50; n += 1) front.addApp(fakeApp(`/web-${n}`));
    const plain = await server.inject('/v2/apps');
    const answer = await server.inject({ url: '/v2/apps', headers: { 'accept-encoding': encoding } });
    expect(answer.headers['content-encoding']).toBe(isCompressed ? 'gzip' : undefined);
    const bytes = isCompressed ? gunzipSync(answer.rawPayload) : answer.rawPayload;
    expect(bytes.toString()).toBe(plain.body);
  });

  it('come as brotli to readers that take nothing else, small and large', async () => {
    const headers = { 'accept-encoding': 'br' };
    for (const size of [100_000, 6 * 1024 * 1024]) {
      const { server, front } = testApi();
      front.addApp(fakeApp('/large', { labels: { text: 'y'.repeat(size) } }));
      const plain = await server.inject('/v2/apps');
      const answer = await server.inject({ url: '/v2/apps', headers });
      expect(answer.headers['content-encoding']).toBe('br');
      expect(brotliDecompressSync(answer.rawPayload).toString() === plain.body).toBe(true);
    }
  });

  it('come compressed beyond 5 MB too, and plain if compression is off', async () => {
    const labels = { text: 'y'.repeat(6 * 1024 * 1024) };
    const headers = { 'accept-encoding': 'gzip' };
    const on = testApi();
    on.front.addApp(fakeApp('/large', { labels }));
    const [first, second] = await Promise.all([
      on.server.inject({ url: '/v2/apps', headers }),
      on.server.inject({ url: '/v2/apps', headers }),
    ]);
    for (const { rawPayload } of [first, second]) {
      expect(JSON.parse(gunzipSync(rawPayload).toString()).apps[0].labels).toEqual(labels);
    }
    const off = testApi({ compression: false });
    off.front.addApp(fakeApp('/large', { labels }));
    const plain = await off.server.inject({ url: '/v2/apps', headers });
    expect(plain.headers).not.toHaveProperty('content-encoding');
  });

  it('differ by what the reader accepts', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    expect((await server.inject('/v2/tasks')).body).toBe('{"tasks":[]}');
    const headers = { accept: 'text/plain' };
    expect((await server.inject({ url: '/v2/tasks', headers })).body).toBe('web\t10000\t\n');
  });
});
