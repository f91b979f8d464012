/** One client object of node-zookeeper-client, and the few things that its public face lacks. */
import zookeeper, { type ACL, type Client, type State } from 'node-zookeeper-client';
import type { Clock, TimerHandle } from '../../actors/ports.ts';
import type { ZkServers } from './zk-url.ts';

/** What we must reach behind the library's face for; nothing else of it is touched. */
interface Manager {
  servers: readonly { readonly host: string; readonly port: number }[];
  socket?: { destroy: () => void };
  state: number;
  readonly packetQueue: { shift: () => unknown };
  /** The session time-out by the number of servers: so long one of them may be tried. */
  readonly connectTimeout: number;
  /** What has come of an answer that is not whole yet. */
  pendingBuffer: Buffer | null;
  onSocketConnected: () => void;
  onSocketData: (bytes: Buffer) => void;
}

/** The library's own name for a client that connects to nothing any more. */
const closing = -1;

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

/** Creates a client that is not connected yet. Servers are tried in random order. `onGarbage` is told what could not be understood. */
export function createLibraryClient(
  { hosts, credentials }: ZkServers,
  sessionTimeoutMs: number,
  random: () => number,
  clock: Clock,
  onGarbage: (error: unknown) => void,
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
  // It would shuffle them itself, and cut IPv6 literals at their first colon.
  manager.servers = shuffled.map(addressOf);
  const silence = tryNextIfSilent(client, manager, clock);
  startEachConnectionAnew(manager, onGarbage);
  let isClosing = false;
  const close = (): void => {
    if (isClosing) return;
    isClosing = true;
    // Before the first attempt it would write to a socket that is not there yet.
    if (manager.socket) client.close();
    else manager.state = closing;
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
      silence.cancel();
      // A connect that is under way must not take the session up again.
      manager.onSocketConnected = () => manager.socket?.destroy();
      manager.socket?.destroy();
    },
  };
}

function addressOf(host: string): { readonly host: string; readonly port: number } {
  const colon = host.lastIndexOf(':');
  return { host: host.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(host.slice(colon + 1)) };
}

/**
 * A server that takes the connection and says nothing, because it is frozen or has no majority, is given up like one that takes none:
 * the library would wait for it for ever and never try the others (dependencies §5, fault 2). `cancel` ends the waiting.
 */
function tryNextIfSilent(client: Client, manager: Manager, clock: Clock): TimerHandle {
  const connected = manager.onSocketConnected;
  let timer: TimerHandle | undefined;
  client.on('state', () => timer?.cancel());
  manager.onSocketConnected = () => {
    const { socket } = manager;
    connected.call(manager);
    timer?.cancel();
    timer = clock.after(Math.max(minAttemptMs, manager.connectTimeout), () => {
      if (manager.socket === socket && client.getState() !== zookeeper.State.SYNC_CONNECTED) socket?.destroy();
    });
  };
  return { cancel: () => timer?.cancel() };
}

/**
 * When a connection breaks within an answer, the library takes the half of it for the beginning of what the next connection says, and
 * from then on understands nothing. And what it does not understand it throws from its socket handler, where nobody catches it: it
 * would end the process.
 */
function startEachConnectionAnew(manager: Manager, onGarbage: (error: unknown) => void): void {
  const { onSocketConnected, onSocketData } = manager;
  manager.onSocketConnected = () => {
    manager.pendingBuffer = null;
    onSocketConnected.call(manager);
  };
  manager.onSocketData = (bytes) => {
    const { socket } = manager;
    try {
      onSocketData.call(manager, bytes);
    } catch (error) {
      onGarbage(error);
      socket?.destroy();
    }
  };
}
