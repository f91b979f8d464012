/**
 * Stands in front of every route of a server that is one of several (design §8): lets in what this server may answer, hands the
 * rest to the leader, and turns away what nobody can answer.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDependencies, ProxyConfig } from '../dependencies.ts';
import { rawAnswer } from '../failures.ts';
import { type FlatHeaders, flatHeadersOf } from '../headers.ts';
import type { RequestMetrics } from '../request-metrics.ts';
import { sendRefusal } from '../respond.ts';
import { done, type Outcome } from './attempt.ts';
import { exchange } from './exchange.ts';
import { requestHeaders, upgradeHeaders, viasOf } from './hop-headers.ts';
import { type Lane, type LeaderLink, maxForwardedStreams } from './leader-link.ts';
import { LeaderWatch } from './leader-watch.ts';
import { hasBody } from './request-body.ts';
import { type Found, seek } from './seek.ts';
import { isWrite, looped, turnedAway } from './turn-away.ts';
import { exchangeUpgrade } from './upgrade-exchange.ts';

export interface Gate {
  /** Handles a WebSocket upgrade whose credentials are good; calls `serve` if it is for this server. */
  readonly upgrade: (request: IncomingMessage, socket: Socket, head: Buffer, serve: () => void) => void;
}

export interface GateOptions {
  readonly deps: ApiDependencies;
  readonly proxy: ProxyConfig;
  readonly requestMetrics: RequestMetrics;
  /** Headers of an answer that is written past the framework. */
  readonly headers: (request: IncomingMessage['headers']) => FlatHeaders;
  readonly closeEventStreams: () => void;
}

/** Routes that every server answers for itself; they show nothing of the cluster's state. */
const ownRoutes: ReadonlySet<string | undefined> = new Set([
  '/ping',
  '/health',
  '/metrics',
  '/metrics/prometheus',
  '/',
  '/ui',
  '/ui/*',
]);

/** Follows a file of a task: open for long, like the events, but of no use to a reader that follows no redirect. */
const followRoute = '/v2/tasks/:taskId/files/follow';

/** Installs the gate; call it after authentication and before any route. */
export function installGate(server: FastifyInstance, options: GateOptions): Gate {
  const gate = new RequestGate(options);
  server.addHook('onRequest', (request, reply, next) => gate.onRequest(request, reply, next));
  // The body may have taken its time: what was the leader at its beginning may not be one at its end.
  server.addHook('preHandler', (request, reply, next) => {
    if (gate.mayServe(request)) next();
    else sendRefusal(reply, turnedAway(request.method, 'this server does not lead any more'));
  });
  server.addHook('onClose', (_server, next) => {
    gate.close();
    next();
  });
  return { upgrade: (...upgrade) => gate.onUpgrade(...upgrade) };
}

class RequestGate {
  readonly #options: GateOptions;
  readonly #watch: LeaderWatch;
  /** Requests that undici has not finished, and open streams. */
  readonly #used: Record<Lane, number> = { request: 0, stream: 0 };

