import type { Clock, TimerHandle } from '../ports.ts';
import { type Due, DueQueue } from './due-queue.ts';

/** An entry of the timer service: a named timer of an actor, or the end of an ask's patience. */
export interface Alarm extends Due {
  /** Called once when due. Must not throw. */
  readonly fire: () => void;
  /** Called instead when the service closes. */
  readonly abandon: () => void;
}

/** Alarms rung before the event loop gets its turn, so that a hundred thousand due at once do not freeze it. */
const ALARMS_PER_RING = 4096;

/**
 * All timers of a runtime: one heap, and a single timer outstanding at the clock. Due times are on the monotonic clock, so a
 * jump of the wall clock neither delays nor hastens anything.
 */
export class TimerService {
  readonly #clock: Clock;
  readonly #alarms = new DueQueue<Alarm>();
  #handle: TimerHandle | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #isRinging = false;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Alarms that have neither rung nor been cancelled. */
  get size(): number {
    return this.#alarms.size;
  }

  set(alarm: Alarm, delayMs: number): void {
    if (this.#isClosed) return;
    this.#alarms.add(alarm, this.#clock.monotonic() + Math.max(0, delayMs));
    if (alarm.dueMs < this.#armedForMs) this.#arm();
  }

  cancel(alarm: Alarm): void {
    if (!this.#isClosed) this.#alarms.cancel(alarm);
  }

  close(): void {
    this.#isClosed = true;
    this.#handle?.cancel();
    for (const alarm of this.#alarms.clear()) alarm.abandon();
  }

  #arm(): void {
    if (this.#isRinging || this.#isClosed) return;
    const next = this.#alarms.peek();
    this.#handle?.cancel();
    this.#handle = undefined;
    this.#armedForMs = Number.POSITIVE_INFINITY;
    if (next === undefined) return;
    this.#armedForMs = next.dueMs;
    this.#handle = this.#clock.after(Math.max(0, next.dueMs - this.#clock.monotonic()), () => this.#ring());
  }

  #ring(): void {
    this.#handle = undefined;
    this.#isRinging = true;
    const nowMs = this.#clock.monotonic();
    for (let rung = 0; rung < ALARMS_PER_RING; rung += 1) {
      const alarm = this.#alarms.takeDue(nowMs);
      if (alarm === undefined) break;
      alarm.fire();
    }
    this.#isRinging = false;
    this.#arm();
  }
}
