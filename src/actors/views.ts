/**
 * The read model: what is durable, indexed the way GET requests ask. Fed by the journal in batch order before any answer of the
 * batch goes out, so a GET after an acknowledged write shows the write (design §5.1, §7). Nothing in here decides anything.
 */
import type { AppDefinition } from '../core/app/definition.ts';
import type { Deployment, FinishedDeployment } from '../core/deploy/plan-types.ts';
import { type DeploymentProgress, withProgress } from '../core/deploy/progress.ts';
import type { HealthStatus } from '../core/health/health.ts';
import type { ReadinessResult } from '../core/health/readiness.ts';
import type { AppId, DeploymentId, InstanceId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import { counted, noTasks, type TaskCounts } from '../core/instance/shown.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Timestamp } from '../core/time.ts';
import type {
  ClusterView,
  GroupView,
  PlacementView,
  QueueEntry,
  ReadModel,
  StateChange,
  TaskFailure,
} from './front.ts';
import { nothingPlaced } from './front.ts';
import { GroupViews } from './group-views.ts';

const nobody: ReadonlySet<AppId> = new Set();
const noHealth: readonly (HealthStatus | undefined)[] = [];

/** Written by the journal's release and by the actors that own what is not durable (health, queue, connection). */
export class Views implements ReadModel {
  #stateVersion = 0;
  #isLoading = false;
  readonly #apps = new Map<string, AppDefinition>();
  readonly #groups = new GroupViews({ app: (id) => this.#apps.get(id), appAt: (id, at) => this.appAt(id, at) });
  readonly #versions = new Map<string, Map<Timestamp, AppDefinition>>();
  readonly #instances = new Map<string, Instance>();
  #running = 0;
  #staged = 0;
  readonly #instancesByApp = new Map<string, Map<InstanceId, Instance>>();
  readonly #counts = new Map<string, TaskCounts>();
  readonly #health = new Map<InstanceId, readonly (HealthStatus | undefined)[]>();
  readonly #readiness = new Map<string, Map<InstanceId, ReadinessResult>>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #deploymentsByApp = new Map<string, Set<DeploymentId>>();
  readonly #pending = new Map<string, () => ReadonlySet<AppId>>();
  readonly #finished = new Map<string, FinishedDeployment>();
  readonly #failures = new Map<string, TaskFailure>();
  readonly #callbackUrls = new Set<string>();
  readonly #watchers = new Set<(change: StateChange) => void>();
  #queue: () => readonly QueueEntry[] = () => [];
  #placement: PlacementView = nothingPlaced;
  #cluster: () => ClusterView;

  constructor(cluster: () => ClusterView) {
    this.#cluster = cluster;
  }

  stateVersion = (): number => this.#stateVersion;
  apps = (): Iterable<AppDefinition> => this.#apps.values();
  app = (id: string): AppDefinition | undefined => this.#apps.get(id);
  isGroup = (path: string): boolean => this.#groups.isGroup(path);
  group = (path: string): GroupView | undefined => this.#groups.view(path);
  groupVersions = (path: string): readonly Timestamp[] | undefined => this.#groups.versions(path);
  groupAt = (path: string, version: Timestamp): GroupView | undefined => this.#groups.at(path, version);
  appAt = (id: string, version: Timestamp): AppDefinition | undefined => this.#versions.get(id)?.get(version);
  instancesOf = (appId: string): Iterable<Instance> => this.#instancesByApp.get(appId)?.values() ?? [];
  instance = (id: string): Instance | undefined => this.#instances.get(id);
  instances = (): Iterable<Instance> => this.#instances.values();
  countsOf = (appId: string): TaskCounts => this.#counts.get(appId) ?? noTasks;
  healthOf = (id: InstanceId): readonly (HealthStatus | undefined)[] => this.#health.get(id) ?? noHealth;
  readinessOf = (appId: string): Iterable<ReadinessResult> => this.#readiness.get(appId)?.values() ?? [];
  lastTaskFailure = (appId: string): TaskFailure | undefined => this.#failures.get(appId);
  deployments = (): Iterable<Deployment> => this.#deployments.values();
  deployment = (id: string): Deployment | undefined => this.#deployments.get(id);
  deploymentsOf = (appId: string): readonly DeploymentId[] => [...(this.#deploymentsByApp.get(appId) ?? [])];
  pendingOf = (id: string): ReadonlySet<AppId> => this.#pending.get(id)?.() ?? nobody;
  finishedDeployment = (id: string): FinishedDeployment | undefined => this.#finished.get(id);
  callbackUrls = (): readonly string[] => [...this.#callbackUrls];
  queue = (): readonly QueueEntry[] => this.#queue();
  placement = (): PlacementView => this.#placement;
  cluster = (): ClusterView => this.#cluster();
  watch = (onChange: (change: StateChange) => void): (() => void) => {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  };

  appVersions = (id: string): readonly Timestamp[] | undefined => {
    if (!this.#apps.has(id)) return undefined;
    return [...(this.#versions.get(id)?.keys() ?? [])].sort().reverse();
  };

  /** How many instances are in each condition that a gauge shows; kept up to date, since gauges are read often. */
  countInstances(): { readonly running: number; readonly staged: number; readonly all: number } {
    return { running: this.#running, staged: this.#staged, all: this.#instances.size };
  }

  /** Takes over the records of one released batch. */
  apply(records: readonly RecordWrite[]): void {
    if (records.length === 0) return;
    this.#stateVersion++;
    for (const record of records) this.#applyOne(record);
  }

  /** Takes over all records of a store at once. Watchers are not told of each of them: everything is another. */
  load(records: readonly RecordWrite[]): void {
    this.#isLoading = true;
    try {
      this.apply(records);
    } finally {
      this.#isLoading = false;
    }
    this.#changed({ type: 'everything' });
  }

  /** Results of an instance's checks; undefined forgets them. */
  putHealth(id: InstanceId, statuses: readonly (HealthStatus | undefined)[] | undefined): void {
    if (!statuses && !this.#health.has(id)) return;
    const instance = this.#instances.get(id);
    this.#count(instance, -1);
    if (statuses) this.#health.set(id, statuses);
    else this.#health.delete(id);
    this.#count(instance, 1);
    this.#stateVersion++;
    if (instance) this.#changed({ type: 'instance', id, appId: instance.appId });
  }

  /** Last answer of an instance's readiness check; undefined forgets it. */
  putReadiness(appId: string, id: InstanceId, result: ReadinessResult | undefined): void {
    const known = this.#readiness.get(appId);
    if (result) {
      if (known) known.set(id, result);
      else this.#readiness.set(appId, new Map([[id, result]]));
    } else {
      if (!known?.delete(id)) return;
      if (known.size === 0) this.#readiness.delete(appId);
    }
    this.#stateVersion++;
    this.#changed({ type: 'instance', id, appId });
  }

  /** Where the apps that a running deployment waits for can be read; undefined when it has no actor any more. */
  showPending(id: DeploymentId, read: (() => ReadonlySet<AppId>) | undefined): void {
    if (read) this.#pending.set(id, read);
    else this.#pending.delete(id);
    this.#stateVersion++;
  }

  /** Where the launch queue can be read; called for each request that shows it. */
  showQueue(read: () => readonly QueueEntry[]): void {
    this.#queue = read;
  }

  /** Where it can be read what the scheduler knows of agents and of who waits. */
  showPlacement(view: PlacementView): void {
    this.#placement = view;
  }

  /** Where leadership and the connection to Mesos can be read. */
  showCluster(read: () => ClusterView): void {
    this.#cluster = read;
  }

  /** Something that is shown, but not stored, has changed. */
  touch(): void {
    this.#stateVersion++;
  }

  /** Empties everything before a reload. */
  clear(): void {
    this.#stateVersion++;
    this.#running = 0;
    this.#staged = 0;
    this.#counts.clear();
    this.#groups.clear();
    for (const map of [this.#apps, this.#versions, this.#instances, this.#instancesByApp]) map.clear();
    for (const map of [this.#health, this.#readiness, this.#deployments, this.#deploymentsByApp, this.#failures])
      map.clear();
    this.#pending.clear();
    this.#finished.clear();
    this.#queue = () => [];
    this.#placement = nothingPlaced;
    this.#callbackUrls.clear();
    this.#changed({ type: 'everything' });
  }

  #changed(change: StateChange): void {
    if (this.#isLoading) return;
    for (const tell of this.#watchers) tell(change);
  }

  #applyOne({ kind, key, value }: RecordWrite): void {
    switch (kind) {
      case 'app':
        this.#putApp(key, value as AppDefinition | undefined);
        return;
      case 'appVersion':
        this.#putVersion(key, value as AppDefinition | undefined);
        return;
      case 'instance':
        this.#putInstance(key, value as Instance | undefined);
        return;
      case 'deployment':
        this.#putDeployment(key, value as Deployment | undefined);
        return;
      case 'deploymentProgress':
        this.#putProgress(key, value as DeploymentProgress | undefined);
        return;
      case 'finishedDeployment':
        if (value) this.#finished.set(key, value as FinishedDeployment);
        else this.#finished.delete(key);
        return;
      case 'taskFailure':
        if (value) this.#failures.set(key, value as TaskFailure);
        else this.#failures.delete(key);
        return;
      case 'subscription':
        if (value) this.#callbackUrls.add(key);
        else this.#callbackUrls.delete(key);
        return;
      case 'group':
        this.#groups.put(key, value);
        return;
      case 'meta':
        return;
    }
  }

  #putApp(id: string, app: AppDefinition | undefined): void {
    const before = this.#apps.get(id);
    if (app) this.#apps.set(id, app);
    else this.#apps.delete(id);
    this.#changed({ type: 'app', id, before });
    if (app && !before) this.#groups.addApp(id);
    else if (!app && before) this.#groups.removeApp(id);
  }

  #putVersion(key: string, app: AppDefinition | undefined): void {
    const cut = key.lastIndexOf('@');
    const id = key.slice(0, cut);
    const version = key.slice(cut + 1);
    const known = this.#versions.get(id);
    if (app) {
      if (known) known.set(version, app);
      else this.#versions.set(id, new Map([[version, app]]));
    } else {
      known?.delete(version);
      if (known?.size === 0) this.#versions.delete(id);
    }
  }

  #putInstance(key: string, instance: Instance | undefined): void {
    const before = this.#instances.get(key);
    if (before) this.#tally(before, -1);
    if (instance) this.#tally(instance, 1);
    this.#count(before, -1);
    this.#count(instance, 1);
    if (instance) {
      this.#instances.set(key, instance);
      const siblings = this.#instancesByApp.get(instance.appId);
      if (siblings) siblings.set(instance.id, instance);
      else this.#instancesByApp.set(instance.appId, new Map([[instance.id, instance]]));
      this.#changed({ type: 'instance', id: key, appId: instance.appId, ...(before ? { before } : {}) });
      return;
    }
    if (!before) return;
    this.#instances.delete(key);
    this.#changed({ type: 'instance', id: key, appId: before.appId, before });
    const siblings = this.#instancesByApp.get(before.appId);
    siblings?.delete(before.id);
    if (siblings?.size === 0) this.#instancesByApp.delete(before.appId);
  }

  #tally({ condition }: Instance, by: 1 | -1): void {
    if (condition === 'Running') this.#running += by;
    else if (condition === 'Staging' || condition === 'Starting' || condition === 'Provisioned') this.#staged += by;
  }

  /** Takes an instance, with its health as it stands, into the counts of its app, or out of them. */
  #count(instance: Instance | undefined, by: 1 | -1): void {
    if (!instance) return;
    const { appId, id } = instance;
    const counts = counted(this.countsOf(appId), by, instance, this.healthOf(id));
    if (counts.staged + counts.running + counts.healthy + counts.unhealthy > 0) this.#counts.set(appId, counts);
    else this.#counts.delete(appId);
  }

  /** The end of a deployment takes its progress away with it. */
  #putProgress(key: string, progress: DeploymentProgress | undefined): void {
    const deployment = this.#deployments.get(key);
    if (deployment && progress) this.#putDeployment(key, withProgress(deployment, progress));
  }

  #putDeployment(key: string, deployment: Deployment | undefined): void {
    const before = this.#deployments.get(key);
    // Another step of the same plan: thousands of apps need not be indexed again for each.
    const isStep = deployment !== undefined && before?.affected === deployment.affected;
    const affected = isStep ? deployment.affected : [...(before?.affected ?? []), ...(deployment?.affected ?? [])];
    const apps = affected.map(({ id }) => id);
    this.#changed({ type: 'deployment', id: key, apps, ...(isStep ? { isStep } : {}) });
    if (isStep) {
      this.#deployments.set(key, deployment);
      return;
    }
    for (const { id } of before?.affected ?? []) {
      const ids = this.#deploymentsByApp.get(id);
      ids?.delete(key as DeploymentId);
      if (ids?.size === 0) this.#deploymentsByApp.delete(id);
    }
    if (!deployment) {
      this.#deployments.delete(key);
      return;
    }
    this.#deployments.set(key, deployment);
    for (const { id } of deployment.affected) {
      const ids = this.#deploymentsByApp.get(id);
      if (ids) ids.add(deployment.id);
      else this.#deploymentsByApp.set(id, new Set([deployment.id]));
    }
  }
}
