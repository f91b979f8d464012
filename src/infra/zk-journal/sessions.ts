/** The session for data: one at a time, opened when somebody needs it, and replaced when it has ended (design §5.3). */
import { StoreAway, StoreUnusable } from '../../core/journal/store-errors.ts';
import { isZkError } from '../zookeeper/errors.ts';
import { openSession as openRealSession, type SessionOptions, type ZooKeeperSession } from '../zookeeper/session.ts';

export type OpenSession = (options: SessionOptions) => Promise<ZooKeeperSession>;

export class DataSessions {
  readonly #options: Omit<SessionOptions, 'name'>;
  readonly #open: OpenSession;
  #session: ZooKeeperSession | undefined;
  #opening: Promise<ZooKeeperSession> | undefined;
  readonly #closing = new AbortController();
  #isClosed = false;

  constructor(options: Omit<SessionOptions, 'name'>, openSession: OpenSession = openRealSession) {
    this.#options = options;
    this.#open = openSession;
  }

  /** True while requests can be sent at once. */
  isConnected(): boolean {
    return this.#session?.state() === 'connected';
  }

  /** A connected session. Rejects with what keeps it from being one; whoever can wait asks again. */
  async get(): Promise<ZooKeeperSession> {
    const session = this.#session;
    if (session !== undefined && session.state() !== 'ended') return connected(session);
    if (this.#isClosed) throw new StoreAway('the journal is closed');
    this.#opening ??= this.#openOne().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    // Whoever wanted the session hears why there is none.
    await this.#opening?.catch(() => undefined);
    await this.#session?.close();
  }

  async #openOne(): Promise<ZooKeeperSession> {
    const session = await this.#open({ ...this.#options, name: 'data', signal: this.#closing.signal });
    if (this.#isClosed) {
      await session.close();
      throw new StoreAway('the journal is closed');
    }
    this.#session = session;
    return session;
  }
}

/** Waits for the connection to come back; rejects when the session has ended instead. */
function connected(session: ZooKeeperSession): Promise<ZooKeeperSession> {
  if (session.state() === 'connected') return Promise.resolve(session);
  return new Promise((resolve, reject) => {
    const off = session.onState((state, reason) => {
      if (state === 'suspended') return;
      off();
      if (state === 'connected') resolve(session);
      else reject(new StoreAway(`the session with ZooKeeper has ended: ${reason}`));
    });
  });
}

/** What a failed request says about the store as a whole: it is away, or not ours to use. */
export function storeError(error: unknown): unknown {
  if (isZkError(error, 'AUTH_FAILED', 'NO_AUTH'))
    return new StoreUnusable(`ZooKeeper refuses the credentials of --zk: ${error.message}`, { cause: error });
  if (isZkError(error, 'CONNECTION_LOSS', 'SESSION_ENDED', 'TIMEOUT', 'OVERLOADED'))
    return new StoreAway(`ZooKeeper cannot be reached: ${error.message}`, { cause: error });
  return error;
}
