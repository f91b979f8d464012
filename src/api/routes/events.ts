/** `GET /v2/events`; WebSocket upgrades on the same path come in beside the router. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../context.ts';
import { resource } from '../resource.ts';
import { openSse } from '../stream/sse.ts';

/** Registers the route. */
export function eventsRoutes(server: FastifyInstance, context: ApiContext): void {
  resource(server, '/v2/events', {
    GET: (request, reply) =>
      openSse(request, reply, context.streams, context.headers(request.headers), context.requestMetrics),
  });
}
