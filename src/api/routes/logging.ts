/** `/logging`: how much is logged, changed without a restart (rest-api §6A.4). There is one logger, the root. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TimerHandle } from '../../actors/ports.ts';
import { invalid } from '../../core/refusal.ts';
import type { ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import { readLoggingBody } from '../read-body.ts';
import { resource } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';
import { withoutDryRun } from '../write-options.ts';

const rootLogger = 'ROOT';

/** Registers the routes, if the program can change its level. */
export function loggingRoutes(server: FastifyInstance, { deps }: ApiContext): void {
  const { logLevel, clock } = deps;
  if (!logLevel) return;
  let goBack: TimerHandle | undefined;
  const change = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const json = readJson(request);
    if (!json.ok) return sendRefusal(reply, json.error);
    const body = readLoggingBody(json.value);
    if (!body.ok) return sendRefusal(reply, body.error);
    const { level, logger, durationSeconds } = body.value;
    if (logger.toUpperCase() !== rootLogger) {
      return sendRefusal(reply, invalid([{ path: '/logger', errors: [`the only logger is ${rootLogger}`] }]));
    }
    goBack?.cancel();
    const before = logLevel.get();
    logLevel.set(level);
    // One temporary level at a time: a second one goes back to what it found.
    goBack =
      durationSeconds === undefined ? undefined : clock.after(durationSeconds * 1000, () => logLevel.set(before));
    return sendJson(reply, 200, json.value);
  };
  resource(server, '/logging', {
    GET: (_request, reply) => sendJson(reply, 200, { [rootLogger]: logLevel.get().toUpperCase() }),
    POST: withoutDryRun(change),
  });
}
