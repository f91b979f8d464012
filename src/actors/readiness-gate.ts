/** What one app knows of the readiness of its new instances while a deployment waits for it. */
import type { AppDefinition } from '../core/app/definition.ts';
import { isCurrent } from '../core/app/versions.ts';
import type { InstanceId, TaskId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import type { AppMessage, ReadinessMessage, TargetOrder } from './protocol.ts';
import type { ActorRef } from './runtime/types.ts';

interface Asked {
  readonly taskId: TaskId;
  readonly isReady: boolean;
}

/** Open only while an order has a waiter and its app a readiness check; closed, it lets everything pass. */
export class ReadinessGate {
  readonly #worker: ActorRef<ReadinessMessage>;
  readonly #self: ActorRef<AppMessage>;
  #app: AppDefinition | undefined;
  #isRolling = false;
  readonly #asked = new Map<InstanceId, Asked>();

  constructor(worker: ActorRef<ReadinessMessage>, self: ActorRef<AppMessage>) {
    this.#worker = worker;
    this.#self = self;
  }

  /** A new order: whoever was ready for the one before is asked anew. */
  open(order: TargetOrder): void {
    this.close();
    if (!order.waiter || order.mode === 'stopped' || order.app.readinessChecks.length === 0) return;
    this.#app = order.app;
    this.#isRolling = order.mode === 'rolling';
  }

  /** The deployment is done with this app. */
  close(): void {
    this.#app = undefined;
    if (this.#asked.size === 0) return;
    this.#worker.tell({ type: 'forget', instanceIds: [...this.#asked.keys()] });
    this.#asked.clear();
  }

  /** False if the deployment must go on waiting for this instance. */
  lets(instance: Instance): boolean {
    if (!this.#covers(instance)) return true;
    const asked = this.#asked.get(instance.id);
    return asked?.isReady === true && asked.taskId === instance.tasks[0]?.id;
  }

  /** Sees an instance as it is now: asks it once it runs, and no longer when its task is over. */
  see(instance: Instance): void {
    if (!this.#app || !this.#covers(instance)) return;
    const taskId = instance.tasks[0]?.id;
    const asked = this.#asked.get(instance.id);
    if (asked && (asked.taskId !== taskId || instance.goal !== 'Running')) this.drop(instance.id);
    else if (asked?.isReady) return;
    if (taskId === undefined || instance.condition !== 'Running' || instance.goal !== 'Running') return;
    this.#asked.set(instance.id, { taskId, isReady: false });
    this.#worker.tell({ type: 'watch', instance, app: this.#app, ref: this.#self });
  }

  /** The check has passed. False if the news concerns a task that is gone. */
  pass(id: InstanceId, taskId: TaskId): boolean {
    if (this.#asked.get(id)?.taskId !== taskId) return false;
    this.#asked.set(id, { taskId, isReady: true });
    return true;
  }

  /** The instance is gone, or sentenced. */
  drop(id: InstanceId): void {
    if (this.#asked.delete(id)) this.#worker.tell({ type: 'forget', instanceIds: [id] });
  }

  /** Those that the step starts: all of the new configuration in an upgrade, those of this very version otherwise. */
  #covers(instance: Instance): boolean {
    if (!this.#app) return false;
    return this.#isRolling ? isCurrent(instance.version, this.#app) : instance.version === this.#app.version;
  }
}
