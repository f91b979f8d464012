/**
 * Answers to GET from cached bytes (design §7): rendered once for each state version and URL, compressed once, and not sent
 * at all to a reader that already has them. Long lists come as pieces, most of which were rendered and compressed for an earlier version.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { encodingFor } from './accept.ts';
import { AnswerStore, type Bytes } from './answer-store.ts';
import type { FlatHeaders } from './headers.ts';
import type { Piece } from './lists/piece.ts';
import { jsonType, sendRefusal, textType } from './respond.ts';
import type { SlowReaders } from './slow-readers.ts';

/** Smaller bodies are not worth compressing. */
const minPackedBytes = 1024;

/** What to answer, if the reader does not have it yet. */
export interface Rendering {
  readonly render: () => Result<string | readonly Piece[], Refusal>;
  readonly isText?: boolean;
  /** Names what the answer depends on besides state and URL, such as the second of a clock; absent = nothing. */
  readonly variant?: string;
  /** Sent beside those that every answer has. */
  readonly headers?: FlatHeaders;
}

/** A reply that was sent, or will be. */
export type Sent = FastifyReply | Promise<FastifyReply>;

export interface CachedAnswers {
  readonly send: (request: FastifyRequest, reply: FastifyReply, rendering: Rendering) => Sent;
  /** Answers and bytes that are held now. */
  readonly size: () => { readonly answers: number; readonly bytes: number };
}

export interface CacheOptions {
  readonly stateVersion: () => number;
  readonly headers: (request: FastifyRequest['headers']) => FlatHeaders;
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
  const { slowReaders } = options;
  const send: CachedAnswers['send'] = (request, reply, rendering) => {
    const { render, isText = false, variant = '', headers = [] } = rendering;
    const version = options.stateVersion();
    store.startAt(version);
    const type = isText ? textType : jsonType;
    const etag = `W/"${options.generation}-${version}${isText ? '-text' : ''}${variant && `-${variant}`}"`;
    const base = [...options.headers(request.headers), ...headers, 'ETag', etag, 'Vary', 'Accept, Accept-Encoding'];
    if (isKnown(request.headers['if-none-match'], etag)) return write(request, reply, 304, base);
    const key = `${type} ${variant} ${request.raw.url ?? ''}`;
    let entry = store.get(key);
    if (!entry) {
      const rendered = render();
      if (!rendered.ok) return sendRefusal(reply, rendered.error);
      entry = store.add(key, rendered.value);
    }
    base.push('Content-Type', type);
    const isLarge = entry.plain.length >= minPackedBytes;
    const encoding = options.compression && isLarge ? encodingFor(request.headers['accept-encoding']) : undefined;
    if (!encoding) return write(request, reply, 200, base, entry.plain, slowReaders);
    base.push('Content-Encoding', encoding);
    const finish = (bytes: Bytes): FastifyReply => {
      options.onGzipped(bytes.length);
      return write(request, reply, 200, base, bytes, slowReaders);
    };
    const packed = store.packed(entry, encoding);
    return packed instanceof Promise ? packed.then(finish) : finish(packed);
  };
  return { send, size: () => ({ answers: store.count, bytes: store.heldBytes }) };
}

/** `If-None-Match`: a list of tags, weak or strong, or `*`. Weak comparison (RFC 9110 §13.1.2). */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag) return true;
  const opaque = etag.slice(2);
  return header.split(',').some((part) => part.trim().replace(/^W\//, '') === opaque);
}

/** Writes past the framework: these are the hottest answers, and nothing in them is left to decide. */
function write(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  headers: string[],
  body?: Bytes,
  slowReaders?: SlowReaders,
): FastifyReply {
  reply.hijack();
  request.sentBytes = body?.length ?? 0;
  if (body !== undefined) headers.push('Content-Length', String(body.length));
  const { raw } = reply;
  raw.writeHead(status, headers);
  if (body === undefined || request.method === 'HEAD') {
    raw.end();
    return reply;
  }
  // Corked: head and all buffers leave in one call to the kernel, and none is copied.
  const { buffers } = body;
  if (buffers.length > 1) raw.cork();
  for (let i = 0; i < buffers.length - 1; i += 1) raw.write(buffers[i]);
  raw.end(buffers.at(-1));
  if (buffers.length > 1) raw.uncork();
  slowReaders?.wrote(raw, buffers);
  return reply;
}
