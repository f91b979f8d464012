/**
 * Health probes over real sockets, in a thread of their own: thousands in a second cost the leader's loop a few messages. A thread
 * that dies or hangs is replaced; its probes are answered `notAsked`, which is nobody's failure (behaviour §6.2, design §4).
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Clock, Logger, Metrics, ProbeRequest, ProbeResult, Prober, TimerHandle } from '../actors/ports.ts';
import type { WireAnswer, WireRequest } from './prober/wire.ts';
import { maxOutstanding, requestGatherMs } from './prober/wire.ts';

export interface ProberOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The file that runs in the thread; tests replace it by bad ones. */
  readonly workerFile?: URL;
  /** How long after its time-out an answer may still be on its way before the thread counts as hung. */
  readonly hungAfterMs?: number;
}

/** Pause before a thread is started again, doubling up to the second value while none of them answers. */
const restartMs = [100, 10_000] as const;
const defaultHungAfterMs = 15_000;
/** A thread that needs more has a leak, and is replaced. */
const maxHeapMiB = 256;

interface Outstanding {
  readonly done: (result: ProbeResult) => void;
  readonly overdueAtMs: number;
}

/** The prober. The thread is started by the first probe; `close` ends it and answers nothing any more. */
export function createProber(options: ProberOptions): Prober {
  const prober = new WorkerProber(options);
  options.metrics.gauge('health-checks.prober.outstanding', () => prober.size);
  return { probe: (request, done) => prober.probe(request, done), close: () => prober.close() };
}

class WorkerProber {
  readonly #options: ProberOptions;
  readonly #hungAfterMs: number;
  readonly #outstanding = new Map<number, Outstanding>();
  #outbox: WireRequest[] = [];
  #lastId = 0;
  #worker: Worker | undefined;
  #startsInVain = 0;
  #isClosed = false;
  /** Sends the outbox; while there is no thread it waits for the restart. */
  #sending: TimerHandle | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #watch: TimerHandle | undefined;
  #isSuspected = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#hungAfterMs = options.hungAfterMs ?? defaultHungAfterMs;
  }

  get size(): number {
    return this.#outstanding.size;
  }

  probe(
    { protocol, host, port, path, timeoutMs, bodyBytes = 0 }: ProbeRequest,
    done: (result: ProbeResult) => void,
  ): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    if (this.#outstanding.size >= maxOutstanding) {
      clock.after(0, () => done({ type: 'notAsked', reason: 'too many probes are open' }));
      return;
    }
    const id = ++this.#lastId;
    this.#outstanding.set(id, { done, overdueAtMs: clock.monotonic() + timeoutMs + this.#hungAfterMs });
    this.#outbox.push([id, protocol, host, port, path, timeoutMs, bodyBytes]);
    this.#sending ??= clock.after(Math.max(requestGatherMs, this.#notBeforeMs - clock.monotonic()), () => this.#send());
    this.#watch ??= clock.after(this.#hungAfterMs / 2, () => this.#lookAfter());
  }

  close(): void {
    this.#isClosed = true;
    this.#sending?.cancel();
    this.#watch?.cancel();
    this.#outstanding.clear();
    this.#outbox = [];
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.terminate().catch((error: unknown) => this.#options.logger.error('prober.terminate', {}, error));
  }

  #send(): void {
    this.#sending = undefined;
    this.#worker ??= this.#start();
    const sent = this.#outbox;
    this.#outbox = [];
    this.#worker.postMessage(sent);
  }

  #start(): Worker {
    const file = this.#options.workerFile ?? ownWorkerFile;
    const worker = startThread(file);
    worker.unref();
    worker.on('message', (answers: readonly WireAnswer[]) => {
      if (this.#worker === worker) this.#answered(answers);
    });
    worker.on('error', (error) => this.#lost(worker, error));
    worker.on('exit', (code) => this.#lost(worker, new Error(`the thread ended with code ${code}`)));
    return worker;
  }

  #answered(answers: readonly WireAnswer[]): void {
    this.#startsInVain = 0;
    this.#isSuspected = false;
    for (const answer of answers) {
      const probe = this.#outstanding.get(answer[0]);
      this.#outstanding.delete(answer[0]);
      probe?.done(resultOf(answer));
    }
  }

  /** The thread is gone, or given up: whoever waits for it was not asked, as far as we know. */
  #lost(worker: Worker, error: Error): void {
    if (this.#worker !== worker || this.#isClosed) return;
    this.#worker = undefined;
    const { clock, logger, metrics } = this.#options;
    const [firstMs, longestMs] = restartMs;
    this.#notBeforeMs = clock.monotonic() + Math.min(longestMs, firstMs * 2 ** Math.min(20, this.#startsInVain++));
    metrics.count('health-checks.prober.restarts');
    logger.error('prober.lost', { probes: this.#outstanding.size }, error);
    const lost = [...this.#outstanding.values()];
    this.#outstanding.clear();
    this.#outbox = [];
    this.#sending?.cancel();
    this.#sending = undefined;
    for (const { done } of lost) done({ type: 'notAsked', reason: 'the thread of the prober ended' });
  }

  /**
   * A thread is hung if a probe stays overdue from one look to the next and nothing at all was heard in between: after a pause of
   * the whole process the first look finds everything overdue, with the answers still to be read.
   */
  #lookAfter(): void {
    const { clock } = this.#options;
    this.#watch = undefined;
    if (this.#outstanding.size === 0) return;
    const nowMs = clock.monotonic();
    let isOverdue = false;
    for (const { overdueAtMs } of this.#outstanding.values()) isOverdue ||= overdueAtMs < nowMs;
    const worker = this.#worker;
    if (isOverdue && this.#isSuspected && worker) {
      this.#isSuspected = false;
      this.#lost(worker, new Error('the thread does not answer'));
      worker.terminate().catch((error: unknown) => this.#options.logger.error('prober.terminate', {}, error));
      return;
    }
    this.#isSuspected = isOverdue;
    this.#watch = clock.after(this.#hungAfterMs / 2, () => this.#lookAfter());
  }
}

function resultOf([, type, value, contentType, body]: WireAnswer): ProbeResult {
  switch (type) {
    case 'answered':
      if (body !== undefined)
        return { type: 'answered', status: value as number, contentType: contentType ?? '', body };
      return value === 0 ? { type: 'answered' } : { type: 'answered', status: value as number };
    case 'failed':
      return { type: 'failed', cause: value as string };
    case 'notAsked':
      return { type: 'notAsked', reason: value as string };
  }
}

const isFromSources = import.meta.url.endsWith('.ts');
const ownWorkerFile = new URL(isFromSources ? './prober/worker.ts' : './prober/worker.js', import.meta.url);

/** From the sources (tests, `npm run dev`) a thread must register tsx by itself: Node 20 does not hand its loaders on. */
function startThread(file: URL): Worker {
  const options = { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB } };
  if (!file.pathname.endsWith('.ts')) return new Worker(file, options);
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const tsx = new URL('./esm/api/index.mjs', loader).href;
  const code = `const load = async () => { (await import('${tsx}')).register(); await import('${file.href}'); }; load();`;
  return new Worker(code, { ...options, eval: true });
}
