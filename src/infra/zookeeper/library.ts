/** One client object of node-zookeeper-client, and the few things that its public face lacks. */
import zookeeper, { type ACL, type Client, type State } from 'node-zookeeper-client';
import type { ZkServers } from './zk-url.ts';

/** What we must reach behind the library's face for; nothing else of it is touched. */
interface Manager {
  socket?: { destroy: () => void };
  readonly packetQueue: { shift: () => unknown };
  onSocketConnected: () => void;
}

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
