/**
 * Hands released events to all readers: one write for each reader and turn, from bytes that readers of the same kind share.
 * A reader that falls behind is disconnected; it never slows the others (design §7).
 */
import type { EventHub } from '../../actors/front.ts';
import type { Clock, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import type { LoggedEvent, MarathonEvent } from '../../core/events.ts';
import { timestamp } from '../../core/time.ts';
import { type EventFilter, wants } from './filter.ts';
import { type FrameFormat, frameOf } from './frames.ts';

/** Unsent bytes at which a reader is cut off. */
export const maxBacklogBytes = 8 * 1024 * 1024;
/** Pause between two heartbeats. */
export const heartbeatMs = 10_000;
/** Streams that may be open at once; further ones get 503. */
export const maxStreams = 10_000;

/** One open connection. */
export interface StreamConnection {
  readonly format: FrameFormat;
  readonly filter: EventFilter;
  readonly remoteAddress: string;
  readonly write: (frames: Buffer) => void;
  /** Bytes that were written and have not left yet. */
  readonly backlogBytes: () => number;
  /** Called every `heartbeatMs`. */
  readonly beat: () => void;
  /** Ends it in an orderly way. */
  readonly end: () => void;
  /** Ends it at once. */
  readonly cut: () => void;
}

export interface EventStreams {
  /** Starts the delivery and tells everybody; returns how to leave, to be called once the connection is closed. */
  readonly join: (connection: StreamConnection) => () => void;
  readonly isFull: () => boolean;
  /** Ends all streams. */
  readonly close: () => void;
}

interface Reader {
  readonly connection: StreamConnection;
  readonly key: string;
  /** Cut off, and not closed yet. */
  isCut: boolean;
  /** Its own `event_stream_attached`, which it got at once and must not get again from the hub. */
  own: { readonly remoteAddress: string; readonly timestamp: string } | undefined;
}

const attachedType = 'event_stream_attached';

interface StreamDependencies {
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Makes the switchboard of one server. It listens to the hub while there is a reader. */
export function eventStreams(deps: StreamDependencies): EventStreams {
  const board = new Switchboard(deps);
  deps.metrics.gauge('http.event-streams.active', () => board.readers.size);
  return {
    join: (connection) => board.join(connection),
    isFull: () => board.readers.size >= maxStreams,
    close: () => {
      for (const { connection } of [...board.readers]) connection.end();
    },
  };
}

class Switchboard {
  readonly readers = new Set<Reader>();
  readonly #deps: StreamDependencies;
  #leaveHub: (() => void) | undefined;
  #timer: TimerHandle | undefined;

  constructor(deps: StreamDependencies) {
    this.#deps = deps;
  }

  join(connection: StreamConnection): () => void {
    const { hub, clock } = this.#deps;
    this.#leaveHub ??= hub.attach({ deliver: (events) => this.#deliver(events) });
    this.#timer ??= clock.after(heartbeatMs, () => this.#beat());
    const { filter, format } = connection;
    const event = streamEvent(attachedType, connection, clock);
    const wantsOwn = wants(filter, attachedType);
    const key = `${format} ${filter.key}`;
    const reader: Reader = { connection, key, isCut: false, own: wantsOwn ? event : undefined };
    if (wantsOwn) this.#send(reader, frameOf({ type: attachedType, json: JSON.stringify(event) }, format));
    this.readers.add(reader);
    hub.publish(event);
    return () => this.#leave(reader);
  }

  #leave(reader: Reader): void {
    if (!this.readers.delete(reader)) return;
    this.#deps.hub.publish(streamEvent('event_stream_detached', reader.connection, this.#deps.clock));
    if (this.readers.size > 0) return;
    this.#timer?.cancel();
    this.#leaveHub?.();
    this.#timer = undefined;
    this.#leaveHub = undefined;
  }

  #deliver(events: readonly LoggedEvent[]): void {
    const shared = new Map<string, Buffer | undefined>();
    const attached = events.filter(({ type }) => type === attachedType);
    for (const reader of this.readers) {
      const own = reader.own && attached.find((event) => isOwn(event, reader.own));
      if (own) {
        reader.own = undefined;
        const others = events.filter((event) => event !== own);
        this.#send(reader, framesFor(reader.connection, others));
        continue;
      }
      if (!shared.has(reader.key)) shared.set(reader.key, framesFor(reader.connection, events));
      this.#send(reader, shared.get(reader.key));
    }
  }

  #send(reader: Reader, frames: Buffer | undefined): void {
    if (!frames || !this.#isFast(reader)) return;
    this.#deps.metrics.count('http.responses.event-stream.size', frames.length);
    reader.connection.write(frames);
  }

  #beat(): void {
    this.#timer = this.#deps.clock.after(heartbeatMs, () => this.#beat());
    for (const reader of this.readers) if (this.#isFast(reader)) reader.connection.beat();
  }

  /** False if the reader was cut off instead. */
  #isFast(reader: Reader): boolean {
    if (reader.isCut) return false;
    const { connection } = reader;
    const backlogBytes = connection.backlogBytes();
    if (backlogBytes <= maxBacklogBytes) return true;
    this.#deps.logger.warn('http.event-stream.cut', { remoteAddress: connection.remoteAddress, backlogBytes });
    this.#deps.metrics.count('http.event-streams.slow-readers-cut');
    reader.isCut = true;
    connection.cut();
    return false;
  }
}

/** The joined frames of those events that pass the filter; undefined if there are none. */
function framesFor({ filter, format }: StreamConnection, events: readonly LoggedEvent[]): Buffer | undefined {
  const wanted = events.filter(({ type }) => wants(filter, type));
  const [only] = wanted;
  if (only === undefined) return undefined;
  return wanted.length === 1 ? frameOf(only, format) : Buffer.concat(wanted.map((event) => frameOf(event, format)));
}

const streamEvent = (
  eventType: 'event_stream_attached' | 'event_stream_detached',
  { remoteAddress }: StreamConnection,
  clock: Clock,
): MarathonEvent & { readonly remoteAddress: string } => ({
  remoteAddress,
  eventType,
  timestamp: timestamp(clock.now()),
});

/** Two readers from one address in one millisecond have equal events; which of them each one skips makes no difference. */
function isOwn(event: LoggedEvent, own: Reader['own']): boolean {
  const { remoteAddress, timestamp: at } = JSON.parse(event.json);
  return remoteAddress === own?.remoteAddress && at === own?.timestamp;
}
