import { type NactRef, spawnWorker, stopNact, type Worker, wake } from './nact-link.ts';

/** Nact actors that wait to be borrowed again; what is more than these is given up. */
export const maxIdleTakers = 4_096;

/** A nact actor that runs the turns of one actor after another. */
export class TurnTaker implements Worker {
  /** Whose turns it runs now. */
  borrower: Worker | undefined = undefined;
  readonly #takers: TurnTakers;
  readonly #ref: NactRef;

  constructor(takers: TurnTakers, system: NactRef, name: string) {
    this.#takers = takers;
    this.#ref = spawnWorker(system, name, this);
  }

  wake(): void {
    wake(this.#ref);
  }

  /** The borrower may have no more to do, or have ended before this turn came. */
  turn(): void {
    this.borrower?.turn();
    if (this.borrower === undefined) this.#takers.giveBack(this);
  }

  turnBroke(error: unknown): void {
    this.borrower?.turnBroke(error);
    if (this.borrower === undefined) this.#takers.giveBack(this);
  }

  end(): void {
    stopNact(this.#ref);
  }
}

/**
 * Lends nact actors to light actors while they have messages: at rest such an actor costs nothing of nact, and waking it allocates no
 * nact actor. A borrower sets `borrower` to undefined when it is done; the taker comes back by itself behind the turn that is under way.
 */
export class TurnTakers {
  readonly #system: NactRef;
  readonly #nextName: () => string;
  readonly #idle: TurnTaker[] = [];
  #isClosed = false;

  constructor(system: NactRef, nextName: () => string) {
    this.#system = system;
    this.#nextName = nextName;
  }

  /** Takers that wait to be borrowed. */
  get idle(): number {
    return this.#idle.length;
  }

  lend(borrower: Worker): TurnTaker {
    const taker = this.#idle.pop() ?? new TurnTaker(this, this.#system, this.#nextName());
    taker.borrower = borrower;
    return taker;
  }

  giveBack(taker: TurnTaker): void {
    if (this.#isClosed || this.#idle.length >= maxIdleTakers) taker.end();
    else this.#idle.push(taker);
  }

  close(): void {
    this.#isClosed = true;
    for (const taker of this.#idle.splice(0)) taker.end();
  }
}
