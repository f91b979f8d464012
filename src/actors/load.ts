/** From stored records to the state that a leader starts with. */
import type { AppDefinition } from '../core/app/definition.ts';
import type { PortRange } from '../core/app/service-ports.ts';
import type { Deployment, FinishedDeployment } from '../core/deploy/plan-types.ts';
import { type DeploymentProgress, withProgress } from '../core/deploy/progress.ts';
import type { Subscription } from '../core/events-callback.ts';
import { AppTree } from '../core/group/app-tree.ts';
import { type GroupRecord, type RootDelta, versionOfKey } from '../core/group/group-record.ts';
import { RootHistory } from '../core/group/root-history.ts';
import type { AppId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import type { EncodedRecord, RecordWrite } from '../core/journal/batch.ts';
import { isRequestKeyRecord, type KeyedResult } from '../core/request-keys.ts';
import { isStrayRecord, type Stray } from '../core/task/stray.ts';
import { VersionBook } from './version-book.ts';
import type { Views } from './views.ts';

export interface LoadedState {
  readonly tree: AppTree;
  readonly history: RootHistory;
  readonly versions: VersionBook;
  readonly instances: ReadonlyMap<AppId, readonly Instance[]>;
  readonly deployments: readonly Deployment[];
  readonly finished: readonly FinishedDeployment[];
  readonly frameworkId: string | undefined;
  readonly subscriptions: readonly Subscription[];
  readonly requestKeys: readonly KeyedResult[];
  readonly strays: readonly Stray[];
}

/** The value of a record; undefined for one that was deleted. */
export type Decode = (record: EncodedRecord) => object | undefined;

/**
 * Decodes every record once, whatever its format; the read model and the working state share the objects. Throws what `decode` throws.
 */
export function loadState(
  records: Iterable<EncodedRecord>,
  views: Views,
  range: PortRange,
  decode: Decode,
): LoadedState {
  const tree = new AppTree(range);
  const history = new RootHistory();
  const versions = new VersionBook();
  const instances = new Map<AppId, Instance[]>();
  const plans = new Map<string, Deployment>();
  const progress = new Map<string, DeploymentProgress>();
  const finished: FinishedDeployment[] = [];
  const subscriptions: Subscription[] = [];
  const requestKeys: KeyedResult[] = [];
  const strays: Stray[] = [];
  let frameworkId: string | undefined;
  const shown: RecordWrite[] = [];
  for (const record of records) {
    const { kind, key } = record;
    const value = decode(record);
    if (value === undefined) continue;
    if (kind !== 'deployment' && kind !== 'deploymentProgress') shown.push({ kind, key, value });
    switch (kind) {
      case 'app':
        tree.put(value as AppDefinition);
        break;
      case 'appVersion':
        versions.put(value as AppDefinition);
        break;
      case 'instance': {
        const instance = value as Instance;
        const siblings = instances.get(instance.appId);
        if (siblings) siblings.push(instance);
        else instances.set(instance.appId, [instance]);
        break;
      }
      case 'deployment':
        plans.set(key, value as Deployment);
        break;
      case 'deploymentProgress':
        progress.set(key, value as DeploymentProgress);
        break;
      case 'finishedDeployment':
        finished.push(value as FinishedDeployment);
        break;
      case 'meta':
        if (key === 'frameworkId') frameworkId = (value as { frameworkId: string }).frameworkId;
        else if (isRequestKeyRecord(key)) requestKeys.push(value as KeyedResult);
        else if (isStrayRecord(key)) strays.push(value as Stray);
        break;
      case 'subscription':
        subscriptions.push(value as Subscription);
        break;
      case 'group':
        if (versionOfKey(key) === undefined) tree.putGroup(value as GroupRecord);
        else history.put(value as RootDelta);
        break;
      case 'taskFailure':
        break;
    }
  }
  for (const app of tree.all()) versions.put(app);
  const deployments = [...plans.values()].map((plan) => {
    const reached = progress.get(plan.id);
    return reached ? withProgress(plan, reached) : plan;
  });
  deployments.sort((a, b) => a.startedAtMs - b.startedAtMs);
  shown.push(...deployments.map((value) => ({ kind: 'deployment', key: value.id, value }) as const));
  views.load(shown);
  return { tree, history, versions, instances, deployments, finished, frameworkId, subscriptions, requestKeys, strays };
}

/** Apps that have instances but no definition to come back to: their instances must go (behaviour §1.9, orphans). */
export function orphanedApps(state: LoadedState): readonly AppId[] {
  const held = new Set(state.deployments.flatMap((d) => d.affected.map((a) => a.id)));
  return [...state.instances.keys()].filter((id) => !state.tree.get(id) && !held.has(id));
}

/** The instances of all others, by app. */
export function ownedInstances(state: LoadedState): readonly (readonly [AppId, readonly Instance[]])[] {
  const orphaned = new Set(orphanedApps(state));
  return [...state.instances].filter(([appId]) => !orphaned.has(appId));
}
