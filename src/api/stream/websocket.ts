/** WebSocket upgrades on `/v2/events`: the same events, one JSON text frame each (design §7). */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Authenticator } from '../auth.ts';
import { rawAnswer } from '../failures.ts';
import type { Gate } from '../follower/gate.ts';
import type { FlatHeaders } from '../headers.ts';
import type { Query } from '../query.ts';
import type { EventStreams, StreamConnection } from './event-streams.ts';
import { eventFilter } from './filter.ts';

/** Largest frame that a client may send, in bytes; clients of this stream have nothing to say. */
export const maxClientFrameBytes = 64 * 1024;
/** Heartbeats between two pings: 30 s. */
const beatsPerPing = 3;

export interface UpgradeOptions {
  readonly streams: EventStreams;
  readonly isAuthentic: Authenticator;
  readonly challenge: string;
  readonly headers: (request: IncomingMessage['headers']) => FlatHeaders;
  /** Present on one of several servers. */
  readonly gate?: Gate;
}

/** Handles `upgrade` of the server. What is no WebSocket (`h2c`, say) is served as if no upgrade had been asked for. */
export function handleUpgrades(server: Server, options: UpgradeOptions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxClientFrameBytes,
  });
  sockets.on('wsClientError', (_error, socket) => socket.end(rawAnswer(400, 'Bad Request')));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      serveWithoutUpgrade(server, request, socket as Socket);
      return;
    }
    socket.on('error', () => socket.destroy());
    const refuse = (status: number, message: string, more: FlatHeaders = []): void => {
      socket.end(rawAnswer(status, message, [...options.headers(request.headers), ...more]));
    };
    if (!options.isAuthentic(request.headers.authorization)) {
      refuse(401, 'Invalid username or password.', ['WWW-Authenticate', options.challenge]);
      return;
    }
    const serve = (): void => {
      const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
      if (path.replace(/\/+/g, '/').replace(/\/$/, '') !== '/v2/events') refuse(404, `URI not found: ${path}`);
      else if (options.streams.isFull()) refuse(503, 'Too many event streams', ['Retry-After', '1']);
      else {
        sockets.handleUpgrade(request, socket, head, (client) => {
          stream(client, socket as Socket, request, queryOf(search), options.streams);
        });
      }
    };
    if (options.gate) options.gate.upgrade(request, socket as Socket, head, serve);
    else serve();
  });
}

function queryOf(search: string): Query {
  const parameters = new URLSearchParams(search);
  return Object.fromEntries([...new Set(parameters.keys())].map((key) => [key, parameters.getAll(key)]));
}

function stream(
  client: WebSocket,
  socket: Socket,
  request: IncomingMessage,
  query: Query,
  streams: EventStreams,
): void {
  socket.setNoDelay(true);
  let beats = 0;
  let isAnswered = true;
  const connection: StreamConnection = {
    format: 'websocket',
    filter: eventFilter(query, request.headers),
    remoteAddress: socket.remoteAddress ?? '',
    // Whole frames go straight to the socket, so that all readers of a turn share the same bytes.
    write: (frames) => {
      if (client.readyState === client.OPEN) socket.write(frames);
    },
    backlogBytes: () => socket.writableLength,
    beat: () => {
      beats += 1;
      if (beats % beatsPerPing !== 0) return;
      if (!isAnswered) {
        client.terminate();
        return;
      }
      isAnswered = false;
      client.ping();
    },
    end: () => {
      client.close(1001, 'the server stops');
      // A client that never answers must not hold up the end of the server.
      socket.destroySoon();
    },
    cut: () => client.terminate(),
  };
  client.on('pong', () => {
    isAnswered = true;
  });
  client.on('error', () => client.terminate());
  client.on('close', streams.join(connection));
}

/** Gives a request with an unknown upgrade back to the ordinary handler, as if the header were absent. */
function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Socket): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on('finish', () => socket.end());
  socket.on('error', () => socket.destroy());
  server.emit('request', request, response);
}
