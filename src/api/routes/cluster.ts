/** `/v2/info`, `/v2/leader` and `/v2/plugins` (rest-api §6A.1–§6A.3). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../../core/refusal.ts';
import type { ApiContext } from '../context.ts';
import { infoView } from '../render/info.ts';
import { resource } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';

/** Registers the routes. There are no plugins. */
export function clusterRoutes(server: FastifyInstance, context: ApiContext): void {
  const { read, config } = context.deps;
  resource(server, '/v2/info', { GET: (_request, reply) => sendJson(reply, 200, infoView(config, read.cluster())) });
  resource(server, '/v2/leader', {
    GET: (_request, reply) => {
      const { leader } = read.cluster();
      return leader === undefined
        ? sendRefusal(reply, refusal('notFound', 'There is no leader', { details: [] }))
        : sendJson(reply, 200, { leader });
    },
  });
  resource(server, '/v2/plugins', { GET: (_request, reply) => sendJson(reply, 200, { plugins: [] }) });
  const noPlugin = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const [id = ''] = (request.params as { readonly '*': string })['*'].split('/');
    return sendRefusal(reply, refusal('notFound', `No plugin with id '${id}'`));
  };
  resource(server, '/v2/plugins/*', { GET: noPlugin, POST: noPlugin, PUT: noPlugin, DELETE: noPlugin });
}
