/** `/v2/queue` (rest-api §5.5). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { plainPreview } from '../../core/deploy/preview.ts';
import { parseAppId } from '../../core/ids.ts';
import { missed, refusal } from '../../core/refusal.ts';
import { ok } from '../../core/result.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { all, queryOf } from '../query.ts';
import { queueWhy } from '../queue-why.ts';
import { hasDelays, queueItemJson } from '../render/queue.ts';
import { dispatch, resource } from '../resource.ts';
import { sendJsonText, sendRefusal } from '../respond.ts';
import { isDryRun, sendPreview } from '../write-options.ts';

/** Registers the routes. */
export function queueRoutes(server: FastifyInstance, context: ApiContext): void {
  const whyOf = queueWhy(context);
  resource(server, '/v2/queue', {
    GET: (request, reply) =>
      all(queryOf(request), 'embed').includes('why')
        ? listWithWhy(context, request, reply, whyOf)
        : list(context, request, reply),
  });
  server.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
    url: '/v2/queue/*',
    handler: (request, reply) => {
      const segments = (request.params as { readonly '*': string })['*'].split('/').filter((each) => each !== '');
      if (segments.length < 2 || segments.at(-1) !== 'delay') return reply.callNotFound();
      const path = `/${segments.slice(0, -1).join('/')}`;
      return dispatch({ DELETE: () => resetDelay(context, request, reply, path) }, request, reply);
    },
  });
}

/** While something is delayed the answer changes with every second. */
function list(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Sent {
  const queue = context.deps.read.queue();
  const nowMs = context.deps.clock.now();
  const withOffers = all(queryOf(request), 'embed').includes('lastUnusedOffers');
  return context.answers.send(request, reply, {
    ...(hasDelays(queue, nowMs) ? { variant: String(Math.floor(nowMs / 1000)) } : {}),
    render: () => {
      const items = queue.map((entry) => queueItemJson(entry, context.apps.definition(entry.app), nowMs, withOffers));
      return ok(`{"queue":[${items.join(',')}]}`);
    },
  });
}

/** Not cached: the answers change without the state. An app that begins to wait meanwhile is in the next answer. */
async function listWithWhy(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  whyOf: ReturnType<typeof queueWhy>,
): Promise<FastifyReply> {
  const queue = context.deps.read.queue();
  const why = await whyOf(queue);
  const nowMs = context.deps.clock.now();
  const withOffers = all(queryOf(request), 'embed').includes('lastUnusedOffers');
  const items = queue.map((entry) => {
    const item = queueItemJson(entry, context.apps.definition(entry.app), nowMs, withOffers);
    const answer = why.get(entry.app.id);
    return answer === undefined ? item : `${item.slice(0, -1)},"why":${answer}}`;
  });
  return sendJsonText(reply, 200, `{"queue":[${items.join(',')}]}`);
}

async function resetDelay(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<FastifyReply> {
  const id = parseAppId(path);
  const queued = id === undefined ? undefined : context.deps.read.queue().find((entry) => entry.app.id === id);
  if (id === undefined || !queued)
    return sendRefusal(reply, missed(refusal('notFound', `Application ${path} not found in tasks queue.`)));
  if (isDryRun(request)) return sendPreview(reply, plainPreview([queued.app]));
  const answer = await context.deps.control.resetDelay(id);
  return answer.ok ? reply.code(204).send() : sendRefusal(reply, answer.error);
}
