/** Requests that wait until something holds: a bounded number of them, each for a bounded time, looked at in order of arrival. */
import type { Clock, TimerHandle } from '../../actors/ports.ts';

/** Requests that may wait at once; further ones are turned away. */
export const maxWaiting = 1_000;
/** Pause between two looks, besides those that somebody asks for. */
const lookEveryMs = 20;

export interface Wait {
  /** May take something when it says yes: it is then not asked again. */
  readonly holds: () => boolean;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  /** Nobody is interested any more. */
  readonly isGone: () => boolean;
}

/** `late`: it did not hold in time. `full`: too many wait already. */
export type Waited = 'yes' | 'late' | 'full' | 'gone';

interface Waiter extends Wait {
  readonly settle: (waited: Waited) => void;
}

export class WaitingRoom {
  readonly #clock: Clock;
  #waiters: readonly Waiter[] = [];
  #timer: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.length;
  }

  /** Whoever comes first is asked first; one who comes while others wait does not overtake them for the same thing. */
  wait(wait: Wait): Promise<Waited> {
    if (wait.isGone()) return Promise.resolve('gone');
    if (wait.holds()) return Promise.resolve('yes');
    if (this.#clock.monotonic() >= wait.untilMs) return Promise.resolve('late');
    if (this.#waiters.length >= maxWaiting) return Promise.resolve('full');
    return new Promise((settle) => {
      this.#waiters = [...this.#waiters, { ...wait, settle }];
      this.#timer ??= this.#clock.after(lookEveryMs, this.#tick);
    });
  }

  /** Looks now: something has changed. */
  look(): void {
    if (this.#waiters.length === 0) return;
    const nowMs = this.#clock.monotonic();
    const before = this.#waiters;
    const settled = new Set<Waiter>();
    for (const waiter of before) {
      const waited = this.#judge(waiter, nowMs);
      if (waited === undefined) continue;
      settled.add(waiter);
      waiter.settle(waited);
    }
    if (settled.size > 0) this.#waiters = this.#waiters.filter((waiter) => !settled.has(waiter));
  }

  /** Lets nobody wait on. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const waiter of this.#waiters) waiter.settle('late');
    this.#waiters = [];
  }

  #judge({ isGone, holds, untilMs }: Waiter, nowMs: number): Waited | undefined {
    if (isGone()) return 'gone';
    if (holds()) return 'yes';
    return nowMs >= untilMs ? 'late' : undefined;
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    this.look();
    if (this.#waiters.length > 0) this.#timer = this.#clock.after(lookEveryMs, this.#tick);
  };
}
