/** WebSocket upgrades: `/v2/events` (the event stream) and `/v2/live` (both ways), beside the router. */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Authenticator } from '../auth.ts';
import type { ApiMetrics } from '../dependencies.ts';
import { rawAnswer } from '../failures.ts';
import type { Gate } from '../follower/gate.ts';
import { type FlatHeaders, flatHeadersOf } from '../headers.ts';
import type { Query } from '../query.ts';
import { streamEvents } from './event-socket.ts';
import type { EventStreams } from './event-streams.ts';
import { eventFilter } from './filter.ts';
import { maxPayloadBytes } from './live/client-frame.ts';
import type { LiveServer } from './live/live-server.ts';
import { foreignOrigin, type OriginRules } from './origin.ts';
import { resumePoint } from './resume.ts';

/** Largest frame that a client of `/v2/events` may send, in bytes; it has nothing to say. */
const maxClientFrameBytes = 64 * 1024;

export interface UpgradeOptions {
  readonly streams: EventStreams;
  readonly live: LiveServer;
  readonly isAuthentic: Authenticator;
  readonly challenge: string;
  readonly headers: (request: IncomingMessage['headers']) => FlatHeaders;
  readonly origins: OriginRules;
  readonly metrics: Pick<ApiMetrics, 'count' | 'mark'>;
  /** Present on one of several servers. */
  readonly gate?: Gate;
}

/** What is to be done with an upgrade that may come in. */
type Upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => Refusal | undefined;

/** Handles `upgrade` of the server. What is no WebSocket (`h2c`, say) is served as if no upgrade had been asked for. */
export function handleUpgrades(server: Server, options: UpgradeOptions): void {
  const byPath: Readonly<Record<string, Upgrade>> = {
    '/v2/events': eventUpgrade(options.streams),
    '/v2/live': liveUpgrade(options.live),
  };
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      serveWithoutUpgrade(server, request, socket as Socket);
      return;
    }
    socket.on('error', () => socket.destroy());
    const refuse = ({ status, message, headers = {} }: Refusal): void => {
      options.metrics.mark(`http.responses.${Math.floor(status / 100)}xx.rate`);
      socket.end(rawAnswer(status, message, [...options.headers(request.headers), ...flatHeadersOf(headers)]));
    };
    if (!options.isAuthentic(request.headers.authorization)) {
      const headers = { 'WWW-Authenticate': options.challenge };
      refuse(refusal('unauthorized', 'Invalid username or password.', { headers }));
      return;
    }
    const isEncrypted = 'encrypted' in socket;
    const foreign = foreignOrigin(request.headers, { ...options.origins, isEncrypted });
    if (foreign) {
      options.metrics.count('http.upgrades.foreign-origin');
      refuse(foreign);
      return;
    }
    const serve = (): void => {
      const [path = '/'] = (request.url ?? '/').split('?', 1);
      const upgrade = byPath[path.replace(/\/+/g, '/').replace(/\/$/, '')];
      const refused = upgrade
        ? upgrade(request, socket as Socket, head)
        : refusal('notFound', `URI not found: ${path}`);
      if (refused) refuse(refused);
    };
    if (options.gate) options.gate.upgrade(request, socket as Socket, head, serve);
    else serve();
  });
}

const tooMany = refusal('unavailable', 'Too many event streams', { headers: { 'Retry-After': '1' } });

function eventUpgrade(streams: EventStreams): Upgrade {
  const sockets = socketServer({ maxPayload: maxClientFrameBytes, perMessageDeflate: false });
  return (request, socket, head) => {
    const query = queryOf((request.url ?? '').split('?', 2)[1] ?? '');
    const point = resumePoint(query, request.headers);
    if (!point.ok) return point.error;
    const begin = streams.admit(point.value);
    if (!begin.ok) return begin.error;
    if (streams.isFull()) return tooMany;
    sockets.handleUpgrade(request, socket, head, (client) => {
      streamEvents(client, socket, streams, {
        filter: eventFilter(query, request.headers),
        formats: streams.formats(query),
        begin: begin.value,
      });
    });
    return undefined;
  };
}

/** Compression without context between messages, so that those who get the same share its result; a window of full size only. */
const sharedDeflate = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  concurrencyLimit: 4,
};

function liveUpgrade(live: LiveServer): Upgrade {
  const sockets = socketServer({ maxPayload: maxPayloadBytes, perMessageDeflate: sharedDeflate });
  return (request, socket, head) => {
    if (live.isFull()) return tooMany;
    sockets.handleUpgrade(request, socket, head, (client) => live.serve(client, socket));
    return undefined;
  };
}

function socketServer(options: ConstructorParameters<typeof WebSocketServer>[0]): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, ...options });
  sockets.on('wsClientError', (_error, socket) => socket.end(rawAnswer(400, 'Bad Request')));
  return sockets;
}

function queryOf(search: string): Query {
  const parameters = new URLSearchParams(search);
  return Object.fromEntries([...new Set(parameters.keys())].map((key) => [key, parameters.getAll(key)]));
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
