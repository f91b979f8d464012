/** Whoever follows what happens in the master: the operator API's event streams (mesos-v1 §6.5). */
import type { Agent, Framework, StatusRecord, Task } from './model.ts';

export type Happening =
  | { readonly type: 'taskAdded'; readonly task: Task }
  | { readonly type: 'taskUpdated'; readonly task: Task; readonly record: StatusRecord }
  | { readonly type: 'agentAdded'; readonly agent: Agent }
  | { readonly type: 'agentRemoved'; readonly agent: Agent }
  | { readonly type: 'frameworkAdded' | 'frameworkUpdated' | 'frameworkRemoved'; readonly framework: Framework };

export class Watchers {
  readonly #all = new Set<(happening: Happening) => void>();

  /** Ends with the returned function. */
  add(watcher: (happening: Happening) => void): () => void {
    this.#all.add(watcher);
    return () => this.#all.delete(watcher);
  }

  tell(happening: Happening): void {
    for (const watcher of this.#all) watcher(happening);
  }
}
