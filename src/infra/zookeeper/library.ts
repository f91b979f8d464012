/** One client object of node-zookeeper-client, and the few things that its public face lacks. */
import zookeeper, { type ACL, type Client, type State } from 'node-zookeeper-client';
import type { Clock } from '../../actors/ports.ts';
import type { ZkServers } from './zk-url.ts';

/** What we must reach behind the library's face for; nothing else of it is touched. */
interface Manager {
  socket?: { destroy: () => void };
  readonly packetQueue: { shift: () => unknown };
  /** The session time-out by the number of servers: so long one of them may be tried. */
  readonly connectTimeout: number;
  onSocketConnected: () => void;
}

/** A server is never tried for a shorter time. */
const minAttemptMs = 300;

/** The library tries the next server after at most this pause. */
const spinDelayMs = 100;

const openAcl: ACL[] = (zookeeper as unknown as { ACL: { OPEN_ACL_UNSAFE: ACL[] } }).ACL.OPEN_ACL_UNSAFE;
const creatorAcl: ACL[] = (zookeeper as unknown as { ACL: { CREATOR_ALL_ACL: ACL[] } }).ACL.CREATOR_ALL_ACL;

export interface Library {
  readonly client: Client;
  /** What new nodes get: everything for everybody, or for whoever has the same credentials. */
  readonly acl: ACL[];
  readonly onState: (listener: (state: State) => void) => void;
  /** Drops what the library would send after the next connect (dependencies §5, fault 3). */
  readonly dropQueue: () => void;
  /** Ends the session in an orderly way if there is a connection. */
  readonly close: () => void;
  /** No byte is sent or read any more, and no server is connected to again. */
  readonly destroy: () => void;
}

/** Creates a client that is not connected yet. Servers are tried in random order. */
export function createLibraryClient(
  { hosts, credentials }: ZkServers,
  sessionTimeoutMs: number,
  random: () => number,
  clock: Clock,
): Library {
  const shuffled = hosts
    .map((host) => ({ host, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ host }) => host);
  const client = zookeeper.createClient(shuffled.join(','), {
    sessionTimeout: sessionTimeoutMs,
    spinDelay: spinDelayMs,
    // A repeated request may be executed twice: whoever asks decides (dependencies §5, fault 6).
    retries: 0,
  });
  if (credentials) client.addAuthInfo('digest', Buffer.from(`${credentials.user}:${credentials.password}`));
  const manager = (client as unknown as { connectionManager: Manager }).connectionManager;
  tryNextIfSilent(client, manager, clock);
  let isClosing = false;
  const close = (): void => {
    if (isClosing) return;
    isClosing = true;
    client.close();
  };
  return {
    client,
    acl: credentials ? creatorAcl : openAcl,
    onState: (listener) => client.on('state', listener),
    dropQueue: () => {
      while (manager.packetQueue.shift() !== undefined);
    },
    close,
    destroy: () => {
      close();
      // A connect that is under way must not take the session up again.
      manager.onSocketConnected = () => manager.socket?.destroy();
      manager.socket?.destroy();
    },
  };
}

/**
 * A server that takes the connection and says nothing, because it is frozen or has no majority, is given up like one that takes none:
 * the library would wait for it for ever and never try the others (dependencies §5, fault 2).
 */
function tryNextIfSilent(client: Client, manager: Manager, clock: Clock): void {
  const connected = manager.onSocketConnected;
  manager.onSocketConnected = () => {
    const { socket } = manager;
    connected.call(manager);
    clock.after(Math.max(minAttemptMs, manager.connectTimeout), () => {
      if (manager.socket === socket && client.getState() !== zookeeper.State.SYNC_CONNECTED) socket?.destroy();
    });
  };
}
