/**
 * Readers that have not taken all of their answer yet keep its bytes alive, also when the state has moved on and nobody else needs them. The
 * bytes that are held so have a limit; beyond it, the reader that has waited longest is cut off: its answer ends too early, which every client
 * notices by the length.
 */
import type { ServerResponse } from 'node:http';
import type { Metrics } from '../actors/ports.ts';

/** Bytes that all unfinished answers may hold together; a buffer that many readers wait for counts once. */
export const maxUnsentBytes = 256 * 1024 * 1024;

export interface SlowReadersOptions {
  readonly metrics: Metrics;
  /** Instead of `maxUnsentBytes`. */
  readonly limit?: number;
}

export class SlowReaders {
  readonly #limit: number;
  readonly #metrics: Metrics;
  /** In the order in which they began to wait. */
  readonly #waiting = new Map<ServerResponse, readonly Buffer[]>();
  /** How many readers wait for each buffer. */
  readonly #held = new Map<Buffer, number>();
  heldBytes = 0;

  constructor({ metrics, limit = maxUnsentBytes }: SlowReadersOptions) {
    this.#limit = limit;
    this.#metrics = metrics;
    metrics.gauge('http.answers.unsent.count', () => this.#waiting.size);
    metrics.gauge('http.answers.unsent.size', () => this.heldBytes);
  }

  /** Call it when all of an answer was written. Nothing happens if the connection has taken it. */
  wrote(response: ServerResponse, buffers: readonly Buffer[]): void {
    if (response.writableLength === 0 || response.destroyed) return;
    this.#waiting.set(response, buffers);
    for (const buffer of buffers) {
      const readers = this.#held.get(buffer) ?? 0;
      if (readers === 0) this.heldBytes += buffer.length;
      this.#held.set(buffer, readers + 1);
    }
    response.once('close', () => this.#release(response));
    for (const [slowest] of this.#waiting) {
      if (this.heldBytes <= this.#limit || this.#waiting.size === 1) return;
      this.#metrics.count('http.answers.cut-off');
      this.#release(slowest);
      slowest.destroy();
    }
  }

  #release(response: ServerResponse): void {
    const buffers = this.#waiting.get(response);
    if (!buffers) return;
    this.#waiting.delete(response);
    for (const buffer of buffers) {
      const readers = (this.#held.get(buffer) ?? 1) - 1;
      if (readers > 0) {
        this.#held.set(buffer, readers);
        continue;
      }
      this.#held.delete(buffer);
      this.heldBytes -= buffer.length;
    }
  }
}
