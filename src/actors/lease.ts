/**
 * Whether a leader may act: it can prove that nobody else can have been elected, or it stops (design §5.11). Time is monotonic, so a
 * process that was stopped for a while finds out before any of its actors takes a turn.
 */
import type { Clock, Election, Logger, Metrics, TimerHandle } from './ports.ts';
import type { Runtime } from './runtime/types.ts';

export interface LeaseOptions {
  readonly election: Pick<Election, 'sessionTimeoutMs' | 'provenAtMs' | 'prove'>;
  readonly runtime: Pick<Runtime, 'runUntil' | 'pause'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Called once after `begin`: the proof ran out, or could not be had after a pause. The lease has ended. */
  readonly onLost: (reason: string) => void;
}

/** Beats in a session time-out. */
const beats = 6;

export class Lease {
  readonly #options: LeaseOptions;
  #timer: TimerHandle | undefined;
  #isPaused = false;
  /** Whoever acts after this monotonic time has not been running for a while. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** Grows with each begin and end: what was asked in an earlier lease says nothing about this one. */
  #term = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** True while this server may answer for the cluster. */
  isGood(): boolean {
    return this.#timer !== undefined && !this.#isPaused && this.#isProven();
  }

  /** From now on the actors run only while the lease is good. */
  begin(): void {
    this.end();
    this.#term++;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#beat();
  }

  /** The actors run freely again: there is nothing left that must not act. */
  end(): void {
    this.#term++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isPaused = false;
    this.#options.runtime.runUntil(Number.POSITIVE_INFINITY, () => {});
  }

  #isProven(): boolean {
    const { election, clock } = this.#options;
    return clock.monotonic() - election.provenAtMs() < (election.sessionTimeoutMs * 2) / 3;
  }

  #beat(): void {
    const { election, clock } = this.#options;
    if (!this.#isPaused) {
      // Late itself, it may have the proof in its socket: it stops and asks for one, which has a time-out of its own.
      if (clock.monotonic() > this.#deadlineMs) this.#pause();
      else if (this.#isProven()) this.#goOn();
      else {
        this.#lose('no proof of the session for two thirds of its time-out');
        return;
      }
    }
    this.#timer = clock.after(election.sessionTimeoutMs / beats, () => this.#beat());
  }

  #pause(): void {
    this.#options.runtime.pause();
    this.#prove();
  }

  /** The actors are waiting already. */
  #prove(): void {
    const { election, clock, logger, metrics } = this.#options;
    const term = this.#term;
    const startedMs = clock.monotonic();
    this.#isPaused = true;
    metrics.count('leadership.pauses');
    logger.warn('leadership.paused', { reason: 'this process was not running for a while' });
    election.prove(election.sessionTimeoutMs / 3).then(
      (isProven) => {
        if (term !== this.#term) return;
        if (!isProven) {
          this.#lose('the session could not be proved after a pause of this process');
          return;
        }
        this.#isPaused = false;
        logger.info('leadership.resumed', { afterMs: Math.round(clock.monotonic() - startedMs) });
        this.#goOn();
      },
      (error: unknown) => {
        if (term === this.#term) this.#lose(error instanceof Error ? error.message : String(error));
      },
    );
  }

  #goOn(): void {
    const { election, clock, runtime } = this.#options;
    this.#deadlineMs = clock.monotonic() + election.sessionTimeoutMs / 3;
    runtime.runUntil(this.#deadlineMs, () => this.#prove());
  }

  #lose(reason: string): void {
    this.#options.runtime.pause();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#term++;
    this.#options.onLost(reason);
  }
}
