/** Something that is due at a time. The queue numbers entries, so that those due together come out in order of entry. */
export interface Due {
  dueMs: number;
  sequence: number;
  isCancelled: boolean;
}

/** Below this many cancelled entries a sweep is not worth its pass over the heap. */
const SWEEP_FROM = 1024;

/**
 * A binary heap by time, then by order of entry. Cancelling only marks an entry; marked ones are dropped when they come to
 * the top, or all at once when they outnumber the others. So a hundred thousand timers that are set and cancelled cost a
 * constant time each.
 */
export class DueQueue<T extends Due> {
  #heap: T[] = [];
  #cancelled = 0;
  #sequence = 0;

  /** Entries that are neither taken nor cancelled. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Enters it at `dueMs`; the entry must not be in a queue already. */
  add(entry: T, dueMs: number): void {
    entry.dueMs = dueMs;
    entry.sequence = this.#sequence++;
    entry.isCancelled = false;
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
  }

  /** Marks an entry that is still in this queue. */
  cancel(entry: T): void {
    if (entry.isCancelled) return;
    entry.isCancelled = true;
    this.#cancelled += 1;
    if (this.#cancelled >= SWEEP_FROM && this.#cancelled * 2 > this.#heap.length) this.#sweep();
  }

  /** The earliest entry, left in place. */
  peek(): T | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || !top.isCancelled) return top;
      this.#removeTop();
      this.#cancelled -= 1;
    }
  }

  /** Takes the earliest entry if it is due at `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    const top = this.peek();
    if (top === undefined || top.dueMs > nowMs) return undefined;
    this.#removeTop();
    return top;
  }

  /** Takes everything out, in no particular order. */
  clear(): readonly T[] {
    const left = this.#heap.filter((entry) => !entry.isCancelled);
    this.#heap = [];
    this.#cancelled = 0;
    return left;
  }

  #removeTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #sweep(): void {
    this.#heap = this.#heap.filter((entry) => !entry.isCancelled);
    this.#cancelled = 0;
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as T;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above] as T;
      if (!isBefore(entry, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = entry;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as T;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as T, heap[below] as T)) below += 1;
      const other = heap[below] as T;
      if (!isBefore(other, entry)) break;
      heap[at] = other;
      at = below;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}
