/**
 * The one writer of definitions and of the locks of deployments. Changes are strictly serial, each decided on the state that the
 * one before left, and answered once durable.
 */
import type { AppDefinition } from '../core/app/definition.ts';
import { blockingDeployments } from '../core/deploy/conflict.ts';
import { affectedBy, planSteps, planView, stepView, takingOver } from '../core/deploy/plan.ts';
import type { Deployment } from '../core/deploy/plan-types.ts';
import { aimedAt, isTurnOf, untilTurn } from '../core/deploy/turn.ts';
import type { MarathonEvent } from '../core/events.ts';
import type { AppTree } from '../core/group/app-tree.ts';
import type { ChangeSet } from '../core/group/change-set.ts';
import { changeSet, revertOf } from '../core/group/change-set.ts';
import type { AppId, DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Refusal } from '../core/refusal.ts';
import { locked, refusal } from '../core/refusal.ts';
import { err, ok } from '../core/result.ts';
import { timestamp } from '../core/time.ts';
import type { Effect } from './effects.ts';
import { tell } from './effects.ts';
import type { DeploymentResult } from './front.ts';
import { apiPostEvent, endedEvent, healthCheckEvents } from './group-events.ts';
import { expiredVersions, versionRecord } from './group-records.ts';
import type { DeploymentsMessage, GroupsMessage, Reply, TargetOrder } from './protocol.ts';
import type { Behaviour, Context } from './runtime/types.ts';
import type { Services } from './services.ts';

interface GroupsState {
  readonly services: Services;
  readonly tree: AppTree;
  /** Running deployments in the order they were started; each holds a lock on what it touches. */
  readonly running: Map<DeploymentId, Deployment>;
}

type Ctx = Context<GroupsMessage>;

export interface GroupsProps {
  readonly services: Services;
  readonly tree: AppTree;
  /** Stored deployments, to be taken up where they stood. */
  readonly running: readonly Deployment[];
}

/** The writer of app definitions. */
export function groupsBehaviour(props: GroupsProps): Behaviour<GroupsState, GroupsMessage> {
  return {
    initial: (context) => {
      const running = new Map(props.running.map((d) => [d.id, d]));
      context.metrics.gauge('apps.active', () => props.tree.size);
      context.metrics.gauge('groups.active', () => props.tree.groupCount);
      context.metrics.gauge('pods.active', () => 0);
      context.metrics.gauge('deployments.active', () => running.size);
      return { services: props.services, tree: props.tree, running };
    },
    receive: (state, message, context) => {
      switch (message.type) {
        case 'change':
          change(state, message, context);
          break;
        case 'cancel':
          cancel(state, message, context);
          break;
        case 'stepStarted':
          stepStarted(state, message.id, message.step, context);
          break;
        case 'deploymentFinished':
          finished(state, message.id, context);
          break;
        case 'resume':
          resume(state);
          break;
      }
      return state;
    },
    onFailure: () => 'stop',
  };
}

type Change = Extract<GroupsMessage, { type: 'change' }>;

function change(state: GroupsState, message: Change, context: Ctx): void {
  const { services, tree } = state;
  const decided = changeSet(message.changes, {
    tree,
    versions: services.versions,
    settings: services.settings.app,
    nowMs: context.clock.now(),
    force: message.force,
  });
  if (!decided.ok) {
    refuse(state, decided.error, message, context);
    return;
  }
  const set = decided.value;
  const blocked = lockedBy(state, set, message.force);
  if (blocked) {
    if (blocked.code === 'tooManyDeployments') context.metrics.count('deployments.dismissed');
    refuse(state, blocked, message, context);
    return;
  }
  const named = message.changes.map((c) => tree.get(c.id));
  const deployed = deploy(state, set, context);
  const apps = message.changes.flatMap((c) => tree.get(c.id) ?? []);
  const created = message.changes.filter((c, i) => named[i] === undefined && c.type !== 'delete').map((c) => c.id);
  const value = { version: set.version, deploymentId: deployed.id, apps, created };
  const posted = message.origin && apps[0] ? [apiPostEvent(message.origin, apps[0], context.clock.now())] : [];
  store(state, deployed, posted, [tell(message.replyTo, ok(value))], context);
}

/** A refused change leaves no trace but an event (behaviour §4.1, 8). */
function refuse(state: GroupsState, error: Refusal, message: Change, context: Ctx): void {
  const now = timestamp(context.clock.now());
  const event: MarathonEvent = {
    eventType: 'group_change_failed',
    timestamp: now,
    groupId: '/',
    version: now,
    reason: error.message,
  };
  const effects = [tell(message.replyTo, err(error))];
  state.services.journal.tell({ type: 'write', records: [], events: [event], effects });
}

