import type { Ask } from './ask.ts';
import type { Inbox } from './inbox.ts';
import type { Kernel } from './kernel.ts';
import { type NactRef, spawnQuiet, wake } from './nact-link.ts';
import { ChildEnded, OwnMessage } from './own-message.ts';
import { endCell, failCell } from './supervision.ts';
import type { CellTimers } from './timers.ts';
import type { TurnTaker } from './turn-takers.ts';
import type { ActorRef, Behaviour, Context, SpawnOptions, StopReason } from './types.ts';

const DEFAULT_INBOX_LIMIT = 100_000;
const FULL_LOG_PERIOD_MS = 1000;
const NEVER = -FULL_LOG_PERIOD_MS;

/** Takes messages / finishes its last message, then stops / is being stopped / is gone. */
export type Phase = 'alive' | 'doomed' | 'stopping' | 'stopped';

/** What a child sees of its parent: another actor, or the root of the runtime. */
export interface Family {
  readonly parent: Family | undefined;
  readonly path: string;
  readonly phase: Phase;
  /** Live children in order of start. */
  children: Map<string, Cell> | undefined;
  /** Where nact keeps the children. */
  readonly nest: () => NactRef;
  /** Takes note that a child has ended, unless the parent itself is being torn down. */
  readonly childEnded: (child: Cell, reason: StopReason) => void;
}

/** Types are erased inside the runtime: a cell and its behaviour were matched when it was spawned. */
export type AnyBehaviour = Behaviour<unknown, unknown>;
export type AnyOptions = SpawnOptions<unknown>;

/**
 * One actor. It is its own reference: what others hold is this object, so a reference never reaches a namesake. There may be
 * a hundred thousand, so fields that few need are made on first use and methods are on the prototype: call `ref.tell(message)`,
 * do not pass `ref.tell` on.
 */
export class Cell implements ActorRef<unknown>, Family {
  readonly kernel: Kernel;
  readonly parent: Family;
  readonly name: string;
  readonly behaviour: AnyBehaviour;
  readonly options: AnyOptions;
  phase: Phase = 'alive';
  state: unknown = undefined;
  /** True from when `initial` has returned until `onStop` is called. */
  hasState = false;
  /** Grows with each restart. */
  incarnation = 0;
  context: Context<unknown> | undefined = undefined;
  address: NactRef | undefined = undefined;
  children: Map<string, Cell> | undefined = undefined;
  timers: CellTimers | undefined = undefined;
  /** Asks that have not been answered. */
  asks: Set<Ask> | undefined = undefined;
  /** Monotonic times of the restarts within the last period. */
  restarts: number[] | undefined = undefined;
  #inbox: Inbox | undefined = undefined;
  #nest: NactRef | undefined = undefined;
  /** What runs the turns of a light actor while it has messages. */
  #taker: TurnTaker | undefined = undefined;
  #isScheduled = false;
  #fullLoggedMs = NEVER;

  constructor(kernel: Kernel, parent: Family, behaviour: AnyBehaviour, name: string, options: AnyOptions) {
    this.kernel = kernel;
    this.parent = parent;
    this.behaviour = behaviour;
    this.name = name;
    this.options = options;
  }

  get isLight(): boolean {
    return this.options.isLight === true;
  }

  get path(): string {
    return `${this.parent.path}/${this.name}`;
  }

  /** Whether a message told now may still be handled. */
  get isAlive(): boolean {
    return this.phase === 'alive';
  }

  /** Whether another message fits into the inbox. */
  get hasRoom(): boolean {
    return this.#inbox === undefined || this.#inbox.size < (this.options.inboxLimit ?? DEFAULT_INBOX_LIMIT);
  }

  tell(message: unknown): boolean {
    if (this.phase !== 'alive') return this.kernel.deadLetter(1);
    if (!this.hasRoom) return this.#refuse();
    this.enqueue(message);
    return true;
  }

  /**
   * Queues a message without asking whether there is room: the actor's own timers and news of its children, which are
   * bounded by their number and must not be lost. The actor must be alive.
   */
  enqueue(item: unknown): void {
    let inbox = this.#inbox;
    if (inbox === undefined) {
      inbox = this.kernel.inboxes.take();
      this.#inbox = inbox;
    }
    inbox.push(item);
    this.kernel.queued += 1;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.kernel.becameBusy();
    this.#wake();
  }

