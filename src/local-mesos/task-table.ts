/** What a runner knows of its live tasks. Two frameworks may use the same task id at the same time (mesos-v1 §3.9). */

interface Owned {
  readonly frameworkId: string;
}

/** The first owner of a task id is found by the id alone, others by id and framework. */
export class TaskTable<T extends Owned> {
  readonly #byKey = new Map<string, T>();

  get size(): number {
    return this.#byKey.size;
  }

  /** Oldest first. */
  values(): Iterable<T> {
    return this.#byKey.values();
  }

  /** A task of a framework, or of whichever framework has one of that id if none is named. */
  get(taskId: string, frameworkId?: string): T | undefined {
    const first = this.#byKey.get(taskId);
    if (first !== undefined && (frameworkId === undefined || first.frameworkId === frameworkId)) return first;
    if (frameworkId !== undefined) return this.#byKey.get(longKey(taskId, frameworkId));
    const prefix = longKey(taskId, '');
    for (const [key, value] of this.#byKey) if (key.startsWith(prefix)) return value;
    return undefined;
  }

  /** There must be none of this id and framework yet. */
  add(taskId: string, value: T): void {
    this.#byKey.set(this.#byKey.has(taskId) ? longKey(taskId, value.frameworkId) : taskId, value);
  }

  delete(taskId: string, frameworkId: string): void {
    if (this.#byKey.get(taskId)?.frameworkId === frameworkId) this.#byKey.delete(taskId);
    else this.#byKey.delete(longKey(taskId, frameworkId));
  }

  clear(): void {
    this.#byKey.clear();
  }
}

/** No task id holds a line break. */
const longKey = (taskId: string, frameworkId: string): string => `${taskId}\n${frameworkId}`;
