/**
 * Hands released events to all readers: each event serialised once for each form, one write for each reader and turn, from bytes that
 * readers of the same kind share. A reader that falls behind is fed from the log at its own pace; it never slows the others (design §7).
 */
import type { EventHub, LogPosition, ReadModel } from '../../actors/front.ts';
import type { Clock, Logger, Metrics } from '../../actors/ports.ts';
import type { LoggedEvent, MarathonEvent } from '../../core/events.ts';
import { eventNumber, formatEventId } from '../../core/journal/event-id.ts';
import type { Refusal } from '../../core/refusal.ts';
import { ok, type Result } from '../../core/result.ts';
import { timestamp } from '../../core/time.ts';
import { first, type Query } from '../query.ts';
import { eventJson } from '../render/event.ts';
import { FullPlans } from '../render/full-plan.ts';
import { Audience } from './audience.ts';
import { CatchUp } from './catch-up.ts';
import { type Chunk, chunkOf } from './chunk.ts';
import { type EventFormats, eventFormats, keptFrameBytes } from './frames.ts';
import { Heartbeats, maxBacklogBytes } from './heartbeats.ts';
import { History } from './history.ts';
import { type Gap, gapEvent, Reader, type ReaderOptions, type StreamConnection } from './reader.ts';
import { RecentEvents } from './recent-events.ts';
import { type Beginning, beginning, type ResumePoint } from './resume.ts';

/** Streams that may be open at once; further ones get 503. */
export const maxStreams = 10_000;
/** Time in a turn of the loop for writing to live readers; the rest of them follow in the next turn. */
const turnBudgetMs = 8;
/**
 * A round that took longer than a turn is followed by a rest as long as itself, up to this: what comes meanwhile is written together,
 * so that many readers cost more writes and not more of the time that the scheduler needs.
 */
const maxRestMs = 10;

export interface EventStreams {
  /** Whether a reader may begin there, and how. The answer holds for this turn. */
  readonly admit: (point: ResumePoint) => Result<Beginning, Refusal>;
  /** Starts the delivery and tells everybody; returns how to leave, to be called once the connection is closed. */
  readonly join: (options: ReaderOptions, begin: Beginning) => () => void;
  /** The same without `event_stream_attached` and `event_stream_detached`, for one of several readers on a connection. */
  readonly follow: (options: ReaderOptions, begin: Beginning) => () => void;
  /** How events are written for a request: with light plans, or with full ones for `plan-format=full`. */
  readonly formats: (query: Query) => EventFormats;
  /** Id of the newest event that readers were told of. */
  readonly newestId: () => string | undefined;
  readonly isFull: () => boolean;
  /** Called as long as the streams are open, before all of them end. */
  readonly onClose: (ends: () => void) => () => void;
  /** Ends all streams. */
  readonly close: () => void;
}

const attachedType = 'event_stream_attached';

export interface StreamDependencies {
  readonly hub: EventHub;
  readonly read: ReadModel;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Makes the switchboard of one server. It listens to the hub from now on, so that the log has no hole. */
export function eventStreams(deps: StreamDependencies): EventStreams {
  const board = new Switchboard(deps);
  const { metrics, hub } = deps;
  metrics.gauge('http.event-streams.active', () => board.readers.size);
  metrics.gauge('http.event-streams.behind', () => board.catchUp.size);
  metrics.gauge('http.event-streams.log.events', () => board.recent.length);
  metrics.gauge('http.event-streams.log.size', () => board.recent.size);
  metrics.gauge('http.event-streams.chunks.size', () => board.catchUp.chunks.bytes);
  metrics.gauge('http.event-streams.slices.size', () => board.sliceSize());
  hub.attach({
    deliver: (events) => board.deliver(events),
    began: (position) => board.began(position),
    ended: () => board.ended(),
  });
  const closers = new Set<() => void>();
  const plans = new FullPlans(deps.read, metrics);
  const light = eventFormats('light', eventJson);
  const full = eventFormats('full', (event) => plans.json(event));
  metrics.gauge('http.event-streams.frames.size', () => keptFrameBytes([light, full]));
  return {
    admit: (point) => (point ? beginning(point, board.position()) : ok({ type: 'live' })),
    join: (options, begin) => board.join(options, begin),
    follow: (options, begin) => board.follow(options, begin),
    formats: (query) => (first(query, 'plan-format') === 'full' ? full : light),
    newestId: () => board.newestId(),
    isFull: () => board.readers.size >= maxStreams,
    onClose: (ends) => {
      closers.add(ends);
      return () => closers.delete(ends);
    },
    close: () => {
      for (const ends of [...closers]) ends();
      for (const { options } of [...board.readers]) options.connection.end('stopping');
    },
  };
}

/** What is being written to those who were live when it came. */
interface Round {
  readonly events: readonly LoggedEvent[];
  /** Number of the first durable event in it, or that of the next one. */
  readonly first: number;
  /** One step for each reader. */
  readonly steps: Iterator<void>;
  spentMs: number;
}

class Switchboard {
  readonly readers = new Set<Reader>();
  readonly recent = new RecentEvents();
  readonly catchUp: CatchUp;
  readonly #deps: StreamDependencies;
  readonly #history: History;
  readonly #audience = new Audience();
  /** Came in this turn. */
  #pending: LoggedEvent[] = [];
  #round: Round | undefined;
  #isScheduled = false;
  readonly #heartbeats: Heartbeats;
  /** Whether the log stands where `recent` ends; not so between two leaderships of this server. */
  #isKnown = false;

