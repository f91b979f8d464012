/**
 * Answers to GET from cached bytes (design §7): rendered once for each state version and URL, compressed once, and not sent
 * at all to a reader that already has them. Long lists come as pieces, most of which were rendered and compressed for an earlier version.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { encodingFor, wantsText } from './accept.ts';
import { AnswerStore, type Bytes, type Entry, type Heads, type Packing } from './answer-store.ts';
import type { FlatHeaders } from './headers.ts';
import type { Piece } from './lists/piece.ts';
import { jsonType, sendRefusal, textType } from './respond.ts';
import type { SlowReaders } from './slow-readers.ts';

/** Smaller bodies are not worth compressing. */
const minPackedBytes = 1024;

/** Up to this size a body goes out together with its head, as text of one byte for each character. */
const maxTextBytes = 8 * 1024;

/** What to answer, if the reader does not have it yet. */
export interface Rendering {
  readonly render: () => Result<string | readonly Piece[], Refusal>;
  readonly isText?: boolean;
  /** Names what the answer depends on besides state and URL, such as the second of a clock; absent = nothing. */
  readonly variant?: string;
  /** Sent beside those that every answer has. */
  readonly headers?: FlatHeaders;
  /** Whether there is a variant is settled by the URL: without one, the same URL has the same answer until the state changes. */
  readonly isSettled?: true;
}

/** A reply that was sent, or will be. */
export type Sent = FastifyReply | Promise<FastifyReply>;

export interface CachedAnswers {
  readonly send: (request: FastifyRequest, reply: FastifyReply, rendering: Rendering) => Sent;
  /** Gives an answer once more that is settled by state and URL; undefined if there is none, otherwise the bytes of its body. */
  readonly again: (request: IncomingMessage, response: ServerResponse) => number | undefined;
  /** Answers and bytes that are held now. */
  readonly size: () => { readonly answers: number; readonly bytes: number };
}

export interface CacheOptions {
  readonly stateVersion: () => number;
  readonly headers: (request: IncomingHttpHeaders) => FlatHeaders;
  readonly compression: boolean;
  /** Told of the bytes of each compressed answer. */
  readonly onGzipped: (bytes: number) => void;
  /** Differs between two processes, so that nobody takes the state of one for that of another. */
  readonly generation: string;
  readonly slowReaders: SlowReaders;
}

