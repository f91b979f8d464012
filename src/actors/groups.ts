/**
 * The one writer of definitions and of the locks of deployments. Changes are strictly serial, each decided on the state that the
 * one before left, and answered once durable.
 */
import type { AppDefinition } from '../core/app/definition.ts';
import { blockingDeployments } from '../core/deploy/conflict.ts';
import { DeploymentHistory } from '../core/deploy/history.ts';
import { affectedBy, planSteps, planView, stepView, takingOver } from '../core/deploy/plan.ts';
import type { Deployment, DeploymentLimits, Ending, FinishedDeployment } from '../core/deploy/plan-types.ts';
import { previewOf } from '../core/deploy/preview.ts';
import { progressOf } from '../core/deploy/progress.ts';
import { aimedAt, isTurnOf, untilTurn } from '../core/deploy/turn.ts';
import type { MarathonEvent } from '../core/events.ts';
import type { AppTree } from '../core/group/app-tree.ts';
import type { ChangeSet } from '../core/group/change-set.ts';
import { changeSet, groupChangeSet, withoutRemovals } from '../core/group/change-set.ts';
import { preconditionRefusal } from '../core/group/precondition.ts';
import type { RootHistory } from '../core/group/root-history.ts';
import type { AppId, DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Refusal } from '../core/refusal.ts';
import { locked, refusal } from '../core/refusal.ts';
import { type KeyedResult, RequestKeys } from '../core/request-keys.ts';
import { err, ok, type Result } from '../core/result.ts';
import { timestamp } from '../core/time.ts';
import { endOf, holdOrders } from './deployment-ends.ts';
import type { Effect } from './effects.ts';
import { tell } from './effects.ts';
import { cancel, type Deployed, failed, goOn, previewDeployment, type WriterTools } from './group-cancel.ts';
import { apiPostEvent, replacedCheckEvents, stepCheckEvents } from './group-events.ts';
import { answerRepeated, keyRecords } from './group-keys.ts';
import { expiredVersions, versionRecord } from './group-records.ts';
import type { DeploymentsMessage, GroupsMessage, TargetOrder } from './protocol.ts';
import { rootRecords, unneededVersions } from './root-records.ts';
import type { Behaviour, Context } from './runtime/types.ts';
import type { Services } from './services.ts';

export interface GroupsState {
  readonly services: Services;
  readonly tree: AppTree;
  readonly history: RootHistory;
  /** Running deployments in the order they were started; each holds a lock on what it touches. */
  readonly running: Map<DeploymentId, Deployment>;
  /** Which of those that are over are kept. */
  readonly finished: DeploymentHistory;
  readonly requestKeys: RequestKeys;
}

type Ctx = Context<GroupsMessage>;

export interface GroupsProps {
  readonly services: Services;
  readonly tree: AppTree;
  readonly history: RootHistory;
  /** Stored deployments, to be taken up where they stood. */
  readonly running: readonly Deployment[];
  /** Deployments that are over and still kept. */
  readonly finished: readonly FinishedDeployment[];
  /** What came of requests with a key. */
  readonly requestKeys: readonly KeyedResult[];
}

