/** One path with its verbs: HEAD follows GET, OPTIONS tells what there is, the rest is 405 with `Allow` (rest-api §1.1). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../core/refusal.ts';
import { sendRefusal } from './respond.ts';

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Answers one request; the reply that it returns has been sent, or taken over. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>;

export type Verbs = Readonly<Partial<Record<Verb, Handler>>>;

/** Methods that reach a route. */
export const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/** `GET, HEAD, …, OPTIONS` of a resource. */
export const allowed = (verbs: Verbs): string =>
  [...Object.keys(verbs).flatMap((verb) => (verb === 'GET' ? ['GET', 'HEAD'] : [verb])), 'OPTIONS'].join(', ');

/** Lets the verb answer that the request names. */
export function dispatch(verbs: Verbs, request: FastifyRequest, reply: FastifyReply): ReturnType<Handler> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const handler = verbs[method as Verb];
  if (handler) return handler(request, reply);
  reply.header('allow', allowed(verbs));
  if (method === 'OPTIONS') return reply.code(200).header('content-length', '0').send();
  return sendRefusal(reply, refusal('methodNotAllowed', 'Method Not Allowed'));
}

/** Registers a resource. */
export function resource(server: FastifyInstance, url: string, verbs: Verbs): void {
  server.route({ method: everyMethod, url, handler: (request, reply) => dispatch(verbs, request, reply) });
}
