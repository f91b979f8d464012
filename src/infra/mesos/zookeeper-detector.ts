/** Which master leads, as the masters' election in ZooKeeper says it (mesos-v1 §1.9, recording 19). */
import type { Clock, Ids, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import { isZkError } from '../zookeeper/errors.ts';
import { openSession, type ZooKeeperSession } from '../zookeeper/session.ts';
import type { ZkServers } from '../zookeeper/zk-url.ts';
import { type Backoff, createBackoff } from './backoff.ts';
import { hostAndPort, type MasterAddress, type MasterDetector } from './detector.ts';

export interface ZooKeeperDetectorOptions {
  /** With the path of the election, such as `/mesos`. */
  readonly servers: ZkServers;
  /** Masters are spoken to over TLS; their nodes do not say. */
  readonly tls: boolean;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'random'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** As Mesos' own detectors have it. */
const sessionTimeoutMs = 10_000;
const connectTimeoutMs = 10_000;
const firstRetryMs = 500;
const longestRetryMs = 10_000;

/** Ephemeral nodes of the candidates; the one with the lowest number leads. Others are of older formats or of something else. */
const candidateName = /^json\.info_(\d{10})$/;

/** Name of the node of the leader among the children of the election. */
export function leaderOf(children: readonly string[]): string | undefined {
  const candidates = children.filter((name) => candidateName.test(name)).sort();
  return candidates[0];
}

/** The address in a MasterInfo, or nothing if there is none. `address` is preferred, since `hostname` may not be resolvable. */
export function addressOf(data: string, tls: boolean): MasterAddress | undefined {
  let info: unknown;
  try {
    info = JSON.parse(data);
  } catch {
    return undefined;
  }
  const { address, hostname, port } = (info ?? {}) as {
    readonly address?: { readonly ip?: unknown; readonly hostname?: unknown; readonly port?: unknown };
    readonly hostname?: unknown;
    readonly port?: unknown;
  };
  // A certificate names a host, not an address.
  const names = tls ? [address?.hostname, hostname, address?.ip] : [address?.ip, address?.hostname, hostname];
  const host = names.find((name): name is string => typeof name === 'string' && name !== '');
  const number = address?.port ?? port;
  if (host === undefined || typeof number !== 'number' || !Number.isInteger(number)) return undefined;
  return { host, port: number, tls, path: '/api/v1/scheduler', trusted: true };
}

/**
 * Follows the election until it is stopped. While ZooKeeper cannot be reached the last known leader stays the candidate: a stream
 * that lives proves more than a silent ZooKeeper. When the election has no candidate there is no leader, and the link lets go.
 * Redirects are not followed: a master that has just been elected may not know it yet, and asking again later is enough.
 */
export function createZooKeeperDetector(options: ZooKeeperDetectorOptions): MasterDetector {
  return new ElectionWatcher(options);
}

class ElectionWatcher implements MasterDetector {
  readonly #options: ZooKeeperDetectorOptions;
  readonly #backoff: Backoff;
  #changed: () => void = () => {};
  #session: ZooKeeperSession | undefined;
  #leader: MasterAddress | undefined;
  #timer: TimerHandle | undefined;
  #isStopped = true;
  /** Grows with each session and each look: what an older one finds is not used. */
  #looks = 0;

  constructor(options: ZooKeeperDetectorOptions) {
    this.#options = options;
    this.#backoff = createBackoff(options.ids, firstRetryMs, longestRetryMs);
  }

  readonly start = (changed: () => void): void => {
    this.#changed = changed;
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#open();
  };

  readonly candidate = (): MasterAddress | undefined => this.#leader;
  readonly failed = (): void => {};
  readonly succeeded = (): void => {};
  readonly redirected = (): boolean => false;

  readonly stop = (): void => {
    this.#isStopped = true;
    this.#looks += 1;
    this.#timer?.cancel();
    const session = this.#session;
    this.#session = undefined;
    session?.close().catch((error: unknown) => this.#trouble(error));
  };

  #open(): void {
    const { servers, clock, logger, metrics, ids } = this.#options;
    const random = (): number => ids.random();
    const wanted = {
      servers,
      sessionTimeoutMs,
      connectTimeoutMs,
      clock,
      logger,
      metrics,
      random,
      name: 'mesos-election',
    };
    openSession(wanted).then(
      (session) => this.#opened(session),
      (error: unknown) => {
        this.#trouble(error);
        this.#later(() => this.#open());
      },
    );
  }

  #opened(session: ZooKeeperSession): void {
    if (this.#isStopped) {
      session.close().catch((error: unknown) => this.#trouble(error));
      return;
    }
    this.#session = session;
    session.onState((state) => {
      if (state !== 'ended' || this.#session !== session) return;
      this.#session = undefined;
      this.#later(() => this.#open());
    });
    this.#look(session);
  }

  /** Reads the election; the watches lead to another look. */
  #look(session: ZooKeeperSession): void {
    if (this.#isStopped || this.#session !== session) return;
    this.#looks += 1;
    const mine = this.#looks;
    const again = (): void => {
      if (mine === this.#looks) this.#look(session);
    };
    this.#read(session, again).then(
      (leader) => {
        if (mine !== this.#looks || this.#isStopped) return;
        this.#backoff.reset();
        this.#take(leader);
      },
      (error: unknown) => {
        if (mine !== this.#looks || this.#isStopped) return;
        this.#trouble(error);
        this.#later(again);
      },
    );
  }

  async #read(session: ZooKeeperSession, again: () => void): Promise<MasterAddress | undefined> {
    let children: readonly string[];
    try {
      children = await session.children('/', again);
    } catch (error) {
      if (!isZkError(error, 'NO_NODE')) throw error;
      // No master has ever been here.
      if ((await session.exists('/', again)) !== undefined) return this.#read(session, again);
      return undefined;
    }
    const name = leaderOf(children);
    if (name === undefined) return undefined;
    try {
      const { data } = await session.get(`/${name}`, again);
      const address = addressOf(data.toString('utf8'), this.#options.tls);
      if (address === undefined) this.#options.logger.error('mesos.election.unreadable', { node: name });
      return address;
    } catch (error) {
      // It has just gone; the children have changed with it.
      if (isZkError(error, 'NO_NODE')) return this.#read(session, again);
      throw error;
    }
  }

  #take(leader: MasterAddress | undefined): void {
    const before = this.#leader;
    this.#leader = leader;
    if (leader?.host === before?.host && leader?.port === before?.port) return;
    this.#options.logger.info('mesos.leader', { master: leader === undefined ? 'none' : hostAndPort(leader) });
    this.#changed();
  }

  #later(run: () => void): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(this.#backoff.next(), () => {
      if (!this.#isStopped) run();
    });
  }

  #trouble(error: unknown): void {
    this.#options.metrics.count('mesos.election.troubles');
    this.#options.logger.warn('mesos.election', { reason: error instanceof Error ? error.message : String(error) });
  }
}