/** The writer of app definitions. */
export function groupsBehaviour(props: GroupsProps): Behaviour<GroupsState, GroupsMessage> {
  return {
    initial: (context) => {
      const running = new Map(props.running.map((d) => [d.id, d]));
      context.metrics.gauge('apps.active', () => props.tree.size);
      context.metrics.gauge('groups.active', () => props.tree.groupCount);
      context.metrics.gauge('pods.active', () => 0);
      const finished = new DeploymentHistory(props.finished);
      context.metrics.gauge('deployments.active', () => running.size);
      context.metrics.gauge('deployments.kept', () => finished.size);
      const requestKeys = new RequestKeys(props.requestKeys);
      context.metrics.gauge('request-keys.kept', () => requestKeys.size);
      return { services: props.services, tree: props.tree, history: props.history, running, finished, requestKeys };
    },
    receive: (state, message, context) => {
      switch (message.type) {
        case 'change':
          change(state, message, context);
          break;
        case 'preview':
          preview(state, message, context);
          break;
        case 'previewDeployment':
          previewDeployment(state, message, context);
          break;
        case 'cancel':
          cancel(state, message, tools, context);
          break;
        case 'stepStarted':
          stepStarted(state, message.id, message.step, context);
          break;
        case 'deploymentFinished':
          finished(state, message.id, context);
          break;
        case 'deploymentFailed':
          failed(state, message, tools, context);
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

/** What a request comes to, decided on what there is now. */
function decide(
  { services, tree, history }: GroupsState,
  { changes, group, force, restart = false, expected, keepsApps }: Omit<Change, 'type' | 'origin' | 'replyTo'>,
  context: Ctx,
): Result<ChangeSet, Refusal> {
  const unexpected = preconditionRefusal(expected, tree);
  if (unexpected) return err(unexpected);
  const { versions, settings } = services;
  const on = { tree, history, versions, settings: settings.app, nowMs: context.clock.now(), force, restart };
  if (!group) return changeSet(changes, on);
  const set = groupChangeSet(group, on);
  return set.ok && keepsApps ? withoutRemovals(set.value) : set;
}

function preview(state: GroupsState, message: Extract<GroupsMessage, { type: 'preview' }>, context: Ctx): void {
  const decided = decide(state, message, context);
  const blocked = decided.ok ? lockedBy(state, decided.value, message.force) : undefined;
  message.replyTo.tell(!decided.ok ? decided : blocked ? err(blocked) : ok(previewOf(decided.value)));
}

function change(state: GroupsState, message: Change, context: Ctx): void {
  if (answerRepeated(state, message, context)) return;
  const { tree } = state;
  const decided = decide(state, message, context);
  if (!decided.ok) {
    refuse(state, decided.error, message, context);
    return;
  }
  const set = decided.value;
  if (message.group?.type === 'enforceRole') {
    setRole(state, set, message);
    return;
  }
  const blocked = lockedBy(state, set, message.force);
  if (blocked) {
    if (blocked.code === 'tooManyDeployments') context.metrics.count('deployments.dismissed');
    refuse(state, blocked, message, context);
    return;
  }
  const named = message.changes.map((c) => tree.get(c.id));
  const deployed = deploy(state, set, context, message.limits);
  const apps = message.changes.flatMap((c) => tree.get(c.id) ?? []);
  const created = message.changes.filter((c, i) => named[i] === undefined && c.type !== 'delete').map((c) => c.id);
  const removed = set.planned.flatMap((p) => (p.before && !p.after ? [p.id] : []));
  const value = { version: set.version, deploymentId: deployed.id, apps, created, removed };
  const posted = message.origin && apps[0] ? [apiPostEvent(message.origin, apps[0], context.clock.now())] : [];
  const more = keyRecords(state, message.requestKey, value, context);
  store(state, { ...deployed, more }, posted, [tell(message.replyTo, ok(value))], context, message.group?.path);
}

/** Changes what a group enforces; that is no deployment (rest-api §4.2). */
function setRole(state: GroupsState, set: ChangeSet, message: Change): void {
  for (const { after } of set.groups) if (after) state.tree.putGroup(after);
  const value = { version: set.version, deploymentId: '' as DeploymentId, apps: [], created: [], removed: [] };
  const effects = [tell(message.replyTo, ok(value))];
  state.services.journal.tell({ type: 'write', records: rootRecords(state, set), events: [], effects });
}

/** A refused change leaves no trace but an event (behaviour §4.1, 8). */
function refuse(state: GroupsState, error: Refusal, message: Change, context: Ctx): void {
  const now = timestamp(context.clock.now());
  const event: MarathonEvent = {
    eventType: 'group_change_failed',
    timestamp: now,
    groupId: message.group?.path ?? '/',
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

/** Applies a change to the working state: tree, versions, locks. Whatever blocks it has been forced aside. */
function deploy(state: GroupsState, set: ChangeSet, context: Ctx, limits?: DeploymentLimits): Deployed {
  const { services, tree, running } = state;
  for (const { id, after } of set.groups) if (!after) tree.removeGroup(id);
  for (const { id, after, kind } of set.planned) {
    if (!after) tree.remove(id);
    else if (kind !== 'none') {
      tree.put(after);
      services.versions.put(after);
    }
  }
  for (const { after } of set.groups) if (after) tree.putGroup(after);
  const affected = affectedBy(set.planned);
  const blocking = blockingDeployments(running.values(), new Set(affected.map((a) => a.id)));
  const cancelled = blocking.flatMap((id) => running.get(id) ?? []);
  for (const { id } of cancelled) running.delete(id);
  const deployment: Deployment = {
    id: services.ids.uuid() as DeploymentId,
    version: set.version,
    startedAtMs: context.clock.now(),
    affected: untilTurn(affected, cancelled),
    ...(set.groups.length > 0 ? { groups: set.groups } : {}),
    steps: planSteps(takingOver(set.planned, cancelled), (node) => tree.edgesOf(node)),
    currentStep: 0,
    ...(limits ? { limits } : {}),
  };
  context.metrics.count('deployments');
  return { id: deployment.id, deployment, cancelled, set };
}

/** Writes a deployment and everything it changes as one unit, and starts it. */
function store(
  state: GroupsState,
  { deployment, cancelled, set, undone, more = [] }: Deployed,
  before: readonly MarathonEvent[],
  effects: readonly Effect[],
  context: Ctx,
  groupId = '/',
): void {
  const { services, running } = state;
  const nowMs = context.clock.now();
  const records: RecordWrite[] = [...more];
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
  }
  const end = (one: Deployment, ending: Ending, isFailure = false): void => {
    const told = endOf(one, ending, { finished: state.finished, metrics: context.metrics, nowMs, isFailure });
    records.push(...told.records);
    events.push(...told.events);
  };
  records.push(...rootRecords(state, set));
  for (const old of cancelled) {
    const successor = deployment.id;
    if (old.id !== undone?.id) {
      end(old, { result: 'cancelled', reason: `Deployment ${successor} took over by force`, successor });
    } else end(old, { result: 'rolledBack', reason: undone.reason, successor }, undone.isFailure);
  }
  events.push({ eventType: 'group_change_success', timestamp: timestamp(nowMs), groupId, version: set.version });
  if (isEmpty) end(deployment, { result: 'succeeded' });
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

const tools: WriterTools = { deploy, store, settle };

function stepStarted(state: GroupsState, id: DeploymentId, step: number, context: Ctx): void {
  const before = state.running.get(id);
  const entered = before?.steps[step - 1];
  if (!before || !entered) return;
  // A new leader enters a step once more: its time is that of the first entry.
  const entries = before.stepStartedAtMs ?? [];
  const stepStartedAtMs = step > entries.length ? [...entries, context.clock.now()] : entries;
  const deployment: Deployment = { ...before, currentStep: step, stepStartedAtMs };
  state.running.set(id, deployment);
  const nowMs = context.clock.now();
  const at = timestamp(nowMs);
  const plan = planView(deployment);
  const events: MarathonEvent[] = [];
  const previous = deployment.steps[step - 2];
  if (previous && before.currentStep === step - 1) {
    events.push({ eventType: 'deployment_step_success', timestamp: at, plan, currentStep: stepView(previous) });
  }
  events.push({ eventType: 'deployment_info', timestamp: at, plan, currentStep: stepView(entered) });
  if (before.currentStep < step) events.push(...stepCheckEvents(deployment, entered, state.services.versions, nowMs));
  const records: RecordWrite[] = [{ kind: 'deploymentProgress', key: id, value: progressOf(deployment) }];
  state.services.journal.tell({ type: 'write', records, events, effects: [] });
}

function finished(state: GroupsState, id: DeploymentId, context: Ctx): void {
  const deployment = state.running.get(id);
  if (!deployment) return;
  const { services, running, tree } = state;
  running.delete(id);
  const nowMs = context.clock.now();
  const { metrics } = context;
  const told = endOf(deployment, { result: 'succeeded' }, { finished: state.finished, metrics, nowMs });
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
  events.push(...replacedCheckEvents(deployment, services.versions, nowMs), ...told.events);
  services.journal.tell({ type: 'write', records, events, effects: [] });
  services.deployments.tell({ type: 'cancelled', ids: [id], orders: [] });
}

/** What is left of an app that is gone for good. */
function forgotten(state: GroupsState, id: AppId): readonly RecordWrite[] {
  return [{ kind: 'taskFailure', key: id, value: undefined }, ...unneededVersions(state, id)];
}

/** After a start: every app gets its target, every stored deployment goes on at the step it had reached. */
function resume(state: GroupsState): void {
  const { services, running, tree } = state;
  const held = new Map<AppId, Deployment>();
  for (const deployment of running.values()) for (const { id } of deployment.affected) held.set(id, deployment);
  for (const app of tree.all()) {
    if (!held.has(app.id)) services.apps.tell({ type: 'resume', appId: app.id, order: steadyOrder(app, false) });
  }
  for (const [id, deployment] of held) {
    // The present step gives its own orders.
    if (isTurnOf(deployment, id)) continue;
    const version = aimedAt(deployment, id);
    const app = version === undefined ? undefined : services.versions.at(id, version);
    if (app) services.apps.tell({ type: 'resume', appId: id, order: steadyOrder(app, false) });
  }
  for (const deployment of running.values()) {
    if (!deployment.paused) services.deployments.tell({ type: 'start', deployment });
    else
      for (const order of holdOrders(deployment, services.versions)) services.apps.tell({ type: 'target', ...order });
  }
}
