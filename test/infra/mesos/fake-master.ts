/** A scripted master: it says what it is told to, and shows what it was sent. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { WireEvent } from '../../../src/infra/mesos/events.ts';
import { mistakesInText } from '../../support/mesos-proto/check.ts';
import { frame, recordOf } from './recorded.ts';

/** Values that are awaited in the order in which they come. */
export interface Inbox<T> {
  readonly put: (item: T) => void;
  readonly next: () => Promise<T>;
  /** Came, and nobody has awaited it. */
  readonly unread: () => readonly T[];
}

export function createInbox<T>(): Inbox<T> {
  const items: T[] = [];
  const readers: ((item: T) => void)[] = [];
  return {
    put: (item) => {
      const reader = readers.shift();
      if (reader === undefined) items.push(item);
      else reader(item);
    },
    next: () =>
      new Promise((resolve) => {
        const item = items.shift();
        if (item === undefined) readers.push(resolve);
        else resolve(item);
      }),
    unread: () => [...items],
  };
}

interface Body {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface SeenRequest {
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly socket: Socket;
  readonly answer: (status: number, text?: string, headers?: Readonly<Record<string, string>>) => void;
}

export interface SeenSubscribe extends SeenRequest {
  readonly streamId: string;
  /** Answers 200 and begins the stream. */
  readonly begin: () => void;
  /** Begins the stream with SUBSCRIBED. */
  readonly accept: (frameworkId?: string, heartbeatSeconds?: number) => void;
  readonly send: (...events: (WireEvent | string)[]) => void;
  readonly raw: (bytes: Buffer | string) => void;
  readonly end: () => void;
  readonly cut: () => void;
}

export interface FakeMaster {
  readonly port: number;
  readonly address: string;
  readonly subscribes: Inbox<SeenSubscribe>;
  /** Every call but SUBSCRIBE, in the order of arrival. */
  readonly calls: Inbox<SeenRequest>;
  /** While false, calls wait for their `answer`. */
  answersCalls: boolean;
  /** Fails if a call was not as the protocol defines it. */
  readonly close: () => Promise<void>;
}

export const FRAMEWORK_ID = 'framework-0000';

export function subscribedEvent(frameworkId: string = FRAMEWORK_ID, heartbeatSeconds = 15): WireEvent {
  const recorded = recordOf('SUBSCRIBED');
  return {
    type: 'SUBSCRIBED',
    subscribed: {
      ...recorded.subscribed,
      framework_id: { value: frameworkId },
      heartbeat_interval_seconds: heartbeatSeconds,
    },
  };
}

function seen(request: IncomingMessage, response: ServerResponse, text: string): SeenRequest {
  return {
    body: JSON.parse(text),
    headers: request.headers,
    path: request.url ?? '',
    socket: request.socket,
    answer: (status, body = '', headers = {}) => {
      response.writeHead(status, { 'Content-Length': String(Buffer.byteLength(body)), ...headers });
      response.end(body);
    },
  };
}

function seenSubscribe(request: SeenRequest, response: ServerResponse, streamId: string): SeenSubscribe {
  const begin = (): void => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Mesos-Stream-Id': streamId });
    response.flushHeaders();
  };
  const send = (...events: (WireEvent | string)[]): void => {
    for (const event of events) response.write(frame(event));
  };
  return {
    ...request,
    streamId,
    begin,
    send,
    accept: (frameworkId, heartbeatSeconds) => {
      begin();
      send(subscribedEvent(frameworkId, heartbeatSeconds));
    },
    raw: (bytes) => response.write(bytes),
    end: () => response.end(),
    cut: () => request.socket.destroy(),
  };
}

export async function startFakeMaster(tls?: { readonly key: string; readonly cert: string }): Promise<FakeMaster> {
  const subscribes = createInbox<SeenSubscribe>();
  const calls = createInbox<SeenRequest>();
  const sockets = new Set<Socket>();
  let streams = 0;
  const mistakes: string[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => {
      text += piece;
    });
    request.on('end', () => {
      const call = seen(request, response, text);
      mistakes.push(...mistakesInText(text).map((mistake) => `${call.body.type} ${mistake}`));
      if (call.body.type === 'SUBSCRIBE') {
        streams += 1;
        subscribes.put(seenSubscribe(call, response, `stream-${streams}`));
        return;
      }
      if (master.answersCalls) call.answer(202);
      calls.put(call);
    });
  };
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const master: FakeMaster = {
    port,
    address: `127.0.0.1:${port}`,
    subscribes,
    calls,
    answersCalls: true,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (mistakes.length > 0) throw new Error(`Calls that Mesos would misread: ${mistakes.join('; ')}`);
    },
  };
  return master;
}
