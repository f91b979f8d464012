/** A real ZooKeeper ensemble from Debian's package, on loopback ports of its own; members can be killed, frozen and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { takePorts } from './ports.ts';

export type ZkRole = 'leader' | 'follower' | 'standalone' | 'none';

export interface ZkMember {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly pid: () => number;
  /** SIGKILL. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** `none`: it does not serve, or does not answer. */
  readonly role: () => Promise<ZkRole>;
  /** Watches on the data or the existence of nodes, by its own count; it leaves out those on lists of children. */
  readonly watches: () => Promise<number>;
}

export interface Ensemble {
  readonly members: readonly ZkMember[];
  /** `credentials` is `user:password`. */
  readonly url: (path: string, credentials?: string) => string;
  /** Resolves once a majority serves under one leader. */
  readonly ready: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface EnsembleOptions {
  /** Sessions last at least twice and at most twenty times as long unless configured; here from 600 ms to two minutes. */
  readonly tickTimeMs?: number;
  /** Sync each transaction to the disk before it is answered, as in production. Default: not. */
  readonly forceSync?: boolean;
  /** Where the members keep their data. Default: a temporary folder, removed by `close`. */
  readonly dataDir?: string;
}

const jar = '/usr/share/java/zookeeper.jar';
const classPath = ['/etc/zookeeper/conf', jar, '/usr/share/java/slf4j-nop.jar'].join(':');
const startTimeoutMs = 120_000;
const answerTimeoutMs = 5_000;

const hasJava = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'java')));

/** Debian's package, or Java, is not there: whoever needs it says so loudly. */
export const zooKeeperMissing: boolean = !existsSync(jar) || !hasJava;

/** Starts it and waits until it serves. */
export async function startEnsemble(size: 1 | 3, options: EnsembleOptions = {}): Promise<Ensemble> {
  if (zooKeeperMissing) throw new Error('ZooKeeper is missing: apt-get install zookeeper default-jre-headless');
  const dir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'ultramarathon-zookeeper-'));
  const ports = takePorts(size * 3);
  const members = Array.from({ length: size }, (_, i) => new Member(i + 1, ports.slice(i * 3, i * 3 + 3), dir));
  for (const member of members) member.configure(members, options);
  const ensemble: Ensemble = {
    members,
    url: (path, credentials) =>
      `zk://${credentials === undefined ? '' : `${credentials}@`}${members.map((m) => m.host).join(',')}${path}`,
    ready: () => ready(members),
    close: async () => {
      await Promise.all(members.map((member) => member.kill()));
      if (options.dataDir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(members.map((member) => member.start()));
    await ensemble.ready();
    return ensemble;
  } catch (error) {
    await ensemble.close();
    throw error;
  }
}

async function ready(members: readonly Member[]): Promise<void> {
  await eventually(
    'a majority serves',
    async () => {
      for (const member of members) member.assertAlive();
      const roles = await Promise.all(members.map((member) => member.role()));
      if (members.length === 1) return roles[0] === 'standalone';
      const serving = roles.filter((role) => role === 'leader' || role === 'follower').length;
      return (
        roles.includes('leader') && serving > members.length / 2 && serving === members.filter((m) => m.runs).length
      );
    },
    startTimeoutMs,
  );
}

class Member implements ZkMember {
  readonly host: string;
  readonly #id: number;
  readonly #ports: readonly number[];
  readonly #dir: string;
  #forceSync = false;
  #child: ChildProcess | undefined;
  /** How it ended although nobody had told it to. */
  #death: string | undefined;
  #isFrozen = false;

  constructor(id: number, ports: readonly number[], dir: string) {
    this.#id = id;
    this.#ports = ports;
    this.#dir = join(dir, `member-${id}`);
    this.host = `127.0.0.1:${ports[0]}`;
  }

  get runs(): boolean {
    return this.#child !== undefined && !this.#isFrozen;
  }

  pid = (): number => {
    if (this.#child?.pid === undefined) throw new Error(`member ${this.#id} does not run`);
    return this.#child.pid;
  };

  /** A member that ends by itself would be missed only much later, by whoever relies on it. */
  assertAlive(): void {
    if (this.#death !== undefined)
      throw new Error(`member ${this.#id} of the ensemble ended by itself: ${this.#death}`);
  }

  configure(members: readonly Member[], { tickTimeMs = 200, forceSync = false }: EnsembleOptions): void {
    this.#forceSync = forceSync;
    mkdirSync(this.#dir, { recursive: true });
    const [client] = this.#ports;
    const lines = [
      `tickTime=${tickTimeMs}`,
      'initLimit=50',
      'syncLimit=25',
      `dataDir=${this.#dir}`,
      `clientPort=${client}`,
      'clientPortAddress=127.0.0.1',
      'admin.enableServer=false',
      'minSessionTimeout=600',
      'maxSessionTimeout=120000',
      'maxClientCnxns=1000',
      '4lw.commands.whitelist=*',
    ];
    if (members.length > 1) for (const member of members) lines.push(member.#peerLine());
    writeFileSync(join(this.#dir, 'zoo.cfg'), `${lines.join('\n')}\n`);
    writeFileSync(join(this.#dir, 'myid'), `${this.#id}\n`);
  }

  start = async (): Promise<void> => {
    if (this.#child !== undefined) return;
    this.#death = undefined;
    const args = ['-Xmx256m', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    // A vote that got lost is sent again soon, not after up to a minute.
    args.push('-Dzookeeper.fastleader.maxNotificationInterval=2000');
    if (!this.#forceSync) args.push('-Dzookeeper.forceSync=no');
    args.push('-cp', classPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', join(this.#dir, 'zoo.cfg'));
    const child = spawn('java', args, { stdio: 'ignore', cwd: this.#dir });
    this.#child = child;
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#death = String(signal ?? code);
    });
    const listens = async (): Promise<boolean> => {
      this.assertAlive();
      return (await this.#ask('ruok')) === 'imok';
    };
    await eventually(`member ${this.#id} listens`, listens, startTimeoutMs);
  };

  kill = async (): Promise<void> => {
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    this.#child = undefined;
    child.kill('SIGKILL');
    this.#isFrozen = false;
    await gone;
  };

  freeze = (): void => {
    process.kill(this.pid(), 'SIGSTOP');
    this.#isFrozen = true;
  };

  thaw = (): void => {
    process.kill(this.pid(), 'SIGCONT');
    this.#isFrozen = false;
  };

  role = async (): Promise<ZkRole> => {
    const answer = this.runs ? await this.#ask('srvr') : undefined;
    const mode = /^Mode: (\w+)$/m.exec(answer ?? '')?.[1];
    return mode === 'leader' || mode === 'follower' || mode === 'standalone' ? mode : 'none';
  };

  watches = async (): Promise<number> => {
    const answer = (await this.#ask('wchs')) ?? '';
    return Number(/^Total watches:(\d+)$/m.exec(answer)?.[1] ?? Number.NaN);
  };

  #peerLine(): string {
    const [client, quorum, election] = this.#ports;
    return `server.${this.#id}=127.0.0.1:${quorum}:${election};127.0.0.1:${client}`;
  }

  /** A four-letter word; undefined if there is no answer. */
  #ask(word: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: this.#ports[0] ?? 0 });
      let text = '';
      socket.setTimeout(answerTimeoutMs, () => socket.destroy());
      socket.once('connect', () => socket.write(word));
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.on('error', () => socket.destroy());
      socket.once('close', () => resolve(text === '' ? undefined : text));
    });
  }
}
