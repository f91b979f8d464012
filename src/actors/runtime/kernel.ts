import type { Clock, Logger, Metrics } from '../ports.ts';
import type { Cell, Family } from './cell.ts';
import { InboxPool } from './inbox.ts';
import type { NactRef } from './nact-link.ts';
import { TimerService } from './timer-service.ts';
import { TurnPacer } from './turn-pacer.ts';
import { TurnTakers } from './turn-takers.ts';
import type { RuntimeOptions, RuntimeStats } from './types.ts';

const DEFAULT_DRAIN_LIMIT = 64;
const DEFAULT_TURN_BUDGET_MS = 5;
/** An inbox with more messages than this times the drain limit is long. */
const LONG_INBOX_TURNS = 8;

/** What all actors of one runtime share: ports, counters, the stack of running actors, and who waits for quiet. */
export class Kernel {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly drainLimit: number;
  /** What an inbox holds beyond this is handled in one turn, as far as the time allows. */
  readonly longInbox: number;
  readonly inboxes = new InboxPool();
  readonly timers: TimerService;
  readonly pacer: TurnPacer;
  readonly takers: TurnTakers;
  actors = 0;
  deadLetters = 0;
  restarts = 0;
  queued = 0;
  handled = 0;
  /** True if some actor is to be stopped as soon as it has finished its message. */
  hasPendingStops = false;
  /** No actor begins a turn after this monotonic time; `-Infinity` while paused. */
  turnDeadlineMs = Number.POSITIVE_INFINITY;
  #onLate: (() => void) | undefined;
  /** Actors whose turn came while nobody may begin one. */
  #parked: Cell[] = [];
  #names = 0;
  #busy = 0;
  #idleWaiters: (() => void)[] = [];
  #isConfirmingIdle = false;
  readonly #running: Family[] = [];
  #pendingStops: Cell[] = [];
  readonly #stopNow: (cell: Cell) => void;

  /** `system` is nact's; `stopNow` ends a tree whose handlers are all at rest. */
  constructor(options: RuntimeOptions, system: NactRef, stopNow: (cell: Cell) => void) {
    this.clock = options.clock;
    this.logger = options.logger;
    this.metrics = options.metrics;
    this.drainLimit = Math.max(1, options.drainLimit ?? DEFAULT_DRAIN_LIMIT);
    this.longInbox = this.drainLimit * LONG_INBOX_TURNS;
    this.timers = new TimerService(options.clock);
    this.pacer = new TurnPacer(options.clock, options.turnBudgetMs ?? DEFAULT_TURN_BUDGET_MS);
    this.takers = new TurnTakers(system, () => this.nextName());
    this.#stopNow = stopNow;
  }

  /** A name that nact has never seen in this runtime, so that an old reference can never reach a new actor. */
  nextName(): string {
    this.#names += 1;
    return this.#names.toString(36);
  }

  /** Sets the time after which turns wait; the first one that does calls `onLate`, once. Ends a pause. */
  runUntil(monotonicMs: number, onLate: () => void): void {
    this.turnDeadlineMs = monotonicMs;
    this.#onLate = onLate;
    const parked = this.#parked;
    this.#parked = [];
    for (const cell of parked) cell.unpark();
  }

  /** From now on turns wait. */
  pause(): void {
    this.turnDeadlineMs = Number.NEGATIVE_INFINITY;
    this.#onLate = undefined;
  }

  /** Keeps an actor that came too late. */
  park(cell: Cell): void {
    this.#parked.push(cell);
    const onLate = this.#onLate;
    if (onLate === undefined) return;
    this.pause();
    this.metrics.count('actors.pauses');
    onLate();
  }

  /** Counts messages that reach nobody. Returns false, as `tell` must. */
  deadLetter(messages: number): false {
    this.deadLetters += messages;
    this.metrics.count('actors.dead-letters', messages);
    return false;
  }

  /** Marks that code of this actor is on the call stack, until `leave`. */
  enter(cell: Cell): void {
    this.#running.push(cell);
  }

  /** Ends the last `enter`, and stops what was to be stopped once that code had finished. */
  leave(): void {
    this.#running.pop();
    if (this.hasPendingStops) this.#runPendingStops();
  }

  /** Whether code of some actor is on the call stack. */
  get isInHandler(): boolean {
    return this.#running.length > 0;
  }

  /** Stops the tree now, or as soon as no code of its actors is on the call stack. */
  stop(cell: Cell): void {
    if (!cell.isAlive) return;
    if (!this.#isRunning(cell)) {
      this.#stopNow(cell);
      return;
    }
    cell.phase = 'doomed';
    this.#pendingStops.push(cell);
    this.hasPendingStops = true;
  }

  /** An actor went from idle to having messages. */
  becameBusy(): void {
    this.#busy += 1;
  }

  /** The reverse of `becameBusy`. */
  becameIdle(): void {
    this.#busy -= 1;
    if (this.#busy === 0 && this.#idleWaiters.length > 0) this.#confirmIdle();
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
      if (this.#busy === 0) this.#confirmIdle();
    });
  }

  stats(): RuntimeStats {
    const { actors, deadLetters, restarts, queued, handled } = this;
    return { actors, deadLetters, restarts, queued, handled };
  }

  /** Waits one more turn of the loop: what a port answers at once (a resolved promise, an immediate) still counts as work. */
  #confirmIdle(): void {
    if (this.#isConfirmingIdle) return;
    this.#isConfirmingIdle = true;
    setImmediate(() => {
      this.#isConfirmingIdle = false;
      if (this.#busy > 0) return;
      const waiters = this.#idleWaiters;
      this.#idleWaiters = [];
      for (const resolve of waiters) resolve();
    });
  }

  #isRunning(tree: Cell): boolean {
    for (const running of this.#running) {
      for (let at: Family | undefined = running; at !== undefined; at = at.parent) if (at === tree) return true;
    }
    return false;
  }

  #runPendingStops(): void {
    const pending = this.#pendingStops;
    this.#pendingStops = [];
    for (const cell of pending) {
      if (cell.phase !== 'doomed') continue;
      if (this.#isRunning(cell)) this.#pendingStops.push(cell);
      else this.#stopNow(cell);
    }
    this.hasPendingStops = this.#pendingStops.length > 0;
  }
}
