/**
 * Answers a GET that was answered before at this state version without asking the framework: such polls are most of what a server hears.
 * It does what the hooks and the route would do (authentication, leadership, metrics, log) in the same order, and leaves everything else,
 * refusals included, to them.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { basicAuthenticator } from './auth.ts';
import type { CachedAnswers } from './cached-answers.ts';
import type { ApiDependencies } from './dependencies.ts';
import { hasBody } from './follower/request-body.ts';
import type { RequestMetrics } from './request-metrics.ts';

export interface FastLaneOptions {
  readonly deps: ApiDependencies;
  readonly answers: Pick<CachedAnswers, 'again'>;
  readonly requestMetrics: Pick<RequestMetrics, 'enter'>;
  /** True once the server takes nothing new. */
  readonly isClosing: () => boolean;
}

/** Puts the lane ahead of the server's own handler. */
export function installFastLane(server: Server, options: FastLaneOptions): void {
  const lane = fastLane(options);
  const handlers = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (lane(request, response)) return;
    for (const handle of handlers) handle.call(server, request, response);
  });
}

/** Returns a function that answers a request if it can, and says whether it has. */
function fastLane({ deps, answers, requestMetrics, isClosing }: FastLaneOptions) {
  const { config, read, clock, logger, metrics } = deps;
  const isAuthentic = config.credentials ? basicAuthenticator(config.credentials) : undefined;
  const mayServe = (request: IncomingMessage): boolean =>
    (request.method === 'GET' || request.method === 'HEAD') &&
    !isClosing() &&
    !hasBody(request) &&
    (isAuthentic === undefined || isAuthentic(request.headers.authorization)) &&
    (config.proxy === undefined || read.cluster().elected);
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const arrivedAtMs = clock.monotonic();
    try {
      if (!mayServe(request)) return false;
      const sentBytes = answers.again(request, response);
      if (sentBytes === undefined) return false;
      metrics.count('http.answers.again');
      requestMetrics.enter(request, response, { arrivedAtMs, sentBytes });
      return true;
    } catch (error) {
      logger.error('http.fast-lane.failed', {}, error instanceof Error ? error : new Error(String(error)));
      if (!response.headersSent) return false;
      response.destroy();
      return true;
    }
  };
}
