/**
 * Feeds readers that are behind from the log: a slice at a time, one reader after another, a few milliseconds in a turn, and never
 * faster than a reader takes it. A reader that has everything becomes live in the same turn, so nothing is doubled or left out.
 */
import type { Clock, Logger, Metrics } from '../../actors/ports.ts';
import type { LoggedEvent } from '../../core/events.ts';
import { framesOf } from './frames.ts';
import { type History, sliceEvents } from './history.ts';
import { expired, type Gap, type Reader } from './reader.ts';
import type { RecentEvents } from './recent-events.ts';

/** A reader gets more only while less than this is unsent. */
export const catchUpBacklogBytes = 256 * 1024;
/** Time in a turn of the loop for all readers that are behind. */
const turnBudgetMs = 4;
/** Joined frames of slices that are shared by readers which are at the same place. */
const maxSharedBytes = 4 * 1024 * 1024;

export interface CatchUpOptions {
  readonly recent: RecentEvents;
  readonly history: History;
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
  readonly #shared = new Map<string, Buffer>();
  #sharedBytes = 0;
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
    reader.isLive = false;
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

  readers(): Iterable<Reader> {
    return this.#behind;
  }

  #wake(reader: Reader): void {
    if (!this.#behind.has(reader)) return;
    this.#ready.add(reader);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    const { clock } = this.#options;
    const untilMs = clock.monotonic() + turnBudgetMs;
    // Those that join meanwhile have their turn next time.
    for (const reader of [...this.#ready]) {
      if (clock.monotonic() >= untilMs) break;
      this.#ready.delete(reader);
      if (this.#behind.has(reader)) this.#feed(reader);
    }
    this.#shared.clear();
    this.#sharedBytes = 0;
    const [next] = this.#ready;
    if (next) this.#wake(next);
  }

  #feed(reader: Reader): void {
    const { recent } = this.#options;
    const { connection } = reader.options;
    if (connection.backlogBytes() > catchUpBacklogBytes) {
      connection.whenDrained(() => this.#wake(reader));
    } else if (reader.next >= recent.next) {
      this.drop(reader);
      reader.isLive = true;
    } else if (reader.next >= recent.first) {
      // Up to the next multiple, so that readers which are near to each other come to share slices.
      this.#give(reader, recent.slice(reader.next, sliceEvents - (reader.next % sliceEvents)));
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
      this.#give(reader, events.slice(Math.max(0, found - start), Math.max(0, end - start)));
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

  #give(reader: Reader, events: readonly LoggedEvent[]): void {
    const frames = events.length > 0 ? this.#framesOf(reader, events) : undefined;
    reader.next += events.length;
    if (frames) this.#options.send(reader, frames);
    this.#wake(reader);
  }

  #framesOf(reader: Reader, events: readonly LoggedEvent[]): Buffer | undefined {
    const { format, filter } = reader.options;
    const key = `${reader.next} ${events.length} ${reader.key}`;
    const shared = this.#shared.get(key);
    if (shared) return shared;
    const frames = framesOf(events, format, filter.accepts);
    if (frames && this.#sharedBytes < maxSharedBytes) {
      this.#shared.set(key, frames);
      this.#sharedBytes += frames.length;
    }
    return frames;
  }
}
