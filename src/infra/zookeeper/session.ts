/**
 * One ZooKeeper session, which ends once and for ever; whoever needs another opens another. It wraps node-zookeeper-client and
 * guards against what that lacks: see dependencies §5, whose fault numbers stand beside the guards.
 */
import { CreateMode, State } from 'node-zookeeper-client';
import type { TimerHandle } from '../../actors/ports.ts';
import { afterBeat } from './beat.ts';
import { isZkError, ZkError, zkErrorOf } from './errors.ts';
import { createLibraryClient, type Library } from './library.ts';
import {
  checkSize,
  libraryVersion,
  statOf,
  type ZkOperation,
  type ZkResult,
  type ZkStat,
  type ZkVersion,
} from './operations.ts';
import { defaultRequestLimits, RequestQueue } from './requests.ts';
import type { SessionOptions, SessionState, ZkCreateMode, ZooKeeperSession } from './session-face.ts';
import { createModes, multiError, type RawResults, transactionOf } from './transaction.ts';

import { Watches } from './watches.ts';

export type { ZkOperation, ZkResult, ZkStat, ZkVersion } from './operations.ts';
export type { SessionOptions, SessionState, ZkCreateMode, ZooKeeperSession } from './session-face.ts';

const defaultMaxRequests = 2 ** 30;
/** How long `close` waits for the server to confirm (fault 14). */
const closeTimeoutMs = 1_000;
/** Looks of the watchdog in a session time-out. */
const watchdogBeats = 6;

type RawStat = Parameters<typeof statOf>[0];

/** Resolves once connected. Rejects with a `ZkError` if there is no session within `connectTimeoutMs` (fault 2). */
export function openSession(options: SessionOptions): Promise<ZooKeeperSession> {
  return new Promise((resolve, reject) => {
    const session = new Session(options);
    const deadline = options.clock.after(options.connectTimeoutMs, () =>
      session.end(`no session within ${options.connectTimeoutMs} ms`),
    );
    const giveUp = (): void => session.end('given up');
    options.signal?.addEventListener('abort', giveUp, { once: true });
    const off = session.onState((state, reason) => {
      options.signal?.removeEventListener('abort', giveUp);
      deadline.cancel();
      off();
      if (state === 'connected') resolve(session);
      else reject(new ZkError(session.endCode, `cannot connect to ${options.servers.hosts.join(',')}: ${reason}`));
    });
    if (options.signal?.aborted) giveUp();
  });
}

class Session implements ZooKeeperSession {
  timeoutMs: number;
  endCode: 'SESSION_ENDED' | 'AUTH_FAILED' | 'CONNECTION_LOSS' = 'CONNECTION_LOSS';
  readonly #options: SessionOptions;
  readonly #library: Library;
  readonly #requests: RequestQueue;
  readonly #listeners = new Set<(state: SessionState, reason: string) => void>();
  readonly #watches = new Watches((listener) => this.#tell(listener));
  readonly #maxRequests: number;
  #state: SessionState = 'suspended';
  #provenAtMs: number;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #connects = 0;
  #isProbing = false;
  #watchdog: TimerHandle | undefined;
  #closed: (() => void) | undefined;

