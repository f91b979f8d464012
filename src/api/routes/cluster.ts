/** `/v2/info`, `/v2/leader` and `/v2/plugins` (rest-api §6A.1–§6A.3). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUri } from '../../core/app/uri.ts';
import { invalid, missed, refusal } from '../../core/refusal.ts';
import type { ApiContext } from '../context.ts';
import { first, queryOf } from '../query.ts';
import { infoView } from '../render/info.ts';
import { resource } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';
import { withoutDryRun } from '../write-options.ts';

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
    DELETE: withoutDryRun((request, reply) => abdicate(context, request, reply)),
  });
  resource(server, '/v2/plugins', { GET: (_request, reply) => sendJson(reply, 200, { plugins: [] }) });
  const noPlugin = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const [id = ''] = (request.params as { readonly '*': string })['*'].split('/');
    return sendRefusal(reply, missed(refusal('notFound', `No plugin with this pluginId: ${id}`)));
  };
  resource(server, '/v2/plugins/*', { GET: noPlugin, POST: noPlugin, PUT: noPlugin, DELETE: noPlugin });
}

/** Where a backup may lie: in files only. Marathon's words, but for `s3`, which it knows. */
function uriFault(uri: string): string | undefined {
  if (!isUri(uri)) return 'URI has invalid syntax.';
  if (/^file:(?:\/\/[^/]*\/|\/(?!\/))./.test(uri)) return undefined;
  if (/^s3:\/\/[^/]+\/./.test(uri)) return `'${uri}': s3 is not supported, only file URIs are (file:///path)`;
  return `Invalid URI or unsupported scheme: ${uri}`;
}

/** `DELETE /v2/leader?backup=&restore=` (rest-api §6A.2). */
async function abdicate(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = queryOf(request);
  const wanted: { backup?: string; restore?: string } = {};
  for (const name of ['backup', 'restore'] as const) {
    const uri = first(query, name);
    if (uri === undefined) continue;
    const fault = uriFault(uri);
    if (fault !== undefined) return sendRefusal(reply, invalid([{ path: '/', errors: [fault] }]));
    wanted[name] = uri;
  }
  const answer = await context.deps.control.abdicate(wanted);
  if (!answer.ok) return sendRefusal(reply, answer.error);
  return sendJson(reply, 200, { message: 'Leadership abdicated', details: [] });
}
