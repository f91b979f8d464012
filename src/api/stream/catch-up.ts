/**
 * Feeds readers that are behind from the log: a slice at a time, one reader after another, a few milliseconds in a turn, and never
 * faster than a reader takes it. A reader that has everything becomes live in the same turn, so nothing is doubled or left out.
 */
import type { Clock, Logger, Metrics } from '../../actors/ports.ts';
import type { LoggedEvent } from '../../core/events.ts';
import type { Audience } from './audience.ts';
import { Chunks } from './chunk.ts';
import { type History, sliceEvents } from './history.ts';
import { expired, type Gap, type Reader } from './reader.ts';
import type { RecentEvents } from './recent-events.ts';

/** A reader gets more only while less than this is unsent. */
export const catchUpBacklogBytes = 256 * 1024;
/** Bytes that a reader gets at once; events are of very different sizes. One event is never parted. */
export const maxGivenBytes = 1024 * 1024;
/** Time in a turn of the loop for all readers that are behind; after one that took all of it, the rest of the program gets as much. */
const turnBudgetMs = 4;

export interface CatchUpOptions {
  readonly recent: RecentEvents;
  readonly history: History;
  readonly audience: Audience;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly send: (reader: Reader, frames: Buffer) => void;
  /** Tells the reader of the gap; false if that ended its connection. */
  readonly tellGap: (reader: Reader, gap: Gap) => boolean;
}

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #behind = new Set<Reader>();
  /** Those that can be given something now, in the order of their turns. */
  readonly #ready = new Set<Reader>();
  readonly chunks = new Chunks();
  #isScheduled = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Readers that are behind. */
  get size(): number {
    return this.#behind.size;
  }

  /** The reader needs the events from `next` on. */
  add(reader: Reader, next: number): void {
    this.#options.audience.leave(reader);
    reader.own = undefined;
    reader.next = next;
    this.#behind.add(reader);
    this.#wake(reader);
  }

  /** It has left, or has been made live from outside. */
  drop(reader: Reader): void {
    this.#behind.delete(reader);
    this.#ready.delete(reader);
  }

  #wake(reader: Reader): void {
    if (!this.#behind.has(reader)) return;
    this.#ready.add(reader);
    this.#schedule(0);
  }

  #schedule(restMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (restMs > 0) this.#options.clock.after(restMs, () => this.#turn());
    else setImmediate(() => this.#turn());
  }

  #turn(): void {
    const { clock } = this.#options;
    const untilMs = clock.monotonic() + turnBudgetMs;
    // Those that join meanwhile have their turn next time.
    let left = this.#ready.size;
    for (const reader of this.#ready) {
      if (left === 0 || clock.monotonic() >= untilMs) break;
      left -= 1;
      this.#ready.delete(reader);
      if (this.#behind.has(reader)) this.#feed(reader);
    }
    this.#isScheduled = false;
    if (this.#ready.size > 0) this.#schedule(left > 0 ? turnBudgetMs : 0);
  }

  #feed(reader: Reader): void {
    const { recent } = this.#options;
    const { connection } = reader.options;
    if (connection.backlogBytes() > catchUpBacklogBytes) {
      connection.whenDrained(() => this.#wake(reader));
    } else if (reader.next >= recent.next) {
      this.drop(reader);
      this.#options.metrics.count('http.event-streams.caught-up');
      this.#options.audience.enter(reader);
    } else if (reader.next >= recent.first) {
      // Slices begin and end at multiples, wherever a reader stands, so that all of them share their bytes.
      const aligned = reader.next - (reader.next % sliceEvents);
      const start = Math.max(aligned, recent.first);
      const end = Math.min(aligned + sliceEvents, recent.next);
      this.#give(reader, start, end, () => recent.slice(start, end - start));
    } else {
      this.#feedFromHistory(reader);
    }
  }

  #feedFromHistory(reader: Reader): void {
    const { history, recent, logger, metrics } = this.#options;
    const { generation } = recent;
    const wanted = reader.next;
    const take = ({ start, events }: { readonly start: number; readonly events: readonly LoggedEvent[] }): void => {
      const mayTake = this.#behind.has(reader) && reader.next === wanted && recent.generation === generation;
      if (!mayTake || generation === undefined) return;
      // What memory has is not taken from the store: the store may already have what nobody was told yet.
      const end = Math.min(start + events.length, recent.first);
      const begin = start <= wanted && end > wanted ? wanted : Math.min(Math.max(start, wanted), recent.first);
      // A slice without the event, though it should be there: the store has lost it.
      const found = begin === wanted && end <= wanted ? recent.first : begin;
      if (found > wanted) {
        reader.next = found;
        if (!this.#options.tellGap(reader, expired(generation, wanted, found - 1))) return;
      }
      if (end > found) this.#give(reader, start, end, () => events.slice(0, end - start));
      else this.#wake(reader);
    };
    const known = history.known(wanted);
    if (known) {
      take(known);
      return;
    }
    if (generation === undefined) return;
    history.load(wanted, generation, take, (error) => {
      logger.error('http.event-stream.log-unreadable', {}, error);
      metrics.count('http.event-streams.log-unreadable');
      if (this.#behind.has(reader)) reader.options.connection.end('logUnreadable');
      this.drop(reader);
    });
  }

  /** The reader gets what it needs of the events from `start` to `end`, or the first part of that. */
  #give(reader: Reader, start: number, end: number, events: () => readonly LoggedEvent[]): void {
    const { bytes, offsets } = this.chunks.get(reader, start, end, events);
    const first = reader.next - start;
    const from = offsets[first] ?? 0;
    let last = first + 1;
    while (last < end - start && (offsets[last + 1] ?? 0) - from <= maxGivenBytes) last += 1;
    const to = offsets[last] ?? 0;
    reader.next = start + last;
    if (to > from) this.#options.send(reader, bytes.subarray(from, to));
    this.#wake(reader);
  }
}
