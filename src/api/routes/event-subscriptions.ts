/** `/v2/eventSubscriptions`: HTTP callbacks (rest-api §6A.5). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkCallbackUrl, checkSecret } from '../../core/events-callback.ts';
import { invalid, type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { ApiContext } from '../context.ts';
import { peerOf } from '../peer.ts';
import { first, queryOf } from '../query.ts';
import { resource } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';
import { withoutDryRun } from '../write-options.ts';

const notEnabled = refusal(
  'badRequest',
  'http event callback system is not running on this Marathon instance. Please re-start this instance with ' +
    '"--event_subscriber http_callback".',
);

/** Registers the route. Without `--event_subscriber http_callback` every verb is refused with 400, as Marathon does. */
export function eventSubscriptionsRoutes(server: FastifyInstance, { deps }: ApiContext): void {
  const { control, read, config } = deps;
  const guarded =
    (handle: (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>) =>
    (request: FastifyRequest, reply: FastifyReply) =>
      config.hasCallbacks ? handle(request, reply) : sendRefusal(reply, notEnabled);
  resource(server, '/v2/eventSubscriptions', {
    GET: guarded((_request, reply) => sendJson(reply, 200, { callbackUrls: read.callbackUrls() })),
    POST: guarded(
      withoutDryRun(async (request, reply) => {
        const url = urlOf(request);
        if (!url.ok) return sendRefusal(reply, url.error);
        const secret = secretOf(request);
        if (!secret.ok) return sendRefusal(reply, secret.error);
        const result = await control.subscribe({ url: url.value, secret: secret.value, clientIp: peerOf(request.ip) });
        return result.ok ? sendJson(reply, 200, result.value) : sendRefusal(reply, result.error);
      }),
    ),
    DELETE: guarded(
      withoutDryRun(async (request, reply) => {
        const url = first(queryOf(request), 'callbackUrl');
        if (url === undefined) return sendRefusal(reply, missing);
        const result = await control.unsubscribe({ url, clientIp: peerOf(request.ip) });
        return result.ok ? sendJson(reply, 200, result.value) : sendRefusal(reply, result.error);
      }),
    ),
  });
}

const missing = invalid([{ path: '/callbackUrl', errors: ['must be given as a query parameter'] }]);

function urlOf(request: FastifyRequest): Result<string, Refusal> {
  const text = first(queryOf(request), 'callbackUrl');
  return text === undefined || text === '' ? err(missing) : checkCallbackUrl(text);
}

/** `{"secret":"…"}`; clients of Marathon send no body, or an empty one. Not a query parameter: those end up in logs. */
function secretOf(request: FastifyRequest): Result<string | undefined, Refusal> {
  const body = request.body instanceof Buffer ? request.body.toString('utf8').trim() : '';
  if (body === '') return ok(undefined);
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return err(refusal('invalidJson', 'Invalid JSON'));
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return err(refusal('invalidJson', 'Invalid JSON'));
  }
  const { secret } = content as { readonly secret?: unknown };
  return secret === undefined || secret === null ? ok(undefined) : checkSecret(secret);
}
