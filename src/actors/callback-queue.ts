/** What one subscriber still has to get: a bounded queue of the newest events, and beyond it a place in the log. */
import type { LoggedEvent } from '../core/events.ts';
import { eventNumber } from '../core/journal/event-id.ts';

/** Events that wait for a subscriber in memory; the rest is read from the store when its turn comes. */
export const maxQueuedEvents = 1_000;
/** The same in UTF-16 units of JSON. */
const maxQueuedSize = 4 * 1024 * 1024;

export class CallbackQueue {
  readonly #events: LoggedEvent[] = [];
  #size = 0;
  /** Number of the event behind the last one in the queue. */
  #end: number;

  constructor(next: number) {
    this.#end = next;
  }

  /** Number of the next durable event that the subscriber needs. */
  get next(): number {
    const id = this.#events.find((event) => event.id !== undefined)?.id;
    return id === undefined ? this.#end : eventNumber(id);
  }

  /** Number of the first event that is neither in the queue nor delivered. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#events.length;
  }

  get first(): LoggedEvent | undefined {
    return this.#events[0];
  }

  /** Takes what follows on the queue, as long as there is room. Transient events are for those who keep up. */
  offer(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (this.#events.length >= maxQueuedEvents || this.#size >= maxQueuedSize) return;
      if (event.id !== undefined) {
        if (eventNumber(event.id) !== this.#end) continue;
        this.#end += 1;
      }
      this.#events.push(event);
      this.#size += event.json.length;
    }
  }

  /** The first one is done with. */
  shift(): void {
    this.#size -= this.#events.shift()?.json.length ?? 0;
  }

  /** Leaves out what cannot be had any more; only of use while the queue is empty. */
  skipTo(number: number): void {
    this.#end = number;
  }
}
