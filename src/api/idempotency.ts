/**
 * `Idempotency-Key`: a POST that is sent again, since its answer got lost, is not carried out again but answered as before, for a day.
 * The server that answered has the very bytes in memory. What came of a change of definitions is also stored with the change
 * (`core/request-keys.ts`), so that the next leader knows it; routes pass on `requestKeyOf`.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../core/refusal.ts';
import { maxRequestKeyAgeMs, maxRequestKeys, otherRequest, type RequestKey } from '../core/request-keys.ts';
import type { ApiDependencies } from './dependencies.ts';
import { bool, queryOf } from './query.ts';
import { sendRefusal } from './respond.ts';

/** Longest key in characters. */
const maxKeyLength = 255;
/** Answers larger than this are not kept, so that all of them stay below 64 MB. */
const maxKeptBytes = 64 * 1024;

interface Kept {
  /** What was asked: another request with the same key is a mistake. */
  readonly fingerprint: string;
  readonly atMs: number;
  /** Absent while the first request is under way. */
  answer?: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };
}

/** Headers of an answer that belong to what was done. */
const keptHeaders = ['content-type', 'location', 'marathon-deployment-id', 'marathon-warnings'];

/** Installs the hooks. Only answers of success are kept: what was refused may be tried again. */
export function installIdempotency(server: FastifyInstance, { clock, metrics }: ApiDependencies): void {
  const keys = new Map<string, Kept>();
  const pending = new WeakMap<FastifyRequest, string>();
  metrics.gauge('http.idempotency-keys.size', () => keys.size);

  // In callback style: nearly all requests have no key, and must not pay for it.
  server.addHook('preHandler', (request, reply, done) => {
    const key = keyOf(request);
    if (key === undefined) {
      done();
      return;
    }
    if (key === '' || key.length > maxKeyLength) {
      const message = `Idempotency-Key must have 1 to ${maxKeyLength} characters`;
      sendRefusal(reply, refusal('badRequest', message));
      return;
    }
    const fingerprint = fingerprintOf(request);
    const known = keys.get(key);
    if (known && clock.now() - known.atMs < maxRequestKeyAgeMs) {
      again(reply, known, fingerprint);
      return;
    }
    keys.delete(key);
    for (const oldest of keys.keys()) {
      if (keys.size < maxRequestKeys) break;
      keys.delete(oldest);
    }
    keys.set(key, { fingerprint, atMs: clock.now() });
    pending.set(request, key);
    done();
  });

  server.addHook('onSend', (request, reply, payload, done) => {
    const key = pending.get(request);
    if (key !== undefined) keep(request, reply, key, payload);
    done();
  });

  function keep(request: FastifyRequest, reply: FastifyReply, key: string, payload: unknown): void {
    pending.delete(request);
    const kept = keys.get(key);
    const body = Buffer.isBuffer(payload) ? payload : Buffer.from(typeof payload === 'string' ? payload : '');
    const isDone = reply.statusCode >= 200 && reply.statusCode < 300 && body.length <= maxKeptBytes;
    if (!kept || !isDone) {
      keys.delete(key);
      return;
    }
    const headers: Record<string, string> = {};
    for (const name of keptHeaders) {
      const value = reply.getHeader(name);
      if (value !== undefined) headers[name] = String(value);
    }
    kept.answer = { status: reply.statusCode, headers, body };
  }
}

function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key'];
  if (request.method !== 'POST' || header === undefined) return undefined;
  // It does nothing: the key is still free for the write.
  if (bool(queryOf(request), 'dryRun', false)) return undefined;
  return typeof header === 'string' ? header : header.join();
}

/** The key of a POST, for the command that it leads to; empty without one. */
export function requestKeyOf(request: FastifyRequest): { readonly requestKey?: RequestKey } {
  const key = keyOf(request);
  return key === undefined ? {} : { requestKey: { key, fingerprint: fingerprintOf(request) } };
}

function fingerprintOf(request: FastifyRequest): string {
  const hash = createHash('sha256').update(`${request.raw.url}\n`);
  if (request.body instanceof Uint8Array) hash.update(request.body);
  return hash.digest('base64');
}

function again(reply: FastifyReply, { fingerprint: first, answer }: Kept, fingerprint: string): FastifyReply {
  if (first !== fingerprint) {
    return sendRefusal(reply, otherRequest);
  }
  if (!answer) {
    const headers = { 'Retry-After': '1' };
    return sendRefusal(
      reply,
      refusal('alreadyExists', 'The request with this Idempotency-Key is under way', { headers }),
    );
  }
  return reply
    .code(answer.status)
    .headers({ ...answer.headers, 'idempotency-replayed': 'true' })
    .send(answer.body);
}
