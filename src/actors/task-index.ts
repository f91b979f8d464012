/** Which instance owns a task, and where each app has its instances. Owned by the scheduler. */
import type { AppDefinition } from '../core/app/definition.ts';
import { isCurrent } from '../core/app/versions.ts';
import type { AppId, InstanceId } from '../core/ids.ts';
import type { AgentInfo } from '../core/instance/instance.ts';
import type { Timestamp } from '../core/time.ts';
import type { InstanceMessage, Placed } from './protocol.ts';
import type { ActorRef } from './runtime/types.ts';

const nowhere: readonly AgentInfo[] = [];

/** Hears of each task that comes and goes; of a task that comes, perhaps more than once. */
export interface TaskWatcher {
  readonly occupied: (placed: Placed) => void;
  readonly vacated: (taskId: string) => void;
}

/** Every live task of ours. */
export class TaskIndex {
  readonly #watcher: TaskWatcher | undefined;
  readonly #tasks = new Map<string, Placed>();
  readonly #instances = new Map<InstanceId, ActorRef<InstanceMessage>>();
  /** Placements that count for constraints. */
  readonly #byApp = new Map<AppId, Map<InstanceId, Placed>>();
  /** What `placements` last gave for an app, until somebody comes or goes. */
  readonly #placements = new Map<AppId, { readonly definition: Timestamp; readonly agents: readonly AgentInfo[] }>();

  /** Goes over the tasks of which the watcher has not been told yet; what goes before it gets there is left out. */
  #untold: Iterator<Placed> | undefined;

  constructor(watcher?: TaskWatcher) {
    this.#watcher = watcher;
  }

  /** Takes over what is stored. The watcher hears of it by `tellStored`: for 100,000 tasks that takes longer than this. */
  load(placed: Iterable<Placed>): void {
    for (const one of placed) this.#put(one);
    this.#untold = this.#tasks.values();
  }

  /** Tells the watcher of so many of the stored tasks, and perhaps of others once more. False when it has heard of all. */
  tellStored(most = Number.POSITIVE_INFINITY): boolean {
    for (let told = 0; this.#untold && told < most; told++) {
      const next = this.#untold.next();
      if (next.done === true) this.#untold = undefined;
      else this.#watcher?.occupied(next.value);
    }
    return this.#untold !== undefined;
  }

  get size(): number {
    return this.#tasks.size;
  }

  ownerOf(taskId: string): ActorRef<InstanceMessage> | undefined {
    return this.#tasks.get(taskId)?.ref;
  }

  instance(id: InstanceId): ActorRef<InstanceMessage> | undefined {
    return this.#instances.get(id);
  }

  get(taskId: string): Placed | undefined {
    return this.#tasks.get(taskId);
  }

  /** All live tasks, for reconciliation. */
  tasks(): Iterable<Placed> {
    return this.#tasks.values();
  }

  put(placed: Placed): void {
    this.#put(placed);
    this.#watcher?.occupied(placed);
  }

  #put(placed: Placed): void {
    this.#tasks.set(placed.taskId, placed);
    this.#instances.set(placed.instanceId, placed.ref);
    if (!placed.isCounted) {
      this.#uncount(placed.appId, placed.instanceId);
      return;
    }
    this.#placements.delete(placed.appId);
    const known = this.#byApp.get(placed.appId);
    if (known) known.set(placed.instanceId, placed);
    else this.#byApp.set(placed.appId, new Map([[placed.instanceId, placed]]));
  }

  remove(appId: AppId, instanceId: InstanceId, taskId: string | undefined): void {
    if (taskId !== undefined) {
      this.#tasks.delete(taskId);
      this.#watcher?.vacated(taskId);
    }
    this.#instances.delete(instanceId);
    this.#uncount(appId, instanceId);
  }

  /**
   * Agents of the instances that constraints of this definition look at: those of its configuration (behaviour §2.3, 3). The same array
   * as long as they are the same, so that whoever counts them does so once.
   */
  placements(app: AppDefinition): readonly AgentInfo[] {
    const located = app.constraints.length === 0 ? undefined : this.#byApp.get(app.id);
    if (located === undefined) return nowhere;
    const known = this.#placements.get(app.id);
    if (known?.definition === app.version) return known.agents;
    const agents: AgentInfo[] = [];
    for (const { version, agent } of located.values()) if (isCurrent(version, app)) agents.push(agent);
    this.#placements.set(app.id, { definition: app.version, agents });
    return agents;
  }

  #uncount(appId: AppId, instanceId: InstanceId): void {
    const known = this.#byApp.get(appId);
    if (known?.delete(instanceId)) this.#placements.delete(appId);
    if (known?.size === 0) this.#byApp.delete(appId);
  }
}