function lockedBy(state: GroupsState, set: ChangeSet, isForced: boolean): Refusal | undefined {
  const max = state.services.settings.maxRunningDeployments;
  if (state.running.size >= max) {
    return refusal(
      'tooManyDeployments',
      `Max number (${max}) of running deployments is achieved. Wait for existing deployments to complete or cancel one using ` +
        'force=true parameter. You can increase max deployment number by using --max_running_deployments parameter',
    );
  }
  if (isForced) return undefined;
  const blocking = blockingDeployments(state.running.values(), new Set(affectedBy(set.planned).map((a) => a.id)));
  return blocking.length > 0 ? locked(blocking) : undefined;
}

interface Deployed {
  readonly id: DeploymentId;
  readonly deployment: Deployment;
  readonly cancelled: readonly Deployment[];
  readonly set: ChangeSet;
}

/** Applies a change to the working state: tree, versions, locks. Whatever blocks it has been forced aside. */
function deploy(state: GroupsState, set: ChangeSet, context: Ctx): Deployed {
  const { services, tree, running } = state;
  for (const { id, after, kind } of set.planned) {
    if (!after) tree.remove(id);
    else if (kind !== 'none') {
      tree.put(after);
      services.versions.put(after);
    }
  }
  const affected = affectedBy(set.planned);
  const blocking = blockingDeployments(running.values(), new Set(affected.map((a) => a.id)));
  const cancelled = blocking.flatMap((id) => running.get(id) ?? []);
  for (const { id } of cancelled) running.delete(id);
  const deployment: Deployment = {
    id: services.ids.uuid() as DeploymentId,
    version: set.version,
    startedAtMs: context.clock.now(),
    affected: untilTurn(affected, cancelled),
    steps: planSteps(takingOver(set.planned, cancelled), (id) => tree.dependenciesOf(id)),
    currentStep: 0,
  };
  context.metrics.count('deployments');
  return { id: deployment.id, deployment, cancelled, set };
}

/** Writes a deployment and everything it changes as one unit, and starts it. */
function store(
  state: GroupsState,
  { deployment, cancelled, set }: Deployed,
  before: readonly MarathonEvent[],
  effects: readonly Effect[],
  context: Ctx,
): void {
  const { services, running } = state;
  const nowMs = context.clock.now();
  const records: RecordWrite[] = [];
  const events: MarathonEvent[] = [...before];
  const isEmpty = deployment.steps.length === 0;
  // First of all, since no version that it names may expire.
  if (!isEmpty) running.set(deployment.id, deployment);
  for (const planned of set.planned) {
    if (!planned.after) records.push({ kind: 'app', key: planned.id, value: undefined });
    else if (planned.kind !== 'none') {
      records.push({ kind: 'app', key: planned.id, value: planned.after }, versionRecord(planned.after));
      records.push(...expiredVersions(services, planned.id, running));
    }
    events.push(...healthCheckEvents(planned, nowMs));
  }
  for (const old of cancelled) {
    records.push({ kind: 'deployment', key: old.id, value: undefined });
    events.push(endedEvent(old, 'The upgrade has been cancelled', nowMs));
  }
  events.push({ eventType: 'group_change_success', timestamp: timestamp(nowMs), groupId: '/', version: set.version });
  if (isEmpty) events.push(endedEvent(deployment, undefined, nowMs));
  else records.push({ kind: 'deployment', key: deployment.id, value: deployment });
  const settled = settle(state, cancelled);
  services.journal.tell({ type: 'write', records: [...records, ...settled.records], events, effects });
  if (cancelled.length > 0) services.deployments.tell(settled.message);
  if (!isEmpty) services.deployments.tell({ type: 'start', deployment });
}

interface Settled {
  /** What is left of removed apps that nobody else would clear away. */
  readonly records: readonly RecordWrite[];
  readonly message: Extract<DeploymentsMessage, { type: 'cancelled' }>;
}

/**
 * Ends cancelled deployments. Apps that they leave, and no other holds, keep what they have and aim at the current definition; those
 * that were removed go on ending. `running` holds the new deployment already.
 */
function settle(state: GroupsState, cancelled: readonly Deployment[]): Settled {
  const { running, services, tree } = state;
  const held = new Set([...running.values()].flatMap((d) => d.affected.map((a) => a.id)));
  const orders: { readonly appId: AppId; readonly order: TargetOrder }[] = [];
  const records: RecordWrite[] = [];
  for (const { id, before } of cancelled.flatMap((d) => d.affected)) {
    if (held.has(id)) continue;
    const app = tree.get(id) ?? (before === undefined ? undefined : services.versions.at(id, before));
    if (app) orders.push({ appId: id, order: steadyOrder(app, !tree.get(id)) });
    if (!tree.get(id)) records.push(...forgotten(state, id));
  }
  return { records, message: { type: 'cancelled', ids: cancelled.map((d) => d.id), orders } };
}

