/** Counts and times every request (rest-api §12.3) and logs it; `/ping` stays silent, since it comes every second. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDependencies } from './dependencies.ts';
import { pathOf } from './failures.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Monotonic milliseconds when the request arrived. */
    arrivedAtMs: number;
    /** Bytes of the answer's body; -1 = ask the framework. */
    sentBytes: number;
    /** True once it has turned into an event stream, which holds no slot. */
    isStream: boolean;
    /** Counted among the active ones. */
    isActive: boolean;
  }
}

const methodTimers: Readonly<Record<string, string>> = {
  GET: 'http.requests.get.duration',
  POST: 'http.requests.post.duration',
  PUT: 'http.requests.put.duration',
  DELETE: 'http.requests.delete.duration',
};

const lengthOf = (text: unknown): number => {
  const length = Number(text ?? 0);
  return Number.isFinite(length) ? length : 0;
};

export interface RequestMetrics {
  /** Tells that a request goes on as an event stream: it is no longer active, and its end is not a duration. */
  readonly becameStream: (request: FastifyRequest) => void;
}

/** Installs the hooks. Call it before any route is registered. `onLeave` hears of each request that is no longer active, once. */
export function requestMetrics(
  server: FastifyInstance,
  deps: ApiDependencies,
  onLeave: (request: FastifyRequest) => void = () => {},
): RequestMetrics {
  const { metrics, clock, logger } = deps;
  let active = 0;
  metrics.gauge('http.requests.active', () => active);
  server.decorateRequest('arrivedAtMs', 0);
  server.decorateRequest('sentBytes', -1);
  server.decorateRequest('isStream', false);
  server.decorateRequest('isActive', false);
  const leave = (request: FastifyRequest): void => {
    if (!request.isActive) return;
    request.isActive = false;
    active -= 1;
    onLeave(request);
  };

  server.addHook('onRequest', (request, reply, done) => {
    request.arrivedAtMs = clock.monotonic();
    request.isActive = true;
    active += 1;
    // A client that leaves before its answer is complete gets no `onResponse`.
    reply.raw.once('close', () => leave(request));
    metrics.count('http.requests.size', lengthOf(request.headers['content-length']));
    done();
  });

  server.addHook('onResponse', (request, reply, done) => {
    leave(request);
    if (!request.isStream) record(request, reply);
    done();
  });

  const record = (request: FastifyRequest, reply: FastifyReply): void => {
    const durationMs = clock.monotonic() - request.arrivedAtMs;
    const status = reply.raw.statusCode;
    metrics.time('http.requests.duration', durationMs);
    const timer = methodTimers[request.method];
    if (timer !== undefined) metrics.time(timer, durationMs);
    metrics.mark(`http.responses.${Math.floor(status / 100)}xx.rate`);
    const sent = request.sentBytes >= 0 ? request.sentBytes : lengthOf(reply.getHeader('content-length'));
    metrics.count('http.responses.size', sent);
    // Without the query, which may hold an address with a password in it, or a whole secret.
    const path = pathOf(request);
    if (path !== '/ping') logger.debug('http.request', { method: request.method, path, status, durationMs });
  };

  return {
    becameStream: (request) => {
      if (request.isStream) return;
      request.isStream = true;
      leave(request);
    },
  };
}
