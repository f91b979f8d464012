/** What a request and a WebSocket that are handed to the leader have in common: when they are over, and how they are given up. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { TimerHandle } from '../../actors/ports.ts';
import type { Failure, Outcome } from './attempt.ts';
import { notLeadingHeader } from './hop-headers.ts';

/** One exchange. Its outcome is told once, whatever happens afterwards. */
export abstract class LeaderExchange {
  readonly #resolve: (outcome: Outcome) => void;
  /** Absent while not a byte of the request can have left. */
  protected controller: Dispatcher.DispatchController | undefined;
  protected timer: TimerHandle | undefined;
  /** Ends the wait for another leader. */
  protected forget: () => void = () => {};
  protected isSettled = false;
  /** It has said that it does not lead, and its answer is only waited for. */
  protected saysNotLeading = false;

  constructor(resolve: (outcome: Outcome) => void) {
    this.#resolve = resolve;
  }

  /** Takes the listeners off. */
  protected abstract letGo(): void;

  /** The head of an answer is there; true if it is none to pass on. */
  protected isNoAnswer(status: number, headers: IncomingHttpHeaders): boolean {
    if (status < 200 || this.isSettled) return true;
    this.timer?.cancel();
    this.saysNotLeading = status === 503 && headers[notLeadingHeader.toLowerCase()] !== undefined;
    return this.saysNotLeading;
  }

  /** The answer that said so is over. */
  protected settleNotLeading(): void {
    this.settle({ type: 'failed', failure: 'notLeading', sent: true });
  }

  /** There was no answer, and the request is not given up. */
  protected failWithoutAnswer(): void {
    this.#fail(this.controller === undefined ? 'unreachable' : 'broken');
  }

  protected giveUp(failure: Failure): void {
    this.#fail(failure);
    this.abort(failure);
  }

  protected abort(why: string): void {
    if (this.controller && !this.controller.aborted) this.controller.abort(new Error(why));
  }

  protected settle(outcome: Outcome): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.timer?.cancel();
    this.forget();
    this.letGo();
    this.#resolve(outcome);
  }

  #fail(failure: Failure): void {
    this.settle({ type: 'failed', failure, sent: this.controller !== undefined });
  }
}
