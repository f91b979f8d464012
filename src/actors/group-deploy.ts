/** What the writer of definitions does once a change is decided: the working state, the records, the deployment. */
import type { AppDefinition } from '../core/app/definition.ts';
import { blockingDeployments } from '../core/deploy/conflict.ts';
import type { DeploymentHistory } from '../core/deploy/history.ts';
import { affectedBy, planSteps, takingOver } from '../core/deploy/plan.ts';
import type { Deployment, DeploymentLimits, Ending } from '../core/deploy/plan-types.ts';
import type { MarathonEvent } from '../core/events.ts';
import type { AppTree } from '../core/group/app-tree.ts';
import type { ChangeSet } from '../core/group/change-set.ts';
import type { AppId, DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import { timestamp } from '../core/time.ts';
import { ended } from './deployment-ends.ts';
import type { Effect } from './effects.ts';
import { healthCheckEvents } from './group-events.ts';
import { expiredVersions, versionRecord } from './group-records.ts';
import type { DeploymentsMessage, GroupsMessage, TargetOrder } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import type { Services } from './services.ts';

/** Owned by the groups actor. */
export interface GroupsState {
  readonly services: Services;
  readonly tree: AppTree;
  /** Running deployments in the order they were started; each holds a lock on what it touches. */
  readonly running: Map<DeploymentId, Deployment>;
  /** Which of those that are over are kept. */
  readonly history: DeploymentHistory;
}

export type Ctx = Context<GroupsMessage>;

/** A change that has been applied to the working state, and is to be stored. */
export interface Deployed {
  readonly id: DeploymentId;
  readonly deployment: Deployment;
  readonly cancelled: readonly Deployment[];
  readonly set: ChangeSet;
  /** How the deployment that this one undoes ends; the other cancelled ones were replaced. */
  readonly undone?: { readonly id: DeploymentId; readonly reason: string; readonly isFailure: boolean };
}

/** Applies a change to the working state: tree, versions, locks. Whatever blocks it has been forced aside. */
export function deploy(
  state: GroupsState,
  set: ChangeSet,
  limits: DeploymentLimits | undefined,
  context: Ctx,
): Deployed {
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
    affected,
    steps: planSteps(takingOver(set.planned, cancelled), (id) => tree.dependenciesOf(id)),
    currentStep: 0,
    ...(limits ? { limits } : {}),
  };
  context.metrics.count('deployments');
  return { id: deployment.id, deployment, cancelled, set };
}

/** Writes a deployment and everything it changes as one unit, and starts it. */
export function store(
  state: GroupsState,
  { deployment, cancelled, set, undone }: Deployed,
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
  const end = (one: Deployment, ending: Ending, isFailure = false): void => {
    const told = ended(one, ending, { history: state.history, metrics: context.metrics, nowMs, isFailure });
    records.push(...told.records);
    events.push(...told.events);
  };
  for (const old of cancelled) {
    const successor = deployment.id;
    if (old.id === undone?.id) {
      end(old, { result: 'rolledBack', reason: undone.reason, successor }, undone.isFailure);
    } else end(old, { result: 'cancelled', reason: `Deployment ${successor} took over by force`, successor });
  }
  events.push({ eventType: 'group_change_success', timestamp: timestamp(nowMs), groupId: '/', version: set.version });
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
export function settle(state: GroupsState, cancelled: readonly Deployment[]): Settled {
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

export const steadyOrder = (app: AppDefinition, isRemoved: boolean) =>
  ({ app, mode: isRemoved ? 'stopped' : 'steady', sentenced: [], waiter: undefined }) as const;

/** What is left of an app that is gone for good. */
export function forgotten(state: GroupsState, id: AppId): readonly RecordWrite[] {
  const { versions } = state.services;
  const records: RecordWrite[] = [{ kind: 'taskFailure', key: id, value: undefined }];
  for (const version of versions.versionsOf(id)) {
    versions.remove(id, version);
    records.push({ kind: 'appVersion', key: `${id}@${version}`, value: undefined });
  }
  return records;
}
