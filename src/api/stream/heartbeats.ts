/** Keeps the connections of readers alive, and cuts those that take nothing any more. */
import type { Clock, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import type { Reader } from './reader.ts';
import { inSlices } from './slices.ts';

/** Pause between two heartbeats. */
export const heartbeatMs = 10_000;
/** A connection with a backlog that nothing has left for so many heartbeats is cut. */
export const maxStalledBeats = 12;
/** Unsent bytes at which a reader gets nothing more until they have left; then it is fed from the log. */
export const maxBacklogBytes = 8 * 1024 * 1024;

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Heartbeats {
  readonly #readers: ReadonlySet<Reader>;
  readonly #options: HeartbeatOptions;
  #timer: TimerHandle | undefined;

  constructor(readers: ReadonlySet<Reader>, options: HeartbeatOptions) {
    this.#readers = readers;
    this.#options = options;
  }

  /** To be called when there is a reader. */
  start(): void {
    this.#timer ??= this.#options.clock.after(heartbeatMs, () => this.#beat());
  }

  /** To be called when there is none. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #beat(): void {
    const { clock } = this.#options;
    this.#timer = clock.after(heartbeatMs, () => this.#beat());
    inSlices([...this.#readers], clock, (some) => {
      for (const reader of some) if (!reader.isGone && this.#isMoving(reader)) reader.options.connection.beat();
    });
  }

  /** False for a reader that must not get a heartbeat on top of its backlog. One that takes nothing for too long is cut. */
  #isMoving(reader: Reader): boolean {
    const { connection } = reader.options;
    const backlogBytes = connection.backlogBytes();
    const sent = connection.sentBytes();
    const isStalled = backlogBytes > 0 && sent === reader.sentAtLastBeat;
    reader.sentAtLastBeat = sent;
    reader.stalledBeats = isStalled ? reader.stalledBeats + 1 : 0;
    if (reader.stalledBeats >= maxStalledBeats) {
      const { logger, metrics } = this.#options;
      logger.warn('http.event-stream.cut', { remoteAddress: connection.remoteAddress, backlogBytes });
      metrics.count('http.event-streams.slow-readers-cut');
      connection.cut();
      return false;
    }
    return backlogBytes <= maxBacklogBytes;
  }
}
