/**
 * `/v2/pods…` of a server that runs none (rest-api §6.1): the collection is there and empty, so that clients which probe for pods find what
 * they expect; writes are refused with 422, since a 5xx would make clients take the whole server for broken.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalid, type Refusal, refusal } from '../../core/refusal.ts';
import { ok } from '../../core/result.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import { dispatch, everyMethod, type Verbs } from '../resource.ts';
import { sendRefusal } from '../respond.ts';

const noPods = invalid([{ path: '/', errors: ['This server does not run pods; use apps'] }]);

/** Registers the routes. */
export function podsRoutes(server: FastifyInstance, context: ApiContext): void {
  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    const rest = (request.params as { readonly '*'?: string })['*'] ?? '';
    const [path = '', suffix] = rest.split('::', 2);
    const id = `/${path
      .split('/')
      .filter((segment) => segment !== '')
      .join('/')}`;
    return dispatch(verbsOf(context, id, suffix), request, reply);
  };
  server.route({ method: everyMethod, url: '/v2/pods', handler });
  server.route({ method: everyMethod, url: '/v2/pods/*', handler });
}

function verbsOf(context: ApiContext, id: string, suffix: string | undefined): Verbs {
  const none = (request: FastifyRequest, reply: FastifyReply): Sent =>
    context.answers.send(request, reply, { render: () => ok('[]') });
  const missing = (_request: FastifyRequest, reply: FastifyReply): FastifyReply => sendRefusal(reply, podNotFound(id));
  if (id === '/') {
    if (suffix === undefined) return { GET: none, POST: refuse };
    return suffix === 'status' ? { GET: none } : { GET: missing };
  }
  if (suffix === undefined) return { GET: missing, PUT: missing, DELETE: missing };
  return suffix.startsWith('instances') ? { DELETE: missing } : { GET: missing };
}

/** What is no JSON is told so first, as everywhere. */
function refuse(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const json = readJson(request);
  return sendRefusal(reply, json.ok ? noPods : json.error);
}

const podNotFound = (id: string): Refusal => refusal('notFound', `Pod '${id}' does not exist`);
