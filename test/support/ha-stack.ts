/** ZooKeeper, a local cluster and several servers as real processes, with clients that write all the time and a judge. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Attempt, attempt, describeAttempt, outcomeOf } from './attempt.ts';
import { eventually } from './eventually.ts';
import { type HaServer, startHaServer } from './ha-server.ts';
import { verify } from './ha-verify.ts';
import { createHistory, type History } from './history.ts';
import { type Clients, createValues, keysOf, operate, startClients } from './history-clients.ts';
import { type JournalRecorder, recordJournal } from './journal-recorder.ts';
import { createPlayground, type Playground } from './processes.ts';
import { type RunningCluster, startCluster } from './stack.ts';
import { type Ensemble, startEnsemble } from './zookeeper.ts';

export interface HaStackOptions {
  readonly servers?: number;
  readonly zookeepers?: 1 | 3;
  readonly agents?: number;
  /** Run no processes. */
  readonly simulate?: boolean;
  readonly sessionTimeoutMs?: number;
  readonly clients?: number;
  readonly seed?: number;
  /** More flags of the servers. */
  readonly flags?: readonly string[];
}

export interface HaStack {
  readonly playground: Playground;
  readonly ensemble: Ensemble;
  readonly cluster: RunningCluster;
  readonly servers: readonly HaServer[];
  readonly history: History;
  readonly journal: JournalRecorder;
  readonly keys: readonly string[];
  readonly sessionTimeoutMs: number;
  /** Longest wait for requests to succeed again after a fault. How quickly they do is for a benchmark to say. */
  readonly recoveryMs: number;
  /** The server that all name as leader that name one; undefined while they do not agree or name nobody. */
  readonly leader: () => Promise<HaServer | undefined>;
  readonly theLeader: (timeoutMs?: number) => Promise<HaServer>;
  /** Waits until somebody else leads. */
  readonly another: (than: HaServer) => Promise<HaServer>;
  readonly followers: (leader: HaServer) => readonly HaServer[];
  /** Tries a write through every one of the servers until it succeeds, for `recoveryMs` at most. */
  readonly writable: (through?: readonly HaServer[]) => Promise<void>;
  /** Runs something through which this server must go on leading, unless it loses its own session with ZooKeeper. */
  readonly keepsLeading: (leader: HaServer, run: () => Promise<void>) => Promise<void>;
  /** Tries one write through one server. */
  readonly write: (server: HaServer, timeoutMs?: number) => Promise<Attempt>;
  /** Runs something while the clients work, and judges afterwards. A failure tells the history and the servers' logs. */
  readonly during: (what: string, run: () => Promise<void>) => Promise<void>;
  readonly close: () => Promise<void>;
}

const recoveryMs = 90_000;
const probeTimeoutMs = 4_000;
const probePauseMs = 50;
const startLimitMs = 120_000;
const zkPath = '/ultramarathon';
/** Clients whose writes are the tests' own begin here. */
const firstProbe = 500;

/** Starts everything and waits until every server takes writes and every app of the clients has its tasks. */
export async function startHaStack(options: HaStackOptions = {}): Promise<HaStack> {
  const { servers: count = 3, zookeepers = 3, agents = 3, sessionTimeoutMs = 3_000, clients = 3 } = options;
  const playground = createPlayground();
  const closers: (() => Promise<unknown>)[] = [() => playground.close()];
  try {
    const [ensemble, cluster] = await Promise.all([
      startEnsemble(zookeepers),
      startCluster(playground, ['--agents', String(agents), ...(options.simulate === true ? ['--simulate'] : [])]),
    ]);
    closers.push(() => ensemble.close());
    const servers = await Promise.all(
      Array.from({ length: count }, (_, n) =>
        startHaServer(playground, {
          name: `s${n}`,
          zooKeepers: ensemble.members.map((member) => member.host),
          zkPath,
          master: cluster.address,
          sessionTimeoutMs,
          flags: options.flags ?? [],
        }),
      ),
    );
    for (const server of servers) closers.push(() => server.close());
    const journal = recordJournal(ensemble.url(zkPath));
    closers.unshift(() => journal.close());
    return await assemble(
      { playground, ensemble, cluster, servers, journal, closers, sessionTimeoutMs },
      clients,
      options,
    );
  } catch (error) {
    for (const close of closers) await close().catch(() => {});
    throw error;
  }
}

interface Parts
  extends Pick<HaStack, 'playground' | 'ensemble' | 'cluster' | 'servers' | 'journal' | 'sessionTimeoutMs'> {
  /** In the order in which they are called. */
  readonly closers: readonly (() => Promise<unknown>)[];
}

