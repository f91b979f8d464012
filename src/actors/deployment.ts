/** One deployment, step by step: tells each app of a step its target and waits until all have reached it. */
import type { Deployment, PlanAction } from '../core/deploy/plan-types.ts';
import type { AppId } from '../core/ids.ts';
import type { DeploymentMessage, TargetOrder } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';
import type { Services } from './services.ts';

interface DeploymentState {
  readonly deployment: Deployment;
  /** Counts from 1. */
  readonly step: number;
  readonly pending: ReadonlySet<AppId>;
}

/** One plan. A new leader starts it at the step it had reached; every action may be repeated. */
export function deploymentBehaviour(
  deployment: Deployment,
  services: Services,
): Behaviour<DeploymentState, DeploymentMessage> {
  return {
    initial: (context) => {
      context.self.tell({ type: 'begin' });
      return { deployment, step: 0, pending: new Set() };
    },
    receive: (state, message, context) => {
      if (message.type === 'begin') return enter(state, Math.max(1, deployment.currentStep), services, context);
      if (message.step !== state.step || !state.pending.has(message.appId)) return state;
      const pending = new Set(state.pending);
      pending.delete(message.appId);
      return pending.size > 0 ? { ...state, pending } : enter(state, state.step + 1, services, context);
    },
    onFailure: () => 'stop',
  };
}

function enter(
  state: DeploymentState,
  number: number,
  services: Services,
  context: Context<DeploymentMessage>,
): DeploymentState {
  const { deployment } = state;
  const step = deployment.steps[number - 1];
  if (!step) {
    services.groups.tell({ type: 'deploymentFinished', id: deployment.id });
    return { ...state, step: number, pending: new Set() };
  }
  services.groups.tell({ type: 'stepStarted', id: deployment.id, step: number });
  const pending = new Set<AppId>();
  for (const action of step.actions) {
    const order = orderFor(deployment, action, number, context.self, services);
    if (!order) continue;
    pending.add(action.app);
    services.apps.tell({ type: 'target', appId: action.app, order });
  }
  const next = { ...state, step: number, pending };
  return pending.size > 0 ? next : enter(next, number + 1, services, context);
}

/** What an action asks of its app; undefined for the start with no instances, which asks nothing. */
function orderFor(
  deployment: Deployment,
  action: PlanAction,
  step: number,
  self: ActorRef<DeploymentMessage>,
  services: Services,
): TargetOrder | undefined {
  const affected = deployment.affected.find((a) => a.id === action.app);
  const version = action.action === 'StopApplication' ? affected?.before : affected?.after;
  const app = version === undefined ? undefined : services.versions.at(action.app, version);
  if (!app || action.action === 'StartApplication') return undefined;
  const mode = { ScaleApplication: 'steady', RestartApplication: 'rolling', StopApplication: 'stopped' } as const;
  return { app, mode: mode[action.action], sentenced: action.sentenced ?? [], waiter: { ref: self, step } };
}