  nest(): NactRef {
    if (this.isLight || this.address === undefined) throw new Error('an actor without an address has no children');
    this.#nest ??= spawnQuiet(this.address);
    return this.#nest;
  }

  /** The quiet nact actor that holds the children, if there ever were any. */
  get quietNest(): NactRef | undefined {
    return this.#nest;
  }

  childEnded(child: Cell, reason: StopReason): void {
    const { onStopped } = child.options;
    if (onStopped === undefined || this.phase !== 'alive') return;
    this.enqueue(new ChildEnded(onStopped(reason, child.name), this));
  }

  /** Handles what was waiting when the turn began, as far as the drain limit and the slice of time allow. */
  turn(): void {
    const { kernel } = this;
    const inbox = this.#inbox;
    if (inbox === undefined || this.phase !== 'alive') return;
    const startedMs = kernel.clock.monotonic();
    if (startedMs > kernel.turnDeadlineMs) {
      kernel.park(this);
      return;
    }
    kernel.pacer.enter();
    kernel.enter(this);
    try {
      this.#drain(inbox, startedMs);
    } finally {
      kernel.leave();
    }
    kernel.metrics.time('actors.turn', kernel.clock.monotonic() - startedMs);
    // The handlers may have changed the phase, which the compiler believes to be alive still.
    if ((this.phase as Phase) === 'alive') this.#rest(inbox);
  }

  /** Takes the turn that it had to wait with. */
  unpark(): void {
    if (this.#isScheduled && this.phase === 'alive') this.#wake();
  }

  turnBroke(error: unknown): void {
    this.kernel.logger.error('actor-turn-broke', { path: this.path }, error);
    endCell(this, { type: 'failed', error });
  }

  /** Drops what waits, as dead letters, and is never woken again. */
  closeInbox(): void {
    const inbox = this.#inbox;
    this.#inbox = undefined;
    if (inbox !== undefined && inbox.size > 0) {
      this.kernel.queued -= inbox.size;
      this.kernel.deadLetter(inbox.size);
    }
    if (this.#isScheduled) this.#becomeIdle();
  }

  #drain(inbox: Inbox, startedMs: number): void {
    const { kernel } = this;
    // Whoever gathers what many send would fall behind them for as long as they send, if it got no more than each of them.
    const overdue = inbox.size - kernel.longInbox;
    const limit = Math.max(overdue, Math.min(inbox.size, kernel.drainLimit));
    const share = overdue > 0 ? inbox.size / kernel.queued : 0;
    let lookAt = 1;
    for (let taken = 1; taken <= limit; taken += 1) {
      kernel.queued -= 1;
      this.#handle(inbox.shift());
      if (kernel.hasPendingStops) {
        kernel.leave();
        kernel.enter(this);
      }
      if (this.phase !== 'alive') return;
      if (taken !== lookAt || taken === limit) continue;
      const more = kernel.pacer.allowance(taken, startedMs, share);
      if (more < 1) return;
      lookAt += more;
    }
  }

  #handle(item: unknown): void {
    let message = item;
    if (item instanceof OwnMessage) {
      if (!item.claim(this)) return;
      message = item.message;
    }
    this.kernel.handled += 1;
    try {
      this.state = this.behaviour.receive(this.state, message, this.context as Context<unknown>);
    } catch (error) {
      failCell(this, error, message, item);
    }
  }

  #rest(inbox: Inbox): void {
    if (inbox.size > 0) {
      this.#wake();
      return;
    }
    this.#inbox = undefined;
    this.kernel.inboxes.giveBack(inbox);
    this.#becomeIdle();
  }

  #wake(): void {
    if (this.address !== undefined) wake(this.address);
    else if (this.isLight) {
      this.#taker ??= this.kernel.takers.lend(this);
      this.#taker.wake();
    }
  }

  #becomeIdle(): void {
    this.#isScheduled = false;
    if (this.#taker !== undefined) {
      this.#taker.borrower = undefined;
      this.#taker = undefined;
    }
    this.kernel.becameIdle();
  }

  #refuse(): false {
    const nowMs = Math.floor(this.kernel.clock.monotonic());
    if (nowMs - this.#fullLoggedMs >= FULL_LOG_PERIOD_MS) {
      this.#fullLoggedMs = nowMs;
      this.kernel.logger.warn('actor-inbox-full', { path: this.path, waiting: this.#inbox?.size });
    }
    return this.kernel.deadLetter(1);
  }
}
