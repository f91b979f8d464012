/** Updates that wait for their acknowledgement and when each is to be sent again. Cost per update is constant. */
import type { Task } from './model.ts';

interface Level {
  readonly waitMs: number;
  /** Due times, in the order in which they were set, which is also their order in time. */
  readonly due: Map<Task, number>;
}

/** The waits double from `firstMs` to `maxMs` (mesos-v1 §4.5). */
export class RetryQueue {
  readonly #levels: readonly Level[];
  readonly #levelOf = new Map<Task, number>();
  readonly #timer: NodeJS.Timeout;

  /** `resend` is called for each task whose update is due; the queue has already set its next, longer wait. */
  constructor(firstMs: number, maxMs: number, resend: (task: Task) => void) {
    const waits = [firstMs];
    for (let wait = firstMs * 2; wait < maxMs; wait *= 2) waits.push(wait);
    if (maxMs > firstMs) waits.push(maxMs);
    this.#levels = waits.map((waitMs) => ({ waitMs, due: new Map() }));
    this.#timer = setInterval(() => this.#sweep(resend), Math.max(1, Math.floor(firstMs / 20)));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A new update is on its way: the first wait begins. */
  start(task: Task): void {
    this.#put(task, 0);
  }

  /** The update was acknowledged, or cannot be sent for now. */
  cancel(task: Task): void {
    const level = this.#levelOf.get(task);
    if (level === undefined) return;
    this.#levelOf.delete(task);
    this.#levels[level]?.due.delete(task);
  }

  #put(task: Task, level: number): void {
    this.cancel(task);
    const queue = this.#levels[level];
    if (queue === undefined) return;
    this.#levelOf.set(task, level);
    queue.due.set(task, Date.now() + queue.waitMs);
  }

  #sweep(resend: (task: Task) => void): void {
    const now = Date.now();
    for (const [level, { due }] of this.#levels.entries()) {
      for (const [task, at] of due) {
        if (at > now) break;
        this.#put(task, Math.min(level + 1, this.#levels.length - 1));
        resend(task);
      }
    }
  }
}
