/** Pages of foreign origins must not read along with the credentials that a browser keeps (RFC 6455 §10.2). */
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { listen } from '../../../src/api/listen.ts';
import { foreignOrigin } from '../../../src/api/stream/origin.ts';
import { listeningApi, RawClient, testApi } from '../support/api-server.ts';
import { httpLeader, pair } from '../support/followers.ts';

const handshake =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Status line, headers and body of the answer to an upgrade with these headers. */
async function upgraded(port: number, path: string, headers: string): Promise<string> {
  const client = new RawClient(port, `GET ${path} HTTP/1.1\r\n${headers}\r\n${handshake}\r\n`);
  await client.until(({ text, closed }) => closed || /^HTTP\/1\.1 101 .*\r\n\r\n/s.test(text));
  return client.text;
}

const isForeign = (
  headers: Record<string, string>,
  { corsOrigins = [] as readonly string[], isEncrypted = false, ...more } = {} as Partial<
    Parameters<typeof foreignOrigin>[1]
  >,
): boolean =>
  foreignOrigin({ host: 'um.example:8080', ...headers }, { corsOrigins, isEncrypted, ...more }) !== undefined;

describe('the origin of a WebSocket', () => {
  it.each([
    ['http://um.example:8080', 'um.example:8080'],
    ['http://um.example:8080', 'UM.Example:8080'],
    ['http://um.example', 'um.example'],
    ['http://um.example', 'um.example:80'],
    // A proxy may have ended TLS.
    ['https://um.example', 'um.example'],
    ['https://um.example', 'um.example:443'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['http://127.0.0.1:8080', '127.0.0.1:8080'],
  ])('%s may ask %s', (origin, host) => expect(isForeign({ origin, host })).toBe(false));

  it.each([
    ['http://evil.example', 'um.example'],
    ['http://um.example.evil.example:8080', 'um.example:8080'],
    ['http://evil.example:8080', 'um.example:8080'],
    // Another port is another origin: tasks on the same machine serve pages too.
    ['http://um.example:31000', 'um.example:8080'],
    ['http://um.example', 'um.example:8080'],
    ['https://um.example', 'um.example:80'],
    ['http://um.example:8080@evil.example', 'um.example:8080'],
    ['http://um.example:8080, http://evil.example', 'um.example:8080'],
    ['um.example:8080', 'um.example:8080'],
    ['file://um.example:8080', 'um.example:8080'],
    ['chrome-extension://um.example:8080', 'um.example:8080'],
    ['http://um.example:8080', ''],
    ['http://um.example:8080', 'x@um.example:8080'],
    ['null', 'null'],
    ['', 'um.example:8080'],
  ])('%s may not ask %s', (origin, host) => expect(isForeign({ origin, host })).toBe(true));

  it('is not asked of clients that have none', () => expect(isForeign({})).toBe(false));

  it('is that of the old header too', () => {
    expect(isForeign({ 'sec-websocket-origin': 'http://evil.example' })).toBe(true);
    expect(isForeign({ 'sec-websocket-origin': 'http://um.example:8080' })).toBe(false);
  });

  it('is compared with what a proxy says that it was called, and with the address of the web page', () => {
    const origin = 'https://um.public.example';
    expect(isForeign({ origin })).toBe(true);
    expect(isForeign({ origin, 'x-forwarded-host': 'um.public.example' })).toBe(false);
    expect(isForeign({ origin, 'x-forwarded-host': 'um.public.example, inner:8080' })).toBe(false);
    expect(isForeign({ origin, 'x-forwarded-host': 'other.example' })).toBe(true);
    expect(isForeign({ origin }, { webuiUrl: 'https://um.public.example/ui/' })).toBe(false);
    expect(isForeign({ origin }, { webuiUrl: 'http://um.public.example/ui/' })).toBe(true);
  });

  it('must have come over TLS where this server speaks TLS itself', () => {
    const host = 'um.example:8443';
    expect(isForeign({ origin: 'https://um.example:8443', host }, { isEncrypted: true })).toBe(false);
    expect(isForeign({ origin: 'http://um.example:8443', host }, { isEncrypted: true })).toBe(true);
  });

  it('may be named; everybody is only whoever shows no credentials', () => {
    const origin = 'https://dashboard.example';
    const corsOrigins = ['http://other.example', origin];
    expect(isForeign({ origin, authorization: 'Basic QQ==' }, { corsOrigins })).toBe(false);
    expect(isForeign({ origin: 'null' }, { corsOrigins })).toBe(true);
    expect(isForeign({ origin: 'null' }, { corsOrigins: ['null'] })).toBe(false);
    const everybody = { corsOrigins: ['*'] };
    expect(isForeign({ origin }, everybody)).toBe(false);
    expect(isForeign({ origin: 'null' }, everybody)).toBe(false);
    expect(isForeign({ origin, authorization: 'Basic QQ==' }, everybody)).toBe(true);
    expect(isForeign({ origin, cookie: 'session=1' }, everybody)).toBe(true);
    expect(isForeign({ origin: 'http://um.example:8080', authorization: 'Basic QQ==' }, everybody)).toBe(false);
  });
});

describe('an upgrade', () => {
  it.each(['/v2/events', '/v2/live'])('of %s is refused to a foreign page, in Marathon’s form', async (path) => {
    const { port, front, metrics } = await listeningApi();
    const own = `Host: 127.0.0.1:${port}`;
    const refused = await upgraded(port, path, `${own}\r\nOrigin: http://evil.example`);
    expect(refused).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(refused).toMatch(/\r\nContent-Type: application\/json\r\n/);
    expect(JSON.parse(refused.slice(refused.indexOf('\r\n\r\n')))).toEqual({
      message: expect.stringContaining('--access_control_allow_origin'),
    });
    expect(front.published).toEqual([]);
    expect(JSON.parse(metrics.renderJson())).toMatchObject({
      counters: { 'marathon.http.upgrades.foreign-origin.counter': { count: 1 } },
      meters: { 'marathon.http.responses.4xx.rate.meter': { count: 1 } },
    });
    expect(await upgraded(port, path, `${own}\r\nOrigin: http://127.0.0.1:${port}`)).toMatch(/^HTTP\/1\.1 101 /);
    expect(await upgraded(port, path, own)).toMatch(/^HTTP\/1\.1 101 /);
  });

  it('is refused before the credentials that come with it are of use, and open to origins that are named', async () => {
    const { port } = await listeningApi({
      credentials: { user: 'ann', password: 'secret' },
      corsOrigins: ['https://dashboard.example'],
      webuiUrl: 'https://um.public.example/',
    });
    const asked = (origin: string): Promise<string> => {
      const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
      return upgraded(port, '/v2/events', `Host: inner\r\nAuthorization: ${authorization}\r\nOrigin: ${origin}`);
    };
    expect(await asked('https://evil.example')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await asked('null')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await asked('https://dashboard.example')).toMatch(/^HTTP\/1\.1 101 /);
    expect(await asked('https://um.public.example')).toMatch(/^HTTP\/1\.1 101 /);
  });

  it('over TLS is open to pages that came over TLS alone', async () => {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const tls = { cert: pems.cert, key: pems.private };
    const listening = await listen(testApi().server, { https: { host: '127.0.0.1', port: 0 }, tls });
    if (!listening.ok) throw new Error(listening.error.message);
    onTestFinished(listening.value.close);
    const host = `127.0.0.1:${listening.value.httpsPort}`;
    const opened = (origin: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`wss://${host}/v2/live`, { rejectUnauthorized: false, origin });
        socket.once('open', () => {
          resolve('open');
          socket.close();
        });
        socket.once('error', (error) => resolve(error.message));
      });
    expect(await opened(`https://${host}`)).toBe('open');
    expect(await opened(`http://${host}`)).toContain('403');
  });

  it.each(['/v2/events', '/v2/live'])('of %s by the page of a follower reaches the leader', async (path) => {
    const { follower, leader } = await pair();
    const own = `Host: ${follower.address}`;
    expect(await upgraded(follower.port, path, `${own}\r\nOrigin: ${follower.url}`)).toMatch(/^HTTP\/1\.1 101 /);
    // The page that calls the leader's name is not the one that this server gave.
    for (const origin of ['http://evil.example', leader.url])
      expect(await upgraded(follower.port, path, `${own}\r\nOrigin: ${origin}`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(follower.metric('counters', 'http.upgrades.foreign-origin')).toBe(2);
    expect(leader.metric('counters', 'http.upgrades.foreign-origin')).toBe(0);
  });

  it('is handed to the leader without its origin only if it was found good', async () => {
    const { follower } = await pair();
    const seen: string[] = [];
    const leader = await httpLeader((_request, response) => response.end());
    leader.server.on('upgrade', (request, socket) => {
      seen.push(request.rawHeaders.join('|'));
      socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    });
    follower.follow(leader.url);
    const own = `Host: ${follower.address}`;
    await upgraded(follower.port, '/v2/events', `${own}\r\nOrigin: http://evil.example`);
    expect(seen).toEqual([]);
    await upgraded(follower.port, '/v2/events', `${own}\r\nOrigin: ${follower.url}\r\nX-More: 1`);
    expect(seen).toEqual([expect.stringContaining('X-More|1')]);
    expect(seen[0]).not.toMatch(/origin/i);
  });
});
