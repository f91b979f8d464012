/**
 * A standby decodes its records by and by, so that the leader it may become has them ready. Those that have just changed wait: the record
 * of an instance changes several times within the second in which it starts.
 */
import type { Clock, TimerHandle } from '../../actors/ports.ts';
import type { EncodedRecord } from '../../core/journal/batch.ts';

/** Some 2 ms of this thread, a twentieth of it at most: 100,000 records are ready after 13 s. */
const recordsPerStep = 400;
const stepMs = 50;
/** What comes within so long is gathered before any of it is decoded. */
const quietMs = 1_000;

export type Prepare = (record: EncodedRecord) => object | undefined;

export class Preparation {
  readonly #prepare: Prepare;
  readonly #clock: Clock;
  /** What came since they were last gathered. */
  #young = new Set<EncodedRecord>();
  #youngSinceMs = 0;
  /** What was gathered and is to be decoded, oldest first. */
  #quiet = new Set<EncodedRecord>();
  readonly #ready = new Map<EncodedRecord, object>();
  #timer: TimerHandle | undefined;
  #isStopped = false;

  constructor(prepare: Prepare, clock: Clock) {
    this.#prepare = prepare;
    this.#clock = clock;
  }

  /** Records that are decoded. */
  get size(): number {
    return this.#ready.size;
  }

  /** A record has taken the place of another one, or of none. */
  put(record: EncodedRecord, before: EncodedRecord | undefined): void {
    if (before !== undefined && !this.#young.delete(before) && !this.#ready.delete(before)) this.#quiet.delete(before);
    if (record.json === undefined) return;
    if (this.#young.size === 0) this.#youngSinceMs = this.#clock.monotonic();
    this.#young.add(record);
    if (!this.#isStopped) this.#awaitStep();
  }

  /** Decodes no more until `start`. What is replaced meanwhile is dropped all the same. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  start(): void {
    this.#isStopped = false;
    this.#awaitStep();
  }

  /** What was made of a record; given once, so that it is not kept beside what it has become. */
  take(record: EncodedRecord): object | undefined {
    const value = this.#ready.get(record);
    this.#ready.delete(record);
    return value;
  }

  #step(): void {
    this.#timer = undefined;
    if (this.#quiet.size === 0) this.#gather();
    let left = recordsPerStep;
    for (const record of this.#quiet) {
      if (left-- === 0) break;
      this.#quiet.delete(record);
      const value = this.#decoded(record);
      if (value !== undefined) this.#ready.set(record, value);
    }
    this.#awaitStep();
  }

  #awaitStep(): void {
    if (this.#timer !== undefined || this.#quiet.size + this.#young.size === 0) return;
    const youngMs = this.#clock.monotonic() - this.#youngSinceMs;
    const waitMs = this.#quiet.size > 0 ? stepMs : Math.max(stepMs, quietMs - youngMs);
    this.#timer = this.#clock.after(waitMs, () => this.#step());
  }

  #gather(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#youngSinceMs < quietMs) return;
    [this.#quiet, this.#young] = [this.#young, this.#quiet];
    this.#youngSinceMs = nowMs;
  }

  /** What cannot be read is no fault of a standby: whoever opens the store meets it again, and says so. */
  #decoded(record: EncodedRecord): object | undefined {
    try {
      return this.#prepare(record);
    } catch {
      return undefined;
    }
  }
}
