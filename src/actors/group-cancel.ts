/** How a deployment ends before its time: stopped, undone, given up or held; and how a held one goes on. */
import type { Deployment, DeploymentLimits, Ending } from '../core/deploy/plan-types.ts';
import { plainPreview, previewOf, remainingPreview } from '../core/deploy/preview.ts';
import type { MarathonEvent } from '../core/events.ts';
import type { ChangeSet } from '../core/group/change-set.ts';
import { revertOf } from '../core/group/change-set.ts';
import type { DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Refusal } from '../core/refusal.ts';
import { missed, refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { err, ok } from '../core/result.ts';
import { endOf, holdOrders } from './deployment-ends.ts';
import type { Effect } from './effects.ts';
import { tell } from './effects.ts';
import type { DeploymentResult } from './front.ts';
import { stepFailure } from './group-events.ts';
import { answerRepeated, keyRecords } from './group-keys.ts';
import type { GroupsState } from './groups.ts';
import type { DeploymentsMessage, GroupsMessage, Reply } from './protocol.ts';
import type { Context } from './runtime/types.ts';

type Ctx = Context<GroupsMessage>;

/** A change that has been applied to the working state, and is to be stored. */
export interface Deployed {
  readonly id: DeploymentId;
  readonly deployment: Deployment;
  readonly cancelled: readonly Deployment[];
  readonly set: ChangeSet;
  /** The deployment that this one undoes; the other cancelled ones were replaced. */
  readonly undone?: Undone;
  /** Stored along with it. */
  readonly more?: readonly RecordWrite[];
}

interface Undone {
  readonly id: DeploymentId;
  readonly reason: string;
  /** It was given up by itself, not cancelled by a user. */
  readonly isFailure: boolean;
}

/** What the writer of definitions does with any decided change. */
export interface WriterTools {
  readonly deploy: (state: GroupsState, set: ChangeSet, context: Ctx, limits?: DeploymentLimits) => Deployed;
  readonly store: (
    state: GroupsState,
    deployed: Deployed,
    before: readonly MarathonEvent[],
    effects: readonly Effect[],
    context: Ctx,
  ) => void;
  readonly settle: (
    state: GroupsState,
    cancelled: readonly Deployment[],
  ) => {
    readonly records: readonly RecordWrite[];
    readonly message: Extract<DeploymentsMessage, { type: 'cancelled' }>;
  };
}

type Cancel = Extract<GroupsMessage, { type: 'cancel' }>;

/** `DELETE /v2/deployments/{id}`: stops it with force, else undoes it. */
export function cancel(state: GroupsState, message: Cancel, tools: WriterTools, context: Ctx): void {
  const deployment = state.running.get(message.id as DeploymentId);
  if (!deployment) {
    message.replyTo.tell(err(unknown(message.id)));
    return;
  }
  if (message.force) {
    const effects = [tell(message.replyTo, ok(undefined))];
    abandon(state, deployment, { result: 'cancelled', reason: 'Stopped by a user' }, effects, tools, context);
    return;
  }
  const undone = { id: deployment.id, reason: 'Rolled back by a user', isFailure: false };
  const reverted = undo(state, deployment, undone, message.limits, tools, context);
  if (!reverted.ok) {
    message.replyTo.tell(err(reverted.error));
    return;
  }
  const value: DeploymentResult = { version: reverted.value.set.version, deploymentId: reverted.value.id };
  tools.store(
    state,
    reverted.value,
    [],
    [tell(message.replyTo as Reply<DeploymentResult | undefined>, ok(value))],
    context,
  );
}

/** Ends a deployment and leaves everything as it is. */
function abandon(
  state: GroupsState,
  deployment: Deployment,
  ending: Ending,
  effects: readonly Effect[],
  tools: WriterTools,
  context: Ctx,
): void {
  const { services, running, finished } = state;
  running.delete(deployment.id);
  const settled = tools.settle(state, [deployment]);
  const told = endOf(deployment, ending, { finished, metrics: context.metrics, nowMs: context.clock.now() });
  services.journal.tell({
    type: 'write',
    records: [...told.records, ...settled.records],
    events: told.events,
    effects,
  });
  services.deployments.tell(settled.message);
}

/** Decides the way back and applies it to the working state; it takes over from what it undoes. */
function undo(
  state: GroupsState,
  deployment: Deployment,
  undone: Undone,
  limits: DeploymentLimits | undefined,
  tools: WriterTools,
  context: Ctx,
): Result<Deployed, Refusal> {
  const reverted = wayBack(state, deployment, context);
  if (!reverted.ok) return reverted;
  const deployed = tools.deploy(state, reverted.value, context, limits);
  // It is over even if there was nothing to undo, and so no conflict.
  const isOver = state.running.delete(deployment.id);
  const cancelled = isOver ? [...deployed.cancelled, deployment] : deployed.cancelled;
  return ok({ ...deployed, cancelled, undone });
}

const wayBack = ({ services, tree }: GroupsState, deployment: Deployment, context: Ctx): Result<ChangeSet, Refusal> =>
  revertOf(deployment, {
    tree,
    versions: services.versions,
    settings: services.settings.app,
    nowMs: context.clock.now(),
    force: true,
  });

/** What `cancel` or `goOn` would do. */
export function previewDeployment(
  state: GroupsState,
  { id, what, force, replyTo }: Extract<GroupsMessage, { type: 'previewDeployment' }>,
  context: Ctx,
): void {
  const { running, services, tree } = state;
  const deployment = running.get(id as DeploymentId);
  if (!deployment || (what === 'continue' && !deployment.paused)) {
    replyTo.tell(err(deployment ? notPaused(id) : unknown(id)));
    return;
  }
  if (what === 'continue') {
    replyTo.tell(ok(remainingPreview(deployment, (app, version) => services.versions.at(app, version))));
    return;
  }
  if (force) {
    const apps = deployment.affected.flatMap((one) => tree.get(one.id) ?? []);
    replyTo.tell(ok(plainPreview(apps)));
    return;
  }
  const reverted = wayBack(state, deployment, context);
  replyTo.tell(reverted.ok ? ok(previewOf(reverted.value)) : reverted);
}

const unknown = (id: string): Refusal => missed(refusal('notFound', `DeploymentPlan ${id} does not exist`));
const notPaused = (id: string): Refusal => refusal('illegalArgument', `Deployment ${id} is not paused`);

/** A deployment passed its deadline, or its launches failed too often. */
export function failed(
  state: GroupsState,
  { id, reason }: Extract<GroupsMessage, { type: 'deploymentFailed' }>,
  tools: WriterTools,
  context: Ctx,
): void {
  const deployment = state.running.get(id);
  if (!deployment || deployment.paused) return;
  switch (deployment.limits?.onFailure ?? 'keep') {
    case 'keep':
      abandon(state, deployment, { result: 'failed', reason }, [], tools, context);
      return;
    case 'pause':
      pause(state, { ...deployment, paused: { reason, atMs: context.clock.now() } }, context);
      return;
    case 'rollback': {
      const reverted = undo(state, deployment, { id, reason, isFailure: true }, undefined, tools, context);
      if (reverted.ok) tools.store(state, reverted.value, [], [], context);
      else {
        const why = `${reason}; it could not be rolled back: ${reverted.error.message}`;
        abandon(state, deployment, { result: 'failed', reason: why }, [], tools, context);
      }
      return;
    }
  }
}

/** Keeps the locks, and its apps at what they have. */
function pause({ services, running }: GroupsState, deployment: Deployment, { clock }: Ctx): void {
  running.set(deployment.id, deployment);
  const records: RecordWrite[] = [{ kind: 'deployment', key: deployment.id, value: deployment }];
  services.journal.tell({ type: 'write', records, events: stepFailure(deployment, clock.now()), effects: [] });
  const orders = holdOrders(deployment, services.versions);
  services.deployments.tell({ type: 'cancelled', ids: [deployment.id], orders });
}

/** Lets a paused deployment go on; its deadline counts anew. */
export function goOn(state: GroupsState, message: Extract<GroupsMessage, { type: 'continue' }>, context: Ctx): void {
  const { services, running } = state;
  if (answerRepeated(state, message, context)) return;
  const found = running.get(message.id as DeploymentId);
  if (!found?.paused) {
    message.replyTo.tell(err(found ? notPaused(message.id) : unknown(message.id)));
    return;
  }
  const { paused: _, ...rest } = found;
  const limits = message.limits ?? found.limits;
  const deployment: Deployment = { ...rest, ...(limits ? { limits } : {}), deadlineFromMs: context.clock.now() };
  running.set(deployment.id, deployment);
  const value = { version: deployment.version, deploymentId: deployment.id };
  const records: RecordWrite[] = [
    { kind: 'deployment', key: deployment.id, value: deployment },
    ...keyRecords(state, message.requestKey, value, context),
  ];
  services.journal.tell({ type: 'write', records, events: [], effects: [tell(message.replyTo, ok(value))] });
  services.deployments.tell({ type: 'start', deployment });
}