const steadyOrder = (app: AppDefinition, isRemoved: boolean) =>
  ({ app, mode: isRemoved ? 'stopped' : 'steady', sentenced: [], waiter: undefined }) as const;

type Cancel = Extract<GroupsMessage, { type: 'cancel' }>;

function cancel(state: GroupsState, message: Cancel, context: Ctx): void {
  const { services, running, tree } = state;
  const deployment = running.get(message.id as DeploymentId);
  if (!deployment) {
    message.replyTo.tell(err(refusal('notFound', `DeploymentPlan ${message.id} does not exist`)));
    return;
  }
  const nowMs = context.clock.now();
  if (message.force) {
    running.delete(deployment.id);
    const settled = settle(state, [deployment]);
    services.journal.tell({
      type: 'write',
      records: [{ kind: 'deployment', key: deployment.id, value: undefined }, ...settled.records],
      events: [endedEvent(deployment, 'The upgrade has been cancelled', nowMs)],
      effects: [tell(message.replyTo, ok(undefined))],
    });
    services.deployments.tell(settled.message);
    return;
  }
  const reverted = revertOf(deployment, {
    tree,
    versions: services.versions,
    settings: services.settings.app,
    nowMs,
    force: true,
  });
  if (!reverted.ok) {
    message.replyTo.tell(err(reverted.error));
    return;
  }
  const deployed = deploy(state, reverted.value, context);
  const value: DeploymentResult = { version: reverted.value.version, deploymentId: deployed.id };
  store(state, deployed, [], [tell(message.replyTo as Reply<DeploymentResult | undefined>, ok(value))], context);
}

function stepStarted(state: GroupsState, id: DeploymentId, step: number, context: Ctx): void {
  const before = state.running.get(id);
  const entered = before?.steps[step - 1];
  if (!before || !entered) return;
  const deployment: Deployment = { ...before, currentStep: step };
  state.running.set(id, deployment);
  const at = timestamp(context.clock.now());
  const plan = planView(deployment);
  const events: MarathonEvent[] = [];
  const previous = deployment.steps[step - 2];
  if (previous && before.currentStep === step - 1) {
    events.push({ eventType: 'deployment_step_success', timestamp: at, plan, currentStep: stepView(previous) });
  }
  events.push({ eventType: 'deployment_info', timestamp: at, plan, currentStep: stepView(entered) });
  const records: RecordWrite[] = [{ kind: 'deployment', key: id, value: deployment }];
  state.services.journal.tell({ type: 'write', records, events, effects: [] });
}

function finished(state: GroupsState, id: DeploymentId, context: Ctx): void {
  const deployment = state.running.get(id);
  if (!deployment) return;
  const { services, running, tree } = state;
  running.delete(id);
  const nowMs = context.clock.now();
  const records: RecordWrite[] = [{ kind: 'deployment', key: id, value: undefined }];
  for (const { id: appId } of deployment.affected) if (!tree.get(appId)) records.push(...forgotten(state, appId));
  const events: MarathonEvent[] = [];
  const last = deployment.steps.at(-1);
  const at = timestamp(nowMs);
  if (last) {
    events.push({
      eventType: 'deployment_step_success',
      timestamp: at,
      plan: planView(deployment),
      currentStep: stepView(last),
    });
  }
  events.push(endedEvent(deployment, undefined, nowMs));
  services.journal.tell({ type: 'write', records, events, effects: [] });
  services.deployments.tell({ type: 'cancelled', ids: [id], orders: [] });
}

/** What is left of an app that is gone for good. */
function forgotten(state: GroupsState, id: AppId): readonly RecordWrite[] {
  const { versions } = state.services;
  const records: RecordWrite[] = [{ kind: 'taskFailure', key: id, value: undefined }];
  for (const version of versions.versionsOf(id)) {
    versions.remove(id, version);
    records.push({ kind: 'appVersion', key: `${id}@${version}`, value: undefined });
  }
  return records;
}

/** After a start: every app gets its target, every stored deployment goes on at the step it had reached. */
function resume(state: GroupsState): void {
  const { services, running, tree } = state;
  const held = new Map<AppId, Deployment>();
  for (const deployment of running.values()) for (const { id } of deployment.affected) held.set(id, deployment);
  for (const app of tree.all()) {
    if (!held.has(app.id)) services.apps.tell({ type: 'target', appId: app.id, order: steadyOrder(app, false) });
  }
  for (const [id, deployment] of held) {
    // The present step gives its own orders.
    if (isTurnOf(deployment, id)) continue;
    const version = aimedAt(deployment, id);
    const app = version === undefined ? undefined : services.versions.at(id, version);
    if (app) services.apps.tell({ type: 'target', appId: id, order: steadyOrder(app, false) });
  }
  for (const deployment of running.values()) services.deployments.tell({ type: 'start', deployment });
}
