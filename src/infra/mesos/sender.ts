/**
 * Pipelined POSTs over one HTTP/1.1 connection (design §6). All calls of one loop turn leave in one write; answers are matched
 * to calls by their order. A call that was written and not answered when the connection breaks is *lost*: nobody knows whether
 * the master acted on it, so it is never sent again. A call that was not written yet goes out over the next connection.
 */
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Clock, Ids, TimerHandle } from '../../actors/ports.ts';
import { type Backoff, createBackoff } from './backoff.ts';
import { createFifo, type Fifo } from './fifo.ts';
import { type Answer, type AnswerReader, createAnswerReader } from './http-answers.ts';

export interface TlsSettings {
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface SenderLimits {
  /** Written and not yet answered. */
  readonly maxUnanswered: number;
  readonly maxUnansweredBytes: number;
  /** Waiting to be written; calls beyond are turned away. */
  readonly maxQueued: number;
  readonly maxQueuedBytes: number;
  /** The oldest unanswered call may wait this long before the connection counts as broken. */
  readonly answerTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

export const defaultSenderLimits: SenderLimits = {
  maxUnanswered: 1024,
  maxUnansweredBytes: 8 * 1024 * 1024,
  maxQueued: 100_000,
  maxQueuedBytes: 128 * 1024 * 1024,
  answerTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
};

export interface SenderOptions<C> {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsSettings | undefined;
  /** Request line and headers, up to and including `Content-Length: `. */
  readonly head: string;
  readonly limits: SenderLimits;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly answered: (call: C, answer: Answer) => void;
  /** The call was written and will not be answered, or waited in vain for a connection. */
  readonly lost: (call: C, reason: string) => void;
  /** A connection ended or could not be made, and so many calls are lost with it; the sender goes on by itself. */
  readonly trouble: (reason: string, lostCalls: number) => void;
}

/** `C` is what the caller wants back with the answer. */
export interface PipelinedSender<C> {
  /** False when the queue is full: the call was not taken. */
  readonly send: (body: string, call: C) => boolean;
  readonly queued: () => number;
  readonly unanswered: () => number;
  /** Reports everything that is unanswered or unsent as lost, and ends. Nothing is reported afterwards. */
  readonly close: (reason: string) => void;
}

interface Entry<C> {
  readonly call: C;
  text: string;
  readonly bytes: number;
  writtenAt: number;
}

const FIRST_RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 5_000;
const TCP_KEEP_ALIVE_MS = 30_000;

function openSocket(options: Pick<SenderOptions<unknown>, 'host' | 'port' | 'tls'>, connected: () => void): Socket {
  const { host, port, tls } = options;
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket =
    tls === undefined ? tcpConnect({ host, port }, connected) : tlsConnect({ host, port, ...name, ...tls }, connected);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
  return socket;
}

/** Creates a sender and opens its connection. */
export function createPipelinedSender<C>(options: SenderOptions<C>): PipelinedSender<C> {
  return new Sender(options);
}

class Sender<C> implements PipelinedSender<C> {
  readonly #options: SenderOptions<C>;
  readonly #queue: Fifo<Entry<C>> = createFifo();
  readonly #waiting: Fifo<Entry<C>> = createFifo();
  readonly #backoff: Backoff;
  #queuedBytes = 0;
  #waitingBytes = 0;
  /** How many calls may be unanswered; small after a server that closes the connection behind each answer. */
  #window: number;
  #socket: Socket | undefined;
  #isOpen = false;
  #isClosed = false;
  #flushes = false;
  /** Monotonic; since when no connection could be made. */
  #downSince: number | undefined;
  /** Limits the connecting, the wait for an answer, or the pause before the next connection: never two at a time. */
  #timer: TimerHandle | undefined;

  constructor(options: SenderOptions<C>) {
    this.#options = options;
    this.#window = options.limits.maxUnanswered;
    this.#backoff = createBackoff(options.ids, FIRST_RECONNECT_MS, LONGEST_RECONNECT_MS);
    this.#open();
  }

  send(body: string, call: C): boolean {
    const { head, limits } = this.#options;
    const bodyBytes = Buffer.byteLength(body);
    const text = `${head}${bodyBytes}\r\n\r\n${body}`;
    const bytes = text.length - body.length + bodyBytes;
    const isFull = this.#queue.size() >= limits.maxQueued || this.#queuedBytes + bytes > limits.maxQueuedBytes;
    if (this.#isClosed || isFull) return false;
    this.#queue.push({ call, text, bytes, writtenAt: 0 });
    this.#queuedBytes += bytes;
    if (this.#isOpen) this.#scheduleFlush();
    else if (this.#socket === undefined && this.#timer === undefined) this.#open();
    return true;
  }

  queued(): number {
    return this.#queue.size();
  }

  unanswered(): number {
    return this.#waiting.size();
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer();
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#lose(this.#waiting, reason);
    this.#lose(this.#queue, reason);
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #setTimer(delayMs: number, fire: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      fire();
    });
  }

  #open(): void {
    const mine = openSocket(this.#options, () => {
      if (this.#socket !== mine) return;
      this.#cancelTimer();
      this.#isOpen = true;
      this.#scheduleFlush();
    });
    this.#socket = mine;
    const reader = createAnswerReader((answer) => {
      if (this.#socket === mine) this.#takeAnswer(answer);
    });
    this.#listen(mine, reader);
    this.#setTimer(this.#options.limits.connectTimeoutMs, () => this.#disconnect('connecting took too long'));
  }

  #listen(mine: Socket, reader: AnswerReader): void {
    const ended = (reason: string): void => {
      reader.end();
      if (this.#socket === mine) this.#disconnect(reason);
    };
    mine.on('data', (chunk: Buffer) => {
      if (this.#socket !== mine) return;
      const fault = reader.push(chunk);
      if (fault !== undefined && this.#socket === mine) this.#disconnect(fault);
    });
    mine.on('end', () => ended('closed by the master'));
    mine.on('close', () => ended('connection closed'));
    mine.on('error', (error: NodeJS.ErrnoException) => ended(error.code ?? error.message));
  }

  #scheduleFlush(): void {
    if (this.#flushes || this.#isClosed) return;
    this.#flushes = true;
    setImmediate(() => this.#flush());
  }

  /** Writes what the window lets through, all at once. */
  #flush(): void {
    this.#flushes = false;
    if (this.#isClosed || this.#socket === undefined || !this.#isOpen) return;
    const { limits, clock } = this.#options;
    let out = '';
    let outBytes = 0;
    const now = clock.monotonic();
    for (let entry = this.#queue.peek(); entry !== undefined; entry = this.#queue.peek()) {
      const isFull =
        this.#waiting.size() >= this.#window || this.#waitingBytes + entry.bytes > limits.maxUnansweredBytes;
      // One call alone always passes, however large it is.
      if (isFull && this.#waiting.size() > 0) break;
      this.#queue.shift();
      out += entry.text;
      outBytes += entry.bytes;
      entry.text = '';
      entry.writtenAt = now;
      this.#waiting.push(entry);
      this.#waitingBytes += entry.bytes;
    }
    if (outBytes === 0) return;
    this.#queuedBytes -= outBytes;
    // As many bytes as characters: plain ASCII, which needs no transcoding.
    this.#socket.write(out, out.length === outBytes ? 'latin1' : 'utf8');
    if (this.#timer === undefined) this.#watchAnswers(limits.answerTimeoutMs);
  }

  /** One timer for all answers: it looks at the oldest call and sleeps until that one would be overdue. */
  #watchAnswers(delayMs: number): void {
    const { clock, limits } = this.#options;
    this.#setTimer(delayMs, () => {
      const oldest = this.#waiting.peek();
      if (oldest === undefined) return;
      const leftMs = oldest.writtenAt + limits.answerTimeoutMs - clock.monotonic();
      if (leftMs > 0) {
        this.#watchAnswers(leftMs);
        return;
      }
      // After a freeze the answers may lie in the socket: they are read before this verdict.
      setImmediate(() => {
        if (this.#waiting.peek() === oldest) this.#disconnect('no answer in time');
        else if (this.#timer === undefined && this.#waiting.size() > 0) this.#watchAnswers(limits.answerTimeoutMs);
      });
    });
  }

  #takeAnswer(answer: Answer): void {
    const entry = this.#waiting.shift();
    if (entry === undefined) {
      this.#disconnect('an answer that nobody asked for');
      return;
    }
    this.#waitingBytes -= entry.bytes;
    this.#downSince = undefined;
    this.#backoff.reset();
    // A server that closes behind an answer loses the calls behind it: fewer are risked until it lets the connection live.
    this.#window = answer.closes ? 1 : Math.min(this.#window * 2, this.#options.limits.maxUnanswered);
    this.#options.answered(entry.call, answer);
    if (this.#isClosed) return;
    if (answer.closes) this.#disconnect('closed by the master after an answer');
    else if (this.#queue.size() > 0) this.#scheduleFlush();
  }

  #lose(calls: Fifo<Entry<C>>, reason: string): void {
    if (calls === this.#waiting) this.#waitingBytes = 0;
    else this.#queuedBytes = 0;
    for (const entry of calls.drain()) this.#options.lost(entry.call, reason);
  }

  #disconnect(reason: string): void {
    if (this.#isClosed || this.#socket === undefined) return;
    if (this.#isOpen) this.#downSince = undefined;
    this.#socket.destroy();
    this.#socket = undefined;
    this.#isOpen = false;
    this.#cancelTimer();
    this.#options.trouble(reason, this.#waiting.size());
    this.#lose(this.#waiting, reason);
    if (this.#isClosed) return;
    const now = this.#options.clock.monotonic();
    this.#downSince ??= now;
    if (now - this.#downSince >= this.#options.limits.answerTimeoutMs) {
      this.#downSince = now;
      this.#lose(this.#queue, reason);
    }
    // Without calls that wait the next call opens the connection.
    if (this.#queue.size() === 0 || this.#isClosed || this.#socket !== undefined) return;
    this.#setTimer(this.#backoff.next(), () => {
      if (this.#socket === undefined) this.#open();
    });
  }
}
