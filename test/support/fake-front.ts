/** The actors' two faces, played by plain maps: what the API is tested against. */
import type {
  AppsChanged,
  ChangeOptions,
  ClusterView,
  Control,
  DeploymentResult,
  EventHub,
  EventReader,
  KillRequest,
  LogPosition,
  PlacementView,
  QueueEntry,
  ReadModel,
  StateChange,
  TaskFailure,
} from '../../src/actors/front.ts';
import { nothingPlaced } from '../../src/actors/front.ts';
import { GroupViews } from '../../src/actors/group-views.ts';
import type { AppChange } from '../../src/core/app/change.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import type { Deployment, DeploymentLimits, FinishedDeployment } from '../../src/core/deploy/plan-types.ts';
import type { Preview } from '../../src/core/deploy/preview.ts';
import type { LoggedEvent, MarathonEvent } from '../../src/core/events.ts';
import type { GroupRequest } from '../../src/core/group/group-request.ts';
import type { HealthStatus } from '../../src/core/health/health.ts';
import type { ReadinessResult } from '../../src/core/health/readiness.ts';
import { type AppId, type DeploymentId, instanceIdOf, taskIdOf } from '../../src/core/ids.ts';
import type { Condition, Instance } from '../../src/core/instance/instance.ts';
import { counted, noTasks } from '../../src/core/instance/shown.ts';
import type { EncodedEvent } from '../../src/core/journal/batch.ts';
import type { Refusal } from '../../src/core/refusal.ts';
import { err, ok } from '../../src/core/result.ts';
import { plainApp } from './app.ts';

export const version1 = '2020-01-01T00:00:00.000Z';
export const version2 = '2020-01-02T00:00:00.000Z';
export const deploymentId = '97c136bf-5a28-4821-9d94-480d9fbb01c8' as DeploymentId;

/** A small app; name what should differ. */
export const fakeApp = (id: string, more: Partial<AppDefinition> = {}): AppDefinition =>
  plainApp(id, version1, {
    cpus: 0.1,
    mem: 32,
    portDefinitions: [{ port: 10_000, protocol: 'tcp', name: 'http' }],
    ...more,
  });

/** An instance of an app with one task on `host`; a scheduled one has none. */
export function fakeInstance(app: AppDefinition, n: number, condition: Condition = 'Running', host = 'h1'): Instance {
  const id = instanceIdOf(app.id, `00000000-0000-11ea-8a7e-${String(n).padStart(12, '0')}`);
  const isRunning = condition === 'Running';
  return {
    id,
    appId: app.id,
    version: app.version,
    role: '*',
    goal: 'Running',
    condition,
    sinceMs: 1_000,
    agent: { host, agentId: 'S1', attributes: [] },
    incarnation: 1,
    tasks:
      condition === 'Scheduled'
        ? []
        : [
            {
              id: taskIdOf(id, 1),
              condition,
              stagedAtMs: 1_000,
              ...(isRunning ? { startedAtMs: 2_000 } : {}),
              hostPorts: [31_000 + n],
              ipAddresses: [{ ipAddress: '10.0.0.5', protocol: 'IPv4' }],
            },
          ],
  };
}

const nothing = { instances: 0, cpus: 0, mem: 0, disk: 0, gpus: 0 };

const fakePreview = (removed: readonly AppId[]): Preview => ({
  steps: [{ actions: [{ action: 'StartApplication', app: '/a' }] }],
  created: ['/a' as AppId],
  restarted: [],
  removed,
  kills: 0,
  before: nothing,
  after: { ...nothing, instances: 1 },
  version: version2,
});

