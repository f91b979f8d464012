/**
 * Answers to GET from cached bytes (design §7): rendered once for each state version and URL, compressed once, and not sent
 * at all to a reader that already has them.
 */
import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { acceptsGzip } from './accept.ts';
import type { FlatHeaders } from './headers.ts';
import { jsonType, sendRefusal, textType } from './respond.ts';

/** Answers kept; all of them belong to the newest state version. */
export const maxCachedAnswers = 256;
/** Bytes kept, compressed copies included. The newest answer is kept even if it alone is larger. */
export const maxCachedBytes = 128 * 1024 * 1024;
/** Smaller bodies are not worth compressing. */
const minGzipBytes = 1024;
/** Above this size compression runs in the thread pool. */
const maxSyncGzipBytes = 5 * 1024 * 1024;
const gzipOptions = { level: 2 };
const gzipAsync = promisify(gzip);

/** What to answer, if the reader does not have it yet. */
export interface Rendering {
  readonly render: () => Result<string, Refusal>;
  readonly isText?: boolean;
  /** Names what the answer depends on besides state and URL, such as the second of a clock; absent = nothing. */
  readonly variant?: string;
}

interface Entry {
  readonly body: Buffer;
  gzipped?: Buffer | Promise<Buffer>;
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
  /** Differs between two processes, so that nobody takes the state of one for that of another. */
  readonly generation: string;
}

/** Makes the cache of one server. */
export function cachedAnswers(options: CacheOptions): CachedAnswers {
  const entries = new Map<string, Entry>();
  let held = 0;
  let version = -1;

  const keep = (key: string, entry: Entry): void => {
    for (const [oldKey, old] of entries) {
      if (entries.size < maxCachedAnswers && held + entry.bytes <= maxCachedBytes) break;
      entries.delete(oldKey);
      held -= old.bytes;
    }
    entries.set(key, entry);
    held += entry.bytes;
  };

  const grown = (entry: Entry, gzipped: Buffer, key: string): Buffer => {
    entry.gzipped = gzipped;
    entry.bytes += gzipped.length;
    if (entries.get(key) === entry) held += gzipped.length;
    return gzipped;
  };

  const compressed = (entry: Entry, key: string): Buffer | Promise<Buffer> => {
    if (entry.gzipped) return entry.gzipped;
    if (entry.body.length <= maxSyncGzipBytes) return grown(entry, gzipSync(entry.body, gzipOptions), key);
    entry.gzipped = gzipAsync(entry.body, gzipOptions).then((bytes) => grown(entry, bytes, key));
    return entry.gzipped;
  };

  const send: CachedAnswers['send'] = async (request, reply, { render, isText = false, variant = '' }) => {
    const now = options.stateVersion();
    if (now !== version) {
      entries.clear();
      held = 0;
      version = now;
    }
    const type = isText ? textType : jsonType;
    const etag = `W/"${options.generation}-${now}${isText ? '-text' : ''}${variant && `-${variant}`}"`;
    const base = [...options.headers(request.headers), 'ETag', etag, 'Vary', 'Accept, Accept-Encoding'];
    if (isKnown(request.headers['if-none-match'], etag)) return write(request, reply, 304, base);
    const key = `${type} ${variant} ${request.raw.url ?? ''}`;
    let entry = entries.get(key);
    if (!entry) {
      const rendered = render();
      if (!rendered.ok) return sendRefusal(reply, rendered.error);
      const body = Buffer.from(rendered.value);
      entry = { body, bytes: body.length };
      keep(key, entry);
    }
    base.push('Content-Type', type);
    const isLarge = entry.body.length >= minGzipBytes;
    if (!options.compression || !isLarge || !acceptsGzip(request.headers['accept-encoding'])) {
      return write(request, reply, 200, base, entry.body);
    }
    const packed = compressed(entry, key);
    const bytes = packed instanceof Promise ? await packed : packed;
    return write(request, reply, 200, [...base, 'Content-Encoding', 'gzip'], bytes);
  };

  return { send, size: () => ({ answers: entries.size, bytes: held }) };
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
