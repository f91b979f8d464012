/**
 * Reads the answers of a pipelined HTTP/1.1 connection (RFC 9112): status line, headers, and bodies with Content-Length, in
 * chunks, or until the connection ends. Only what a Mesos master and the proxies in front of it send; no header is kept but
 * the three that matter.
 */

/** A status line with headers beyond this is not from a Mesos master. */
export const MAX_HEAD_CHARS = 64 * 1024;
/** The body of an error is a sentence; more is read, but not kept. */
const MAX_KEPT_BODY_CHARS = 8 * 1024;

export interface Answer {
  readonly status: number;
  /** The beginning of the body, one character a byte. */
  readonly body: string;
  readonly location: string | undefined;
  /** The server ends the connection after this answer: nothing that was sent behind it will be answered. */
  readonly closes: boolean;
}

interface Head {
  readonly status: number;
  readonly location: string | undefined;
  readonly closes: boolean;
  readonly body: 'none' | 'length' | 'chunked' | 'untilEnd';
  readonly length: number;
}

export interface AnswerReader {
  /** Hands every complete answer to `take`. Returns what is wrong with the bytes; the connection is then useless. */
  readonly push: (chunk: Buffer) => string | undefined;
  /** The connection ended; completes an answer whose body goes on until then. */
  readonly end: () => void;
}

function parseHead(text: string): Head | undefined {
  const status = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(text);
  if (status === null) return undefined;
  const code = Number(status[2]);
  let closes = status[1] === '0';
  let location: string | undefined;
  let length: number | undefined;
  let chunked = false;
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) return undefined;
      length = Number(value);
    } else if (name === 'transfer-encoding') chunked = /(^|,)\s*chunked$/i.test(value);
    else if (name === 'connection') closes = /\bclose\b/i.test(value) || (closes && !/\bkeep-alive\b/i.test(value));
    else if (name === 'location') location = value;
  }
  const bodiless = code < 200 || code === 204 || code === 304;
  if (bodiless) return { status: code, location, closes, body: 'none', length: 0 };
  if (chunked) return { status: code, location, closes, body: 'chunked', length: 0 };
  if (length === undefined) return { status: code, location, closes: true, body: 'untilEnd', length: 0 };
  return { status: code, location, closes, body: length === 0 ? 'none' : 'length', length };
}

/** Creates a reader for one connection. */
export function createAnswerReader(take: (answer: Answer) => void): AnswerReader {
  return new Reader(take);
}

/** Each step returns the position it got to, or `MORE` when it needs more bytes. */
const MORE = -1;

class Reader implements AnswerReader {
  readonly #take: (answer: Answer) => void;
  #rest = '';
  #head: Head | undefined;
  #body = '';
  /** Bytes of the body, or of the current chunk with its line end, that are still to come. */
  #missing = 0;
  #inTrailer = false;
  #fault: string | undefined;
  // Answers to calls are alike to the byte within one second (the Date header): the last head is compared before it is parsed.
  #lastText = '';
  #lastHead: Head | undefined;

  constructor(take: (answer: Answer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): string | undefined {
    const text = this.#rest + chunk.toString('latin1');
    this.#rest = '';
    let at = 0;
    while (at < text.length && this.#fault === undefined) {
      const next = this.#step(text, at);
      if (next === MORE) {
        this.#rest = text.slice(at);
        break;
      }
      at = next;
    }
    return this.#fault;
  }

  end(): void {
    if (this.#head?.body === 'untilEnd') this.#finish();
  }

  #step(text: string, at: number): number {
    switch (this.#head?.body) {
      case undefined:
        return this.#readHead(text, at);
      case 'chunked':
        return this.#readChunked(text, at);
      case 'length':
        return this.#readSized(text, at);
      default:
        this.#keep(text, at, text.length);
        return text.length;
    }
  }

  #readHead(text: string, at: number): number {
    let head = this.#lastHead;
    let next = at + this.#lastText.length;
    if (head === undefined || !text.startsWith(this.#lastText, at)) {
      const end = text.indexOf('\r\n\r\n', at);
      if (end < 0) return this.#needMore(text.length - at, 'headers too long');
      head = parseHead(text.slice(at, end));
      if (head === undefined) return this.#fail('not an HTTP answer');
      next = end + 4;
      this.#lastHead = head;
      this.#lastText = text.slice(at, next);
    }
    this.#head = head;
    this.#missing = head.length;
    if (head.body === 'none') this.#finish();
    return next;
  }

  #readSized(text: string, at: number): number {
    const to = Math.min(text.length, at + this.#missing);
    this.#keep(text, at, to);
    this.#missing -= to - at;
    if (this.#missing === 0) this.#finish();
    return to;
  }

  #readChunked(text: string, at: number): number {
    if (this.#missing > 2) {
      const to = Math.min(text.length, at + this.#missing - 2);
      this.#keep(text, at, to);
      this.#missing -= to - at;
      return to;
    }
    if (this.#missing > 0) {
      if (text.length - at < 2) return MORE;
      this.#missing = 0;
      return at + 2;
    }
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return this.#needMore(text.length - at, 'chunk header too long');
    if (this.#inTrailer) {
      if (lineEnd === at) this.#finish();
      return lineEnd + 2;
    }
    const size = /^[0-9a-f]{1,12}(?=\s*(;|$))/i.exec(text.slice(at, lineEnd));
    if (size === null) return this.#fail('not a chunk size');
    const bytes = Number.parseInt(size[0], 16);
    this.#inTrailer = bytes === 0;
    this.#missing = bytes === 0 ? 0 : bytes + 2;
    return lineEnd + 2;
  }

  #keep(text: string, from: number, to: number): void {
    const left = MAX_KEPT_BODY_CHARS - this.#body.length;
    if (left > 0) this.#body += text.slice(from, Math.min(to, from + left));
  }

  #finish(): void {
    if (this.#head === undefined) return;
    const { status, location, closes } = this.#head;
    const answer = { status, body: this.#body, location, closes };
    this.#head = undefined;
    this.#body = '';
    this.#inTrailer = false;
    // 1xx announces the answer, it is none.
    if (status >= 200) this.#take(answer);
  }

  #needMore(chars: number, fault: string): number {
    return chars > MAX_HEAD_CHARS ? this.#fail(fault) : MORE;
  }

  #fail(fault: string): number {
    this.#fault = fault;
    return MORE;
  }
}
