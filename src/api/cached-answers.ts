/**
 * Answers to GET from cached bytes (design §7): rendered once for each state version and URL, compressed once, and not sent
 * at all to a reader that already has them.
 */
import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { encodingFor } from './accept.ts';
import type { FlatHeaders } from './headers.ts';
import { jsonType, sendRefusal, textType } from './respond.ts';

/** Answers kept; all of them belong to the newest state version. */
const maxCachedAnswers = 256;
/** Bytes kept, compressed copies included. The newest answer is kept even if it alone is larger. */
const maxCachedBytes = 128 * 1024 * 1024;
/** Smaller bodies are not worth compressing. */
const minGzipBytes = 1024;
/** Above this size compression runs in the thread pool. */
const maxSyncGzipBytes = 5 * 1024 * 1024;
const gzipOptions = { level: 2 };
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } };
const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

const packers = {
  gzip: { now: (body: Buffer) => gzipSync(body, gzipOptions), later: (body: Buffer) => gzipAsync(body, gzipOptions) },
  br: {
    now: (body: Buffer) => brotliCompressSync(body, brotliOptions),
    later: (body: Buffer) => brotliAsync(body, brotliOptions),
  },
} as const;

type Packing = keyof typeof packers;

/** What to answer, if the reader does not have it yet. */
export interface Rendering {
  readonly render: () => Result<string, Refusal>;
  readonly isText?: boolean;
  /** Names what the answer depends on besides state and URL, such as the second of a clock; absent = nothing. */
  readonly variant?: string;
  /** Sent beside those that every answer has. */
  readonly headers?: FlatHeaders;
}

interface Entry {
  readonly key: string;
  readonly body: Buffer;
  packed: Partial<Record<Packing, Buffer | Promise<Buffer>>>;
  bytes: number;
}

export interface CachedAnswers {
  readonly send: (request: FastifyRequest, reply: FastifyReply, rendering: Rendering) => Promise<FastifyReply>;
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
}

/** Makes the cache of one server. */
export function cachedAnswers(options: CacheOptions): CachedAnswers {
  const store = new AnswerStore();
  const send: CachedAnswers['send'] = async (request, reply, rendering) => {
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
      entry = store.add(key, Buffer.from(rendered.value));
    }
    base.push('Content-Type', type);
    const isLarge = entry.body.length >= minGzipBytes;
    const encoding = options.compression && isLarge ? encodingFor(request.headers['accept-encoding']) : undefined;
    if (!encoding) return write(request, reply, 200, base, entry.body);
    const packed = store.compressed(entry, encoding);
    const bytes = packed instanceof Promise ? await packed : packed;
    options.onGzipped(bytes.length);
    return write(request, reply, 200, [...base, 'Content-Encoding', encoding], bytes);
  };
  return { send, size: () => ({ answers: store.count, bytes: store.heldBytes }) };
}

/** Answers of one state version. */
class AnswerStore {
  readonly #entries = new Map<string, Entry>();
  #version = -1;
  heldBytes = 0;

  get count(): number {
    return this.#entries.size;
  }

  /** Forgets everything if the state has changed. */
  startAt(version: number): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#entries.clear();
    this.heldBytes = 0;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Keeps an answer, in the place of the oldest ones where there is none left. */
  add(key: string, body: Buffer): Entry {
    for (const [oldKey, old] of this.#entries) {
      if (this.#entries.size < maxCachedAnswers && this.heldBytes + body.length <= maxCachedBytes) break;
      this.#entries.delete(oldKey);
      this.heldBytes -= old.bytes;
    }
    const entry: Entry = { key, body, packed: {}, bytes: body.length };
    this.#entries.set(key, entry);
    this.heldBytes += entry.bytes;
    return entry;
  }

  compressed(entry: Entry, packing: Packing): Buffer | Promise<Buffer> {
    const known = entry.packed[packing];
    if (known) return known;
    if (entry.body.length <= maxSyncGzipBytes) return this.#grow(entry, packing, packers[packing].now(entry.body));
    const later = packers[packing].later(entry.body).then(
      (bytes) => this.#grow(entry, packing, bytes),
      (error) => {
        delete entry.packed[packing];
        throw error;
      },
    );
    entry.packed[packing] = later;
    return later;
  }

  #grow(entry: Entry, packing: Packing, bytes: Buffer): Buffer {
    entry.packed[packing] = bytes;
    entry.bytes += bytes.length;
    if (this.#entries.get(entry.key) === entry) this.heldBytes += bytes.length;
    return bytes;
  }
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
  headers: readonly string[],
  body?: Buffer,
): FastifyReply {
  reply.hijack();
  request.sentBytes = body?.length ?? 0;
  const length = body === undefined ? [] : ['Content-Length', String(body.length)];
  reply.raw.writeHead(status, [...headers, ...length]);
  if (body === undefined || request.method === 'HEAD') reply.raw.end();
  else reply.raw.end(body);
  return reply;
}
