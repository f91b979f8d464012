/**
 * The requests under way on one session: a bounded number of them with the library, a bounded number waiting, each settled exactly
 * once. The library itself queues without limit, and calls nobody back when a session expires (dependencies §5, faults 3, 4, 10).
 */
import type { Clock, Metrics } from '../../actors/ports.ts';
import { ZkError } from './errors.ts';

/** Answers one request: an error, or the value. */
export type Answer<T> = (error: unknown, value: T) => void;

export interface RequestLimits {
  readonly maxInFlight: number;
  readonly maxWaiting: number;
}

export const defaultRequestLimits: RequestLimits = { maxInFlight: 64, maxWaiting: 10_000 };

interface Request {
  /** Verb and path, for messages. */
  readonly what: string;
  readonly isWrite: boolean;
  readonly send: () => void;
  readonly fail: (error: ZkError) => void;
  sentAtMs: number;
}

export interface RequestQueueOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly limits: RequestLimits;
  /** A request was answered that had been sent at this monotonic time. */
  readonly onAnswered: (sentAtMs: number, isWrite: boolean) => void;
}

export class RequestQueue {
  readonly #options: RequestQueueOptions;
  readonly #sent = new Set<Request>();
  #waiting: Request[] = [];
  /** Requests handed to the library so far. */
  total = 0;

  constructor(options: RequestQueueOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#sent.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** `send` hands the request to the library; `read` makes the result of what it answered, or throws a `ZkError`. */
  add<T, R>(
    what: string,
    isWrite: boolean,
    send: (answer: Answer<T>) => void,
    read: (error: unknown, value: T) => R,
  ): Promise<R> {
    const { limits, metrics } = this.#options;
    metrics.count('zookeeper.requests');
    return new Promise<R>((resolve, reject) => {
      if (this.#waiting.length >= limits.maxWaiting) {
        metrics.count('zookeeper.errors');
        reject(new ZkError('OVERLOADED', `${what}: ${limits.maxWaiting} requests are waiting already`));
        return;
      }
      const request: Request = {
        what,
        isWrite,
        sentAtMs: 0,
        send: () => send((error, value) => this.#answered(request, () => resolve(read(error, value)))),
        fail: (error) => {
          metrics.count('zookeeper.errors');
          reject(error);
        },
      };
      this.#waiting.push(request);
      this.#pump();
    });
  }

  /** Fails everything: what the library has is unknown if it writes, what it has not is certainly not done. */
  failAll(code: 'CONNECTION_LOSS' | 'SESSION_ENDED', reason: string): void {
    const [sent, waiting] = [[...this.#sent], this.#waiting];
    this.#sent.clear();
    this.#waiting = [];
    for (const { fail, what, isWrite } of sent) fail(new ZkError(code, `${what}: ${reason}`, { isUnknown: isWrite }));
    for (const { fail, what } of waiting) fail(new ZkError(code, `${what}: ${reason}`));
  }

  #pump(): void {
    while (this.#sent.size < this.#options.limits.maxInFlight) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      this.total++;
      request.sentAtMs = this.#options.clock.monotonic();
      this.#sent.add(request);
      try {
        request.send();
      } catch (error) {
        // The library refuses by throwing: paths and data that it does not like.
        this.#sent.delete(request);
        request.fail(new ZkError('BAD_ARGUMENT', `${request.what}: ${messageOf(error)}`));
      }
    }
  }

  #answered(request: Request, settle: () => void): void {
    // Late: it has been failed already, and its caller has gone on.
    if (!this.#sent.delete(request)) return;
    const { clock, metrics, onAnswered } = this.#options;
    metrics.time('zookeeper.request', clock.monotonic() - request.sentAtMs);
    try {
      settle();
      onAnswered(request.sentAtMs, request.isWrite);
    } catch (error) {
      request.fail(error instanceof ZkError ? error : new ZkError('OTHER', `${request.what}: ${messageOf(error)}`));
      // A refusal by the server is an answer too; that a connection is gone is said by the library itself.
      if (!(error instanceof ZkError && (error.isUnknown || error.code === 'OTHER')))
        onAnswered(request.sentAtMs, request.isWrite);
    }
    this.#pump();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
