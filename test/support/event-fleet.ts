/**
 * Many readers of the event stream, over SSE, WebSocket and `/v2/live`: some read on, others stall, leave and come back with the last
 * id that they have seen. At the end all of them must have the same sequence, which is compared by hash.
 */
import { createHash, type Hash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { eventually } from './eventually.ts';

export type ReaderKind = 'sse' | 'socket' | 'live';
/** `steady` reads all the time; `rough` stalls, leaves and resumes at random. */
export type Temper = 'steady' | 'rough';

export interface FleetOptions {
  /** Where to connect now; after a failover another server may answer. */
  readonly url: () => string;
  /** Everybody begins behind this event. */
  readonly since: string;
  readonly random: () => number;
  /** Only these types; none = all. */
  readonly types?: readonly string[];
}

/** Pause before another attempt to connect, in ms. */
const retryMs = 50;
/** Pieces of text that wait to be hashed. */
const maxUnhashed = 256;
/** Redirects that are followed one after another; the leader may change between them. */
const maxHops = 5;

/** What one reader has got. */
export class FleetReader {
  readonly kind: ReaderKind;
  readonly temper: Temper;
  lastId: string;
  count = 0;
  connects = 0;
  readonly gaps: string[] = [];
  /** Refusals and frames that should not be. */
  readonly troubles: string[] = [];
  readonly #options: FleetOptions;
  readonly #hash: Hash = createHash('sha256');
  /** Not hashed yet: many small updates cost more than one. */
  #unhashed: string[] = [];
  #leave: () => void = () => {};
  #stall: (ms: number) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isRough: boolean;

  constructor(kind: ReaderKind, temper: Temper, options: FleetOptions) {
    this.kind = kind;
    this.temper = temper;
    this.lastId = options.since;
    this.#options = options;
    this.#isRough = temper === 'rough';
    this.#connect();
    this.#behave();
  }

  /** Of all events in order, with their ids. */
  digest(): string {
    this.#hashAll();
    return this.#hash.copy().digest('hex');
  }

  #hashAll(): void {
    this.#hash.update(this.#unhashed.join(''));
    this.#unhashed = [];
  }

  /** From now on it only reads. */
  calm(): void {
    this.#isRough = false;
    clearTimeout(this.#timer);
    this.#stall(0);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#leave();
  }

  #behave(): void {
    if (!this.#isRough) return;
    const { random } = this.#options;
    this.#timer = setTimeout(
      () => {
        if (random() < 0.5) this.#stall(random() * 1_500);
        else this.#leave();
        this.#behave();
      },
      100 + random() * 2_000,
    );
  }

  #connect(): void {
    if (this.#isStopped) return;
    this.connects += 1;
    const closed = (): void => {
      this.#leave = () => {};
      this.#stall = () => {};
      const { random } = this.#options;
      const pauseMs = retryMs + (this.#isRough ? random() * 500 : 0);
      if (!this.#isStopped) setTimeout(() => this.#connect(), pauseMs);
    };
    if (this.kind === 'sse') this.#connectSse(this.#options.url(), closed);
    else this.#connectSocket(closed);
  }

  #take(id: string, json: string): void {
    this.lastId = id;
    this.count += 1;
    this.#unhashed.push(id, ' ', json, '\n');
    if (this.#unhashed.length >= maxUnhashed) this.#hashAll();
  }

  #tellGap(text: string): void {
    this.gaps.push(text);
  }

  #query(): string {
    return (this.#options.types ?? []).map((type) => `&event_type=${type}`).join('');
  }

  /** By hand, so that a thousand of them fit into one process. A follower sends it on to the leader. */
  #connectSse(url: string, closed: () => void, hops = 0): void {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const head = `GET /v2/events?ids=true${this.#query()} HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\n`;
    socket.on('connect', () => socket.write(`${head}Last-Event-ID: ${this.lastId}\r\n\r\n`));
    let rest = '';
    let isOpen = false;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      rest += chunk;
      if (!isOpen) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!rest.startsWith('HTTP/1.1 200')) {
          const place = /^HTTP\/1\.1 302 .*\r\nlocation: (\S+)/is.exec(rest.slice(0, end))?.[1];
          if (place !== undefined && hops < maxHops && !this.#isStopped) {
            socket.removeAllListeners('close');
            this.#connectSse(place, closed, hops + 1);
          } else {
            this.#refused(rest);
          }
          socket.destroy();
          return;
        }
        isOpen = true;
        rest = rest.slice(end + 4);
      }
      let from = 0;
      for (let end = rest.indexOf('\r\n\r\n', from); end >= 0; end = rest.indexOf('\r\n\r\n', from)) {
        this.#frame(rest.slice(from, end));
        from = end + 4;
      }
      rest = rest.slice(from);
    });
    this.#wire(socket, () => socket.destroy(), closed);
  }

  #frame(frame: string): void {
    // Heartbeats are empty lines before a frame.
    const match = /^(?:\r\n)*(?:id: (\S+)\r\n)?event: (\S+)\r\ndata: (.*)$/.exec(frame);
    if (!match) {
      if (frame.trim() !== '') this.troubles.push(frame.slice(0, 200));
      return;
    }
    const [, id, type, json = ''] = match;
    if (type === 'event_stream_gap') this.#tellGap(json);
    else if (id !== undefined) this.#take(id, json);
  }

  #connectSocket(closed: () => void): void {
    const url = this.#options.url().replace('http', 'ws');
    const query = this.kind === 'socket' ? `/v2/events?since=${this.lastId}${this.#query()}` : '/v2/live';
    const client = new WebSocket(`${url}${query}`, { perMessageDeflate: false });
    client.on('open', () => {
      if (this.kind !== 'live') return;
      const { types = [] } = this.#options;
      client.send(JSON.stringify({ op: 'subscribe', sub: 's', stream: 'events', types, since: this.lastId }));
    });
    client.on('message', (data) => this.#message(String(data)));
    client.on('unexpected-response', (_request, response) => {
      this.#refused(`HTTP/1.1 ${response.statusCode}`);
      client.terminate();
    });
    let socket: Socket | undefined;
    client.on('upgrade', (response) => {
      socket = response.socket;
    });
    client.on('error', () => {});
    client.on('close', closed);
    this.#leave = () => client.terminate();
    this.#stall = (ms) => this.#pause(socket, ms);
  }

  #message(text: string): void {
    if (this.kind === 'live') {
      const match = /^\{"op":"(\w+)"/.exec(text);
      if (match?.[1] === 'gap') this.#tellGap(text);
      else if (match?.[1] === 'error') this.#notSubscribed(text);
      else if (match?.[1] === 'event') this.#envelope(`{${text.slice('{"op":"event","sub":"s",'.length)}`);
    } else {
      this.#envelope(text);
    }
  }

  /** A server that starts says `notReady`; anything else is trouble. */
  #notSubscribed(text: string): void {
    if (!text.includes('"code":"notReady"')) this.troubles.push(text);
    this.#leave();
  }

  #envelope(text: string): void {
    const match = /^\{"id":"([^"]+)","event":/.exec(text);
    if (match?.[1] === undefined) return;
    const json = text.slice(match[0].length, -1);
    if (json.startsWith('{"eventType":"event_stream_gap"')) this.#tellGap(json);
    else this.#take(match[1], json);
  }

  #wire(socket: Socket, leave: () => void, closed: () => void): void {
    socket.on('error', () => {});
    socket.on('close', closed);
    this.#leave = leave;
    this.#stall = (ms) => this.#pause(socket, ms);
  }

  #pause(socket: Socket | undefined, ms: number): void {
    socket?.pause();
    setTimeout(() => socket?.resume(), ms);
  }

  /** While a server starts it may say 503; anything else is trouble. */
  #refused(answer: string): void {
    if (!answer.startsWith('HTTP/1.1 503')) this.troubles.push(answer.slice(0, 300));
  }
}

/** All of them. */
export class Fleet {
  readonly readers: FleetReader[] = [];
  readonly #options: FleetOptions;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Adds `count` readers of mixed kinds, a third of them rough. */
  add(count: number): void {
    const kinds: readonly ReaderKind[] = ['sse', 'socket', 'live'];
    for (let i = 0; i < count; i += 1) {
      const kind = kinds[i % 3] ?? 'sse';
      this.readers.push(new FleetReader(kind, Math.floor(i / 3) % 3 === 0 ? 'rough' : 'steady', this.#options));
    }
  }

  /** One that reads the whole log now. */
  reference(): FleetReader {
    return new FleetReader('sse', 'steady', this.#options);
  }

  /** Everybody reads on until they have this event. */
  async settle(lastId: string, timeoutMs: number): Promise<void> {
    for (const reader of this.readers) reader.calm();
    await eventually(
      `all readers at ${lastId}`,
      () => this.readers.every((reader) => reader.lastId === lastId),
      timeoutMs,
    );
  }

  stop(): void {
    for (const reader of this.readers) reader.stop();
  }
}
