/** `/v2/deployments` (rest-api §5.1, §5.2), and what one deployment waits for or came to. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PreviewRequest } from '../../actors/front.ts';
import { missed, refusal } from '../../core/refusal.ts';
import { err, ok } from '../../core/result.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { readLimits } from '../deployment-limits.ts';
import { requestKeyOf } from '../idempotency.ts';
import { bool, queryOf } from '../query.ts';
import { deploymentJson } from '../render/deployment.ts';
import { finishedJson, runningJson } from '../render/one-deployment.ts';
import { resource } from '../resource.ts';
import { sendDeployment, sendRefusal } from '../respond.ts';
import { isDryRun, sendPreview } from '../write-options.ts';

/** Registers the routes. */
export function deploymentsRoutes(server: FastifyInstance, context: ApiContext): void {
  resource(server, '/v2/deployments', {
    GET: (request, reply) =>
      context.answers.send(request, reply, {
        isSettled: true,
        render: () => {
          const { deployments, readinessOf } = context.deps.read;
          return ok(`[${[...deployments()].map((d) => deploymentJson(d, readinessOf)).join(',')}]`);
        },
      }),
  });
  resource(server, '/v2/deployments/:id', {
    GET: (request, reply) => show(context, request, reply),
    DELETE: (request, reply) => cancel(context, request, reply),
  });
  resource(server, '/v2/deployments/:id/continue', { POST: (request, reply) => goOn(context, request, reply) });
}

const idOf = (request: FastifyRequest): string => (request.params as { readonly id: string }).id;

const unknown = (id: string) => missed(refusal('notFound', `DeploymentPlan ${id} does not exist`));

/** Running, paused, or over and still kept. Whether a back-off is over depends on the clock. */
function show(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Sent {
  const id = idOf(request);
  const { read, clock } = context.deps;
  return context.answers.send(request, reply, {
    ...(read.deployment(id) ? { variant: String(Math.floor(clock.now() / 1000)) } : {}),
    render: () => {
      const running = read.deployment(id);
      if (running) return ok(runningJson(running, read, clock.now()));
      const finished = read.finishedDeployment(id);
      return finished ? ok(finishedJson(finished)) : err(unknown(id));
    },
  });
}

/** With `force` the deployment just stops, which is answered by 202 without a body. */
async function cancel(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const id = idOf(request);
  const query = queryOf(request);
  const limits = readLimits(query);
  if (!limits.ok) return sendRefusal(reply, limits.error);
  if (!context.deps.read.deployment(id)) return sendRefusal(reply, unknown(id));
  const options = { force: bool(query, 'force', false), ...limits.value };
  if (isDryRun(request)) return showPlan(context, reply, { cancel: id }, options.force);
  const answer = await context.deps.control.cancelDeployment(id, options);
  if (!answer.ok) return sendRefusal(reply, answer.error);
  return answer.value ? sendDeployment(reply, 200, answer.value) : reply.code(202).header('content-length', '0').send();
}

/** Lets a paused deployment go on. */
async function goOn(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const id = idOf(request);
  const limits = readLimits(queryOf(request));
  if (!limits.ok) return sendRefusal(reply, limits.error);
  const { requestKey } = requestKeyOf(request);
  // One that went on before may be over by now.
  if (!requestKey && !context.deps.read.deployment(id)) return sendRefusal(reply, unknown(id));
  if (isDryRun(request)) return showPlan(context, reply, { continue: id }, false);
  const answer = await context.deps.control.continueDeployment(id, limits.value.limits, requestKey);
  return answer.ok ? sendDeployment(reply, 200, answer.value) : sendRefusal(reply, answer.error);
}

async function showPlan(
  { deps }: ApiContext,
  reply: FastifyReply,
  wanted: PreviewRequest,
  force: boolean,
): Promise<FastifyReply> {
  const preview = await deps.control.preview(wanted, { force });
  return preview.ok ? sendPreview(reply, preview.value) : sendRefusal(reply, preview.error);
}
