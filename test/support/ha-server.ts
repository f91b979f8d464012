/** One server of several, whose every connection to ZooKeeper and to Mesos goes through a relay of its own. */
import { takePort } from './ports.ts';
import type { Playground, Program } from './processes.ts';
import { killIfThere } from './processes.ts';
import { type CutKind, type Relay, startRelay } from './relay.ts';
import { type Tap, tapFrames } from './zookeeper-wire.ts';

export interface HaServer {
  readonly name: string;
  /** The same through all restarts. */
  readonly url: string;
  /** One for each member of the ensemble. */
  readonly zooKeeper: readonly Relay[];
  readonly taps: readonly Tap[];
  readonly mesos: Relay;
  readonly pid: () => number;
  /** Runs and is not frozen. */
  readonly isUp: () => boolean;
  readonly start: (more?: readonly string[]) => Promise<void>;
  readonly kill: () => Promise<void>;
  /** SIGTERM, and waits for the end. */
  readonly stop: () => Promise<void>;
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly cutFromZooKeeper: (kind: CutKind) => void;
  readonly cutFromMesos: (kind: CutKind) => void;
  /** Ends all cuts and delays, and thaws. */
  readonly heal: () => void;
  /** What it has written to standard error in all its lives. */
  readonly log: () => string;
  readonly close: () => Promise<void>;
}

export interface HaServerOptions {
  readonly name: string;
  /** `host:port` of each member of the ensemble. */
  readonly zooKeepers: readonly string[];
  /** Path and credentials of the store. */
  readonly zkPath: string;
  readonly zkCredentials?: string;
  /** `host:port` of the Mesos master. */
  readonly master: string;
  readonly sessionTimeoutMs: number;
  readonly flags: readonly string[];
}

/** Starts relays and server. */
export async function startHaServer(playground: Playground, options: HaServerOptions): Promise<HaServer> {
  const zooKeeper = await Promise.all(options.zooKeepers.map(startRelay));
  const taps = zooKeeper.map(tapFrames);
  const mesos = await startRelay(options.master);
  const hosts = zooKeeper.map((relay) => relay.address).join(',');
  const credentials = options.zkCredentials === undefined ? '' : `${options.zkCredentials}@`;
  const args = [
    'server',
    '--zk',
    `zk://${credentials}${hosts}${options.zkPath}`,
    '--master',
    mesos.address,
    '--zk_session_timeout',
    String(options.sessionTimeoutMs),
    '--logging_level',
    'info',
    ...options.flags,
  ];
  const lives: Program[] = [];
  let isFrozen = false;
  const now = (): Program => lives.at(-1) as Program;
  const port = String(takePort());
  const start = async (more: readonly string[] = []): Promise<string> => {
    const program = playground.run([...args, '--http_port', port, ...more]);
    lives.push(program);
    const [, url = ''] = await program.says(/^Ultramarathon at (\S+) /m);
    return url;
  };
  const signal = (name: NodeJS.Signals): void => void killIfThere(now().pid, name);
  const relays = [...zooKeeper, mesos];
  const thaw = (): void => {
    if (!isFrozen) return;
    signal('SIGCONT');
    isFrozen = false;
  };
  const url = await start();
  return {
    name: options.name,
    url,
    zooKeeper,
    taps,
    mesos,
    pid: () => now().pid,
    isUp: () => !isFrozen && !now().isOver(),
    start: async (more) => void (await start(more)),
    kill: async () => {
      isFrozen = false;
      await now().end('SIGKILL');
    },
    stop: async () => void (await now().end('SIGTERM')),
    freeze: () => {
      signal('SIGSTOP');
      isFrozen = true;
    },
    thaw,
    cutFromZooKeeper: (kind) => {
      for (const relay of zooKeeper) relay.cut(kind);
    },
    cutFromMesos: (kind) => mesos.cut(kind),
    heal: () => {
      thaw();
      for (const relay of relays) {
        relay.heal();
        relay.flow();
        relay.delay(0);
      }
      for (const tap of taps) tap.judge(undefined);
    },
    log: () => lives.map((life) => life.stderr()).join('---- started again\n'),
    close: async () => {
      thaw();
      await Promise.all(relays.map((relay) => relay.close()));
    },
  };
}
