/**
 * The reading side of the event benchmark, a process of its own: bare sockets that speak just enough WebSocket or HTTP to be served, and count
 * bytes, so that the readers cost as little as they can.
 */
import { connect, type Socket } from 'node:net';
import { eventBytes, nowMicros } from './event-bytes.ts';

export interface CrowdCommand {
  readonly type: 'open' | 'await' | 'close';
  readonly port: number;
  readonly path: string;
  readonly form: 'socket' | 'sse';
  readonly count: number;
  /** Of these, so many stop reading at once. */
  readonly stalled: number;
  /** Events that each reader that reads waits for. */
  readonly events: number;
}

export type CrowdAnswer =
  | { readonly type: 'opened' }
  | {
      readonly type: 'done';
      readonly deliveries: number;
      readonly endMicros: number;
      readonly p50Ms: number;
      readonly p99Ms: number;
      /** User and system time of this process since the command. */
      readonly readersCpuMs: number;
    }
  | { readonly type: 'closed' };

/** Bytes of a frame around an event. */
const frameBytes = { socket: eventBytes + 4, sse: eventBytes + 'event: status_update_event\r\ndata: \r\n\r\n'.length };
/** Connections opened at once. */
const openAtOnce = 200;
/** Of each reader's chunks every so many is timed. */
const sampleEvery = 4;

/** An answer that nobody asked for, which RFC 6455 §5.5.3 allows: cheaper than to look for the question among the events. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
/** The server asks every 30 s. */
const pongEveryMs = 10_000;

const timeHead = Buffer.from('{"timestamp":"');
/** What all of them read into: nothing is kept of it. */
const into = Buffer.alloc(64 * 1024);

class Crowd {
  readonly #sockets: Socket[] = [];
  #latencies: number[] = [];
  #bytes = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #done: () => void = () => {};
  #isClosing = false;
  #pongs: NodeJS.Timeout | undefined;

  async open({ port, path, form, count, stalled }: CrowdCommand): Promise<void> {
    this.#isClosing = false;
    if (form === 'socket') {
      this.#pongs = setInterval(() => {
        for (const socket of this.#sockets) socket.write(pong);
      }, pongEveryMs);
    }
    for (let i = 0; i < count; i += openAtOnce) {
      const some = Array.from({ length: Math.min(openAtOnce, count - i) }, (_, k) =>
        this.#openOne(port, path, form, i + k < stalled),
      );
      await Promise.all(some);
    }
  }

  /** Resolves once all that read have got `events` more. */
  async wait({ form, events, count, stalled }: CrowdCommand): Promise<Extract<CrowdAnswer, { type: 'done' }>> {
    this.#wanted = events * (count - stalled) * frameBytes[form];
    const cpu = process.cpuUsage();
    if (this.#bytes < this.#wanted) await new Promise<void>((resolve) => (this.#done = resolve));
    const endMicros = Number(nowMicros());
    const { user, system } = process.cpuUsage(cpu);
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (share: number): number => (sorted[Math.floor(share * sorted.length)] ?? 0) / 1_000;
    const deliveries = Math.round(this.#bytes / frameBytes[form]);
    this.#latencies = [];
    this.#bytes = 0;
    this.#wanted = Number.POSITIVE_INFINITY;
    return {
      type: 'done',
      deliveries,
      endMicros,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      readersCpuMs: (user + system) / 1_000,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#pongs);
    this.#isClosing = true;
    const closed = this.#sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
    this.#sockets.length = 0;
  }

  #openOne(port: number, path: string, form: 'socket' | 'sse', isStalled: boolean): Promise<void> {
    const asked =
      form === 'sse'
        ? 'Accept: text/event-stream\r\n'
        : 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    let isOpen = false;
    let reads = 0;
    return new Promise((resolve, reject) => {
      const take = (bytes: number): boolean => {
        if (isOpen) {
          reads += 1;
          if (reads % sampleEvery === 0) this.#sample(bytes);
          this.#bytes += bytes;
          if (this.#bytes >= this.#wanted) this.#done();
          return true;
        }
        if (/^HTTP\/1.1 (101|200) /.test(into.toString('latin1', 0, 14))) {
          isOpen = true;
          if (isStalled) socket.pause();
          resolve();
        } else reject(new Error(into.toString('latin1', 0, bytes)));
        return !isStalled;
      };
      const socket = connect({ port, host: '127.0.0.1', onread: { buffer: into, callback: take } });
      this.#sockets.push(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        reject(new Error('closed'));
        if (isOpen && !this.#isClosing) this.#lost(isStalled);
      });
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${asked}\r\n`);
    });
  }

  /** What it should have got will never come: better no figure than a wrong one. */
  #lost(isStalled: boolean): void {
    process.stderr.write(`a ${isStalled ? 'stalled ' : ''}reader was disconnected\n`);
    process.exit(1);
  }

  #sample(bytes: number): void {
    const at = into.indexOf(timeHead);
    if (at < 0 || at + timeHead.length + 16 > bytes) return;
    const from = at + timeHead.length;
    this.#latencies.push(Number(nowMicros()) - Number(into.toString('latin1', from, from + 16)));
  }
}

if (process.send) {
  const crowd = new Crowd();
  const say = (answer: CrowdAnswer): void => void process.send?.(answer);
  process.on('message', (command: CrowdCommand) => {
    const carryOut = async (): Promise<CrowdAnswer> => {
      if (command.type === 'await') return crowd.wait(command);
      if (command.type === 'open') await crowd.open(command);
      else await crowd.close();
      return { type: command.type === 'open' ? 'opened' : 'closed' };
    };
    void carryOut().then(say);
  });
  process.on('disconnect', () => process.exit());
}
