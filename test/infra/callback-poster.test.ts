/** Posting over real sockets on loopback, to subscribers of every kind. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Clock } from '../../src/actors/ports.ts';
import type { MissedEvents, PostResult } from '../../src/core/events-callback.ts';
import { createCallbackPoster } from '../../src/infra/callback-poster.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { eventually } from '../support/eventually.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

interface Got {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function subscriber(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; got: Got[]; sockets: Set<Socket> }> {
  const got: Got[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      got.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      answer(request, response);
    });
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/hook?x=1`, got, sockets };
}

interface PostOptions {
  readonly secret?: string;
  readonly missed?: MissedEvents;
  readonly timeoutMs?: number;
}

function post(
  url: string,
  { clock = systemClock, ...more }: PostOptions & { clock?: Clock } = {},
): Promise<PostResult> {
  const poster = createCallbackPoster({ clock, render: ({ json }) => `${json} ` });
  onTestFinished(() => poster.close());
  return postBy(poster, url, more);
}

const postBy = (
  poster: ReturnType<typeof createCallbackPoster>,
  url: string,
  { secret, missed, timeoutMs = 120_000 }: PostOptions = {},
): Promise<PostResult> =>
  new Promise((resolve) => {
    const event = { id: 'g.7', type: 'app_terminated_event', json: '{"ä":1}' } as const;
    poster.post({ url, event, secret, missed, timeoutMs }, resolve);
  });

describe('posting an event', () => {
  it('sends its JSON with its id, and gives the status', async () => {
    const { url, got } = await subscriber((_request, response) => response.writeHead(202).end('thanks'));
    expect(await post(url)).toEqual({ type: 'answered', status: 202, durationMs: expect.any(Number) });
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({
      method: 'POST',
      url: '/hook?x=1',
      body: '{"ä":1} ',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'content-length': '9',
        'marathon-event-id': 'g.7',
      },
    });
    expect(got[0]?.headers).not.toHaveProperty('marathon-signature');
  });

  it('names what the subscriber will not get', async () => {
    const { url, got } = await subscriber((_request, response) => response.end());
    await post(url);
    await post(url, { missed: { from: 'g.3', to: 'g.6' } });
    expect(got.map(({ headers }) => headers['marathon-missed-events'])).toEqual([undefined, 'g.3 g.6']);
  });

  it('signs the body if there is a secret', async () => {
    const { url, got } = await subscriber((_request, response) => response.end());
    const secret = 'a secret of some length';
    await post(url, { secret });
    const [, seconds, hex] =
      /^t=(\d+),sha256=([0-9a-f]{64})$/.exec(String(got[0]?.headers['marathon-signature'])) ?? [];
    expect(hex).toBe(createHmac('sha256', secret).update(`${seconds}.${got[0]?.body}`).digest('hex'));
    expect(Math.abs(Number(seconds) - Date.now() / 1_000)).toBeLessThan(60);
  });

  it('does not follow a redirect', async () => {
    const other = await subscriber((_request, response) => response.end());
    const { url } = await subscriber((_request, response) => response.writeHead(307, { Location: other.url }).end());
    expect(await post(url)).toMatchObject({ type: 'answered', status: 307 });
    expect(other.got).toEqual([]);
  });

  it('gives up on one that never answers', async () => {
    const { url, got } = await subscriber(() => {});
    const clock = createVirtualClock();
    const result = post(url, { timeoutMs: 100, clock });
    await eventually('it is asked', () => got.length === 1);
    clock.advance(100);
    expect(await result).toEqual({ type: 'failed', cause: 'no answer within 100 ms' });
    expect(got).toHaveLength(1);
  });

  it('gives up on one that accepts and never reads', async () => {
    const server = createTcpServer((socket) => socket.pause());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as { port: number };
    expect(await post(`http://127.0.0.1:${port}/`, { timeoutMs: 100 })).toMatchObject({ type: 'failed' });
  });

  it('takes the status of an answer whose body never ends, or is endless, and leaves', async () => {
    const slow = await subscriber((_request, response) => response.writeHead(200).write('a'));
    // By then the beginning of the answer has long come.
    expect(await post(slow.url, { timeoutMs: 5_000 })).toMatchObject({ type: 'answered', status: 200 });
    const endless = await subscriber((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    });
    const result = await post(endless.url);
    expect(result).toMatchObject({ type: 'answered', status: 200 });
  });

  it('says why nobody could be reached', async () => {
    const { url } = await subscriber(() => {});
    const dead = url.replace(/:\d+\//, ':1/');
    expect(await post(dead)).toEqual({ type: 'failed', cause: 'ECONNREFUSED' });
  });

  it('a subscriber that hangs up, or speaks something else, has failed', async () => {
    const { url } = await subscriber((request) => request.socket.destroy());
    expect(await post(url)).toEqual({ type: 'failed', cause: 'ECONNRESET' });
    const server = createTcpServer((socket) => socket.end('SSH-2.0-x\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as { port: number };
    expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ type: 'failed' });
  });

  it('keeps the connection, and is not disturbed by one that was closed meanwhile', async () => {
    const { url, got, sockets } = await subscriber((_request, response) => response.end());
    const poster = createCallbackPoster({ clock: systemClock, render: ({ json }) => json });
    onTestFinished(() => poster.close());
    await postBy(poster, url);
    await postBy(poster, url);
    expect([got.length, sockets.size]).toEqual([2, 1]);
    // Closed by a reset in the very moment in which the next event is sent.
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await postBy(poster, url)).toMatchObject({ type: 'answered', status: 200 });
    expect([got.length, sockets.size]).toEqual([3, 2]);
  });
});
