/** One deployment, step by step: tells each app of a step its target and waits until all have reached it, or its time is up. */
import type { AffectedApp, Deployment, PlanAction } from '../core/deploy/plan-types.ts';
import { waitingReasons } from '../core/deploy/waiting.ts';
import type { AppId } from '../core/ids.ts';
import type { DeploymentMessage, TargetOrder } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';
import type { Services } from './services.ts';

interface DeploymentState {
  /** The plan; its `currentStep` is where this actor began. */
  readonly deployment: Deployment;
  readonly affected: ReadonlyMap<AppId, AffectedApp>;
  /** Counts from 1. */
  readonly step: number;
  /** Apps that have not reached what the step asks of them; read by the views, and changed in place since it may hold thousands. */
  readonly pending: Set<AppId>;
}

type Ctx = Context<DeploymentMessage>;

/** One plan. A new leader starts it at the step it had reached; every action may be repeated. */
export function deploymentBehaviour(
  deployment: Deployment,
  services: Services,
): Behaviour<DeploymentState, DeploymentMessage> {
  return {
    initial: (context) => {
      context.self.tell({ type: 'begin' });
      watchDeadline(deployment, context);
      const affected = new Map(deployment.affected.map((a) => [a.id, a]));
      return { deployment, affected, step: 0, pending: new Set() };
    },
    receive: (state, message, context) => {
      switch (message.type) {
        case 'begin':
          return enter(state, Math.max(1, deployment.currentStep), services, context);
        case 'reached':
          return reached(state, message, services, context);
        case 'launchesFailed': {
          if (message.step !== state.step || !state.pending.has(message.appId)) return state;
          const { appId, instanceId, launches } = message;
          const reason = `instance ${instanceId} of ${appId} did not get ready in ${launches} launches`;
          services.groups.tell({ type: 'deploymentFailed', id: deployment.id, reason });
          return state;
        }
        case 'deadline': {
          const reason = deadlineReason(state, services, context);
          services.groups.tell({ type: 'deploymentFailed', id: deployment.id, reason });
          return state;
        }
      }
    },
    onFailure: () => 'stop',
    onStop: () => services.views.showPending(deployment.id, undefined),
  };
}

/** Counted from the start, whoever leads meanwhile. */
function watchDeadline({ limits, startedAtMs, deadlineFromMs = startedAtMs }: Deployment, context: Ctx): void {
  if (limits?.deadlineSeconds === undefined) return;
  const dueMs = deadlineFromMs + limits.deadlineSeconds * 1000;
  context.timers.set('deadline', Math.max(0, dueMs - context.clock.now()), { type: 'deadline' });
}

function deadlineReason({ deployment, step, pending }: DeploymentState, { views }: Services, context: Ctx): string {
  const reasons = waitingReasons({ ...deployment, currentStep: step }, pending, {
    appAt: views.appAt,
    instancesOf: views.instancesOf,
    readinessOf: views.readinessOf,
    notBeforeMs: () => undefined,
    nowMs: context.clock.now(),
  });
  const why = reasons.length > 0 ? `: ${reasons.slice(0, 5).join('; ')}` : '';
  return `the deadline of ${deployment.limits?.deadlineSeconds} s has passed${why}`;
}

function reached(
  state: DeploymentState,
  { appId, step }: Extract<DeploymentMessage, { type: 'reached' }>,
  services: Services,
  context: Ctx,
): DeploymentState {
  if (step !== state.step || !state.pending.delete(appId)) return state;
  if (state.pending.size === 0) return enter(state, state.step + 1, services, context);
  services.views.touch();
  return state;
}

function enter(state: DeploymentState, number: number, services: Services, context: Ctx): DeploymentState {
  const { deployment } = state;
  const step = deployment.steps[number - 1];
  if (!step) {
    services.groups.tell({ type: 'deploymentFinished', id: deployment.id });
    return { ...state, step: number, pending: new Set() };
  }
  services.groups.tell({ type: 'stepStarted', id: deployment.id, step: number });
  const pending = new Set<AppId>();
  for (const action of step.actions) {
    const order = orderFor(state, action, number, context.self, services);
    if (!order) continue;
    pending.add(action.app);
    services.apps.tell({ type: 'target', appId: action.app, order });
  }
  const next = { ...state, step: number, pending };
  if (pending.size === 0) return enter(next, number + 1, services, context);
  services.views.showPending(deployment.id, () => pending);
  return next;
}

/** What an action asks of its app; undefined for the start with no instances, which asks nothing. */
function orderFor(
  { deployment, affected: byId }: DeploymentState,
  action: PlanAction,
  step: number,
  self: ActorRef<DeploymentMessage>,
  services: Services,
): TargetOrder | undefined {
  const affected = byId.get(action.app);
  const version = action.action === 'StopApplication' ? affected?.before : affected?.after;
  const app = version === undefined ? undefined : services.versions.at(action.app, version);
  if (!app || action.action === 'StartApplication') return undefined;
  const mode = { ScaleApplication: 'steady', RestartApplication: 'rolling', StopApplication: 'stopped' } as const;
  const max = deployment.limits?.maxLaunchAttempts;
  const waiter = { ref: self, step, ...(max === undefined ? {} : { maxLaunchAttempts: max }) };
  return { app, mode: mode[action.action], sentenced: action.sentenced ?? [], waiter };
}
