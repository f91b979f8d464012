/** Runs things later with one timer for each distinct delay instead of one for each thing. */
interface Line<T> {
  readonly items: { readonly item: T; readonly dueMs: number }[];
  next: number;
  timer: NodeJS.Timeout | undefined;
}

/** Delay 0 means: in the next turn of the loop, all together. */
export class DelayLine<T> {
  readonly #lines = new Map<number, Line<T>>();
  readonly #run: (item: T) => void;
  #now: T[] = [];
  #stopped = false;

  constructor(run: (item: T) => void) {
    this.#run = run;
  }

  add(item: T, delayMs: number): void {
    if (delayMs <= 0) {
      this.#now.push(item);
      if (this.#now.length === 1) setImmediate(() => this.#runNow());
      return;
    }
    let line = this.#lines.get(delayMs);
    if (line === undefined) {
      line = { items: [], next: 0, timer: undefined };
      this.#lines.set(delayMs, line);
    }
    line.items.push({ item, dueMs: Date.now() + delayMs });
    this.#arm(delayMs, line);
  }

  /** Nothing runs any more. */
  stop(): void {
    this.#stopped = true;
    for (const line of this.#lines.values()) clearTimeout(line.timer);
    this.#lines.clear();
    this.#now = [];
  }

  #runNow(): void {
    if (this.#stopped) return;
    const items = this.#now;
    this.#now = [];
    for (const item of items) this.#run(item);
  }

  #arm(delayMs: number, line: Line<T>): void {
    const head = line.items[line.next];
    if (line.timer !== undefined || this.#stopped) return;
    if (head === undefined) {
      this.#lines.delete(delayMs);
      return;
    }
    line.timer = setTimeout(() => this.#expire(delayMs, line), Math.max(1, head.dueMs - Date.now()));
  }

  #expire(delayMs: number, line: Line<T>): void {
    line.timer = undefined;
    const now = Date.now();
    for (let head = line.items[line.next]; head !== undefined && head.dueMs <= now; head = line.items[line.next]) {
      line.next++;
      this.#run(head.item);
    }
    if (line.next > 1024 && line.next * 2 > line.items.length) {
      line.items.splice(0, line.next);
      line.next = 0;
    }
    this.#arm(delayMs, line);
  }
}