/** Makes the cache of one server. */
export function cachedAnswers(options: CacheOptions): CachedAnswers {
  const store = new AnswerStore();
  const { stateVersion, compression, slowReaders, generation } = options;
  const etagOf = (isText: boolean, variant: string): string =>
    `W/"${generation}-${stateVersion()}${isText ? '-text' : ''}${variant && `-${variant}`}"`;
  const encodingOf = (entry: Entry, headers: IncomingHttpHeaders): Packing | undefined =>
    compression && entry.plain.length >= minPackedBytes ? encodingFor(headers['accept-encoding']) : undefined;

  const send: CachedAnswers['send'] = (request, reply, rendering) => {
    const { render, isText = false, variant = '', headers = [], isSettled } = rendering;
    store.startAt(stateVersion());
    const type = isText ? textType : jsonType;
    const etag = etagOf(isText, variant);
    const base = [...options.headers(request.headers), ...headers, 'ETag', etag, ...varies];
    if (isKnown(request.headers['if-none-match'], etag)) return takeOver(request, reply, 304, base);
    const { url = '' } = request.raw;
    const key = `${type} ${variant} ${url}`;
    let entry = store.get(key);
    if (!entry) {
      const rendered = render();
      if (!rendered.ok) return sendRefusal(reply, rendered.error);
      entry = store.add(key, rendered.value);
      if (isSettled && !isText && variant === '' && headers.length === 0) store.keepHot(url, entry);
    }
    base.push('Content-Type', type);
    const encoding = encodingOf(entry, request.headers);
    if (!encoding) return takeOver(request, reply, 200, withLength(base, entry.plain), entry.plain, slowReaders);
    base.push('Content-Encoding', encoding);
    const finish = (bytes: Bytes): FastifyReply => {
      options.onGzipped(bytes.length);
      return takeOver(request, reply, 200, withLength(base, bytes), bytes, slowReaders);
    };
    const packed = store.packed(entry, encoding);
    return packed instanceof Promise ? packed.then(finish) : finish(packed);
  };

  const headsOf = (entry: Entry, standard: FlatHeaders): Heads => {
    const etag = etagOf(false, '');
    const common = [...standard, 'ETag', etag, ...varies];
    const plain = withLength([...common, 'Content-Type', jsonType], entry.plain);
    return { standard, etag, plain, unchanged: common, packed: {} };
  };

  const packedHead = (heads: Heads, encoding: Packing, bytes: Bytes): readonly string[] => {
    heads.packed[encoding] ??= withLength(
      [...heads.unchanged, 'Content-Type', jsonType, 'Content-Encoding', encoding],
      bytes,
    );
    return heads.packed[encoding];
  };

  const again: CachedAnswers['again'] = (request, response) => {
    store.startAt(stateVersion());
    const entry = store.hot(request.url ?? '');
    const { headers } = request;
    if (!entry || wantsText(headers.accept)) return undefined;
    const standard = options.headers(headers);
    if (entry.heads?.standard !== standard) entry.heads = headsOf(entry, standard);
    const { heads } = entry;
    if (isKnown(headers['if-none-match'], heads.etag)) {
      write(request, response, 304, heads.unchanged);
      return 0;
    }
    const encoding = encodingOf(entry, headers);
    if (!encoding) {
      write(request, response, 200, heads.plain, entry.plain, slowReaders);
      return entry.plain.length;
    }
    const packed = store.packed(entry, encoding);
    // Under way for somebody else, who is waited for in `send`.
    if (packed instanceof Promise) return undefined;
    options.onGzipped(packed.length);
    write(request, response, 200, packedHead(heads, encoding, packed), packed, slowReaders);
    return packed.length;
  };

  return { send, again, size: () => ({ answers: store.count, bytes: store.heldBytes }) };
}

const varies: FlatHeaders = ['Vary', 'Accept, Accept-Encoding'];

const withLength = (headers: readonly string[], { length }: Bytes): readonly string[] => [
  ...headers,
  'Content-Length',
  String(length),
];

/** `If-None-Match`: a list of tags, weak or strong, or `*`. Weak comparison (RFC 9110 §13.1.2). */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag) return true;
  const opaque = etag.slice(2);
  return header.split(',').some((part) => part.trim().replace(/^W\//, '') === opaque);
}

/** Writes past the framework: these are the hottest answers, and nothing in them is left to decide. */
function takeOver(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  headers: readonly string[],
  body?: Bytes,
  slowReaders?: SlowReaders,
): FastifyReply {
  reply.hijack();
  request.sentBytes = body?.length ?? 0;
  write(request.raw, reply.raw, status, headers, body, slowReaders);
  return reply;
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body?: Bytes,
  slowReaders?: SlowReaders,
): void {
  // Node only reads them.
  response.writeHead(status, headers as string[]);
  if (body === undefined || request.method === 'HEAD') {
    response.end();
    return;
  }
  if (body.length <= maxTextBytes) {
    body.text ??= Buffer.concat(body.buffers).toString('latin1');
    response.end(body.text, 'latin1');
    return;
  }
  // Corked: head and all buffers leave in one call to the kernel, and none is copied.
  const { buffers } = body;
  if (buffers.length > 1) response.cork();
  for (let i = 0; i < buffers.length - 1; i += 1) response.write(buffers[i]);
  response.end(buffers.at(-1));
  if (buffers.length > 1) response.uncork();
  slowReaders?.wrote(response, buffers);
}
