/**
 * A ZooKeeper session for one candidate, on node-zookeeper-client. What that library lacks is added: an end to waiting for a
 * server that says nothing, and to a session that nobody has heard of for its time-out; and no exception of its socket handler
 * ends the program (dependencies §5, faults 1, 2, 4, 11).
 */
import zookeeper, { type ACL, type Client, type Event } from 'node-zookeeper-client';
import type { ZkServers } from './zk-url.ts';

/** What we must reach behind the library's face for. */
interface Manager {
  socket?: { destroy: () => void };
  state: number;
  pendingBuffer: Buffer | null;
  onSocketConnected: () => void;
  onSocketData: (bytes: Buffer) => void;
}

const { OPEN_ACL_UNSAFE, CREATOR_ALL_ACL } = (zookeeper as unknown as { ACL: Record<string, ACL[]> }).ACL;
/** The library's own name for a client that connects to nothing any more. */
const closing = -1;
const spinDelayMs = 100;
/** How long a server may take to confirm the end of a session. */
const closeTimeoutMs = 1_000;
const looksPerTimeout = 6;

export interface ZkSession {
  readonly createPath: (path: string) => Promise<void>;
  /** Ephemeral and numbered; gives its whole path. */
  readonly createCandidate: (prefix: string, data: Buffer) => Promise<string>;
  readonly children: (path: string, changed: () => void) => Promise<readonly string[]>;
  /** Undefined when there is no such node. */
  readonly read: (path: string, changed: () => void) => Promise<Buffer | undefined>;
  /** The ensemble is told, so that others need not wait for the time-out. */
  readonly close: () => Promise<void>;
  /** Nothing is said any more, as if the program had been killed. */
  readonly vanish: () => void;
}

export interface ZkSessionOptions {
  readonly servers: ZkServers;
  readonly timeoutMs: number;
  /** Connected, for the first time or again: watches may have missed something. */
  readonly onConnected: () => void;
  /** The session is over, or so long unheard of that the ensemble may have ended it. Called once; the session is of no more use. */
  readonly onLost: (reason: string) => void;
  /** A server said what cannot be understood, and the connection is given up. Called once for each time that one is connected to. */
  readonly onGarbage: (reason: string) => void;
}

export function openZkSession(options: ZkSessionOptions): ZkSession {
  return new Session(options);
}

class Session implements ZkSession {
  readonly #options: ZkSessionOptions;
  readonly #client: Client;
  readonly #manager: Manager;
  readonly #acl: ACL[];
  readonly #watchdog: NodeJS.Timeout;
  #heardAt = performance.now();
  #isOver = false;
  #saidGarbage = false;