async function assemble(parts: Parts, clients: number, options: HaStackOptions): Promise<HaStack> {
  const { servers, closers } = parts;
  const history = createHistory();
  const values = createValues();
  const keys = keysOf(clients);
  const up = (): readonly HaServer[] => servers.filter((server) => server.isUp());
  const write: HaStack['write'] = (server, timeoutMs) => {
    const n = firstProbe + servers.indexOf(server);
    return operate(history, `probe-${n}`, server, { kind: 'put', key: '/shared/all', value: values(n) }, timeoutMs);
  };
  const leader = (): Promise<HaServer | undefined> => leaderOf(up());
  const stack: Omit<HaStack, 'during'> = {
    ...parts,
    history,
    keys,
    recoveryMs,
    leader,
    theLeader: (timeoutMs = startLimitMs) => eventually('a leader', leader, timeoutMs),
    another: (than) =>
      eventually(
        `a leader other than ${than.name}`,
        async () => {
          const found = await leader();
          return found !== than && found;
        },
        startLimitMs,
      ),
    followers: (one) => servers.filter((server) => server !== one),
    write,
    writable: (through = up()) => untilWritable(through, write),
    keepsLeading: async (one, run) => {
      const saidBefore = one.log().length;
      await run();
      if (lostSession.test(one.log().slice(saidBefore))) return;
      const now = (await stack.theLeader()).name;
      if (now !== one.name) throw new Error(`${now} leads in place of ${one.name}, which had lost nothing`);
    },
    close: async () => {
      const failures: unknown[] = [];
      for (const close of closers) await close().catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    },
  };
  await stack.writable();
  for (const key of keys.filter((one) => !one.startsWith('/fleeting'))) {
    await eventually(`${key} is made`, async () => {
      const operation = { kind: 'put' as const, key, value: values(firstProbe - 1) };
      const result = await operate(history, 'setup', servers[0] as HaServer, operation);
      if (outcomeOf(result) !== 'ok') throw new Error(describeAttempt(result));
      return true;
    });
  }
  const steady = await verify(stack, undefined);
  let seed = options.seed ?? 1;
  const start = (): Clients => startClients(history, up, values, { clients, seed: seed++, maxPauseMs: 80 });
  return {
    ...stack,
    during: async (what, run) => {
      history.note(what);
      const working = start();
      try {
        await run();
        for (const server of servers) server.heal();
        await working.stop();
        await verify(stack, steady);
      } catch (error) {
        for (const server of servers) server.heal();
        await working.stop();
        throw new Error(report(what, error, stack), { cause: error });
      }
    },
  };
}

/** Who leads in the words of the servers that name anybody; undefined unless they agree. */
export async function leaderOf<T extends { readonly url: string }>(servers: readonly T[]): Promise<T | undefined> {
  const answers = await Promise.all(
    servers.map((server) => attempt(server.url, 'GET', '/v2/leader', undefined, 1_000)),
  );
  const named = answers.flatMap((answer) => {
    const found = answer.type === 'answer' ? /"leader":"([^"]+)"/.exec(answer.text)?.[1] : undefined;
    return found === undefined ? [] : [found];
  });
  const [first] = named;
  return named.every((one) => one === first) ? servers.find((server) => new URL(server.url).host === first) : undefined;
}

async function untilWritable(servers: readonly HaServer[], write: HaStack['write']): Promise<void> {
  const startedMs = performance.now();
  const one = async (server: HaServer): Promise<void> => {
    for (;;) {
      const result = await write(server, probeTimeoutMs);
      if (result.type === 'answer' && result.status < 400) return;
      if (performance.now() - startedMs > recoveryMs) {
        throw new Error(`no write through ${server.name} within ${recoveryMs} ms: ${describeAttempt(result)}`);
      }
      await delay(probePauseMs);
    }
  };
  await Promise.all(servers.map(one));
}

/** What a server writes when it has lost its candidature by itself: on a machine that lets it wait for long, it may. */
const lostSession = /"event":"zookeeper\.ended","session":"election"/;

const logTailChars = 6_000;

function report(what: string, error: unknown, { history, servers, playground }: Omit<HaStack, 'during'>): string {
  const said =
    error instanceof Error ? `${error.message}${error.cause === undefined ? '' : `: ${error.cause}`}` : error;
  const logs = servers.map(
    (server) => `---- log of ${server.name} (${server.url})\n${server.log().slice(-logTailChars)}`,
  );
  return [
    `${what}: ${said}`,
    `---- history\n${history.text(150)}`,
    ...logs,
    `---- tasks alive: ${JSON.stringify([...playground.tasks()])}`,
  ].join('\n');
}
