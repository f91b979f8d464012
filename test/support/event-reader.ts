/**
 * One reader of the event stream, on a bare socket: it reads on, or stalls, leaves and comes back with the last id that it has seen.
 */
import { connect, type Socket } from 'node:net';
import { EventParser, type FrameBook, type ReaderKind } from './event-parser.ts';
import { type Ledger, Sequence } from './event-sequence.ts';

/** `steady` reads all the time; `rough` stalls, leaves and resumes at random. */
export type Temper = 'steady' | 'rough';

export interface ReaderOptions {
  readonly kind: ReaderKind;
  readonly temper: Temper;
  /** Where servers may be; some of them may be away. */
  readonly urls: readonly string[];
  /** Only these types. */
  readonly types: readonly string[];
  readonly random: () => number;
  readonly ledger: Ledger;
  readonly book: FrameBook;
}

/** Pause before another attempt to connect: doubles from one failure to the next, as that of a well-behaved client. */
const [minRetryMs, maxRetryMs] = [50, 1_000];
/** Redirects that are followed one after another; the leader may change between them. */
const maxHops = 5;
const maxStallMs = 1_500;

export class EventReader {
  readonly sequence: Sequence;
  connects = 0;
  readonly #options: ReaderOptions;
  #socket: Socket | undefined;
  #failures = 0;
  #isRough: boolean;
  #isStopped = false;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.sequence = new Sequence(options.ledger);
    this.#isRough = options.temper === 'rough';
    this.#connect(this.#anyUrl(), 0);
    this.#behave();
  }

  get temper(): Temper {
    return this.#options.temper;
  }

  /** From now on it only reads. */
  calm(): void {
    this.#isRough = false;
    this.#socket?.resume();
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#socket?.destroy();
  }

  #after(ms: number, proceed: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      proceed();
    }, ms);
    this.#timers.add(timer);
  }

  #behave(): void {
    const { random } = this.#options;
    if (!this.#isRough) return;
    this.#after(100 + random() * 2_000, () => {
      if (!this.#isRough) return;
      if (random() < 0.5) this.#stall(random() * maxStallMs);
      else this.#socket?.destroy();
      this.#behave();
    });
  }

  #stall(ms: number): void {
    const socket = this.#socket;
    socket?.pause();
    this.#after(ms, () => socket?.resume());
  }

  #anyUrl(): string {
    const { urls, random } = this.#options;
    return urls[Math.floor(random() * urls.length)] ?? '';
  }

  #connect(url: string, hops: number): void {
    if (this.#isStopped) return;
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    this.#socket = socket;
    let place: string | undefined;
    socket.on('connect', () => socket.write(this.#request(hostname)));
    this.#listen(socket, (head) => {
      const status = head.slice(9, 12);
      // Servers that do not agree yet who leads may send it round; then it waits like anybody who finds no leader.
      if (status === '302') place = hops < maxHops ? /\r\nlocation: (\S+)/i.exec(head)?.[1] : undefined;
      // A server that starts, or finds no leader, says 503.
      else if (status !== '503') this.sequence.trouble(head.slice(0, 300));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#isStopped) return;
      if (place !== undefined) {
        this.#connect(place, hops + 1);
        return;
      }
      const pauseMs = Math.min(maxRetryMs, minRetryMs * 2 ** this.#failures);
      this.#failures += 1;
      this.#after(pauseMs * (0.5 + this.#options.random()), () => this.#connect(this.#anyUrl(), 0));
    });
  }

  #request(host: string): string {
    const { kind, types } = this.#options;
    const { lastId } = this.sequence;
    const ofTypes = types.map((type) => `&event_type=${type}`).join('');
    if (kind === 'sse') {
      const accept = `Accept: text/event-stream\r\nLast-Event-ID: ${lastId}\r\n`;
      return `GET /v2/events?ids=true${ofTypes} HTTP/1.1\r\nHost: ${host}\r\n${accept}\r\n`;
    }
    const path = kind === 'socket' ? `/v2/events?since=${lastId}${ofTypes}` : '/v2/live';
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
    return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  }

  /** Calls back with the head of an answer that brings no stream. */
  #listen(socket: Socket, refused: (head: string) => void): void {
    const { kind, types, book } = this.#options;
    const { sequence } = this;
    const parser = new EventParser({
      kind,
      sequence,
      book,
      onPing: (payload) => socket.write(clientFrame(0x8a, payload)),
      onNotReady: () => socket.destroy(),
    });
    let before: Buffer | undefined = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      if (!before) {
        parser.feed(chunk);
        return;
      }
      before = Buffer.concat([before, chunk]);
      const end = before.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = before.toString('latin1', 0, end);
      if (!/^HTTP\/1\.1 (101|200) /.test(head)) {
        refused(head);
        socket.destroy();
        return;
      }
      this.connects += 1;
      this.#failures = 0;
      if (kind === 'live') {
        const subscribe = { op: 'subscribe', sub: 's', stream: 'events', types, since: sequence.lastId };
        socket.write(clientFrame(0x81, Buffer.from(JSON.stringify(subscribe))));
      }
      parser.feed(before.subarray(end + 4));
      before = undefined;
    });
  }
}

/** One frame of a client, with a mask of zeros. */
function clientFrame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = length < 126 ? [first, 0x80 | length] : [first, 0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}
