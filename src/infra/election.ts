/**
 * The election among servers that share a ZooKeeper (design §5.3): each has an ephemeral sequential node, the oldest leads. Sessions
 * end and are replaced; nothing of it ever ends the process.
 */
import type { Candidate, Clock, Election, ElectionEvent, Ids, Logger, Metrics, TimerHandle } from '../actors/ports.ts';
import { createCandidature, proveCandidature } from './election/candidature.ts';
import { decodeCandidate, electionPath, encodeCandidate, oldestFirst } from './election/nodes.ts';
import { afterBeat } from './zookeeper/beat.ts';
import { isZkError } from './zookeeper/errors.ts';
import { openSession as openRealSession, type SessionOptions, type ZooKeeperSession } from './zookeeper/session.ts';
import type { ZkServers } from './zookeeper/zk-url.ts';

export interface ElectionOptions {
  readonly servers: ZkServers;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For tests that lose answers. */
  readonly openSession?: (options: SessionOptions) => Promise<ZooKeeperSession>;
}

const firstPauseMs = 100;
const longestPauseMs = 3_000;
/** Proofs in a session time-out. */
const beats = 5;

/** Stands nowhere before `start`. */
export const createElection = (options: ElectionOptions): Election => new ZooKeeperElection(options);

class ZooKeeperElection implements Election {
  readonly #options: ElectionOptions;
  #own: Candidate | undefined;
  #listener: ((event: ElectionEvent) => void) | undefined;
  #session: ZooKeeperSession | undefined;
  /** Path of the own node. */
  #node: string | undefined;
  #isElected = false;
  #leader: Candidate | undefined;
  #withdrawn: string | undefined;
  readonly #stopping = new AbortController();
  #isStopped = false;
  #candidates = 0;
  #pauseMs = firstPauseMs;
  #endPause: () => void = () => {};
  #beat: TimerHandle | undefined;
  #isBeating = false;
  /** Changes of the own candidature, one after another. */
  #changes: Promise<void> = Promise.resolve();
  #isLooking = false;
  #mustLookAgain = false;
  /** Nodes whose watch has not fired: a second one would stay behind. */
  readonly #watched = new Set<string>();

  constructor(options: ElectionOptions) {
    this.#options = options;
    const { metrics } = options;
    metrics.gauge('election.elected', () => (this.#isElected ? 1 : 0));
    metrics.gauge('election.candidates', () => this.#candidates);
  }

  get sessionTimeoutMs(): number {
    return this.#session?.timeoutMs ?? this.#options.sessionTimeoutMs;
  }

  start = (own: Candidate, listener: (event: ElectionEvent) => void): void => {
    this.#own = own;
    this.#listener = listener;
    void this.#run();
  };

  /** Only writes count: a server that has lost the others still answers reads. */
  provenAtMs = (): number => this.#session?.writtenAtMs() ?? Number.NEGATIVE_INFINITY;

  prove = async (timeoutMs: number): Promise<boolean> => {
    const [session, node] = [this.#session, this.#node];
    if (!session || node === undefined) return false;
    const { clock } = this.#options;
    let timer: TimerHandle | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = clock.after(timeoutMs, () => resolve(false));
    });
    // A request that fails is counted by the session (`zookeeper.errors`).
    const proved = proveCandidature(session, node).then(
      () => true,
      () => false,
    );
    const isProven = await Promise.race([proved, late]);
    timer?.cancel();
    return isProven && node === this.#node;
  };

  announce = (change: Partial<Candidate>): void => {
    if (!this.#own) return;
    this.#own = { ...this.#own, ...change };
    void this.#change(async (session) => {
      if (this.#own && this.#node !== undefined) await session.setData(this.#node, encodeCandidate(this.#own), 'any');
    });
  };

  candidates = async (): Promise<readonly Candidate[]> => {
    const session = this.#session;
    if (!session) throw new Error('there is no connection to ZooKeeper');
    const found: Candidate[] = [];
    for (const name of oldestFirst(await session.children(electionPath))) {
      const candidate = await this.#read(session, name);
      if (candidate) found.push(candidate);
    }
    return found;
  };

  resign = async (): Promise<void> => {
    await this.#change(async (session) => {
      await this.#leave(session);
      await this.#stand(session);
    });
  };

