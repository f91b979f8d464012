import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { fakeApp } from '../../support/fake-front.ts';
import { ask, RawClient } from '../support/api-server.ts';
import { haApi, httpLeader, pair } from '../support/followers.ts';

/** Follower of a server that answers with what it was asked. */
async function mirrored() {
  const leader = await httpLeader((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, rawHeaders } = request;
      response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(chunks).toString() }));
    });
  });
  const follower = await haApi();
  follower.follow(leader.url);
  return { leader, follower };
}

const named = (rawHeaders: readonly string[], name: string): readonly string[] =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);

describe('a follower hands on (rest-api §1.6)', () => {
  it.each([
    ['GET', '/v2/apps//prod/web/?embed=a&embed=b%20c&x=%2F'],
    ['PUT', '/v2/apps/%2Fprod%2Fweb?force=True'],
    ['POST', '/v2/apps'],
    ['DELETE', '/v2/leader?backup=file:///tmp/x'],
    ['PATCH', '/v2/apps'],
    ['OPTIONS', '/v2/apps'],
    ['GET', '/made-up/by/a/newer/version'],
    ['POST', '/v2/queue/x/delay'],
  ])('%s %s with its very path, query and body', async (method, path) => {
    const { follower } = await mirrored();
    const body = method === 'GET' || method === 'OPTIONS' ? undefined : '{"id": "/ü"}';
    const length = { 'content-length': String(Buffer.byteLength(body ?? '')) };
    const answer = await ask(follower.port, { method, path, ...(body ? { body, headers: length } : {}) });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ method, url: path, body: body ?? '' });
  });

  it('the headers of the request, but not those of one connection, and says where it has been', async () => {
    const { follower, leader } = await mirrored();
    const client = new RawClient(
      follower.port,
      'GET /v2/apps HTTP/1.1\r\nHost: public.example\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n' +
        'TE: trailers\r\nProxy-Authorization: x\r\nAuthorization: Basic QQ==\r\nX-Two: 1\r\nX-Two: 2\r\n' +
        'X-Forwarded-For: 10.0.0.1\r\nX-Marathon-Via: 1.1 other:1\r\n\r\n',
    );
    await client.until(({ closed }) => closed);
    const { rawHeaders } = JSON.parse(client.text.slice(client.text.indexOf('{')));
    for (const gone of ['x-secret', 'te', 'proxy-authorization', 'upgrade'])
      expect(named(rawHeaders, gone)).toEqual([]);
    expect(named(rawHeaders, 'connection')).toEqual(['keep-alive']);
    expect(named(rawHeaders, 'host')).toEqual([new URL(leader.url).host]);
    expect(named(rawHeaders, 'authorization')).toEqual(['Basic QQ==']);
    expect(named(rawHeaders, 'x-two')).toEqual(['1', '2']);
    expect(named(rawHeaders, 'x-forwarded-for')).toEqual(['10.0.0.1, 127.0.0.1']);
    expect(named(rawHeaders, 'x-marathon-via')).toEqual([`1.1 other:1, 1.1 ${follower.address}`]);
  });

  it('a request in absolute form and one that waits for 100-continue', async () => {
    const { follower } = await mirrored();
    const client = new RawClient(
      follower.port,
      'POST http://elsewhere:80/v2/apps?x=1 HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\nExpect: 100-continue\r\n' +
        'Content-Length: 4\r\n\r\n',
    );
    await client.until(({ text }) => text.includes('HTTP/1.1 100 Continue'));
    client.socket.write('body');
    await client.until(({ closed }) => closed);
    expect(client.text).toContain('"url":"/v2/apps?x=1"');
    expect(client.text).toContain('"body":"body"');
  });

  it('pipelined requests, and answers them in order', async () => {
    const leader = await httpLeader((request, response) => {
      const delayMs = request.url === '/1' ? 50 : 0;
      setTimeout(() => response.end(`<${request.url}>`), delayMs);
    });
    const follower = await haApi();
    follower.follow(leader.url);
    const get = (n: number, more = ''): string => `GET /${n} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const client = new RawClient(follower.port, get(1) + get(2) + get(3, 'Connection: close\r\n'));
    await client.until(({ closed }) => closed);
    expect(client.text.match(/<\/\d>/g)).toEqual(['</1>', '</2>', '</3>']);
  });

  it('no request whose length could be read in two ways', async () => {
    const { follower, leader } = await mirrored();
    for (const lengths of [
      'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
      'Content-Length: 4\r\nContent-Length: 5\r\n',
      'Transfer-Encoding: identity, chunked, x\r\n',
    ]) {
      const client = new RawClient(follower.port, `POST /v2/apps HTTP/1.1\r\nHost: x\r\n${lengths}\r\n0\r\n\r\n`);
      await client.until(({ closed }) => closed);
      expect(client.text).toMatch(/^HTTP\/1\.1 400 /);
    }
    // Naming the length in Connection does not make the body a second request.
    const client = new RawClient(
      follower.port,
      'POST /a HTTP/1.1\r\nHost: x\r\nConnection: close, Content-Length\r\nContent-Length: 27\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\nx',
    );
    await client.until(({ closed }) => closed);
    expect(leader.requests.map(({ url }) => url)).toEqual(['/a']);
  });
});

describe('a follower hands back', () => {
  it('status, headers and body as they are, and its own name (rest-api §1.3)', async () => {
    const packed = gzipSync('x'.repeat(5_000));
    const leader = await httpLeader((_request, response) => {
      response.writeHead(207, [
        ...[
          'X-Marathon-Leader',
          'http://me:1',
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
          'Connection',
          'keep-alive, X-Hop',
        ],
        ...['X-Hop', '1', 'Content-Encoding', 'gzip', 'ETag', 'W/"1"'],
      ]);
      response.end(packed);
    });
    const follower = await haApi();
    follower.follow(leader.url);
    const response = await fetch(`${follower.url}/v2/apps`);
    expect(response.status).toBe(207);
    expect(response.headers.get('x-marathon-leader')).toBe('http://me:1');
    expect(response.headers.get('x-marathon-via')).toBe(`1.1 ${follower.address}`);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('x-hop')).toBeNull();
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toBe('x'.repeat(5_000));
  });

  it('answers of a real leader: lists, HEAD, 304, compressed ones, 404 and credentials', async () => {
    const credentials = { user: 'ann', password: 'secret' };
    const { leader, follower } = await pair({}, { credentials });
    leader.front.addApp(fakeApp('/web', { labels: { text: 'x'.repeat(3_000) } }));
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    const direct = await ask(leader.port, { path: '/v2/apps', headers: { authorization } });
    const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      ask(follower.port, { method, path, headers: { authorization, ...headers } });
    const list = await get('/v2/apps');
    expect([list.status, list.body]).toEqual([200, direct.body]);
    expect(list.headers['x-marathon-leader']).toBe(leader.url);
    expect(list.headers['cache-control']).toBe(direct.headers['cache-control']);
    const head = await get('/v2/apps', {}, 'HEAD');
    expect([head.status, head.body, head.headers['content-length']]).toEqual([
      200,
      '',
      direct.headers['content-length'],
    ]);
    const known = await get('/v2/apps', { 'if-none-match': String(list.headers.etag) });
    expect([known.status, known.body]).toEqual([304, '']);
    expect((await get('/v2/apps', { 'accept-encoding': 'gzip' })).headers['content-encoding']).toBe('gzip');
    expect((await get('/v2/apps/none')).status).toBe(404);
    const body = JSON.stringify({ id: '/new', cmd: 'x' });
    const made = await ask(follower.port, { method: 'POST', path: '/v2/apps', body, headers: { authorization } });
    expect([made.status, leader.front.changes.length, follower.front.changes.length]).toEqual([201, 1, 0]);
    expect((await ask(follower.port, { path: '/v2/apps' })).status).toBe(401);
  });

  it('answers without a length, also to a client of HTTP/1.0', async () => {
    const leader = await httpLeader((_request, response) => {
      response.write('one,');
      setImmediate(() => response.end('two'));
    });
    const follower = await haApi();
    follower.follow(leader.url);
    expect((await ask(follower.port, { path: '/x' })).body).toBe('one,two');
    const old = new RawClient(follower.port, 'GET /x HTTP/1.0\r\n\r\n');
    await old.until(({ closed }) => closed);
    expect(old.text).toMatch(/\r\n\r\none,two$/);
  });

  it('an early refusal of an upload, without losing it', async () => {
    const leader = await httpLeader((_request, response) => {
      response.writeHead(413, { 'Content-Length': '2' });
      response.end('no');
    });
    const follower = await haApi();
    follower.follow(leader.url);
    const body = Buffer.alloc(4 * 1024 * 1024, 'x');
    const answer = await ask(follower.port, { method: 'PUT', path: '/v2/apps', body });
    expect([answer.status, answer.body]).toEqual([413, 'no']);
  });
});

describe('what is handed on is counted', () => {
  it('among the requests, and apart', async () => {
    const { leader, follower } = await pair();
    leader.front.addApp(fakeApp('/web'));
    const { body } = await ask(follower.port, { path: '/v2/apps' });
    await ask(follower.port, { path: '/v2/none' });
    const json = JSON.parse(follower.metrics.renderJson());
    expect(json.meters['marathon.http.responses.2xx.rate.meter'].count).toBe(1);
    expect(json.meters['marathon.http.responses.4xx.rate.meter'].count).toBe(1);
    expect(json.timers['marathon.http.requests.get.duration.timer.seconds'].count).toBe(2);
    expect(json.counters['marathon.http.responses.size.counter.bytes'].count).toBeGreaterThanOrEqual(body.length);
    expect(json.gauges['marathon.http.requests.active.gauge'].value).toBe(0);
    expect(follower.metric('counters', 'http.proxy.requests')).toBe(2);
    expect(follower.metric('counters', 'http.proxy.failures')).toBe(0);
    expect(follower.metric('gauges', 'http.proxy.connections')).toBe(1);
    await eventually('no request is under way', () => follower.metric('gauges', 'http.proxy.requests.active') === 0);
  });
});

describe('every server answers itself (design §8)', () => {
  it.each(['/ping', '//ping/', '/metrics', '/metrics/prometheus', '/health', '/'])('%s', async (path) => {
    const { leader, follower } = await pair();
    const answer = await ask(follower.port, { path });
    expect(answer.status).toBeLessThan(400);
    expect(answer.headers).not.toHaveProperty('x-marathon-via');
    expect(answer.headers).not.toHaveProperty('x-marathon-leader');
    leader.follow();
    follower.follow();
    expect((await ask(follower.port, { path, method: 'HEAD' })).status).toBe(answer.status);
  });

  it('/health, with its place in the cluster', async () => {
    const { leader, follower } = await pair();
    const health = async (port: number): Promise<unknown> => JSON.parse((await ask(port, { path: '/health' })).body);
    expect(await health(leader.port)).toEqual({ status: 'leader', leader: leader.address });
    expect(await health(follower.port)).toEqual({ status: 'follower', leader: leader.address });
    follower.follow();
    const reason = 'there is no leader at the moment';
    expect(await health(follower.port)).toEqual({ status: 'no-leader', leader: null, reason });
  });
});
