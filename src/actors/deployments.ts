/** Running deployments: one child for each; they live and die by the groups actor's word. */
import type { DeploymentId } from '../core/ids.ts';
import { InvariantError } from '../core/result.ts';
import { deploymentBehaviour } from './deployment.ts';
import type { DeploymentMessage, DeploymentsMessage } from './protocol.ts';
import type { ActorRef, Behaviour } from './runtime/types.ts';
import type { Services } from './services.ts';

interface DeploymentsState {
  readonly running: Map<DeploymentId, ActorRef<DeploymentMessage>>;
}

/** The supervisor of deployments. */
export function deploymentsBehaviour(services: Services): Behaviour<DeploymentsState, DeploymentsMessage> {
  return {
    initial: () => ({ running: new Map() }),
    receive: (state, message, context) => {
      switch (message.type) {
        case 'start': {
          const { deployment } = message;
          const ref = context.spawn(deploymentBehaviour(deployment, services), deployment.id, {
            onStopped: (reason): DeploymentsMessage =>
              reason.type === 'failed'
                ? { type: 'childFailed', name: deployment.id, error: reason.error }
                : { type: 'ended', id: deployment.id },
          });
          state.running.set(deployment.id, ref);
          return state;
        }
        case 'cancelled':
          for (const id of message.ids) {
            const ref = state.running.get(id);
            state.running.delete(id);
            if (ref) context.stop(ref);
          }
          // Only now: an order that a cancelled deployment gave in its last moment must not be the last one.
          for (const { appId, order } of message.orders) services.apps.tell({ type: 'target', appId, order });
          return state;
        case 'ended':
          state.running.delete(message.id);
          return state;
        case 'childFailed':
          throw new InvariantError(`deployment ${message.name} failed`, { cause: message.error });
      }
    },
    onFailure: () => 'stop',
  };
}
