/** `/openapi.json`, `/docs`, and Marathon's old paths that lead there (rest-api §6A.4, §6A.6). */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../context.ts';
import { appSchema, openApiDocument } from '../openapi/document.ts';
import { docsPage } from '../openapi/page.ts';
import { resource } from '../resource.ts';
import { sendJsonText } from '../respond.ts';

/** Registers the routes. */
export function docsRoutes(server: FastifyInstance, { deps }: ApiContext): void {
  const description = JSON.stringify(openApiDocument(deps.config.info.version));
  const schema = JSON.stringify(appSchema);
  resource(server, '/openapi.json', { GET: (_request, reply) => sendJsonText(reply, 200, description) });
  resource(server, '/v2/schemas/app', { GET: (_request, reply) => sendJsonText(reply, 200, schema) });
  resource(server, '/docs', {
    GET: (_request, reply) =>
      reply.code(200).header('content-type', 'text/html;charset=utf-8').send(Buffer.from(docsPage)),
  });
  for (const path of ['/help', '/api-console']) {
    resource(server, path, { GET: (_request, reply) => reply.redirect('/docs', 302) });
  }
}