  constructor(options: ZkSessionOptions) {
    this.#options = options;
    const { servers, timeoutMs } = options;
    this.#client = zookeeper.createClient(servers.hosts.join(','), {
      sessionTimeout: timeoutMs,
      spinDelay: spinDelayMs,
      retries: 0,
    });
    if (servers.credentials !== undefined) this.#client.addAuthInfo('digest', Buffer.from(servers.credentials));
    this.#acl = (servers.credentials === undefined ? OPEN_ACL_UNSAFE : CREATOR_ALL_ACL) ?? [];
    this.#manager = (this.#client as unknown as { connectionManager: Manager }).connectionManager;
    this.#guardSocket();
    this.#client.on('state', (state) => {
      if (this.#isOver) return;
      if (state === zookeeper.State.SYNC_CONNECTED) {
        this.#heardAt = performance.now();
        this.#saidGarbage = false;
        options.onConnected();
      } else if (state === zookeeper.State.EXPIRED) this.#lose('the session has expired');
      else if (state === zookeeper.State.AUTH_FAILED) this.#lose('the credentials are refused');
    });
    this.#watchdog = setInterval(() => this.#look(), timeoutMs / looksPerTimeout);
    this.#watchdog.unref();
    this.#client.connect();
  }

  readonly createPath = async (path: string): Promise<void> => {
    let above = '';
    for (const part of path.split('/').slice(1)) {
      above = `${above}/${part}`;
      const at = above;
      await this.#ask<void>((done) =>
        this.#client.create(at, Buffer.alloc(0), this.#acl, zookeeper.CreateMode.PERSISTENT, (error) =>
          done(isCode(error, zookeeper.Exception.NODE_EXISTS) ? null : error, undefined),
        ),
      );
    }
  };

  readonly createCandidate = (prefix: string, data: Buffer): Promise<string> => {
    const mode = zookeeper.CreateMode.EPHEMERAL_SEQUENTIAL;
    return this.#ask((done) => this.#client.create(prefix, data, this.#acl, mode, done));
  };

  readonly children = (path: string, changed: () => void): Promise<readonly string[]> =>
    this.#ask((done) => this.#client.getChildren(path, this.#watcher(changed), done));

  readonly read = (path: string, changed: () => void): Promise<Buffer | undefined> =>
    this.#ask<Buffer | undefined>((done) =>
      this.#client.getData(path, this.#watcher(changed), (error, data) => {
        if (isCode(error, zookeeper.Exception.NO_NODE)) done(null, undefined);
        else done(error, data ?? Buffer.alloc(0));
      }),
    );

  readonly close = async (): Promise<void> => {
    if (this.#isOver) return;
    this.#over();
    const isConnected = this.#client.getState() === zookeeper.State.SYNC_CONNECTED;
    if (isConnected) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, closeTimeoutMs);
        this.#client.once('disconnected', () => {
          clearTimeout(timer);
          resolve();
        });
        this.#client.close();
      });
    }
    this.#destroy();
  };

  readonly vanish = (): void => {
    this.#over();
    this.#destroy();
  };

  #watcher(changed: () => void): (event: Event) => void {
    return () => {
      if (!this.#isOver) changed();
    };
  }

  /** One request; an answer that never comes is an error after the session time-out. */
  #ask<T>(send: (done: (error: Error | zookeeper.Exception | null, value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) {
        reject(new Error('the session is over'));
        return;
      }
      const timer = setTimeout(() => reject(new Error('no answer')), this.#options.timeoutMs);
      timer.unref();
      send((error, value) => {
        clearTimeout(timer);
        if (error) reject(new Error(String(error)));
        else {
          this.#heardAt = performance.now();
          resolve(value);
        }
      });
    });
  }

  /** Servers do not speak by themselves in a way that we could see: they are asked. */
  #look(): void {
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs >= this.#options.timeoutMs) {
      this.#lose(`nothing was heard of ZooKeeper for ${Math.round(silentMs)} ms`);
      return;
    }
    const isConnected = this.#client.getState() === zookeeper.State.SYNC_CONNECTED;
    // A server that holds the connection and says nothing would be waited for for ever: another one is tried.
    if (silentMs > (this.#options.timeoutMs * 2) / 3) this.#manager.socket?.destroy();
    else if (isConnected) {
      this.#client.exists('/', () => {
        this.#heardAt = performance.now();
      });
    }
  }

  #lose(reason: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#destroy();
    this.#options.onLost(reason);
  }

  #over(): void {
    this.#isOver = true;
    clearInterval(this.#watchdog);
  }

  #destroy(): void {
    // A connect that is under way must not take the session up again.
    this.#manager.state = closing;
    this.#manager.onSocketConnected = () => this.#manager.socket?.destroy();
    this.#manager.socket?.destroy();
  }

  /** Half an answer of a broken connection is not the beginning of the next one; what makes no sense ends the connection only. */
  #guardSocket(): void {
    const manager = this.#manager;
    const { onSocketConnected, onSocketData } = manager;
    manager.onSocketConnected = () => {
      manager.pendingBuffer = null;
      onSocketConnected.call(manager);
    };
    manager.onSocketData = (bytes) => {
      try {
        onSocketData.call(manager, bytes);
      } catch (error) {
        manager.socket?.destroy();
        if (!this.#saidGarbage && !this.#isOver) this.#options.onGarbage((error as Error).message);
        this.#saidGarbage = true;
      }
    };
  }
}

const isCode = (error: unknown, code: number): boolean =>
  typeof error === 'object' && error !== null && (error as { readonly code?: unknown }).code === code;
