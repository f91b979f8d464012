/** One request handed to the leader and its answer handed back, both streamed: neither is ever held as a whole. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../actors/ports.ts';
import { done, type Outcome } from './attempt.ts';
import { answerHeaders, flatHeaders } from './hop-headers.ts';
import { LeaderExchange } from './leader-exchange.ts';
import type { Lane, LeaderLink } from './leader-link.ts';
import { hasBody, RequestBody } from './request-body.ts';

export interface ExchangeOptions {
  readonly link: LeaderLink;
  readonly lane: Lane;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path and query as the leader gets them. */
  readonly path: string;
  readonly headers: readonly string[];
  readonly via: string;
  /** May be sent again: given up as soon as another server leads. */
  readonly isSafe: boolean;
  /** The connection must be there within this time. */
  readonly startWithinMs: number;
  readonly readTimeoutMs: number;
  readonly clock: Clock;
  /** Called before the first byte of the answer goes out. */
  readonly onAnswer: () => void;
  /** Called with the bytes of the answer's body as they pass. */
  readonly onBytes: (bytes: number) => void;
  /** Called once undici is done with the request, which may be later than the outcome. */
  readonly onReleased: () => void;
}

/** Resolves once the answer has passed, or cannot come any more. */
export function exchange(options: ExchangeOptions): Promise<Outcome> {
  return new Promise((resolve) => new Exchange(options, resolve).start());
}

class Exchange extends LeaderExchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #body: RequestBody | undefined;
  #isAnswering = false;
  #bodyBytes = 0;

  constructor(options: ExchangeOptions, resolve: (outcome: Outcome) => void) {
    super(resolve);
    this.#options = options;
    this.#body = hasBody(options.request) ? new RequestBody(options.request) : undefined;
    // Whatever goes wrong with it is heard as an error of the request.
    this.#body?.on('error', () => {});
  }

  start(): void {
    const { link, lane, request, response, path, headers, clock, startWithinMs } = this.#options;
    response.once('close', this.#onClientGone);
    this.forget = link.onRetired(this.#onRetired);
    this.timer = clock.after(startWithinMs, () => this.giveUp('unreachable'));
    const method = (request.method ?? 'GET') as Dispatcher.HttpMethod;
    link.dispatch(lane, { path, method, headers: [...headers], body: this.#body ?? null }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#options.link.reach.reached();
    this.timer?.cancel();
    this.controller = controller;
    // Too late: not a byte of it may leave.
    if (this.isSettled) controller.abort(new Error('the request was given up'));
    else this.#awaitHeaders();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.isNoAnswer(status, headers)) return;
    const { response, via, onAnswer, lane } = this.#options;
    const flat = answerHeaders(flatHeaders(controller.rawHeaders), via);
    this.#isAnswering = true;
    onAnswer();
    response.on('drain', this.#onDrain);
    response.writeHead(status, flat);
    // The reader of a stream wants to know at once that it is connected.
    if (lane === 'stream') response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isAnswering || this.isSettled) return;
    this.#options.onBytes(chunk.length);
    if (!this.#options.response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#options.onReleased();
    if (this.isSettled) return;
    if (this.saysNotLeading) {
      this.settleNotLeading();
      return;
    }
    this.#options.response.end();
    this.settle(done);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, _error: Error): void {
    this.#options.onReleased();
    if (this.isSettled) return;
    if (this.#isAnswering) {
      // Half an answer must not pass for a whole one.
      this.#options.response.destroy();
      this.settle(done);
    } else if (this.saysNotLeading) this.settleNotLeading();
    else this.failWithoutAnswer();
  }

  protected override abort(why: string): void {
    this.#body?.abandon();
    super.abort(why);
  }

  protected override letGo(): void {
    const { response } = this.#options;
    response.off('close', this.#onClientGone);
    response.off('drain', this.#onDrain);
  }

  /** A slow client may take its time; a leader that has all there is, or does not read it, may not. */
  #awaitHeaders(): void {
    const { clock, readTimeoutMs } = this.#options;
    this.timer = clock.after(readTimeoutMs, () => {
      const bytes = this.#body?.bytes ?? 0;
      if (this.#body?.isWaitingForClient || bytes !== this.#bodyBytes) {
        this.#bodyBytes = bytes;
        this.#awaitHeaders();
      } else this.giveUp('silent');
    });
  }

  readonly #onDrain = (): void => this.controller?.resume();

  readonly #onClientGone = (): void => {
    if (this.#options.response.writableFinished) return;
    this.settle(done);
    this.abort('the client left');
  };

  readonly #onRetired = (): void => {
    const { lane, isSafe, response } = this.#options;
    if (this.#isAnswering) {
      if (lane !== 'stream') return;
      response.end();
      this.settle(done);
      this.abort('another server leads');
    } else if (isSafe) this.giveUp('moved');
  };
}
