/**
 * Older events, read from the store in aligned slices that all readers share: a thousand readers that come back after a restart want
 * about the same ones.
 */
import type { EventHub } from '../../actors/front.ts';
import type { EventType, LoggedEvent } from '../../core/events.ts';
import { formatEventId } from '../../core/journal/event-id.ts';

/** Events read in one go; slices begin at multiples of it. */
export const sliceEvents = 256;
/** Slices that are kept for the next reader, … */
const maxKeptSlices = 64;
/** … and their JSON in UTF-16 units; the newest one is kept however large it is. */
export const maxKeptSize = 16 * 1024 * 1024;
/** Reads that may be under way at once. */
const maxReads = 4;

/** Events that follow each other, the first of them with the number `start`. */
export interface Slice {
  readonly start: number;
  readonly events: readonly LoggedEvent[];
}

const sizeOf = ({ events }: Slice): number => events.reduce((sum, { json }) => sum + json.length, 0);

type Taker = { readonly done: (slice: Slice) => void; readonly failed: (error: unknown) => void };

export class History {
  readonly #read: EventHub['read'];
  /** By the number they were asked from; oldest use first. */
  readonly #kept = new Map<number, Slice>();
  #size = 0;
  readonly #wanted = new Map<number, Taker[]>();
  readonly #queue: { readonly from: number; readonly generation: string }[] = [];
  #reading = 0;
  /** Grows with each generation. */
  #era = 0;

  constructor(read: EventHub['read']) {
    this.#read = read;
  }

  /** JSON of the slices that are kept, in UTF-16 units. */
  get size(): number {
    return this.#size;
  }

  /** Another generation begins: forgets everything. Nobody who waits gets an answer. */
  clear(): void {
    this.#era += 1;
    this.#kept.clear();
    this.#size = 0;
    this.#wanted.clear();
    this.#queue.length = 0;
  }

  /** The slice with this number, if it is there already. */
  known(number: number): Slice | undefined {
    const from = fromOf(number);
    const slice = this.#kept.get(from);
    if (slice) {
      this.#kept.delete(from);
      this.#kept.set(from, slice);
    }
    return slice;
  }

  /**
   * Reads the slice with this number. It begins later than asked if the store no longer reaches back so far, and may be empty.
   * One of the two is called, never before this returns, unless `clear` comes first.
   */
  load(number: number, generation: string, done: Taker['done'], failed: Taker['failed']): void {
    const from = fromOf(number);
    const takers = this.#wanted.get(from);
    if (takers) {
      takers.push({ done, failed });
      return;
    }
    this.#wanted.set(from, [{ done, failed }]);
    this.#queue.push({ from, generation });
    this.#work();
  }

  #work(): void {
    while (this.#reading < maxReads) {
      const next = this.#queue.shift();
      if (!next) return;
      const { from, generation } = next;
      const era = this.#era;
      this.#reading += 1;
      this.#read(from, sliceEvents)
        .then(
          ({ first, events }) => {
            const start = Math.max(first, from);
            const wanted = events.slice(0, Math.max(0, from + sliceEvents - start));
            const logged = wanted.map(({ type, json }, i) => ({
              id: formatEventId(generation, start + i),
              type: type as EventType,
              json,
            }));
            const slice = { start, events: logged };
            // One that reaches to its end will never be another, even if its beginning is gone.
            const isWhole = start + logged.length === from + sliceEvents;
            if (era === this.#era && isWhole) this.#keep(from, slice);
            return (taker: Taker) => taker.done(slice);
          },
          (error: unknown) => (taker: Taker) => taker.failed(error),
        )
        .then((answer) => {
          this.#reading -= 1;
          if (era !== this.#era) {
            this.#work();
            return;
          }
          const takers = this.#wanted.get(from) ?? [];
          this.#wanted.delete(from);
          this.#work();
          for (const taker of takers) answer(taker);
        });
    }
  }

  #keep(from: number, slice: Slice): void {
    this.#kept.set(from, slice);
    this.#size += sizeOf(slice);
    for (const [oldest, old] of this.#kept) {
      const isTooMuch = this.#kept.size > maxKeptSlices || this.#size > maxKeptSize;
      if (!isTooMuch || this.#kept.size === 1) break;
      this.#kept.delete(oldest);
      this.#size -= sizeOf(old);
    }
  }
}

const fromOf = (number: number): number => number - (number % sliceEvents);
