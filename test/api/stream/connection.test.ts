/** When bytes leave: at once, so that the time for a turn is the time that it takes, and further ones of the same turn together. */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { StreamConnection } from '../../../src/api/stream/reader.ts';
import { socketConnection } from '../../../src/api/stream/socket-connection.ts';
import { sseConnection } from '../../../src/api/stream/sse-connection.ts';
import { listeningApi } from '../support/api-server.ts';

/** What leaves in one piece. */
class FakeSocket extends Writable {
  readonly pieces: string[] = [];
  setNoDelay(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.pieces.push(String(chunk));
    done();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.pieces.push(chunks.map(({ chunk }) => String(chunk)).join('+'));
    done();
  }
}

/** Writes the head and gives the way to the reader, as `GET /v2/events` does. */
function streaming(response: ServerResponse, socket: Socket | null): StreamConnection {
  if (!socket) throw new Error('no socket');
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, ['Connection', 'close']);
  response.flushHeaders();
  return sseConnection(response, socket, '');
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

it('the first frames of a turn leave at once, all further ones as one', async () => {
  const socket = new FakeSocket();
  const client = Object.assign(new EventEmitter(), { readyState: 1, OPEN: 1 });
  const connection = socketConnection(client as unknown as WebSocket, socket as unknown as Socket);
  const write = (text: string): void => connection.write(Buffer.from(text));
  write('a');
  expect(socket.pieces).toEqual(['a']);
  write('b');
  write('c');
  expect(socket.pieces).toEqual(['a']);
  await new Promise((resolve) => setImmediate(resolve));
  expect(socket.pieces).toEqual(['a', 'b+c']);
  await new Promise((resolve) => setImmediate(resolve));
  write('d');
  expect(socket.pieces).toEqual(['a', 'b+c', 'd']);
});

it('frames over SSE leave in the same way, behind a head that was written before', async () => {
  const left: number[] = [];
  const server = createServer((_request, response) => {
    const connection = streaming(response, response.socket);
    // The head leaves with the turn in which it was written.
    setImmediate(() => {
      for (const text of ['first', 'second']) {
        const before = connection.sentBytes();
        connection.write(Buffer.from(text));
        left.push(connection.sentBytes() - before);
      }
      connection.end('stopping');
      connection.write(Buffer.from('too late'));
    });
  });
  const port = await listening(server);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(await answer.text()).toBe('firstsecond');
  expect(left).toEqual(['first'.length, 0]);
  server.close();
});

it('a stream that was asked for before an earlier request was answered follows on that answer', async () => {
  let answerFirst = (): void => {};
  const server = createServer((request, response) => {
    if (request.url === '/first') {
      answerFirst = () => response.end('answer');
      return;
    }
    expect(response.socket).toBe(null);
    const connection = streaming(response, request.socket);
    connection.write(Buffer.from('an event'));
    answerFirst();
    setImmediate(() => {
      connection.write(Buffer.from(' and another one'));
      connection.end('stopping');
    });
  });
  const port = await listening(server);
  const socket = connect(port, '127.0.0.1');
  const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  socket.write(ask('/first') + ask('/second'));
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  expect(text).toMatch(/^HTTP.*\r\n\r\nanswerHTTP.*\r\n\r\nan event and another one$/s);
  server.close();
});

it('a thousand readers that come at the same moment all find a place', async () => {
  const { port } = await listeningApi();
  const sockets = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  // The kernel answers them on the spot, or has no place; this program takes none before its turn is over.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const established = lines.filter(([, , remote = '', state]) => remote.endsWith(suffix) && state === '01');
  for (const socket of sockets) socket.destroy();
  // What this machine allows at all.
  const allowed = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  expect(established).toHaveLength(Math.min(1_000, allowed + 1));
});
