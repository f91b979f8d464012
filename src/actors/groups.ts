/**
 * The one writer of definitions and of the locks of deployments. Changes are strictly serial, each decided on the state that the
 * one before left, and answered once durable.
 */
import { blockingDeployments } from '../core/deploy/conflict.ts';
import { DeploymentHistory } from '../core/deploy/history.ts';
import { affectedBy, planView, stepView } from '../core/deploy/plan.ts';
import type { Deployment, FinishedDeployment } from '../core/deploy/plan-types.ts';
import type { MarathonEvent } from '../core/events.ts';
import type { AppTree } from '../core/group/app-tree.ts';
import type { ChangeSet } from '../core/group/change-set.ts';
import { changeSet } from '../core/group/change-set.ts';
import type { AppId, DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Refusal } from '../core/refusal.ts';
import { locked, refusal } from '../core/refusal.ts';
import { err, ok } from '../core/result.ts';
import { timestamp } from '../core/time.ts';
import { ended, holdOrders, settledOrders } from './deployment-ends.ts';
import { tell } from './effects.ts';
import { cancel, failed, goOn } from './group-cancel.ts';
import { type Ctx, deploy, forgotten, type GroupsState, steadyOrder, store } from './group-deploy.ts';
import { apiPostEvent } from './group-events.ts';
import type { GroupsMessage, TargetOrder } from './protocol.ts';
import type { Behaviour } from './runtime/types.ts';
import type { Services } from './services.ts';

export interface GroupsProps {
  readonly services: Services;
  readonly tree: AppTree;
  /** Stored deployments, to be taken up where they stood. */
  readonly running: readonly Deployment[];
  /** Deployments that are over and still kept. */
  readonly finished: readonly FinishedDeployment[];
}

/** The writer of app definitions. */
export function groupsBehaviour(props: GroupsProps): Behaviour<GroupsState, GroupsMessage> {
  return {
    initial: (context) => {
      const running = new Map(props.running.map((d) => [d.id, d]));
      context.metrics.gauge('apps.active', () => props.tree.size);
      context.metrics.gauge('groups.active', () => props.tree.groupCount);
      context.metrics.gauge('pods.active', () => 0);
      const history = new DeploymentHistory(props.finished);
      context.metrics.gauge('deployments.active', () => running.size);
      context.metrics.gauge('deployments.kept', () => history.size);
      return { services: props.services, tree: props.tree, running, history };
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
        case 'deploymentFailed':
          failed(state, message.id, message.reason, context);
          break;
        case 'continue':
          goOn(state, message, context);
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
    restart: message.restart ?? false,
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
  const deployed = deploy(state, set, message.limits, context);
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

function stepStarted(state: GroupsState, id: DeploymentId, step: number, context: Ctx): void {
  const before = state.running.get(id);
  const entered = before?.steps[step - 1];
  if (!before || !entered) return;
  // A new leader enters a step once more: its time is that of the first entry.
  const entries = before.stepStartedAtMs ?? [];
  const stepStartedAtMs = step > entries.length ? [...entries, context.clock.now()] : entries;
  const deployment: Deployment = { ...before, currentStep: step, stepStartedAtMs };
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
  const told = ended(deployment, { result: 'succeeded' }, { history: state.history, metrics: context.metrics, nowMs });
  const records: RecordWrite[] = [...told.records];
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
  events.push(...told.events);
  services.journal.tell({ type: 'write', records, events, effects: [] });
  services.deployments.tell({ type: 'cancelled', ids: [id], orders: [] });
}

/** After a start: every app gets its target, every stored deployment goes on at the step it had reached. */
function resume(state: GroupsState): void {
  const { services, running, tree } = state;
  const tell = (appId: AppId, order: TargetOrder): void => {
    services.apps.tell({ type: 'target', appId, order });
  };
  const held = new Set([...running.values()].flatMap((d) => d.affected.map((a) => a.id)));
  for (const app of tree.all()) if (!held.has(app.id)) tell(app.id, steadyOrder(app, false));
  for (const deployment of running.values()) {
    for (const { appId, order } of settledOrders(deployment, services.versions)) tell(appId, order);
  }
  for (const deployment of running.values()) {
    if (!deployment.paused) services.deployments.tell({ type: 'start', deployment });
    else for (const { appId, order } of holdOrders(deployment, services.versions)) tell(appId, order);
  }
}
