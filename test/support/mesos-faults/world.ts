/** A local cluster and a server as real processes with a relay between them, each of which can be hurt and mended. */
import { fileURLToPath } from 'node:url';
import { takePort } from '../ports.ts';
import { createPlayground, killIfThere, type Playground, type Program } from '../processes.ts';
import { type Relay, startRelay } from '../relay.ts';
import { type RestClient, restClient } from '../rest-client.ts';
import { startServer } from '../stack.ts';
import { type Meddler, meddleWith } from './meddler.ts';

export interface WorldOptions {
  readonly simulate: boolean;
  /** Tasks survive a killed cluster, where the cluster can that; otherwise its next life ends what the last one left. */
  readonly recover?: boolean;
  /** Numbers below the argument, for what happens to records on their way. */
  readonly random: (below: number) => number;
  readonly agents?: number;
}

/** One of the two programs, through all its lives. */
export interface Hurtable {
  readonly pid: () => number;
  /** Runs and is not frozen. */
  readonly isUp: () => boolean;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** What it wrote to standard error in all its lives. */
  readonly log: () => string;
}

export interface HurtableCluster extends Hurtable {
  /** `host:port`, the same through all lives. */
  readonly address: string;
  /** POST to the control; false if it was not taken or nobody is there. */
  readonly command: (path: string, body?: object) => Promise<boolean>;
}

export interface FaultWorld {
  readonly playground: Playground;
  readonly isSimulated: boolean;
  readonly agents: number;
  readonly cluster: HurtableCluster;
  readonly server: Hurtable;
  readonly relay: Relay;
  readonly meddler: Meddler;
  /** Of the server, the same through all its lives. */
  readonly rest: RestClient;
  /** Ends everything that a fault may have left, so that the world can come to rest. */
  readonly heal: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Short, so that a few seconds of silence are beyond all of them. */
const heartbeatMs = 500;
const missedHeartbeats = 4;
export const silenceLimitMs = heartbeatMs * missedHeartbeats;
export const agentTimeoutMs = 1_200;
const settings = {
  heartbeatMs,
  allocationMs: 200,
  retryMs: 250,
  retryMaxMs: 2_000,
  agentTimeoutMs,
  reregisterDelayMs: 200,
};

const serverFlags = [
  '--mesos_heartbeat_failure_threshold',
  String(missedHeartbeats),
  '--kill_retry_timeout',
  '1000',
  '--decline_offer_duration',
  '1000',
  '--task_launch_confirm_timeout',
  '4000',
];
const host = fileURLToPath(new URL('./cluster-host.mjs', import.meta.url));
const controlTimeoutMs = 60_000;

export async function startWorld(options: WorldOptions): Promise<FaultWorld> {
  const { simulate, random, recover = false, agents = simulate ? 8 : 3 } = options;
  const playground = createPlayground();
  const closers: (() => Promise<unknown>)[] = [() => playground.close()];
  try {
    const cluster = await startCluster(playground, { simulate, recover, agents });
    const relay = await startRelay(cluster.address);
    closers.push(() => relay.close());
    // Before the first byte: it has to see every stream from its beginning.
    const meddler = meddleWith(relay, random);
    const { server, url } = await startHurtableServer(playground, relay.address);
    const rest = restClient(url);
    const heal = async (): Promise<void> => {
      meddler.stop();
      relay.trickle(0);
      relay.flow();
      relay.heal();
      for (const one of [cluster, server]) {
        one.thaw();
        if (!one.isUp()) await one.start();
      }
      for (let agent = 1; agent <= agents; agent++) {
        await cluster.command(`/agents/${agent}/thaw`);
        await cluster.command(`/agents/${agent}/return`);
      }
      if (simulate) await cluster.command('/behaviour', { dropUpdateRate: 0, failRate: 0, answerDelayMs: 0 });
    };
    return {
      playground,
      isSimulated: simulate,
      agents,
      cluster,
      server,
      relay,
      meddler,
      rest,
      heal,
      close: async () => {
        for (const one of [cluster, server]) one.thaw();
        rest.close();
        for (const close of closers) await close();
      },
    };
  } catch (error) {
    for (const close of closers) await close().catch(() => {});
    throw error;
  }
}

async function startCluster(
  playground: Playground,
  { simulate, recover, agents }: { readonly simulate: boolean; readonly recover: boolean; readonly agents: number },
): Promise<HurtableCluster> {
  const resources = simulate ? { resources: 'cpus:4;mem:4096;disk:10000;ports:[31000-31099]', dividePorts: false } : {};
  const options = { workDir: playground.path('work'), agents, simulate, recover, settings, ...resources };
  const port = takePort();
  let address = '';
  let control = '';
  const lives = livesOf(async () => {
    const program = playground.run([JSON.stringify({ ...options, port, controlPort: 0 })], { program: host });
    [, control = ''] = await program.says(/control at (\S+)\n/);
    [, address = ''] = await program.says(/cluster at http:\/\/(\S+)\n/);
    return program;
  });
  await lives.start();
  const command: HurtableCluster['command'] = async (path, body = {}) => {
    try {
      const signal = AbortSignal.timeout(controlTimeoutMs);
      const answer = await fetch(`${control}/simulate${path}`, { method: 'POST', body: JSON.stringify(body), signal });
      await answer.text();
      return answer.ok;
    } catch {
      // Killed, or frozen for long: whoever hurts it with several faults at once does not care.
      return false;
    }
  };
  return { ...lives, address, command };
}

async function startHurtableServer(
  playground: Playground,
  master: string,
): Promise<{ readonly server: Hurtable; readonly url: string }> {
  const port = String(takePort());
  let url = '';
  const server = livesOf(async () => {
    const started = await startServer(playground, master, serverFlags, { port });
    started.rest.close();
    url = started.url;
    return started.program;
  });
  await server.start();
  return { server, url };
}

function livesOf(run: () => Promise<Program>): Hurtable {
  const lives: Program[] = [];
  let isFrozen = false;
  const now = (): Program => lives.at(-1) as Program;
  return {
    pid: () => now().pid,
    isUp: () => !isFrozen && !now().isOver(),
    start: async () => {
      lives.push(await run());
    },
    kill: async () => {
      isFrozen = false;
      await now().end('SIGKILL');
    },
    freeze: () => {
      isFrozen = killIfThere(now().pid, 'SIGSTOP');
    },
    thaw: () => {
      if (isFrozen) killIfThere(now().pid, 'SIGCONT');
      isFrozen = false;
    },
    log: () => lives.map((life) => life.stderr()).join('---- started again\n'),
  };
}
