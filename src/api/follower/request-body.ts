/** The body of a client's request on its way to the leader: read only as fast as the leader takes it. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** True if bytes of a body follow the headers. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/**
 * Stands between the request and the client that sends it on, since that one destroys a body with which something went wrong;
 * a destroyed request could not be answered any more.
 */
export class RequestBody extends Readable {
  readonly #source: IncomingMessage;
  #isReading = false;
  #isAbandoned = false;
  /** Bytes that were taken from the client. */
  bytes = 0;

  constructor(source: IncomingMessage) {
    super();
    this.#source = source;
  }

  /** The leader has everything so far; it is the client's turn. */
  get isWaitingForClient(): boolean {
    return this.#isReading && !this.#source.isPaused() && !this.#source.readableEnded && this.readableLength === 0;
  }

  /** Never touches the source from now on, if it has not done so yet. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  override _read(): void {
    if (this.#isAbandoned) return;
    if (this.#isReading) {
      this.#source.resume();
      return;
    }
    this.#isReading = true;
    this.#source.on('data', this.#onData);
    this.#source.on('end', this.#onEnd);
    this.#source.on('close', this.#onClose);
    this.#source.on('error', this.#onClose);
  }

  /** What the client still sends is read and dropped: closing at once would lose the answer on its way. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#isReading) {
      this.#source.off('data', this.#onData);
      this.#source.off('end', this.#onEnd);
      this.#source.off('close', this.#onClose);
      this.#source.resume();
    }
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    if (!this.push(chunk)) this.#source.pause();
  };

  readonly #onEnd = (): void => void this.push(null);

  readonly #onClose = (): void => {
    if (!this.#source.readableEnded) this.destroy(new Error('the client left before its request was complete'));
  };
}
