/** How a deployment ends before its time: stopped, undone, given up or held; and how a held one goes on. */
import type { Deployment, DeploymentLimits, Ending } from '../core/deploy/plan-types.ts';
import type { MarathonEvent } from '../core/events.ts';
import { revertOf } from '../core/group/change-set.ts';
import type { DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Refusal } from '../core/refusal.ts';
import { refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { err, ok } from '../core/result.ts';
import { ended, holdOrders, stepFailure } from './deployment-ends.ts';
import type { Effect } from './effects.ts';
import { tell } from './effects.ts';
import type { DeploymentResult } from './front.ts';
import { type Ctx, type Deployed, deploy, type GroupsState, settle, store } from './group-deploy.ts';
import type { GroupsMessage, Reply } from './protocol.ts';

type Cancel = Extract<GroupsMessage, { type: 'cancel' }>;

/** `DELETE /v2/deployments/{id}`: stops it with force, else undoes it. */
export function cancel(state: GroupsState, message: Cancel, context: Ctx): void {
  const deployment = state.running.get(message.id as DeploymentId);
  if (!deployment) {
    message.replyTo.tell(err(refusal('notFound', `DeploymentPlan ${message.id} does not exist`)));
    return;
  }
  if (message.force) {
    const effects = [tell(message.replyTo, ok(undefined))];
    abandon(state, deployment, { result: 'cancelled', reason: 'Stopped by a user' }, [], effects, context);
    return;
  }
  const undone = { id: deployment.id, reason: 'Rolled back by a user', isFailure: false };
  const reverted = undo(state, deployment, undone, message.limits, context);
  if (!reverted.ok) {
    message.replyTo.tell(err(reverted.error));
    return;
  }
  const value: DeploymentResult = { version: reverted.value.set.version, deploymentId: reverted.value.id };
  store(state, reverted.value, [], [tell(message.replyTo as Reply<DeploymentResult | undefined>, ok(value))], context);
}

/** Ends a deployment and leaves everything as it is. */
function abandon(
  state: GroupsState,
  deployment: Deployment,
  ending: Ending,
  before: readonly MarathonEvent[],
  effects: readonly Effect[],
  context: Ctx,
): void {
  const { services, running, history } = state;
  running.delete(deployment.id);
  const settled = settle(state, [deployment]);
  const told = ended(deployment, ending, { history, metrics: context.metrics, nowMs: context.clock.now() });
  services.journal.tell({
    type: 'write',
    records: [...told.records, ...settled.records],
    events: [...before, ...told.events],
    effects,
  });
  services.deployments.tell(settled.message);
}

/** Decides the way back and applies it to the working state; it takes over from what it undoes. */
function undo(
  state: GroupsState,
  deployment: Deployment,
  undone: NonNullable<Deployed['undone']>,
  limits: DeploymentLimits | undefined,
  context: Ctx,
): Result<Deployed, Refusal> {
  const { services, tree, running } = state;
  const reverted = revertOf(deployment, {
    tree,
    versions: services.versions,
    settings: services.settings.app,
    nowMs: context.clock.now(),
    force: true,
    restart: false,
  });
  if (!reverted.ok) return reverted;
  const deployed = deploy(state, reverted.value, limits, context);
  // It is over even if there was nothing to undo, and so no conflict.
  const isOver = running.delete(deployment.id);
  const cancelled = isOver ? [...deployed.cancelled, deployment] : deployed.cancelled;
  return ok({ ...deployed, cancelled, undone });
}

/** A deployment passed its deadline, or its launches failed too often. */
export function failed(state: GroupsState, id: DeploymentId, reason: string, context: Ctx): void {
  const deployment = state.running.get(id);
  if (!deployment || deployment.paused) return;
  const nowMs = context.clock.now();
  const events = stepFailure(deployment, nowMs);
  switch (deployment.limits?.onFailure ?? 'keep') {
    case 'keep':
      abandon(state, deployment, { result: 'failed', reason }, events, [], context);
      return;
    case 'pause':
      pause(state, { ...deployment, paused: { reason, atMs: nowMs } }, events);
      return;
    case 'rollback': {
      const reverted = undo(state, deployment, { id, reason, isFailure: true }, undefined, context);
      if (reverted.ok) store(state, reverted.value, events, [], context);
      else {
        const why = `${reason}; it could not be rolled back: ${reverted.error.message}`;
        abandon(state, deployment, { result: 'failed', reason: why }, events, [], context);
      }
      return;
    }
  }
}

/** Keeps the locks, and its apps at what they have. */
function pause({ services, running }: GroupsState, deployment: Deployment, events: readonly MarathonEvent[]): void {
  running.set(deployment.id, deployment);
  const records: RecordWrite[] = [{ kind: 'deployment', key: deployment.id, value: deployment }];
  services.journal.tell({ type: 'write', records, events, effects: [] });
  const orders = holdOrders(deployment, services.versions);
  services.deployments.tell({ type: 'cancelled', ids: [deployment.id], orders });
}

/** Lets a paused deployment go on; its deadline counts anew. */
export function goOn(
  { services, running }: GroupsState,
  message: Extract<GroupsMessage, { type: 'continue' }>,
  context: Ctx,
): void {
  const found = running.get(message.id as DeploymentId);
  if (!found?.paused) {
    const why = found ? `Deployment ${message.id} is not paused` : `DeploymentPlan ${message.id} does not exist`;
    message.replyTo.tell(err(refusal(found ? 'illegalArgument' : 'notFound', why)));
    return;
  }
  const { paused: _, ...rest } = found;
  const limits = message.limits ?? found.limits;
  const deployment: Deployment = { ...rest, ...(limits ? { limits } : {}), deadlineFromMs: context.clock.now() };
  running.set(deployment.id, deployment);
  const records: RecordWrite[] = [{ kind: 'deployment', key: deployment.id, value: deployment }];
  const value = { version: deployment.version, deploymentId: deployment.id };
  services.journal.tell({ type: 'write', records, events: [], effects: [tell(message.replyTo, ok(value))] });
  services.deployments.tell({ type: 'start', deployment });
}