  constructor(deps: StreamDependencies) {
    this.#deps = deps;
    this.#history = new History(deps.hub.read);
    this.#heartbeats = new Heartbeats(this.readers, deps);
    this.catchUp = new CatchUp({
      ...deps,
      recent: this.recent,
      history: this.#history,
      audience: this.#audience,
      send: (reader, frames) => this.#write(reader, frames),
      tellGap: (reader, gap) => this.#tellGap(reader, gap),
    });
  }

  sliceSize(): number {
    return this.#history.size;
  }

  position(): LogPosition | undefined {
    const { generation, next } = this.recent;
    return generation === undefined || !this.#isKnown ? undefined : { generation, next };
  }

  newestId(): string | undefined {
    const position = this.position();
    return position && formatEventId(position.generation, position.next - 1);
  }

  join(options: ReaderOptions, begin: Beginning): () => void {
    const { clock, hub } = this.#deps;
    const event = streamEvent(attachedType, options.connection, clock);
    const reader = new Reader(options);
    const logged = { type: attachedType, json: JSON.stringify(event) } as const;
    if (options.filter.accepts(logged)) {
      reader.own = logged.json;
      this.#write(reader, options.format.frame(logged));
    }
    this.#enter(reader, begin);
    hub.publish(event);
    return () => {
      if (!this.#leave(reader)) return;
      hub.publish(streamEvent('event_stream_detached', options.connection, clock));
    };
  }

  follow(options: ReaderOptions, begin: Beginning): () => void {
    const reader = new Reader(options);
    this.#enter(reader, begin);
    return () => {
      this.#leave(reader);
    };
  }

  deliver(events: readonly LoggedEvent[]): void {
    for (const event of events) this.#pending.push(event);
    this.#schedule();
  }

  /** A leadership begins. What was stored and never released by the one before is in the store alone. */
  began(position: LogPosition): void {
    this.#flush(Number.POSITIVE_INFINITY);
    this.#isKnown = true;
    const readers = [...this.readers].filter(({ isEarly }) => !isEarly);
    for (const reader of this.readers) reader.isEarly = false;
    const { generation, next } = this.recent;
    if (generation === position.generation && next === position.next) return;
    const isContinued = generation === position.generation && next < position.next;
    if (isContinued) for (const reader of readers) if (reader.isLive) this.catchUp.add(reader, next);
    this.recent.restart(position);
    if (isContinued || generation === undefined) return;
    this.#history.clear();
    this.catchUp.chunks.clear();
    const to = formatEventId(position.generation, position.next - 1);
    for (const reader of readers) {
      const from = formatEventId(generation, reader.isLive ? next : reader.next);
      this.catchUp.drop(reader);
      this.#audience.enter(reader);
      this.#tellGap(reader, { from, to, reason: 'replaced' });
    }
  }

  /** A leadership ends. Its readers stay, if this server is the only one; they are told what comes when it goes on. */
  ended(): void {
    this.#isKnown = false;
  }

  #enter(reader: Reader, begin: Beginning): void {
    reader.isEarly = !this.#isKnown;
    this.#heartbeats.start();
    this.readers.add(reader);
    const to = this.newestId();
    if (begin.type === 'behind') {
      this.catchUp.add(reader, begin.next);
      return;
    }
    this.#audience.enter(reader);
    if (begin.type === 'replaced' && to !== undefined) {
      this.#tellGap(reader, { from: begin.from, to, reason: 'replaced' });
    }
  }

  /** False if it had left already. */
  #leave(reader: Reader): boolean {
    if (!this.readers.delete(reader)) return false;
    reader.isGone = true;
    this.#audience.leave(reader);
    this.catchUp.drop(reader);
    if (this.readers.size === 0) this.#heartbeats.stop();
    return true;
  }

