/** One WebSocket handed to the leader: the handshake as a request, then bytes both ways until either side is done. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../actors/ports.ts';
import { eachHeader, type FlatHeaders } from '../headers.ts';
import { done, type Outcome } from './attempt.ts';
import { answerHeaders, flatHeaders } from './hop-headers.ts';
import { LeaderExchange } from './leader-exchange.ts';
import type { LeaderLink } from './leader-link.ts';

export interface UpgradeExchangeOptions {
  readonly link: LeaderLink;
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** What the client sent behind its handshake. */
  readonly head: Buffer;
  readonly path: string;
  readonly headers: readonly string[];
  readonly via: string;
  readonly startWithinMs: number;
  readonly readTimeoutMs: number;
  readonly clock: Clock;
  /** Called with the status of the answer before it goes out. */
  readonly onAnswer: (status: number) => void;
  /** Called once both connections are over, if there was an answer. */
  readonly onClosed: () => void;
}

/** Resolves once the leader has answered, or cannot. */
export function exchangeUpgrade(options: UpgradeExchangeOptions): Promise<Outcome> {
  return new Promise((resolve) => new UpgradeExchange(options, resolve).start());
}

class UpgradeExchange extends LeaderExchange implements Dispatcher.DispatchHandler {
  readonly #options: UpgradeExchangeOptions;

  constructor(options: UpgradeExchangeOptions, resolve: (outcome: Outcome) => void) {
    super(resolve);
    this.#options = options;
  }

  start(): void {
    const { link, path, headers, socket, clock, startWithinMs } = this.#options;
    socket.once('close', this.#onClientGone);
    this.forget = link.onRetired(() => this.giveUp('moved'));
    this.timer = clock.after(startWithinMs, () => this.giveUp('unreachable'));
    link.dispatch('stream', { path, method: 'GET', headers: [...headers], upgrade: 'websocket' }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#options.link.reach.reached();
    this.timer?.cancel();
    this.controller = controller;
    if (this.isSettled) {
      controller.abort(new Error('the request was given up'));
      return;
    }
    const { clock, readTimeoutMs } = this.#options;
    this.timer = clock.after(readTimeoutMs, () => this.giveUp('silent'));
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: IncomingHttpHeaders,
    upstream: Duplex,
  ): void {
    if (this.isSettled) {
      upstream.destroy();
      return;
    }
    const { socket, head, via, link, onAnswer, onClosed } = this.#options;
    this.settle(done);
    onAnswer(status);
    const switching = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
    socket.write(headOf(status, [...switching, ...answerHeaders(flatHeaders(controller.rawHeaders), via)]), 'latin1');
    if (head.length > 0) upstream.write(head);
    const forget = link.onRetired(() => {
      upstream.destroy();
      socket.destroySoon();
    });
    join(socket, upstream as Socket, () => {
      forget();
      onClosed();
    });
  }

  /** The leader refuses: its answer goes back as it is, and the connection ends with it. */
  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.isNoAnswer(status, headers)) return;
    const { socket, via, onAnswer, onClosed } = this.#options;
    this.settle(done);
    onAnswer(status);
    const flat = answerHeaders(flatHeaders(controller.rawHeaders), via);
    socket.write(headOf(status, ['Connection', 'close', ...flat]), 'latin1');
    socket.on('drain', () => controller.resume());
    socket.once('close', () => {
      if (!controller.aborted) controller.abort(new Error('the client left'));
      onClosed();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.saysNotLeading) return;
    if (!this.#options.socket.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.saysNotLeading) this.settleNotLeading();
    else this.#options.socket.destroySoon();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, _error: Error): void {
    if (this.saysNotLeading) this.settleNotLeading();
    else if (!this.isSettled) this.failWithoutAnswer();
    else if (this.controller?.rawHeaders !== null) this.#options.socket.destroy();
  }

  protected override letGo(): void {
    this.#options.socket.off('close', this.#onClientGone);
  }

  readonly #onClientGone = (): void => {
    this.settle(done);
    this.abort('the client left');
  };
}

function headOf(status: number, headers: FlatHeaders): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  eachHeader(headers, (name, value) => lines.push(`${name}: ${value}`));
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Joins two sockets. The end of one side is passed on as an end, a failure of one as the end of both. */
function join(client: Socket, leader: Socket, onClosed: () => void): void {
  let open = 2;
  for (const [from, to] of [
    [client, leader],
    [leader, client],
  ] as const) {
    from.setNoDelay(true);
    from.setTimeout(0);
    from.on('error', () => from.destroy());
    from.once('close', () => {
      // What has arrived from this side still reaches the other.
      to.destroySoon();
      open -= 1;
      if (open === 0) onClosed();
    });
    from.pipe(to);
  }
}
