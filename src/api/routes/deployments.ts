/** `/v2/deployments` (rest-api §5.1, §5.2). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../../core/refusal.ts';
import { ok } from '../../core/result.ts';
import type { ApiContext } from '../context.ts';
import { bool, queryOf } from '../query.ts';
import { deploymentJson } from '../render/deployment.ts';
import { resource } from '../resource.ts';
import { sendDeployment, sendRefusal } from '../respond.ts';

/** Registers the routes. */
export function deploymentsRoutes(server: FastifyInstance, context: ApiContext): void {
  resource(server, '/v2/deployments', {
    GET: (request, reply) =>
      context.answers.send(request, reply, {
        render: () => {
          const { deployments, readinessOf } = context.deps.read;
          return ok(`[${[...deployments()].map((d) => deploymentJson(d, readinessOf)).join(',')}]`);
        },
      }),
  });
  resource(server, '/v2/deployments/:id', { DELETE: (request, reply) => cancel(context, request, reply) });
}

/** With `force` the deployment just stops, which is answered by 202 without a body. */
async function cancel(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = request.params as { readonly id: string };
  if (!context.deps.read.deployment(id)) {
    return sendRefusal(reply, refusal('notFound', `DeploymentPlan ${id} does not exist`));
  }
  const answer = await context.deps.control.cancelDeployment(id, { force: bool(queryOf(request), 'force', false) });
  if (!answer.ok) return sendRefusal(reply, answer.error);
  return answer.value ? sendDeployment(reply, 200, answer.value) : reply.code(202).header('content-length', '0').send();
}