/** Everything that a test may set, and what the API asked for. */
export class FakeFront {
  version = 1;
  readonly appMap = new Map<string, AppDefinition>();
  readonly stored = new Map<string, AppDefinition[]>();
  readonly instanceMap = new Map<string, Instance>();
  readonly health = new Map<string, readonly (HealthStatus | undefined)[]>();
  readonly readiness = new Map<string, readonly ReadinessResult[]>();
  readonly failures = new Map<string, TaskFailure>();
  readonly deploymentMap = new Map<string, Deployment>();
  readonly pending = new Map<string, ReadonlySet<AppId>>();
  readonly finished = new Map<string, FinishedDeployment>();
  queueEntries: QueueEntry[] = [];
  placementView: PlacementView = nothingPlaced;
  clusterView: ClusterView = {
    elected: true,
    leader: '127.0.0.1:8080',
    leaderUrl: undefined,
    notServing: undefined,
    frameworkId: 'F1',
    mesosConnected: true,
    mesosMaster: '127.0.0.1:5050',
  };
  readonly changes: { changes: readonly AppChange[]; options: Parameters<Control['changeApps']>[1] }[] = [];
  readonly groupChanges: { request: GroupRequest; options: ChangeOptions }[] = [];
  readonly previews: { wanted: Parameters<Control['preview']>[0]; options: ChangeOptions }[] = [];
  /** Records of kind `group`, by their keys. */
  readonly groupRecords = new Map<string, object>();
  /** Apps that the next change of a group removes. */
  removes: AppId[] = [];
  readonly kills: KillRequest[] = [];
  readonly cancelled: { id: string; force: boolean; limits?: DeploymentLimits }[] = [];
  readonly continued: { id: string; limits: DeploymentLimits | undefined }[] = [];
  readonly resets: string[] = [];
  readonly abdications: { readonly backup?: string; readonly restore?: string }[] = [];
  /** Callback URL → secret. */
  readonly subscriptions = new Map<string, string | undefined>();
  readonly readers = new Set<EventReader>();
  readonly published: MarathonEvent[] = [];
  /** What every command is refused with, if set. */
  refuses: Refusal | undefined;
  /** What every command throws, if set. */
  throws: Error | undefined;

  addApp(app: AppDefinition, instances: readonly Instance[] = []): void {
    const before = this.appMap.get(app.id);
    this.appMap.set(app.id, app);
    this.stored.set(app.id, [app, ...(this.stored.get(app.id) ?? [])]);
    for (const instance of instances) this.instanceMap.set(instance.id, instance);
    this.changed({ type: 'app', id: app.id, before });
    for (const { id } of instances) this.changed({ type: 'instance', id, appId: app.id });
  }

  /** Releases events as one turn. */
  deliver(...events: LoggedEvent[]): void {
    for (const reader of [...this.readers]) reader.deliver(events);
  }

  readonly read: ReadModel = {
    stateVersion: () => this.version,
    apps: () => this.appMap.values(),
    app: (id) => this.appMap.get(id),
    isGroup: (path) => [...this.appMap.keys()].some((id) => id.startsWith(`${path}/`)),
    group: (path) => this.#groupViews().view(path),
    groupVersions: (path) => this.#groupViews().versions(path),
    groupAt: (path, version) => this.#groupViews().at(path, version),
    appVersions: (id) => this.stored.get(id)?.map((app) => app.version),
    appAt: (id, version) => this.stored.get(id)?.find((app) => app.version === version),
    instancesOf: (appId) => [...this.instanceMap.values()].filter((instance) => instance.appId === appId),
    instance: (id) => this.instanceMap.get(id),
    instances: () => this.instanceMap.values(),
    countsOf: (appId) => {
      let counts = noTasks;
      for (const instance of this.read.instancesOf(appId)) {
        counts = counted(counts, 1, instance, this.read.healthOf(instance.id));
      }
      return counts;
    },
    healthOf: (id) => this.health.get(id) ?? [],
    readinessOf: (appId) => this.readiness.get(appId) ?? [],
    lastTaskFailure: (appId) => this.failures.get(appId),
    deployments: () => this.deploymentMap.values(),
    deployment: (id) => this.deploymentMap.get(id),
    deploymentsOf: (appId) =>
      [...this.deploymentMap.values()]
        .filter((each) => each.affected.some(({ id }) => id === appId))
        .map(({ id }) => id),
    pendingOf: (id) => this.pending.get(id) ?? new Set(),
    finishedDeployment: (id) => this.finished.get(id),
    queue: () => this.queueEntries,
    placement: () => this.placementView,
    callbackUrls: () => [...this.subscriptions.keys()],
    cluster: () => this.clusterView,
    watch: (onChange) => {
      this.watchers.add(onChange);
      return () => this.watchers.delete(onChange);
    },
  };

