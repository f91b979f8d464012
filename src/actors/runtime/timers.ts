import type { Cell } from './cell.ts';
import { OwnMessage } from './own-message.ts';
import type { Alarm } from './timer-service.ts';
import type { Timers } from './types.ts';

/** A timer of an actor; once it has rung, the entry in the inbox. */
class NamedTimer extends OwnMessage implements Alarm {
  dueMs = 0;
  sequence = 0;
  isCancelled = false;
  hasRung = false;
  /** True once it was cancelled or replaced: its message is not delivered, even if it waits in the inbox already. */
  isVoid = false;
  readonly name: string;
  readonly #cell: Cell;

  constructor(cell: Cell, name: string, message: unknown) {
    super(message);
    this.#cell = cell;
    this.name = name;
  }

  fire(): void {
    this.hasRung = true;
    if (this.#cell.isAlive) this.#cell.enqueue(this);
  }

  abandon(): void {
    this.isVoid = true;
  }

  override claim(cell: Cell): boolean {
    if (this.isVoid) return false;
    cell.timers?.forget(this.name);
    return true;
  }
}

/**
 * The named timers of one actor. A timer is there from `set` until its message is handled: after `cancel`, or after `set` with
 * the same name, the earlier message does not arrive any more, even if the timer had rung. Most actors have none or one, and there may be
 * a hundred thousand of those: only a second one makes a map.
 */
export class CellTimers implements Timers<unknown> {
  readonly #cell: Cell;
  #one: NamedTimer | undefined = undefined;
  #others: Map<string, NamedTimer> | undefined = undefined;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  set(name: string, delayMs: number, message: unknown): void {
    this.cancel(name);
    if (this.#cell.phase === 'stopping' || this.#cell.phase === 'stopped') return;
    const timer = new NamedTimer(this.#cell, name, message);
    if (this.#one === undefined) this.#one = timer;
    else {
      this.#others ??= new Map();
      this.#others.set(name, timer);
    }
    this.#cell.kernel.timers.set(timer, delayMs);
  }

  cancel(name: string): void {
    const timer = this.#find(name);
    if (timer === undefined) return;
    this.forget(name);
    this.#void(timer);
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The timer's message is about to be handled. */
  forget(name: string): void {
    if (this.#one?.name === name) this.#one = undefined;
    else this.#others?.delete(name);
  }

  /** Cancels all. */
  clear(): void {
    if (this.#one !== undefined) this.#void(this.#one);
    for (const timer of this.#others?.values() ?? []) this.#void(timer);
    this.#one = undefined;
    this.#others = undefined;
  }

  #find(name: string): NamedTimer | undefined {
    return this.#one?.name === name ? this.#one : this.#others?.get(name);
  }

  #void(timer: NamedTimer): void {
    timer.isVoid = true;
    if (!timer.hasRung) this.#cell.kernel.timers.cancel(timer);
  }
}
