/** The newest durable events in memory: what most readers that come back need, without asking the store. */
import type { LogPosition } from '../../actors/front.ts';
import type { LoggedEvent } from '../../core/events.ts';
import { eventNumber } from '../../core/journal/event-id.ts';

/** Events that are kept, … */
export const maxRecentEvents = 50_000;
/** … and their JSON in UTF-16 units. */
export const maxRecentSize = 16 * 1024 * 1024;

export class RecentEvents {
  #generation: string | undefined;
  /** A queue whose first `#head` places are free. */
  #events: LoggedEvent[] = [];
  #head = 0;
  #next = 0;
  #size = 0;

  /** Undefined until the log is known. */
  get generation(): string | undefined {
    return this.#generation;
  }

  /** Number of the oldest event in here; equal to `next` if there is none. */
  get first(): number {
    return this.#next - this.length;
  }

  /** Number that the next event will have. */
  get next(): number {
    return this.#next;
  }

  get length(): number {
    return this.#events.length - this.#head;
  }

  /** UTF-16 units of all JSON. */
  get size(): number {
    return this.#size;
  }

  /** Forgets everything and goes on at a place. */
  restart({ generation, next }: LogPosition): void {
    this.#generation = generation;
    this.#events = [];
    this.#head = 0;
    this.#next = next;
    this.#size = 0;
  }

  /** Takes the events that have a number; they follow on those that are there. */
  append(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (event.id === undefined) continue;
      this.#events.push(event);
      this.#next = eventNumber(event.id) + 1;
      this.#size += event.json.length;
    }
    while (this.length > 1 && (this.length > maxRecentEvents || this.#size > maxRecentSize)) {
      this.#size -= this.#events[this.#head]?.json.length ?? 0;
      this.#head += 1;
    }
    // What has been let go of is still held by its place; a copy of the others for each few thousand events costs next to nothing.
    if (this.#head > Math.max(1_000, this.#events.length >> 3)) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Up to `count` events from number `from` on, which must not lie before `first`. */
  slice(from: number, count: number): readonly LoggedEvent[] {
    const start = this.#head + (from - this.first);
    return this.#events.slice(start, start + count);
  }
}
