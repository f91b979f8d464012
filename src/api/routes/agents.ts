/** `/v2/agents`: the machines, as far as offers and tasks tell of them (not Marathon's). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../../core/refusal.ts';
import { err, ok } from '../../core/result.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { agentViews } from '../render/agents.ts';
import { resource } from '../resource.ts';

/** Registers the routes. */
export function agentsRoutes(server: FastifyInstance, context: ApiContext): void {
  const { read, clock } = context.deps;
  // Offers come and go without a change of the state: an answer is good for a second.
  const variant = (): string => String(Math.floor(clock.now() / 1000));
  resource(server, '/v2/agents', {
    GET: (request, reply) =>
      context.answers.send(request, reply, {
        variant: variant(),
        render: () => ok(JSON.stringify({ agents: agentViews(read, clock.now()) })),
      }),
  });
  resource(server, '/v2/agents/:id', { GET: (request, reply) => show(request, reply) });

  const show = (request: FastifyRequest, reply: FastifyReply): Sent => {
    const { id } = request.params as { readonly id: string };
    return context.answers.send(request, reply, {
      variant: variant(),
      render: () => {
        const agent = agentViews(read, clock.now()).find((one) => one.id === id);
        return agent
          ? ok(JSON.stringify({ agent }))
          : err(refusal('notFound', `Agent '${id}' does not exist, or was not heard of`));
      },
    });
  };
}