  constructor(options: GateOptions) {
    this.#options = options;
    const { deps, proxy, closeEventStreams } = options;
    this.#watch = new LeaderWatch({
      ...deps,
      proxy,
      ownCertificate: deps.config.tls?.cert,
      onLost: closeEventStreams,
    });
    deps.metrics.gauge('http.proxy.requests.active', () => this.#used.request);
    deps.metrics.gauge('http.proxy.streams.active', () => this.#used.stream);
  }

  close(): void {
    this.#watch.close();
  }

  /** True for what this server may answer itself at this moment. */
  mayServe(request: FastifyRequest): boolean {
    if (this.#watch.isElected()) return true;
    const { url } = request.routeOptions;
    if (ownRoutes.has(url) || request.raw.url === '*') return true;
    // Nobody leads: this is the one question about the cluster to which that is the answer (rest-api §6A.2).
    if (url !== '/v2/leader' || isWrite(request.method)) return false;
    const place = this.#watch.place();
    return place.type === 'nowhere' && place.leader === undefined;
  }

  onRequest(request: FastifyRequest, reply: FastifyReply, next: (error?: Error) => void): void {
    if (this.mayServe(request)) {
      next();
      return;
    }
    if (this.#isLoop(request.raw)) {
      this.#options.deps.metrics.count('http.proxy.loops');
      sendRefusal(reply, looped(request.method));
      return;
    }
    this.#forward(request, reply).then(
      (found) => {
        if (found.type === 'here') next();
        else if (found.type === 'turnedAway') {
          sendRefusal(reply, turnedAway(request.method, found.reason, found.outcome));
        }
      },
      (error: Error) => {
        if (reply.sent) reply.raw.destroy();
        else next(error);
      },
    );
  }

  onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer, serve: () => void): void {
    const { deps, headers } = this.#options;
    const refuse = (status: number, message: string, more: Readonly<Record<string, string>> = {}): void => {
      deps.metrics.mark(`http.responses.${Math.floor(status / 100)}xx.rate`);
      socket.end(rawAnswer(status, message, [...headers(request.headers), ...flatHeadersOf(more)]));
    };
    if (this.#watch.isElected()) {
      serve();
      return;
    }
    if (this.#isLoop(request)) {
      const { status, message, headers: more } = looped(request.method);
      refuse(status, message, more);
      return;
    }
    this.#forwardUpgrade(request, socket, head).then(
      (found) => {
        if (found.type === 'here') serve();
        else if (found.type === 'turnedAway') {
          const { status, message, headers: more } = turnedAway(request.method, found.reason, found.outcome);
          refuse(status, message, more);
        }
      },
      (error: Error) => {
        deps.logger.error('http.proxy.upgrade-failed', {}, error);
        socket.destroy();
      },
    );
  }

  #forward(request: FastifyRequest, reply: FastifyReply): Promise<Found> {
    const { url } = request.routeOptions;
    const isEvents = url === '/v2/events' && !isWrite(request.method);
    const isStream = isEvents || (url === followRoute && request.method === 'GET');
    return this.#seek(
      request.raw,
      () => reply.raw.destroyed,
      (link, startWithinMs) =>
        isEvents && !this.#options.proxy.proxyEvents
          ? Promise.resolve(redirect(reply, `${link.url}${pathOf(request.raw)}`))
          : this.#exchange(request, reply, { link, startWithinMs, lane: isStream ? 'stream' : 'request' }),
    );
  }

  async #exchange(
    request: FastifyRequest,
    reply: FastifyReply,
    { link, startWithinMs, lane }: { readonly link: LeaderLink; readonly startWithinMs: number; readonly lane: Lane },
  ): Promise<Outcome> {
    const { deps, proxy, requestMetrics } = this.#options;
    const release = await this.#take(lane, deps.clock.monotonic() + startWithinMs, () => reply.raw.destroyed);
    if (release === 'gone') return done;
    if (release === 'busy') return { type: 'failed', failure: 'busy', sent: false };
    return exchange({
      ...this.#common(request.raw),
      link,
      lane,
      startWithinMs,
      response: reply.raw,
      isSafe: isRepeatable(request.raw),
      readTimeoutMs: proxy.readTimeoutMs,
      onAnswer: () => {
        reply.hijack();
        request.sentBytes = 0;
        if (lane === 'stream') requestMetrics.becameStream(request);
      },
      onBytes: (bytes) => {
        request.sentBytes += bytes;
      },
      onReleased: release,
    });
  }

  #forwardUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<Found> {
    const { deps, proxy } = this.#options;
    return this.#seek(
      request,
      () => socket.destroyed,
      async (link, startWithinMs) => {
        const release = await this.#take('stream', 0, () => socket.destroyed);
        if (release === 'gone') return done;
        if (release === 'busy') return { type: 'failed', failure: 'busy', sent: false };
        let isAnswered = false;
        const outcome = await exchangeUpgrade({
          ...this.#common(request, upgradeHeaders),
          link,
          socket,
          head,
          startWithinMs,
          readTimeoutMs: proxy.readTimeoutMs,
          onAnswer: (status) => {
            isAnswered = true;
            deps.metrics.mark(`http.responses.${Math.floor(status / 100)}xx.rate`);
          },
          onClosed: release,
        });
        if (!isAnswered) release();
        return outcome;
      },
    );
  }

  #seek(
    request: IncomingMessage,
    isGone: () => boolean,
    attempt: (link: LeaderLink, startWithinMs: number) => Promise<Outcome>,
  ): Promise<Found> {
    const { deps, proxy } = this.#options;
    deps.metrics.count('http.proxy.requests');
    return seek({
      watch: this.#watch,
      clock: deps.clock,
      waitForLeaderMs: proxy.waitForLeaderMs,
      isSafe: isRepeatable(request),
      isForwarded: viasOf(request.headers['x-marathon-via']).length > 0,
      isGone,
      attempt,
      onFailure: () => deps.metrics.count('http.proxy.failures'),
    });
  }

  /** A place among the connections to the leader, and how to give it back. */
  async #take(lane: Lane, untilMs: number, isGone: () => boolean): Promise<'gone' | 'busy' | (() => void)> {
    const limit = lane === 'request' ? this.#options.proxy.maxConnections : maxForwardedStreams;
    const holds = (): boolean => {
      if (this.#used[lane] >= limit) return false;
      this.#used[lane] += 1;
      return true;
    };
    const waited = await this.#watch.room.wait({ holds, untilMs, isGone });
    if (waited !== 'yes') return waited === 'gone' ? 'gone' : 'busy';
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#used[lane] -= 1;
      this.#watch.room.look();
    };
  }

  #common(request: IncomingMessage, headersOf = requestHeaders) {
    const via = this.#via();
    const peer = (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');
    const headers = headersOf(request.rawHeaders, { peer, via });
    return { request, path: pathOf(request), headers, via, clock: this.#options.deps.clock };
  }

  #via(): string {
    const { ownAddress } = this.#options.proxy;
    return `1.1 ${typeof ownAddress === 'string' ? ownAddress : ownAddress()}`;
  }

  #isLoop(request: IncomingMessage): boolean {
    return viasOf(request.headers['x-marathon-via']).includes(this.#via());
  }
}

/** Safe, and with nothing that could be sent only once (RFC 9110 §9.2.2). */
const isRepeatable = (request: IncomingMessage): boolean => !isWrite(request.method) && !hasBody(request);

/** Path and query; a target in absolute form loses its scheme and host (RFC 9112 §3.2.2). */
const pathOf = (request: IncomingMessage): string => {
  const path = (request.url ?? '/').replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
};

function redirect(reply: FastifyReply, to: string): Outcome {
  reply.redirect(to, 302);
  return done;
}
