import type { Cell } from './cell.ts';
import { AskInboxFull, AskTargetStopped, AskTimeout } from './errors.ts';
import type { Kernel } from './kernel.ts';
import { OwnMessage } from './own-message.ts';
import type { Alarm } from './timer-service.ts';
import type { ActorRef } from './types.ts';

/** The address that a reply goes to. It takes one message; any more, and those too late, are dead letters. */
class ReplyAddress implements ActorRef<unknown> {
  readonly path: string;
  readonly #kernel: Kernel;
  #settle: ((reply: unknown) => void) | undefined;

  constructor(kernel: Kernel, path: string, settle: (reply: unknown) => void) {
    this.#kernel = kernel;
    this.path = path;
    this.#settle = settle;
  }

  tell(reply: unknown): boolean {
    const settle = this.#settle;
    if (settle === undefined) return this.#kernel.deadLetter(1);
    this.close();
    settle(reply);
    return true;
  }

  close(): void {
    this.#settle = undefined;
  }
}

/** A question under way: the entry in the target's inbox, and the alarm of its time-out. */
export class Ask extends OwnMessage implements Alarm {
  dueMs = 0;
  sequence = 0;
  isCancelled = false;
  /** True once the target has begun to handle it. */
  isDelivered = false;
  readonly #kernel: Kernel;
  readonly #target: ActorRef<never>;
  readonly #cell: Cell | undefined;
  readonly #address: ReplyAddress;
  readonly #reject: (error: Error) => void;
  readonly #timeoutMs: number;

  constructor(
    kernel: Kernel,
    target: ActorRef<never>,
    cell: Cell | undefined,
    message: unknown,
    address: ReplyAddress,
    reject: (error: Error) => void,
    timeoutMs: number,
  ) {
    super(message);
    this.#kernel = kernel;
    this.#target = target;
    this.#cell = cell;
    this.#address = address;
    this.#reject = reject;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts waiting: for the reply, for the end of the target, and for the time-out. */
  open(): void {
    if (this.#cell !== undefined) {
      this.#cell.asks ??= new Set();
      this.#cell.asks.add(this);
    }
    this.#kernel.timers.set(this, this.#timeoutMs);
  }

  override claim(): boolean {
    this.isDelivered = true;
    return true;
  }

  /** Stops waiting: the reply has come. */
  answered(): void {
    this.#cell?.asks?.delete(this);
    this.#kernel.timers.cancel(this);
  }

  fire(): void {
    this.#fail(new AskTimeout(this.#target.path, this.#timeoutMs), false);
  }

  abandon(): void {
    this.#fail(new AskTargetStopped(this.#target.path, this.isDelivered), false);
  }

  /** The target, no actor of ours, did not take the question. */
  refused(): void {
    this.#fail(new AskTargetStopped(this.#target.path, false), true);
  }

  /** The target has ended, or lost the state that might have answered. */
  targetEnded(cause: unknown): void {
    if (this.#cell?.asks?.has(this)) this.#fail(new AskTargetStopped(this.#target.path, this.isDelivered, cause), true);
  }

  #fail(error: Error, hasAlarm: boolean): void {
    this.#cell?.asks?.delete(this);
    this.#address.close();
    if (hasAlarm) this.#kernel.timers.cancel(this);
    this.#reject(error);
  }
}

/**
 * Asks `target`; `cell` is its actor if it is one. Rejects with `AskTimeout`, `AskTargetStopped` or `AskInboxFull`. `id` names
 * the reply address in logs.
 */
export function ask<M, R>(
  kernel: Kernel,
  target: ActorRef<M>,
  cell: Cell | undefined,
  message: (replyTo: ActorRef<R>) => M,
  timeoutMs: number,
  id: number,
): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    if (cell !== undefined && !cell.isAlive) {
      kernel.deadLetter(1);
      reject(new AskTargetStopped(target.path, false));
      return;
    }
    let open: Ask | undefined;
    const address = new ReplyAddress(kernel, `${target.path}?${id}`, (reply) => {
      open?.answered();
      // The question's type says which replies its address takes.
      resolve(reply as R);
    });
    const question = message(address);
    if (cell === undefined) {
      open = new Ask(kernel, target, undefined, undefined, address, reject, timeoutMs);
      open.open();
      if (!target.tell(question)) open.refused();
      return;
    }
    if (!cell.hasRoom) {
      // Refused as any other message would be, so that it is counted and logged.
      cell.tell(question);
      reject(new AskInboxFull(target.path));
      return;
    }
    open = new Ask(kernel, target, cell, question, address, reject, timeoutMs);
    open.open();
    cell.enqueue(open);
  });
}
