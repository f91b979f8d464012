/** `/v2/live`: frames that mean nothing, clients that do not behave, and the connection itself. */
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { heartbeatMs } from '../../../src/api/stream/heartbeats.ts';
import { maxFrameBytes, maxPayloadBytes } from '../../../src/api/stream/live/client-frame.ts';
import { maxSubscriptions } from '../../../src/api/stream/live/live-server.ts';
import { ask, listeningApi } from '../support/api-server.ts';
import { type Client, open } from './live-client.ts';

const socketOf = (client: Client): Socket => (client.socket as unknown as { readonly _socket: Socket })._socket;

describe('/v2/live: what cannot be understood', () => {
  const subscribe = (more: object): object => ({ op: 'subscribe', sub: 's', stream: 'events', ...more });

  it.each([
    ['nonsense', undefined, 'badJson'],
    ['[1]', undefined, 'badJson'],
    ['null', undefined, 'badJson'],
    [Buffer.from('{"op":"ping"}'), undefined, 'binaryFrame'],
    [`{"pad":"${'x'.repeat(maxFrameBytes)}"}`, undefined, 'tooLarge'],
    [{}, undefined, 'unknownOp'],
    [{ op: 'dance', sub: 's' }, 's', 'unknownOp'],
    [{ op: 'subscribe', stream: 'events' }, undefined, 'badSub'],
    [subscribe({ sub: 7 }), undefined, 'badSub'],
    [subscribe({ sub: 'x'.repeat(101) }), undefined, 'badSub'],
    [{ op: 'unsubscribe', sub: 's' }, 's', 'unknownSub'],
    [subscribe({ stream: 'gossip' }), 's', 'unknownStream'],
    [subscribe({ stream: 'log' }), 's', 'badTask'],
    [subscribe({ types: 'all' }), 's', 'badTypes'],
    [subscribe({ types: ['no_such_event'] }), 's', 'unknownType'],
    [subscribe({ types: ['toString'] }), 's', 'unknownType'],
    [subscribe({ prefix: 'prod' }), 's', 'badPrefix'],
    [subscribe({ prefix: '/PROD/../..' }), 's', 'badPrefix'],
    [subscribe({ label: 'a in (' }), 's', 'badLabel'],
    [subscribe({ label: 7 }), 's', 'badLabel'],
    [subscribe({ since: 'nonsense' }), 's', 'badSince'],
    [subscribe({ since: 7 }), 's', 'badSince'],
    [subscribe({ since: '1.999' }), 's', 'badSince'],
    [subscribe({ stream: 'state', topics: ['gossip'] }), 's', 'unknownTopic'],
    [subscribe({ stream: 'state', topics: [] }), 's', 'badTopics'],
  ] as const)('%j is answered by an error (sub %s, code %s) and the connection goes on', async (frame, sub, code) => {
    const api = await listeningApi();
    const client = await open(api.port);
    client.say(frame as object | string);
    const error = await client.frame('error', sub);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/\w/);
    client.say({ op: 'ping' });
    await client.frame('pong');
    expect(client.closed).toBeUndefined();
  });

  it('names twice, and too many of them, are refused', async () => {
    const api = await listeningApi();
    const client = await open(api.port);
    for (let i = 0; i < maxSubscriptions; i += 1) await client.subscribe({ sub: `s${i}`, stream: 'events' });
    client.say({ op: 'subscribe', sub: 's0', stream: 'state' });
    expect((await client.frame('error', 's0')).code).toBe('duplicateSub');
    client.say({ op: 'subscribe', sub: 'more', stream: 'events' });
    expect((await client.frame('error', 'more')).code).toBe('tooManySubs');
  });

  it('a frame beyond all bounds ends the connection, compressed or not', async () => {
    const api = await listeningApi();
    for (const options of [{}, { perMessageDeflate: false }]) {
      const client = await open(api.port, options);
      client.say('x'.repeat(maxPayloadBytes + 1));
      expect(await client.until(() => client.closed)).toBe(1009);
    }
  });

  it('a client that talks and never reads is cut', async () => {
    const api = await listeningApi();
    const client = await open(api.port, { perMessageDeflate: false });
    client.socket.pause();
    // Frames masked with zeros, many in one write: what a hostile client would do.
    const payload = Buffer.from(JSON.stringify({ op: 'nope', sub: 'y'.repeat(80) }));
    const flood = Buffer.concat(
      Array(5_000).fill(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])),
    );
    const isCut = async (): Promise<boolean> =>
      (await api.metrics.renderPrometheus()).includes('deaf_clients_cut_counter 1\n');
    while (!(await isCut())) {
      socketOf(client).write(flood);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(api.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('/v2/live: the connection', () => {
  it('shows a sign of life every 10 s, answers pings, and drops those who answer none', async () => {
    const api = await listeningApi();
    api.front.begin({ generation: '1', next: 8 });
    const client = await open(api.port);
    const deaf = await open(api.port, { autoPong: false });
    api.clock.advance(heartbeatMs);
    expect(await client.frame('beat')).toEqual({ op: 'beat', id: '1.7' });
    for (let i = 0; i < 6; i += 1) {
      api.clock.advance(heartbeatMs);
      const beats = i + 2;
      await client.until(() => client.frames.filter(({ op }) => op === 'beat').length === beats);
    }
    expect(await deaf.until(() => deaf.closed)).toBe(1006);
    expect(client.closed).toBeUndefined();
  });

  it('ends when leadership is lost, with a reason', async () => {
    const api = await listeningApi();
    const client = await open(api.port);
    api.server.closeEventStreams();
    expect(await client.until(() => client.closed)).toBe(1001);
    await client.until(() => api.clock.pending() === 0);
  });

  it('needs an upgrade, and credentials where there are any', async () => {
    const api = await listeningApi();
    const answer = await ask(api.port, { path: '/v2/live' });
    expect([answer.status, answer.headers['upgrade']]).toEqual([426, 'websocket']);
    const guarded = await listeningApi({ credentials: { user: 'u', password: 'p' } });
    const refused = new WebSocket(`ws://127.0.0.1:${guarded.port}/v2/live`);
    const failure = await new Promise<Error>((resolve) => refused.once('error', resolve));
    expect(failure.message).toContain('401');
  });
});