  withdraw = (reason: string | undefined): void => {
    if (reason === this.#withdrawn) return;
    this.#withdrawn = reason;
    this.#options.logger.warn('election.withdrawn', { reason: reason ?? 'stands again' });
    void this.#change((session) => (reason === undefined ? this.#stand(session) : this.#leave(session)));
  };

  stop = async (): Promise<void> => {
    this.#isStopped = true;
    this.#stopping.abort();
    this.#beat?.cancel();
    this.#endPause();
    // The own node goes with the session, at once.
    await this.#session?.close();
  };

  /** One session after another. */
  async #run(): Promise<void> {
    const { logger, metrics, clock, ids } = this.#options;
    while (!this.#isStopped) {
      try {
        metrics.count('election.sessions');
        await this.#live();
      } catch (error) {
        logger.warn('election.no-session', { reason: error instanceof Error ? error.message : String(error) });
      }
      this.#forget();
      if (this.#isStopped) return;
      const pauseMs = this.#pauseMs * (0.5 + ids.random() / 2);
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
      await new Promise<void>((resolve) => {
        const timer = clock.after(pauseMs, resolve);
        this.#endPause = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }

  /** Resolves when the session has ended. */
  async #live(): Promise<void> {
    const { openSession = openRealSession, ...options } = this.#options;
    const session = await openSession({ ...options, name: 'election', signal: this.#stopping.signal });
    const ended = new Promise<void>((resolve) => {
      session.onState((state) => {
        if (state === 'ended') resolve();
        else if (state === 'connected') this.#look();
      });
      if (session.state() === 'ended') resolve();
    });
    if (this.#isStopped) {
      await session.close();
      return;
    }
    this.#session = session;
    try {
      await session.ensurePath(electionPath);
      this.#pauseMs = firstPauseMs;
      await this.#change((own) => this.#stand(own));
      this.#look();
      this.#beatLater(session);
      await ended;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  #forget(): void {
    this.#beat?.cancel();
    this.#session = undefined;
    this.#node = undefined;
    this.#candidates = 0;
    this.#watched.clear();
    this.#isBeating = false;
    this.#lose('the session with ZooKeeper has ended');
    this.#tellLeader(undefined);
  }

  #lose(reason: string): void {
    if (!this.#isElected) return;
    this.#isElected = false;
    this.#options.metrics.count('election.losses');
    this.#tell({ type: 'lost', reason });
  }

  /** Runs changes of the own candidature in order. What fails ends the session, and the next one begins from nothing. */
  #change(change: (session: ZooKeeperSession) => Promise<void>): Promise<void> {
    const run = async (): Promise<void> => {
      const session = this.#session;
      if (!session || session.state() === 'ended' || this.#isStopped) return;
      try {
        await change(session);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.logger.warn('election.change-failed', { reason });
        await session.close();
      }
    };
    this.#changes = this.#changes.then(run);
    return this.#changes;
  }

  async #stand(session: ZooKeeperSession): Promise<void> {
    const { clock, ids } = this.#options;
    if (this.#withdrawn !== undefined || this.#node !== undefined || !this.#own) return;
    this.#node = await createCandidature(session, ids.uuid(), this.#own, clock);
    this.#look();
  }

  /** Takes the own node away; if that cannot be said for sure, the whole session goes. */
  async #leave(session: ZooKeeperSession): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    this.#isElected = false;
    if (node === undefined) return;
    try {
      await session.remove(node, 'any');
    } catch (error) {
      if (!isZkError(error, 'NO_NODE')) throw error;
    }
  }

  /** Looks who leads; again if something happened meanwhile. */
  #look(): void {
    if (this.#isLooking) {
      this.#mustLookAgain = true;
      return;
    }
    const session = this.#session;
    if (session?.state() !== 'connected') return;
    this.#isLooking = true;
    this.#lookOnce(session)
      .catch(async (error: unknown) => {
        if (isZkError(error, 'CONNECTION_LOSS', 'SESSION_ENDED', 'NO_NODE')) return;
        this.#options.logger.warn('election.look-failed', { reason: String(error) });
        await session.close();
      })
      .finally(() => {
        this.#isLooking = false;
        if (!this.#mustLookAgain) return;
        this.#mustLookAgain = false;
        this.#look();
      });
  }

  async #lookOnce(session: ZooKeeperSession): Promise<void> {
    const own = this.#node;
    const names = oldestFirst(
      await this.#watching(session, electionPath, (watch) => session.children(electionPath, watch)),
    );
    if (session !== this.#session) return;
    this.#candidates = names.length;
    const [oldest] = names;
    if (own !== undefined && own === this.#node && !names.some((name) => `${electionPath}/${name}` === own)) {
      // Taken away by somebody else, or by an expiry that we have not heard of yet.
      this.#lose('the candidature is gone');
      await session.close();
      return;
    }
    const leader = oldest === undefined ? undefined : await this.#read(session, oldest, true);
    if (session !== this.#session) return;
    this.#tellLeader(leader);
    if (own === undefined || own !== this.#node || this.#isElected || `${electionPath}/${oldest}` !== own) return;
    this.#isElected = true;
    this.#tell({ type: 'elected', claim: own });
  }

  async #read(session: ZooKeeperSession, name: string, isWatched = false): Promise<Candidate | undefined> {
    const path = `${electionPath}/${name}`;
    try {
      const { data } = isWatched
        ? await this.#watching(session, path, (watch) => session.get(path, watch))
        : await session.get(path);
      return decodeCandidate(data);
    } catch (error) {
      if (isZkError(error, 'NO_NODE')) return undefined;
      throw error;
    }
  }

  /** A request that leaves a watch on this node, unless there is one already. */
  async #watching<T>(
    session: ZooKeeperSession,
    path: string,
    ask: (watch: (() => void) | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#watched.has(path)) return ask(undefined);
    this.#watched.add(path);
    try {
      return await ask(() => {
        if (session !== this.#session) return;
        this.#watched.delete(path);
        this.#look();
      });
    } catch (error) {
      // No watch was left, and the next look must set one.
      if (session === this.#session) this.#watched.delete(path);
      throw error;
    }
  }

  /** Proves the session by a write and looks, in case that a watch was lost. */
  #beatLater(session: ZooKeeperSession): void {
    const { clock } = this.#options;
    this.#beat = afterBeat(clock, session.timeoutMs / beats, (isLate) => {
      if (session !== this.#session || this.#isStopped) return;
      const silentMs = clock.monotonic() - session.writtenAtMs();
      if (!isLate && this.#node !== undefined && silentMs >= (session.timeoutMs * 2) / 3) {
        this.#lose(`no write was answered for ${Math.round(silentMs)} ms`);
        void session.close();
        return;
      }
      this.#proveOnce(session);
      this.#look();
      this.#beatLater(session);
    });
  }

  #proveOnce(session: ZooKeeperSession): void {
    const node = this.#node;
    if (node === undefined || this.#isBeating || session.state() !== 'connected') return;
    this.#isBeating = true;
    proveCandidature(session, node)
      .catch((error: unknown) => {
        if (isZkError(error, 'NO_NODE')) this.#look();
        else if (!isZkError(error, 'CONNECTION_LOSS', 'SESSION_ENDED')) {
          this.#options.logger.warn('election.proof-failed', { reason: String(error) });
        }
      })
      .finally(() => {
        this.#isBeating = false;
      });
  }

  #tellLeader(leader: Candidate | undefined): void {
    const before = this.#leader;
    if (before?.address === leader?.address && before?.url === leader?.url) return;
    this.#leader = leader;
    this.#tell({ type: 'leader', leader });
  }

  #tell(event: ElectionEvent): void {
    queueMicrotask(() => {
      if (!this.#isStopped) this.#listener?.(event);
    });
  }
}
