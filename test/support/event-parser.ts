/**
 * Reads the bytes of an event stream as cheaply as a thousand readers in one process need it: what must come now is compared with the
 * bytes in which another reader of the same kind got it, and taken apart only if they differ or nobody had it before.
 */
import type { Gap, Sequence } from './event-sequence.ts';

/** Server-sent events, the WebSocket of `/v2/events`, and a subscription on `/v2/live`. */
export type ReaderKind = 'sse' | 'socket' | 'live';

/** Frames of each kind that are remembered; who is further behind takes them apart. */
const maxFrames = 8_192;

/** The frames of events as somebody got them, by kind and number. */
export class FrameBook {
  readonly #frames: Record<ReaderKind, Map<number, Buffer>> = { sse: new Map(), socket: new Map(), live: new Map() };

  of(kind: ReaderKind, number: number): Buffer | undefined {
    return this.#frames[kind].get(number);
  }

  learn(kind: ReaderKind, number: number, frame: Buffer): void {
    const frames = this.#frames[kind];
    frames.set(number, Buffer.from(frame));
    const [oldest] = frames.keys();
    if (frames.size > maxFrames && oldest !== undefined) frames.delete(oldest);
  }
}

export interface ParserOptions {
  readonly kind: ReaderKind;
  readonly sequence: Sequence;
  readonly book: FrameBook;
  /** A WebSocket asks whether somebody is there. */
  readonly onPing?: (payload: Buffer) => void;
  /** The subscription was refused, as it may be while a server starts. */
  readonly onNotReady?: () => void;
}

const blank = Buffer.from('\r\n\r\n');
const comma = ',"event":';

/** Of one connection: what is left of a frame goes with it. */
export class EventParser {
  readonly #options: ParserOptions;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: ParserOptions) {
    this.#options = options;
  }

  feed(chunk: Buffer): void {
    const { kind, sequence, book } = this.#options;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const { next } = sequence;
      const known = book.of(kind, next);
      const knownEnd = at + (known?.length ?? 0);
      if (known && knownEnd <= bytes.length && bytes.compare(known, 0, known.length, at, knownEnd) === 0) {
        sequence.same();
        at = knownEnd;
        continue;
      }
      const length = kind === 'sse' ? this.#sse(bytes, at) : this.#frame(bytes, at);
      if (length === 0) break;
      if (sequence.next === next + 1) book.learn(kind, next, bytes.subarray(at, at + length));
      at += length;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  /** Gives its length, 0 if it is not whole yet. */
  #sse(bytes: Buffer, at: number): number {
    // A heartbeat is an empty line before a frame.
    if (bytes[at] === 13 && at + 1 < bytes.length) {
      if (bytes[at + 1] !== 10) this.#options.sequence.trouble('CR without LF');
      return 2;
    }
    const end = bytes.indexOf(blank, at);
    if (end < 0) return 0;
    const [head = '', type, dataAt] = sseHead(bytes, at, end);
    const data = bytes.subarray(dataAt, end);
    if (type === undefined) this.#options.sequence.trouble(`a frame ${JSON.stringify(head)}`);
    else this.#event(/^id: (\S+)\r\n/.exec(head)?.[1], data, type === 'event_stream_gap');
    return end + blank.length - at;
  }

  /** The same for one of a WebSocket (RFC 6455 §5.2). */
  #frame(bytes: Buffer, at: number): number {
    if (at + 2 > bytes.length) return 0;
    const [first = 0, second = 0] = bytes.subarray(at, at + 2);
    const lengthBytes = second < 126 ? 0 : second === 126 ? 2 : 8;
    const from = at + 2 + lengthBytes;
    if (from > bytes.length) return 0;
    const length =
      lengthBytes === 0 ? second : bytes.readUIntBE(from - Math.min(6, lengthBytes), Math.min(6, lengthBytes));
    if (from + length > bytes.length) return 0;
    const payload = bytes.subarray(from, from + length);
    const { sequence, onPing } = this.#options;
    if (first === 0x81) this.#text(payload);
    else if (first === 0x89) onPing?.(payload);
    // Why a server hangs up does not matter here; whatever else there is should not be.
    else if (first !== 0x88 && first !== 0x8a) sequence.trouble(`a frame that begins with ${first}`);
    return from + length - at;
  }

  #text(payload: Buffer): void {
    const { kind, sequence, onNotReady } = this.#options;
    const head = payload.toString('latin1', 0, 200);
    if (kind === 'live' && !head.startsWith('{"op":"event","sub":"s",')) {
      if (head.startsWith('{"op":"gap",')) sequence.gap(JSON.parse(String(payload)) as Gap);
      else if (head.includes('"code":"notReady"')) onNotReady?.();
      else if (!/^\{"op":"(subscribed|beat)"/.test(head)) sequence.trouble(head);
      return;
    }
    const at = head.indexOf(comma);
    const id = /"id":"([^"]+)",?$/.exec(head.slice(0, at + 1))?.[1];
    const json = payload.subarray(at + comma.length, payload.length - 1);
    this.#event(id, json, json.subarray(0, 32).includes('"event_stream_gap"'));
  }

  #event(id: string | undefined, json: Buffer, isGap: boolean): void {
    const { sequence } = this.#options;
    if (isGap) sequence.gap(JSON.parse(String(json)) as Gap);
    else if (id === undefined) sequence.trouble(`no id: ${json.toString('utf8', 0, 200)}`);
    else sequence.take(id, json);
  }
}

/** What is before the data, the type, and where the data begins. */
function sseHead(bytes: Buffer, at: number, end: number): readonly [string, string | undefined, number] {
  const head = bytes.toString('latin1', at, Math.min(end, at + 300));
  const match = /^(?:id: \S+\r\n)?event: (\S+)\r\ndata: /.exec(head);
  return [head, match?.[1], at + (match?.[0].length ?? 0)];
}
