/** The stream of one subscription: RecordIO records in a chunked HTTP answer (mesos-v1 §1.4, §1.5). */
import type { ServerResponse } from 'node:http';

/** A reader that leaves more than this unread is cut off; it will subscribe again and reconcile. */
const maxUnreadBytes = 256 * 1024 * 1024;

export class EventStream {
  /** Empty for streams that are not told apart. */
  readonly id: string;
  readonly #res: ServerResponse;
  #pending: string[] = [];
  #flushScheduled = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #open = true;

  /** Sends the head of the answer at once. `onClose` is called once when the other side is gone, never after `end`. */
  constructor(res: ServerResponse, id: string | undefined, onClose: () => void) {
    this.#res = res;
    this.id = id ?? '';
    res.writeHead(200, {
      'Content-Type': 'application/json',
      ...(id === undefined ? {} : { 'Mesos-Stream-Id': id }),
    });
    res.flushHeaders();
    res.on('close', () => {
      if (this.#stop()) onClose();
    });
  }

  /**
   * Queues one event, already JSON. Each is one HTTP chunk, as with Mesos: some clients read no others (recording 01b). All
   * events of a turn of the loop leave in one write.
   */
  send(json: string): void {
    if (!this.#open) return;
    this.#pending.push(`${Buffer.byteLength(json)}\n${json}`);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Sends a HEARTBEAT now and then every `intervalMs`. */
  startHeartbeats(intervalMs: number): void {
    this.send(heartbeat);
    this.#heartbeat = setInterval(() => this.send(heartbeat), intervalMs);
    this.#heartbeat.unref();
  }

  /** Sends what is queued and ends the answer properly. */
  end(): void {
    if (!this.#open) return;
    this.#flush();
    this.#stop();
    this.#res.end();
  }

  /** Breaks the connection, as a killed master would; `onClose` is not called. */
  destroy(): void {
    this.#stop();
    this.#res.destroy();
  }

  /** Breaks the connection so that the master notices it like any other loss. */
  breakOff(): void {
    this.#res.destroy();
  }

  #stop(): boolean {
    const wasOpen = this.#open;
    this.#open = false;
    clearInterval(this.#heartbeat);
    return wasOpen;
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (!this.#open || this.#res.destroyed || this.#pending.length === 0) return;
    // Corking the socket and not the answer: each record stays a chunk of its own.
    const { socket } = this.#res;
    socket?.cork();
    for (const record of this.#pending) this.#res.write(record);
    socket?.uncork();
    this.#pending = [];
    if (this.#res.writableLength > maxUnreadBytes) this.#res.destroy();
  }
}

const heartbeat = '{"type":"HEARTBEAT"}';
