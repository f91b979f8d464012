/** How much may be read from agents at once and in a second, so that readers of logs take nothing from the scheduler. */
import type { Clock } from '../../actors/ports.ts';

/** Questions to agents at the same time. */
export const maxQuestions = 16;
/** Questions that wait for their turn; more are turned away. */
export const maxWaiting = 1_024;
/** Downloads at the same time; they pass through without being looked at. */
export const maxDownloads = 16;
/** Bytes of files that are decoded and encoded in a second, over all readers. */
export const bytesPerSecond = 8 * 1024 * 1024;
/** So much may be saved up while nobody reads. */
const burstBytes = 4 * 1024 * 1024;

/** Hands out turns in the order of asking. */
export class ReadGate {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #downloads = 0;
  /** What may be read now; below zero after a large answer. */
  #allowance = burstBytes;
  #countedAtMs: number;
  #isSleeping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedAtMs = clock.monotonic();
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get downloads(): number {
    return this.#downloads;
  }

  /** Runs `ask` when it is its turn; undefined if too many are waiting. */
  async ask<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting.length >= maxWaiting) return undefined;
    await new Promise<void>((begin) => {
      this.#waiting.push(begin);
      this.#next();
    });
    try {
      return await ask();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  /** So many bytes of files have come. */
  took(bytes: number): void {
    this.#allowance -= bytes;
  }

  /** A place for a download, given back by the function; undefined if there is none. */
  takeDownload(): (() => void) | undefined {
    if (this.#downloads >= maxDownloads) return undefined;
    this.#downloads += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#downloads -= 1;
      isHeld = false;
    };
  }

  #next(): void {
    while (this.#running < maxQuestions && this.#waiting.length > 0 && this.#mayRead()) {
      this.#running += 1;
      this.#waiting.shift()?.();
    }
  }

  #mayRead(): boolean {
    const nowMs = this.#clock.monotonic();
    const earned = ((nowMs - this.#countedAtMs) / 1000) * bytesPerSecond;
    this.#allowance = Math.min(burstBytes, this.#allowance + earned);
    this.#countedAtMs = nowMs;
    if (this.#allowance > 0) return true;
    if (!this.#isSleeping) {
      this.#isSleeping = true;
      this.#clock.after(Math.ceil((-this.#allowance / bytesPerSecond) * 1000) + 1, () => {
        this.#isSleeping = false;
        this.#next();
      });
    }
    return false;
  }
}
