/** What the journal has collected and not yet sent: bounded batches out of it, and when the front should stop adding to it. */
import { isDurable, type MarathonEvent } from '../core/events.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Effect } from './effects.ts';

/** What belongs together: it is durable as a whole or not at all, and never split over two batches. */
export interface JournalWrite {
  readonly records: readonly RecordWrite[];
  readonly events: readonly MarathonEvent[];
  /** Performed in order once the records and events are durable. */
  readonly effects: readonly Effect[];
  /** Goes through the store even if there is nothing to store: its effects then prove the epoch (design §5.10). */
  readonly mustStore?: boolean;
}

/** Lets the front refuse writes with 503 while the journal cannot keep up. Made by `createCongestion`, set by the journal actor. */
export interface Congestion {
  isCongested: boolean;
}

export const createCongestion = (): Congestion => ({ isCongested: false });

/** Beyond this many records and events the rest waits for the next batch, so that encoding stays a matter of milliseconds. */
export const maxBatchItems = 2_000;
/** Writes, records and events that may be collected and unsent before the front should refuse writes; half of it ends that. */
const congestedItems = 200_000;
/** The same in bytes of JSON, estimated from what was sent so far. */
const congestedBytes = 64 * 1_048_576;
/** Size of a record before any was sent. */
const firstSizeEstimate = 600;

export class Backlog {
  readonly #congestion: Congestion;
  readonly #writes: JournalWrite[] = [];
  #items = 0;
  #durableItems = 0;
  #bytesPerItem = firstSizeEstimate;

  constructor(congestion: Congestion) {
    this.#congestion = congestion;
    this.#judge();
  }

  /** Writes. */
  get length(): number {
    return this.#writes.length;
  }

  /** Records and events. */
  get items(): number {
    return this.#items;
  }

  /** False if nothing of it needs the store: only effects and transient events, and nobody asked for a proof. */
  get needsStore(): boolean {
    return this.#durableItems > 0;
  }

  add(write: JournalWrite): void {
    this.#writes.push(write);
    this.#account(write, 1);
    this.#judge();
  }

  /** The oldest writes, as many as one batch may have; a single large one goes alone. */
  take(): readonly JournalWrite[] {
    let items = 0;
    let taken = 0;
    for (const write of this.#writes) {
      const more = write.records.length + write.events.length;
      if (items > 0 && items + more > maxBatchItems) break;
      items += more;
      taken++;
      this.#account(write, -1);
    }
    const writes = this.#writes.splice(0, taken);
    this.#judge();
    return writes;
  }

  /** Tells what the items of a batch were in bytes of JSON, for the estimate of the rest. */
  learnSize(bytes: number, items: number): void {
    if (items > 0) this.#bytesPerItem += (bytes / items - this.#bytesPerItem) / 8;
  }

  clear(): void {
    this.#writes.length = 0;
    this.#items = 0;
    this.#durableItems = 0;
    this.#judge();
  }

  #account(write: JournalWrite, sign: 1 | -1): void {
    let durable = write.records.length + (write.mustStore === true ? 1 : 0);
    for (const event of write.events) if (isDurable(event.eventType)) durable++;
    this.#items += sign * (write.records.length + write.events.length);
    this.#durableItems += sign * durable;
  }

  #judge(): void {
    const scale = this.#congestion.isCongested ? 0.5 : 1;
    this.#congestion.isCongested =
      this.#writes.length + this.#items > congestedItems * scale ||
      this.#items * this.#bytesPerItem > congestedBytes * scale;
  }
}
