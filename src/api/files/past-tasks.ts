/** Tasks that are over and no longer known by their instance, and where they ran: their files outlive them (mesos-v1 §6.1). */
import type { ReadModel, StateChange } from '../../actors/front.ts';
import type { Metrics } from '../../actors/ports.ts';
import type { Instance } from '../../core/instance/instance.ts';

/** Tasks that are remembered; the one that ended longest ago goes first. A new leader begins with none. */
export const maxPastTasks = 10_000;

export interface PastTask {
  readonly agentId: string;
  readonly appId: string;
  /** Of the app it ran. */
  readonly version: string;
}

export class PastTasks {
  readonly #read: ReadModel;
  readonly #tasks = new Map<string, PastTask>();

  constructor(read: ReadModel, metrics: Metrics) {
    this.#read = read;
    read.watch((change) => this.#note(change));
    metrics.gauge('task-files.past-tasks', () => this.#tasks.size);
  }

  get(taskId: string): PastTask | undefined {
    return this.#tasks.get(taskId);
  }

  #note(change: StateChange): void {
    if (change.type !== 'instance' || change.before === undefined) return;
    const { before, id } = change;
    const task = before.tasks[0];
    if (task === undefined || before.agent === undefined) return;
    if (this.#read.instance(id)?.tasks[0]?.id !== task.id) this.#remember(before, before.agent.agentId);
  }

  #remember({ tasks, appId, version }: Instance, agentId: string): void {
    for (const { id } of tasks) this.#tasks.set(id, { agentId, appId, version });
    while (this.#tasks.size > maxPastTasks) {
      const [oldest] = this.#tasks.keys();
      if (oldest === undefined) return;
      this.#tasks.delete(oldest);
    }
  }
}
