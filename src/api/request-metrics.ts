/** Counts and times every request (rest-api §12.3) and logs it; `/ping` stays silent, since it comes every second. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
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

const rates = ['1xx', '2xx', '3xx', '4xx', '5xx'].map((kind) => `http.responses.${kind}.rate`);

/** The meter of a status. */
const rateOf = (status: number): string => rates[Math.floor(status / 100) - 1] ?? 'http.responses.5xx.rate';

const lengthOf = (text: unknown): number => {
  const length = Number(text ?? 0);
  return Number.isFinite(length) ? length : 0;
};

export interface RequestMetrics {
  /** Tells that a request goes on as an event stream: it is no longer active, and its end is not a duration. */
  readonly becameStream: (request: FastifyRequest) => void;
  /** Counts a request that is answered past the framework, and records it when its answer has left. */
  readonly enter: (
    request: IncomingMessage,
    response: ServerResponse,
    answered: { readonly arrivedAtMs: number; readonly sentBytes: number },
  ) => void;
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
    if (request.isStream) return done();
    const { arrivedAtMs } = request;
    const sentBytes = request.sentBytes >= 0 ? request.sentBytes : lengthOf(reply.getHeader('content-length'));
    record(request.raw, reply.raw.statusCode, { arrivedAtMs, sentBytes });
    done();
  });

  const record = (
    request: IncomingMessage,
    status: number,
    { arrivedAtMs, sentBytes }: { readonly arrivedAtMs: number; readonly sentBytes: number },
  ): void => {
    const durationMs = clock.monotonic() - arrivedAtMs;
    const { method = '' } = request;
    metrics.time('http.requests.duration', durationMs);
    const timer = methodTimers[method];
    if (timer !== undefined) metrics.time(timer, durationMs);
    metrics.mark(rateOf(status));
    metrics.count('http.responses.size', sentBytes);
    // Without the query, which may hold an address with a password in it, or a whole secret.
    const path = pathOf({ raw: request });
    if (path !== '/ping') logger.debug('http.request', { method, path, status, durationMs });
  };

  return {
    becameStream: (request) => {
      if (request.isStream) return;
      request.isStream = true;
      leave(request);
    },
    enter: (request, response, answered) => {
      active += 1;
      metrics.count('http.requests.size', 0);
      response.once('close', () => {
        active -= 1;
        if (response.writableFinished) record(request, response.statusCode, answered);
      });
    },
  };
}
