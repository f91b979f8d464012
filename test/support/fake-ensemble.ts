/** Elections among servers of one test, in virtual time: candidatures that expire, sessions that are cut off, proofs that get old. */
import type { Candidate, Clock, Election, ElectionEvent } from '../../src/actors/ports.ts';

interface Node {
  readonly owner: FakeElection;
  readonly claim: string;
  candidate: Candidate;
  /** When the ensemble last heard of the session. */
  heardAtMs: number;
}

export class FakeEnsemble {
  readonly clock: Clock;
  readonly sessionTimeoutMs: number;
  readonly nodes: Node[] = [];
  #sequence = 0;

  /** `clock` is the ensemble's own: it goes on while a server is frozen. */
  constructor(clock: Clock, sessionTimeoutMs = 6_000) {
    this.clock = clock;
    this.sessionTimeoutMs = sessionTimeoutMs;
  }

  /** What a store checks when it is opened (design §5.3). */
  holds(claim: string | undefined): boolean {
    return this.nodes.some((node) => node.claim === claim);
  }

  join(owner: FakeElection, candidate: Candidate): Node {
    this.#sequence++;
    const heardAtMs = this.clock.monotonic();
    const node: Node = { owner, claim: `/election/n_${this.#sequence}`, candidate, heardAtMs };
    this.nodes.push(node);
    this.heard(node);
    this.#tellAll();
    return node;
  }

  /** It forgets a session that it has not heard of for the time-out, whatever the server believes. */
  heard(node: Node): void {
    const atMs = this.clock.monotonic();
    node.heardAtMs = atMs;
    this.clock.after(this.sessionTimeoutMs, () => {
      if (node.heardAtMs === atMs) this.remove(node);
    });
  }

  remove(node: Node | undefined): void {
    const index = node ? this.nodes.indexOf(node) : -1;
    if (index < 0) return;
    this.nodes.splice(index, 1);
    this.#tellAll();
  }

  #tellAll(): void {
    for (const { owner } of [...this.nodes]) owner.look();
  }
}

export class FakeElection implements Election {
  readonly sessionTimeoutMs: number;
  /** How often somebody asked for a proof. */
  proofs = 0;
  reason: string | undefined;
  /** It notices nothing by itself, as a client whose connection is half open. */
  isBlind = false;
  readonly #ensemble: FakeEnsemble;
  /** The server's clock: it stands still, for it, while it is frozen. */
  readonly #clock: Clock;
  readonly #isFrozen: () => boolean;
  #isCut = false;
  #isOver = false;
  #candidate: Candidate | undefined;
  #listener: ((event: ElectionEvent) => void) | undefined;
  #node: Node | undefined;
  #isElected = false;
  #leader: string | undefined;
  #provenAtMs = Number.NEGATIVE_INFINITY;

  constructor(ensemble: FakeEnsemble, clock: Clock, isFrozen: () => boolean) {
    this.#ensemble = ensemble;
    this.#clock = clock;
    this.#isFrozen = isFrozen;
    this.sessionTimeoutMs = ensemble.sessionTimeoutMs;
  }

  start = (own: Candidate, listener: (event: ElectionEvent) => void): void => {
    this.#candidate = own;
    this.#listener = listener;
    this.#stand();
    this.#beat();
  };

  provenAtMs = (): number => this.#provenAtMs;

  prove = (timeoutMs: number): Promise<boolean> => {
    this.proofs++;
    return new Promise((resolve) => {
      if (this.#isAlive() && this.#node && this.#ensemble.holds(this.#node.claim)) {
        this.#proven();
        resolve(true);
      } else if (!this.#isCut) {
        resolve(false);
      } else {
        this.#clock.after(timeoutMs, () => resolve(false));
      }
    });
  };

  announce = (change: Partial<Candidate>): void => {
    if (!this.#candidate) return;
    this.#candidate = { ...this.#candidate, ...change };
    if (this.#node) this.#node.candidate = this.#candidate;
  };

  candidates = (): Promise<readonly Candidate[]> =>
    this.#isAlive()
      ? Promise.resolve(this.#ensemble.nodes.map((n) => n.candidate))
      : Promise.reject(new Error('cut off'));

  resign = async (): Promise<void> => {
    this.#leave();
    this.#stand();
  };

  withdraw = (reason: string | undefined): void => {
    this.reason = reason;
    if (reason !== undefined) this.#leave();
    else if (!this.#node) this.#stand();
  };

  stop = async (): Promise<void> => {
    this.#isOver = true;
    this.#leave();
  };

  /** The process is gone; its session expires by itself. */
  die(): void {
    this.#isOver = true;
  }

  /** No packet passes between this server and the ensemble. */
  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
  }

  /** The ensemble's news reach this server. */
  look(): void {
    if (!this.#isAlive()) return;
    const [oldest] = this.#ensemble.nodes;
    const leader = oldest?.candidate;
    if (leader?.address !== this.#leader) {
      this.#leader = leader?.address;
      this.#tell({ type: 'leader', leader });
    }
    if (oldest?.owner !== this || this.#isElected) return;
    this.#isElected = true;
    this.#tell({ type: 'elected', claim: oldest.claim });
  }

  #isAlive = (): boolean => !this.#isCut && !this.#isFrozen() && !this.#isOver;

  #stand(): void {
    if (!this.#isAlive() || !this.#candidate || this.reason !== undefined) return;
    this.#proven();
    this.#isElected = false;
    this.#node = this.#ensemble.join(this, this.#candidate);
    this.look();
  }

  #leave(): void {
    const node = this.#node;
    this.#node = undefined;
    this.#isElected = false;
    this.#ensemble.remove(node);
  }

  #proven(): void {
    this.#provenAtMs = this.#ensemble.clock.monotonic();
    if (this.#node) this.#ensemble.heard(this.#node);
  }

  /** A third of the time-out: proves, looks, and finds out that it has lost. */
  #beat(): void {
    if (this.#isOver) return;
    this.#clock.after(this.sessionTimeoutMs / 3, () => {
      if (this.#isOver) return;
      if (this.isBlind) {
        this.#beat();
        return;
      }
      if (!this.#isCut) {
        if (this.#node && this.#ensemble.holds(this.#node.claim)) this.#proven();
        else if (this.#node) this.#lost('the session has expired');
        else this.#stand();
        this.look();
      } else if (this.#ensemble.clock.monotonic() - this.#provenAtMs >= (this.sessionTimeoutMs * 2) / 3 && this.#node) {
        this.#lost('no answer for two thirds of the session');
        this.#leader = undefined;
        this.#tell({ type: 'leader', leader: undefined });
      }
      this.#beat();
    });
  }

  #lost(reason: string): void {
    const wasElected = this.#isElected;
    this.#node = undefined;
    this.#isElected = false;
    this.#provenAtMs = Number.NEGATIVE_INFINITY;
    if (wasElected) this.#tell({ type: 'lost', reason });
    this.#stand();
  }

  /** Never from within a call, and not in the past of a session. */
  #tell(event: ElectionEvent): void {
    queueMicrotask(() => {
      if (!this.#isOver) this.#listener?.(event);
    });
  }
}