  constructor(options: SessionOptions) {
    const { clock, metrics, servers, sessionTimeoutMs, random = Math.random } = options;
    this.#options = options;
    this.timeoutMs = sessionTimeoutMs;
    this.#maxRequests = options.maxRequests ?? defaultMaxRequests;
    this.#provenAtMs = clock.monotonic();
    this.#requests = new RequestQueue({
      clock,
      metrics,
      limits: options.limits ?? defaultRequestLimits,
      onAnswered: (sentAtMs, isWrite) => {
        this.#provenAtMs = Math.max(this.#provenAtMs, sentAtMs);
        if (isWrite) this.#writtenAtMs = Math.max(this.#writtenAtMs, sentAtMs);
      },
    });
    this.#library = createLibraryClient(servers, sessionTimeoutMs, random, clock, (error) => {
      metrics.count('zookeeper.garbage');
      options.logger.warn('zookeeper.garbage', { session: options.name, reason: String(error) });
    });
    this.#library.onState((state) => this.#libraryState(state));
    this.#library.client.connect();
  }

  state = (): SessionState => this.#state;
  provenAtMs = (): number => this.#provenAtMs;
  writtenAtMs = (): number => this.#writtenAtMs;
  inFlight = (): number => this.#requests.inFlight;

  onState = (listener: (state: SessionState, reason: string) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  create = async (path: string, data: Buffer, mode: ZkCreateMode = 'persistent'): Promise<string> => {
    checkSize([{ path, data }]);
    const { client, acl } = this.#library;
    const full = this.#full(path);
    return this.#ask<string, string>(
      `create ${path}`,
      true,
      (answer) => client.create(full, data, acl, createModes[mode], answer),
      (created) => this.#relative(created),
    );
  };

  get = async (path: string, onChange?: () => void): Promise<{ readonly data: Buffer; readonly stat: ZkStat }> => {
    const full = this.#full(path);
    const { client } = this.#library;
    type Found = { readonly data: Buffer; readonly stat: RawStat };
    return this.#watches.around(onChange, (watch) =>
      this.#ask<Found, { readonly data: Buffer; readonly stat: ZkStat }>(
        `get ${path}`,
        false,
        (answer) => {
          const done = (error: unknown, data: Buffer | undefined, stat: RawStat): void =>
            answer(error, { data: data ?? Buffer.alloc(0), stat });
          if (watch) client.getData(full, watch, done);
          else client.getData(full, done);
        },
        ({ data, stat }) => ({ data, stat: statOf(stat) }),
      ),
    );
  };

  exists = async (path: string, onChange?: () => void): Promise<ZkStat | undefined> =>
    this.#watches.around(onChange, (watch) => this.#existsAt(this.#full(path), watch));

  children = async (path: string, onChange?: () => void): Promise<readonly string[]> => {
    const full = this.#full(path);
    const { client } = this.#library;
    return this.#watches.around(onChange, (watch) =>
      this.#ask<readonly string[], readonly string[]>(
        `children ${path}`,
        false,
        (answer) => {
          if (watch) client.getChildren(full, watch, answer);
          else client.getChildren(full, answer);
        },
        (names) => names,
      ),
    );
  };

  setData = async (path: string, data: Buffer, version: ZkVersion): Promise<ZkStat> => {
    checkSize([{ path, data }]);
    const number = libraryVersion(version);
    const full = this.#full(path);
    const { client } = this.#library;
    return this.#ask(`setData ${path}`, true, (answer) => client.setData(full, data, number, answer), statOf);
  };

  remove = async (path: string, version: ZkVersion): Promise<void> => {
    const number = libraryVersion(version);
    const full = this.#full(path);
    const { client } = this.#library;
    await this.#ask<undefined, void>(
      `remove ${path}`,
      true,
      (answer) => client.remove(full, number, (error) => answer(error, undefined)),
      () => {},
    );
  };

  multi = async (operations: readonly ZkOperation[]): Promise<readonly ZkResult[]> => {
    if (operations.length === 0) throw new ZkError('BAD_ARGUMENT', 'a transaction without operations');
    checkSize(operations);
    const transaction = transactionOf(operations, this.#library, (path) => this.#full(path));
    const what = `multi ${operations.map(({ type, path }) => `${type} ${path}`).join(', ')}`;
    return this.#ask<RawResults, readonly ZkResult[]>(
      what,
      true,
      (answer) => transaction.commit((error, results) => answer(undefined, { error, results })),
      ({ error, results }) => {
        if (error) throw multiError(error, results, what);
        return (results ?? []).map((result) => ({
          ...(result.path === undefined ? {} : { path: this.#relative(result.path) }),
          ...(result.stat === undefined ? {} : { stat: statOf(result.stat) }),
        }));
      },
    );
  };

  ensurePath = async (path: string): Promise<void> => {
    const { client, acl } = this.#library;
    let above = '';
    for (const part of this.#full(path).split('/').slice(1)) {
      above = `${above}/${part}`;
      const at = above;
      try {
        await this.#ask<string, string>(
          `create ${at}`,
          true,
          (answer) => client.create(at, Buffer.alloc(0), acl, CreateMode.PERSISTENT, answer),
          (created) => created,
        );
      } catch (error) {
        // Somebody else made it, or it is above what we may write to.
        if (!isZkError(error, 'NODE_EXISTS')) {
          if (!isZkError(error, 'NO_AUTH') || (await this.#existsAt(at)) === undefined) throw error;
        }
      }
    }
  };

  close = async (): Promise<void> => {
    if (this.#state === 'ended') return;
    const wasConnected = this.#state === 'connected';
    this.#ended('closed', false);
    if (wasConnected) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.after(closeTimeoutMs, resolve);
        this.#closed = () => {
          timer.cancel();
          resolve();
        };
        this.#library.close();
      });
    }
    this.#library.destroy();
  };

  /** Ends it from our side: nothing is heard of it any more, and the ensemble forgets it in its own time. */
  end(reason: string): void {
    this.#ended(reason, true);
  }

  #existsAt(full: string, watch?: () => void): Promise<ZkStat | undefined> {
    const { client } = this.#library;
    return this.#ask<RawStat | null, ZkStat | undefined>(
      `exists ${this.#relative(full)}`,
      false,
      (answer) => (watch ? client.exists(full, watch, answer) : client.exists(full, answer)),
      (stat) => (stat ? statOf(stat) : undefined),
    );
  }

  #full(path: string): string {
    return `${this.#options.servers.path}${path === '/' ? '' : path}` || '/';
  }

  #relative(full: string): string {
    return full.slice(this.#options.servers.path.length);
  }

  #ask<T, R>(
    what: string,
    isWrite: boolean,
    send: (answer: (error: unknown, value: T) => void) => void,
    read: (value: T) => R,
  ): Promise<R> {
    if (this.#state === 'ended') return Promise.reject(new ZkError('SESSION_ENDED', `${what}: the session has ended`));
    // The library would keep it and send it after the reconnect, whenever that is (fault 3).
    if (this.#state === 'suspended') {
      return Promise.reject(new ZkError('CONNECTION_LOSS', `${what}: there is no connection`));
    }
    const answer = this.#requests.add<T, R>(what, isWrite, send, (error, value) => {
      if (error) throw zkErrorOf(error, what);
      return read(value);
    });
    if (this.#requests.total >= this.#maxRequests) queueMicrotask(() => void this.#retireCounter());
    return answer;
  }

  #retireCounter(): Promise<void> {
    this.#options.logger.info('zookeeper.session-worn', {
      session: this.#options.name,
      requests: this.#requests.total,
    });
    return this.close();
  }

  #libraryState(state: State): void {
    if (this.#state === 'ended') {
      if (state === State.DISCONNECTED) this.#closed?.();
      return;
    }
    switch (state) {
      case State.SYNC_CONNECTED:
        this.#connected();
        return;
      case State.DISCONNECTED:
        this.#suspended();
        return;
      case State.EXPIRED:
        this.endCode = 'SESSION_ENDED';
        this.end('the session has expired');
        return;
      case State.AUTH_FAILED:
        this.endCode = 'AUTH_FAILED';
        this.end('the ensemble refuses the credentials');
        return;
    }
  }

  #connected(): void {
    const { logger, metrics, name } = this.#options;
    this.timeoutMs = this.#library.client.getSessionTimeout();
    if (this.#connects++ > 0) metrics.count('zookeeper.reconnects');
    logger.info('zookeeper.connected', { session: name, timeoutMs: this.timeoutMs, connects: this.#connects });
    if (this.#watchdog === undefined) this.#guard();
    this.#become('connected', 'connected');
    this.#probe();
  }

  #suspended(): void {
    this.#library.dropQueue();
    this.#requests.failAll('CONNECTION_LOSS', 'the connection was lost');
    this.#isProbing = false;
    if (this.#connects === 0 || this.#state === 'suspended') return;
    this.#options.logger.warn('zookeeper.suspended', { session: this.#options.name });
    this.#become('suspended', 'the connection was lost');
  }

  /** The library does not notice a frozen server or a half-open connection (fault 1). */
  #guard(): void {
    const { clock } = this.#options;
    this.#watchdog = afterBeat(clock, this.timeoutMs / watchdogBeats, (isLate) => {
      if (this.#state === 'ended') return;
      const silentMs = clock.monotonic() - this.#provenAtMs;
      if (!isLate && silentMs >= (this.timeoutMs * 2) / 3) {
        this.endCode = 'SESSION_ENDED';
        this.end(`no answer for ${Math.round(silentMs)} ms`);
        return;
      }
      if (silentMs >= this.timeoutMs / 4) this.#probe();
      this.#guard();
    });
  }

  #probe(): void {
    if (this.#isProbing || this.#state !== 'connected') return;
    this.#isProbing = true;
    const over = (): void => {
      this.#isProbing = false;
    };
    // What it fails with is known already: the state has changed, or the watchdog will find out.
    this.#existsAt('/').then(over, over);
  }

  #ended(reason: string, isAbrupt: boolean): void {
    if (this.#state === 'ended') return;
    this.#watchdog?.cancel();
    const { logger, name } = this.#options;
    if (isAbrupt) logger.warn('zookeeper.ended', { session: name, reason });
    else logger.info('zookeeper.ended', { session: name, reason });
    this.#become('ended', reason);
    this.#requests.failAll('SESSION_ENDED', reason);
    if (isAbrupt) this.#library.destroy();
    this.#watches.fireAll();
  }

  #become(state: SessionState, reason: string): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) queueMicrotask(() => this.#tell(() => listener(state, reason)));
  }

  /** What a listener throws would otherwise end the process (fault 11). */
  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#options.logger.error('zookeeper.listener-failed', { session: this.#options.name }, error);
    }
  }
}
