/** `/ping`, `/health`, `/metrics` and the web page (rest-api §6A.4, §12). */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ClusterView } from '../../actors/front.ts';
import { accepts } from '../accept.ts';
import type { ApiContext } from '../context.ts';
import { pathOf } from '../failures.ts';
import { resource } from '../resource.ts';
import { sendJson, sendJsonText, sendText } from '../respond.ts';

/** Prometheus' text format. */
const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/** Registers the routes. */
export function systemRoutes(server: FastifyInstance, context: ApiContext): void {
  const { metrics, config, read } = context.deps;
  const sendPrometheus = async (reply: FastifyReply): Promise<FastifyReply> =>
    reply.header('content-type', prometheusType).send(Buffer.from(await metrics.renderPrometheus()));
  resource(server, '/ping', { GET: ping });
  resource(server, '/health', { GET: (_request, reply) => sendJson(reply, 200, healthOf(read.cluster())) });
  resource(server, '/metrics', {
    GET: (request, reply) =>
      isScraper(request.headers.accept) ? sendPrometheus(reply) : sendJsonText(reply, 200, metrics.renderJson()),
  });
  resource(server, '/metrics/prometheus', { GET: (_request, reply) => sendPrometheus(reply) });
  resource(server, '/', { GET: (_request, reply) => reply.redirect('/ui/', 302) });
  servePage(server, config.uiDirectory);
}

/** Prometheus names its formats in `Accept`; everybody else gets Marathon's JSON (design §7). */
const isScraper = (accept: string | undefined): boolean =>
  /application\/openmetrics-text|text\/plain\s*;\s*version=/i.test(accept ?? '');

/**
 * How this server sees the cluster; always 200, since the server itself is well. `leader`: it answers requests. `follower`: it hands
 * them on to `leader`. `no-leader`: it does neither, for `reason`.
 */
function healthOf({ elected, leader, leaderUrl, notServing }: ClusterView): object {
  if (elected) return { status: 'leader', leader: leader ?? null };
  if (leaderUrl !== undefined) return { status: 'follower', leader: leader ?? null };
  return { status: 'no-leader', leader: leader ?? null, reason: notServing ?? 'there is no leader at the moment' };
}

function ping(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { accept } = request.headers;
  if (accepts(accept, 'text/plain')) return sendText(reply, 200, 'pong');
  if (accepts(accept, 'application/json')) return sendJsonText(reply, 200, '"pong"');
  if (accepts(accept, 'text/html')) {
    return reply.code(200).header('content-type', 'text/html;charset=utf-8').send(Buffer.from('pong'));
  }
  return reply.code(204).send();
}

/** Static files below `/ui/`; nothing is registered without a folder, so that the answer is a plain 404. */
function servePage(server: FastifyInstance, directory: string | undefined): void {
  if (directory === undefined || !existsSync(directory)) return;
  server.register(fastifyStatic, {
    root: resolve(directory),
    prefix: '/ui/',
    redirect: false,
    cacheControl: false,
  });
  // The router takes `/ui` and `/ui/` for the same path, but relative links work from the second only.
  resource(server, '/ui', {
    GET: (request, reply) =>
      pathOf(request).endsWith('/') ? reply.sendFile('index.html') : reply.redirect('/ui/', 302),
  });
}
