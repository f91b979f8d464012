/**
 * Who reaches Mesos: every candidate tells the others, so that a leader that is cut off from Mesos, but not from the store, can
 * hand over to one that is not (design §5.11).
 */
import type { Clock, Election, Logger, TimerHandle } from './ports.ts';

/** How often everybody looks. */
const lookEveryMs = 10_000;
/** A leader without Mesos for so long asks whether another one has it. */
const patienceMs = 60_000;
/** It hands over at most once in this time, so that two half-blind servers do not play ball. */
const handOverPauseMs = 600_000;

export interface MesosReachOptions {
  readonly election: Pick<Election, 'announce' | 'candidates'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Connection of this leader; undefined while it does not lead. */
  readonly isConnected: () => boolean | undefined;
  /** Whether some master answers, asked while not leading. */
  readonly probe: () => Promise<boolean>;
  readonly ownAddress: () => string;
  readonly handOver: (reason: string) => void;
}

export class MesosReach {
  readonly #options: MesosReachOptions;
  #timer: TimerHandle | undefined;
  #isStopped = true;
  #announced: boolean | undefined;
  #cutSinceMs: number | undefined;
  #handedOverAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: MesosReachOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.#later();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #later(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(lookEveryMs, () => {
      this.#look()
        .catch((error: unknown) => this.#options.logger.warn('mesos.reach-failed', { reason: String(error) }))
        .finally(() => this.#later());
    });
  }

  async #look(): Promise<void> {
    const { isConnected, probe, clock } = this.#options;
    const asLeader = isConnected();
    const reaches = asLeader ?? (await probe());
    this.#announce(reaches);
    if (asLeader !== false) {
      this.#cutSinceMs = undefined;
      return;
    }
    const nowMs = clock.monotonic();
    this.#cutSinceMs ??= nowMs;
    if (nowMs - this.#cutSinceMs >= patienceMs && nowMs - this.#handedOverAtMs >= handOverPauseMs)
      await this.#consider();
  }

  #announce(reachesMesos: boolean): void {
    if (reachesMesos === this.#announced) return;
    this.#announced = reachesMesos;
    this.#options.election.announce({ reachesMesos });
  }

  async #consider(): Promise<void> {
    const { election, ownAddress, handOver, clock, isConnected } = this.#options;
    const candidates = await election.candidates();
    if (isConnected() !== false) return;
    const other = candidates.find((one) => one.reachesMesos && one.address !== ownAddress());
    if (other === undefined) return;
    this.#handedOverAtMs = clock.monotonic();
    this.#cutSinceMs = undefined;
    handOver(`no connection to Mesos for ${patienceMs / 1_000} s, and ${other.address} has one`);
  }
}
