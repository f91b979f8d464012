/**
 * The client of the benchmarks of reads and changes, a process of its own: bare sockets that are kept alive, one request under way on each, and no more of
 * HTTP than is needed to find the end of an answer. Told what to do over IPC.
 */
import { connect, type Socket } from 'node:net';

export interface ClientCommand {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Whole requests as text; each connection takes the next one in turn. */
  readonly requests: readonly string[];
  /** Each request goes out once, and the run is over when all were answered. */
  readonly isOnce?: boolean;
}

export interface ClientAnswer {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly bytes: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Why the run is worth nothing, if so. */
  readonly error?: string;
}

const headEnd = Buffer.from('\r\n\r\n');
const statusOffset = 'HTTP/1.1 '.length;

/** What is known of an answer that comes in. */
class Incoming {
  status = 0;
  #head: Buffer | undefined;
  #missing = 0;

  /** True once the answer is complete. Throws for what is no answer of known length. */
  take(chunk: Buffer): boolean {
    let body = chunk.length;
    if (this.status === 0) {
      const head = this.#head ? Buffer.concat([this.#head, chunk]) : chunk;
      const end = head.indexOf(headEnd);
      if (end < 0) {
        this.#head = head;
        return false;
      }
      const text = head.toString('latin1', 0, end);
      this.#head = undefined;
      this.status = Number(text.slice(statusOffset, statusOffset + 3));
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      if (length === undefined && this.status !== 304) throw new Error(`an answer without a length: ${text}`);
      this.#missing = Number(length ?? 0);
      body = head.length - end - headEnd.length;
    }
    this.#missing -= body;
    if (this.#missing < 0) throw new Error('more than the answer came');
    return this.#missing === 0;
  }

  restart(): void {
    this.status = 0;
  }
}

class Run {
  readonly #command: ClientCommand;
  readonly #requests: readonly Buffer[];
  readonly #timesMs: number[] = [];
  readonly #statuses: Record<string, number> = {};
  #bytes = 0;
  #next = 0;
  #isOver = false;

  constructor(command: ClientCommand) {
    this.#command = command;
    this.#requests = command.requests.map((text) => Buffer.from(text, 'latin1'));
  }

  async run(): Promise<ClientAnswer> {
    const { connections, seconds } = this.#command;
    const begunMs = performance.now();
    const timer = setTimeout(() => {
      this.#isOver = true;
    }, seconds * 1_000);
    const all = Array.from({ length: connections }, () => this.#connection());
    const error = await Promise.all(all).then(
      () => undefined,
      (reason: unknown) => String(reason),
    );
    clearTimeout(timer);
    this.#isOver = true;
    const elapsedMs = performance.now() - begunMs;
    const sorted = Float64Array.from(this.#timesMs).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return {
      perSecond: (sorted.length / elapsedMs) * 1_000,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
      bytes: this.#bytes,
      statuses: this.#statuses,
      ...(error === undefined ? {} : { error }),
    };
  }

  /** Resolves when the time is over and the last answer is there. */
  #connection(): Promise<void> {
    const socket = connect({ port: this.#command.port, host: '127.0.0.1', noDelay: true });
    return new Promise<void>((resolve, reject) => {
      const incoming = new Incoming();
      let sentAtMs = 0;
      const send = (): void => {
        if (this.#isOver || (this.#command.isOnce === true && this.#next >= this.#requests.length)) {
          resolve();
          return;
        }
        sentAtMs = performance.now();
        socket.write(this.#requests[this.#next++ % this.#requests.length] ?? '');
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the connection was closed')));
      socket.on('data', (chunk) => {
        this.#bytes += chunk.length;
        try {
          if (!incoming.take(chunk)) return;
        } catch (error) {
          reject(error);
          return;
        }
        this.#timesMs.push(performance.now() - sentAtMs);
        this.#statuses[incoming.status] = (this.#statuses[incoming.status] ?? 0) + 1;
        incoming.restart();
        send();
      });
    }).finally(() => hangUp(socket));
  }
}

function hangUp(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}

process.on('message', (command: ClientCommand) => {
  void new Run(command).run().then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