  readonly watchers = new Set<(change: StateChange) => void>();

  /** Something in the maps was changed. */
  changed(change: StateChange): void {
    this.version += 1;
    for (const tell of this.watchers) tell(change);
  }

  #groupViews(): GroupViews {
    const { app, appAt } = this.read;
    const views = new GroupViews({ app, appAt });
    for (const id of this.appMap.keys()) views.addApp(id);
    for (const [key, record] of this.groupRecords) views.put(key, record);
    return views;
  }

  readonly #result: DeploymentResult = { version: version2, deploymentId };

  #fault(): Refusal | undefined {
    if (this.throws) throw this.throws;
    return this.refuses;
  }

  readonly control: Control = {
    changeApps: async (changes, options) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.changes.push({ changes, options });
      const created = changes.flatMap(({ id }) => (this.appMap.has(id) ? [] : [id]));
      const apps = changes.flatMap((change) => (change.type === 'delete' ? [] : [fakeApp(change.id)]));
      const removed = changes.flatMap(({ id, type }) => (type === 'delete' ? [id] : []));
      const changed: AppsChanged = { ...this.#result, apps, created, removed };
      return ok(changed);
    },
    changeGroup: async (request, options) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.groupChanges.push({ request, options });
      return ok({ ...this.#result, apps: [], created: [], removed: this.removes });
    },
    preview: async (wanted, options) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.previews.push({ wanted, options });
      return ok(fakePreview(this.removes));
    },
    kill: async (request) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.kills.push(request);
      if (request.scale) return ok({ type: 'deployment', result: this.#result });
      return ok({ type: 'killed', instances: request.instances.flatMap((id) => this.instanceMap.get(id) ?? []) });
    },
    cancelDeployment: async (id, options) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.cancelled.push({ id, ...options });
      return ok(options.force ? undefined : this.#result);
    },
    continueDeployment: async (id, limits) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.continued.push({ id, limits });
      return ok(this.#result);
    },
    resetDelay: async (appId) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.resets.push(appId);
      return ok(undefined);
    },
    subscribe: async ({ url, secret, clientIp }) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.subscriptions.set(url, secret);
      this.version += 1;
      return ok({ eventType: 'subscribe_event', clientIp, callbackUrl: url, timestamp: version1 });
    },
    unsubscribe: async ({ url, clientIp }) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.subscriptions.delete(url);
      this.version += 1;
      return ok({ eventType: 'unsubscribe_event', clientIp, callbackUrl: url, timestamp: version1 });
    },
    abdicate: async (request) => {
      const fault = this.#fault();
      if (fault) return err(fault);
      this.abdications.push(request);
      return ok(undefined);
    },
  };

  /** What `EventHub.read` finds, by number; and what it fails with, if set. */
  readonly log = new Map<number, EncodedEvent>();
  readFails: Error | undefined;
  /** From where it was asked. */
  readonly reads: number[] = [];
  position: LogPosition = { generation: '1', next: 1 };

  /** A leadership begins. */
  begin(position: LogPosition): void {
    this.position = position;
    for (const reader of [...this.readers]) reader.began?.(position);
  }

  /** A leadership is over. */
  end(): void {
    for (const reader of [...this.readers]) reader.ended?.();
  }

  readonly events: EventHub = {
    attach: (reader) => {
      this.readers.add(reader);
      reader.began?.(this.position);
      return () => this.readers.delete(reader);
    },
    read: async (from, limit) => {
      this.reads.push(from);
      if (this.readFails) throw this.readFails;
      const numbers = [...this.log.keys()].sort((a, b) => a - b);
      const wanted = numbers.filter((number) => number >= from).slice(0, limit);
      const events = wanted.flatMap((number) => this.log.get(number) ?? []);
      return { first: numbers[0] ?? this.position.next, events };
    },
    publish: (event) => {
      this.published.push(event);
      this.deliver({ type: event.eventType, json: JSON.stringify(event) });
    },
  };
}
