/**
 * `--http_max_concurrent_requests`: how many requests may be under way at once (rest-api §1.7). What comes beyond is told to come
 * again, at once: no queue, since whoever floods a server would fill it. Event streams and WebSockets hold no slot.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { refusal } from '../core/refusal.ts';
import type { ApiDependencies } from './dependencies.ts';
import { isWrite } from './follower/turn-away.ts';
import { sendRefusal } from './respond.ts';

/** The slots of one server. */
export class RequestSlots {
  readonly #holders = new Set<FastifyRequest>();
  readonly #limit: number;

  /** Infinity for no limit: then nothing is counted. */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  get isLimited(): boolean {
    return Number.isFinite(this.#limit);
  }

  get taken(): number {
    return this.#holders.size;
  }

  /** False if all slots are taken. */
  take(request: FastifyRequest): boolean {
    if (this.#holders.size >= this.#limit) return false;
    this.#holders.add(request);
    return true;
  }

  /** Gives the slot back; does nothing for a request that holds none. */
  readonly release = (request: FastifyRequest): void => {
    this.#holders.delete(request);
  };
}

/** Installs the hook. Requests that are refused are counted, and change nothing. */
export function limitRequests(
  server: FastifyInstance,
  slots: RequestSlots,
  { config, metrics }: ApiDependencies,
): void {
  if (!slots.isLimited) return;
  const message = `Too many concurrent requests! Allowed: ${config.maxConcurrentRequests}.`;
  metrics.gauge('http.requests.slots.taken', () => slots.taken);
  server.addHook('onRequest', (request, reply, done) => {
    if (slots.take(request)) {
      done();
      return;
    }
    metrics.count('http.requests.turned-away');
    const outcome = isWrite(request.method) ? { 'Marathon-Write-Outcome': 'refused' } : {};
    sendRefusal(reply, refusal('unavailable', message, { headers: { 'Retry-After': '1', ...outcome } }));
  });
}
