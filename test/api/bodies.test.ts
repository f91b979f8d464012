import { describe, expect, it } from 'vitest';
import { ask, listeningApi, RawClient, testApi } from './support/api-server.ts';

const writes = [
  ['POST', '/v2/apps'],
  ['PUT', '/v2/apps'],
  ['PATCH', '/v2/apps'],
  ['PUT', '/v2/apps/web'],
  ['PATCH', '/v2/apps/web'],
  ['POST', '/v2/tasks/delete'],
] as const;

describe.each(writes)('%s %s', (method, url) => {
  const send = (payload: string | Buffer, type = 'application/json') =>
    testApi().server.inject({ method, url, payload, headers: { 'content-type': type } });

  it.each([
    '{',
    '{"id":',
    "{'id':'x'}",
    '[1,]',
    'undefined',
    '\u0000',
    '{"a":1}}',
    Buffer.from([0x22, 0xff, 0xfe, 0x22]),
    '['.repeat(100_000),
    '{"a":'.repeat(50_000),
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    '{"id":"/a","cmd":"echo \\ud800"}',
    '{"id":"/a","cmd":"x","env":{"\\uDC00":"1"}}',
    '{"id":"/a","cmd":"x","labels":{"a":"\\udc00\\ud800"}}',
  ])('answers 400 with details as a text to broken JSON (%#)', async (payload) => {
    const answer = await send(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({ message: 'Invalid JSON', details: expect.any(String) });
  });

  it.each(['', '  ', '\r\n'])('answers 400 to an empty body (%j)', async (payload) => {
    const answer = await send(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({ message: 'Please specify data in JSON format', details: expect.any(String) });
  });

  it.each([
    'null',
    '1',
    '"x"',
    'true',
    '[[]]',
    '[null]',
    '{"ids":5,"instances":"x","id":[]}',
    '{"ids":[{}],"cpus":{}}',
  ])('answers 422 to JSON of another shape (%s)', async (payload) => {
    const answer = await send(payload);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().message).toBeTypeOf('string');
  });

  it.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'nonsense',
    'application/x-www-form-urlencoded',
  ])('answers 415 to %s', async (type) => {
    const answer = await send('{"id":"/web"}', type);
    expect([answer.statusCode, answer.json()]).toEqual([415, { message: 'Unsupported Media Type' }]);
  });

  it('answers 413 to 10 MB, in one piece and in chunks, and goes on serving', async () => {
    const { port } = await listeningApi();
    const body = Buffer.alloc(10 * 1024 * 1024, 0x20);
    const headers = { 'content-type': 'application/json' };
    const whole = await ask(port, {
      method,
      path: url,
      headers: { ...headers, 'content-length': String(body.length) },
      body,
    });
    expect([whole.status, whole.body]).toEqual([413, '{"message":"Payload Too Large"}']);
    const chunked = await ask(port, {
      method,
      path: url,
      headers: { ...headers, 'transfer-encoding': 'chunked' },
      body,
    });
    expect([chunked.status, JSON.parse(chunked.body)]).toEqual([413, { message: 'Payload Too Large' }]);
    expect((await ask(port, { path: '/ping' })).body).toBe('pong');
  });
});

describe('what is hardly HTTP', () => {
  it.each([
    ['NONSENSE\r\n\r\n', 400],
    ['GET / HTTP/9.9\r\n\r\n', 400],
    [`GET /v2/apps HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    ['GET /v2/apps\u0000 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ])('is answered in JSON and closed (%#)', async (text, status) => {
    const { port } = await listeningApi();
    const client = new RawClient(port, text);
    await client.until(({ closed }) => closed);
    expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(client.text).toMatch(/\r\n\r\n\{"message":"[^"]+"\}$/);
  });

  it('serves a client that offers h2c', async () => {
    const { port } = await listeningApi();
    const client = new RawClient(
      port,
      'GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n',
    );
    await client.until(({ closed }) => closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*pong$/);
  });
});

describe('a bug behind the API', () => {
  it('is answered with 500 and a message, and logged with its cause', async () => {
    const { server, front, lines } = testApi();
    front.throws = new Error('secret detail');
    const answer = await server.inject({ method: 'POST', url: '/v2/apps', payload: { id: '/web', cmd: 'x' } });
    expect(answer.statusCode).toBe(500);
    expect(Object.keys(answer.json())).toEqual(['message']);
    expect(answer.body).not.toContain('secret');
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'http.failed', cause: front.throws }),
    );
  });

  it('is answered so even when a read throws', async () => {
    const { server, front } = testApi();
    Object.assign(front.read, {
      apps: () => {
        throw new Error('broken');
      },
    });
    for (const url of ['/v2/apps', '/v2/tasks']) expect((await server.inject(url)).statusCode).toBe(500);
  });
});