  #schedule(restMs = 0): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const go = (): void => {
      this.#isScheduled = false;
      this.#flush(turnBudgetMs);
    };
    if (restMs > 0) this.#deps.clock.after(restMs, go);
    else setImmediate(go);
  }

  /** Writes what is pending, as far as the time allows. A round that was begun ends before the next one begins. */
  #flush(budgetMs: number): void {
    const { clock, metrics } = this.#deps;
    for (;;) {
      this.#round ??= this.#beginRound();
      const round = this.#round;
      if (!round) return;
      const begunMs = clock.monotonic();
      const isOver = this.#serve(round, begunMs + budgetMs);
      round.spentMs += clock.monotonic() - begunMs;
      if (!isOver) {
        this.#schedule();
        return;
      }
      this.#round = undefined;
      metrics.time('http.event-streams.round', round.spentMs);
      if (budgetMs !== Number.POSITIVE_INFINITY) {
        // Even without anything to tell: what comes during the rest waits for its end.
        if (round.spentMs > turnBudgetMs) this.#schedule(Math.min(round.spentMs, maxRestMs));
        else if (this.#pending.length > 0) this.#schedule();
        return;
      }
    }
  }

  #beginRound(): Round | undefined {
    const events = this.#pending;
    if (events.length === 0) return undefined;
    this.#pending = [];
    const first = this.recent.next;
    this.#expectNext(events);
    this.recent.append(events);
    this.#audience.round += 1;
    return { events, first, steps: this.#steps(events, first, this.#audience.round), spentMs: 0 };
  }

  /** Numbers have no gaps; if one ever had, what is in memory would be taken for what it is not. */
  #expectNext(events: readonly LoggedEvent[]): void {
    const { recent } = this;
    const id = events.find((event) => event.id !== undefined)?.id;
    const { generation } = recent;
    if (id === undefined || generation === undefined || eventNumber(id) === recent.next) return;
    this.#deps.logger.error('http.event-streams.out-of-order', { id, expected: recent.next });
    this.#deps.metrics.count('http.event-streams.out-of-order');
    recent.restart({ generation, next: eventNumber(id) });
  }

  /** False if the time was over before everybody had been served. */
  #serve({ steps }: Round, untilMs: number): boolean {
    const { clock } = this.#deps;
    for (let served = 1; !steps.next().done; served += 1) {
      if (served % 32 === 0 && clock.monotonic() >= untilMs) return false;
    }
    return true;
  }

  /** Serves one reader after another; those who became live since the round began have its events already. */
  *#steps(events: readonly LoggedEvent[], first: number, round: number): Generator<undefined, undefined> {
    const own = new Map<string, number>();
    for (const [i, { type, json }] of events.entries()) if (type === attachedType) own.set(json, i);
    for (const { options, readers } of this.#audience.parties()) {
      let chunk: Chunk | undefined;
      for (const reader of readers) {
        if (reader.liveSince >= round) continue;
        chunk ??= chunkOf(events, options.format, options.filter);
        if (chunk.bytes.length === 0) break;
        this.#serveOne(reader, chunk, first, own);
        yield;
      }
      yield;
    }
  }

  #serveOne(reader: Reader, { bytes, offsets }: Chunk, first: number, own: ReadonlyMap<string, number>): void {
    if (reader.options.connection.backlogBytes() > maxBacklogBytes) {
      this.#deps.metrics.count('http.event-streams.fell-behind');
      this.catchUp.add(reader, first);
      return;
    }
    const place = reader.own === undefined ? undefined : own.get(reader.own);
    if (place === undefined) {
      this.#write(reader, bytes);
      return;
    }
    reader.own = undefined;
    const [begin = 0, end = 0] = offsets.subarray(place, place + 2);
    if (begin > 0) this.#write(reader, bytes.subarray(0, begin));
    if (end < bytes.length) this.#write(reader, bytes.subarray(end));
  }

  #write(reader: Reader, frames: Buffer): void {
    if (reader.isGone) return;
    this.#deps.metrics.count('http.responses.event-stream.size', frames.length);
    reader.options.connection.write(frames);
  }

  /** False if the reader cannot be told: it is disconnected, which it must take for a sign to read everything anew. */
  #tellGap(reader: Reader, gap: Gap): boolean {
    const { connection, format, wantsGaps, gapFrame } = reader.options;
    this.#deps.metrics.count('http.event-streams.gaps');
    if (!wantsGaps) {
      this.#deps.logger.warn('http.event-stream.missed-events', { remoteAddress: connection.remoteAddress, ...gap });
      this.catchUp.drop(reader);
      connection.end('missedEvents');
      return false;
    }
    const event = gapEvent(gap, timestamp(this.#deps.clock.now()));
    this.#write(reader, gapFrame ? gapFrame(event.gap) : format.frame(event.logged));
    return true;
  }
}

const streamEvent = (
  eventType: 'event_stream_attached' | 'event_stream_detached',
  { remoteAddress }: StreamConnection,
  clock: Clock,
): MarathonEvent => ({ remoteAddress, eventType, timestamp: timestamp(clock.now()) });
