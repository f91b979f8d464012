/** Starts a Mesos-compatible master with its agents in this process. */
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { ok, type Result } from '../core/result.ts';
import { type AgentPlan, domainOf, maxAgents, planAgents } from './agent-plan.ts';
import { type Leader, leadWhenElected } from './election/lead-when-elected.ts';
import { parseZkUrl, type ZkServers } from './election/zk-url.ts';
import type { EquipmentOptions } from './equipment.ts';
import { createRoutes } from './http/routes.ts';
import type { Pace } from './http/scheduler-endpoint.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import { Master } from './master/master.ts';
import { Counters, type Leadership, type Log, type MasterSettings, nowSeconds } from './master/model.ts';
import { Watchers } from './master/watchers.ts';
import { startTicksOf } from './process/process-table.ts';
import { beginTenure, type Tenure, type TenureOptions, type TenureRefusal } from './recovery/tenure.ts';
import { controlEndpoint } from './simulate/control-endpoint.ts';
import { SimulatedRunner, type SimulationOptions } from './simulate/simulated-runner.ts';
import { lockWorkDir, type WorkDirLock } from './work-dir-lock.ts';

export interface LocalMesosOptions extends EquipmentOptions {
  /** Address to listen on; 127.0.0.1 if absent. */
  readonly host?: string;
  /** 0 means any. */
  readonly port: number;
  readonly agents: number;
  /** `rack:a;zone:z`; `{n}` is the agent's number, sets separated by `|` are dealt out in turn. */
  readonly attributes?: string;
  /** `cpus:4;mem:8192;disk:10240;ports:[31000-32000]` for each agent, with `{n}` and `|` likewise; ports are divided. */
  readonly resources?: string;
  /** False: each agent offers all of `ports`; for tests, since the tasks of all agents run on this machine. */
  readonly dividePorts?: boolean;
  /** Ids, sandboxes and the lock; created if missing. */
  readonly workDir: string;
  /** Directory that relative URIs of tasks start from, as Mesos' agents have it; the present one if absent. */
  readonly frameworksHome?: string;
  /** Runs no processes. */
  readonly simulate: boolean;
  /** Fault domains `region/zone` of the agents, with `{n}` and `|` likewise. */
  readonly domains?: string;
  /** Fault domain of the master. */
  readonly masterDomain?: string;
  /** Secrets by principal; schedulers and operators must name one of them. */
  readonly credentials?: Readonly<Record<string, string>>;
  /** The agents register when `registerAgents` is called, not at the start. */
  readonly agentsComeLater?: boolean;
  readonly simulation?: SimulationOptions;
  /**
   * Tasks that an earlier run on the directory has left go on, and whatever is launched can be taken up by a later run. Otherwise
   * what is left is ended. The default is true with `zk`.
   */
  readonly recover?: boolean;
  /**
   * `zk://host:port/path`: stands for election with other clusters on the same directory, of which one leads. The leader has the
   * agents; when it dies, the next one takes them up with their tasks.
   */
  readonly zk?: string;
  /** The default is 10 s. */
  readonly zkSessionTimeoutMs?: number;
  readonly settings?: Partial<MasterSettings>;
  readonly log?: Log;
}

export interface LocalMesos {
  /** `http://host:port`. */
  readonly url: string;
  readonly port: number;
  readonly master: Master;
  /** Of a simulated cluster. */
  readonly simulation: SimulatedRunner | undefined;
  /** Whether it leads and has taken in its agents. */
  readonly registered: () => boolean;
  /** Registers the agents of a cluster with `agentsComeLater`. */
  readonly registerAgents: () => void;
  /** A new agent in place of one whose directory is lost: another id at the same address. */
  readonly replaceAgent: (id: string) => void;
  /** Resolves with the reason when it cannot go on: it has lost the election, or cannot read what an earlier leader left. */
  readonly failed: Promise<string>;
  /** Ends streams, tasks and the server; the directory is free for another cluster afterwards. */
  readonly close: () => Promise<void>;
  /**
   * Likewise, but the tasks go on (those of frameworks that let their agents keep them): a cluster with `recover` takes them up.
   * `vanish`: the election is not told, as if the program had been killed.
   */
  readonly leave: (how?: 'resign' | 'vanish') => Promise<void>;
}

/** The cluster cannot be started for a reason that is the user's to mend; the message is one line. */
export class LocalMesosError extends Error {
  readonly code: 'BAD_OPTION' | 'PORT_TAKEN' | 'WORK_DIR_IN_USE' | 'WORK_DIR_UNUSABLE';

  constructor(code: LocalMesosError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const defaultSettings: MasterSettings = {
  heartbeatMs: 15_000,
  allocationMs: 1_000,
  retryMs: 10_000,
  retryMaxMs: 600_000,
  offerTimeoutMs: undefined,
  offersFreedAtOnce: true,
  ticksByItself: true,
  agentTimeoutMs: 75_000,
  reregisterDelayMs: 500,
  executorRegistrationMs: 60_000,
  httpCommandExecutor: false,
};

const quiet: Log = { info: () => {}, warn: () => {} };

/** Resolves when the cluster answers; rejects with a `LocalMesosError`, having left nothing behind. */
export async function startLocalMesos(options: LocalMesosOptions): Promise<LocalMesos> {
  if (!Number.isInteger(options.agents) || options.agents < 0 || options.agents > maxAgents) {
    throw new LocalMesosError('BAD_OPTION', `agents must be a whole number from 0 to ${maxAgents}`);
  }
  const { workDir, zk, recover = zk !== undefined } = options;
  if (options.simulate && recover) {
    throw new LocalMesosError('BAD_OPTION', 'simulated tasks end with the program: leave out --simulate');
  }
  if (recover && startTicksOf(process.pid) === undefined) {
    throw new LocalMesosError('BAD_OPTION', 'without /proc nobody can tell which processes an earlier run has left');
  }
  const servers = zk === undefined ? ok(undefined) : parseZkUrl(zk);
  if (!servers.ok) throw new LocalMesosError('BAD_OPTION', servers.error);
  await makeWorkDir(resolve(workDir)).catch((error: unknown) => {
    throw new LocalMesosError('WORK_DIR_UNUSABLE', `work directory ${workDir} cannot be created: ${reasonOf(error)}`);
  });
  const plans = planAgents({ ...options, attributes: options.attributes, resources: options.resources });
  if (!plans.ok) throw new LocalMesosError('BAD_OPTION', plans.error);
  if (servers.value !== undefined) return startListening({ ...options, recover }, plans.value, servers.value);
  const lock = await lockWorkDir(workDir);
  if (!lock.ok) throw new LocalMesosError('WORK_DIR_IN_USE', lock.error);
  try {
    return await startListening({ ...options, recover }, plans.value, lock.value);
  } catch (error) {
    await lock.value.release();
    throw error;
  }
}

/** Level by level: `recursive` of Node 20 goes round for ever where a parent is there and takes no directory, as in /proc. */
async function makeWorkDir(path: string): Promise<void> {
  const parent = dirname(path);
  if (!existsSync(parent)) await makeWorkDir(parent);
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  });
}

/** Leads at once with the lock of the directory, or when the election says so. */
async function startListening(
  options: LocalMesosOptions & { readonly recover: boolean },
  plans: readonly AgentPlan[],
  right: WorkDirLock | ZkServers,
): Promise<LocalMesos> {
  const { host = '127.0.0.1', workDir, log = quiet } = options;
  const counters = new Counters();
  const http = createHttpServer(() => counters.add('http/broken_answers'));
  const port = await listen(http.server, host, options.port);
  try {
    const simulation = options.simulate ? new SimulatedRunner(options.simulation) : undefined;
    const master = createMaster(options, { host, port, counters }, simulation);
    const begin = (): Promise<Result<Tenure, TenureRefusal>> =>
      beginTenure(master, tenureOptions(options, plans, port, simulation));
    const leader =
      'release' in right
        ? await leadAtOnce(right, begin)
        : leadWhenElected(master, {
            servers: right,
            workDir,
            begin,
            log,
            sessionTimeoutMs: options.zkSessionTimeoutMs,
          });
    const pace: Pace = simulation === undefined ? (run) => run() : slowedBy(simulation);
    const credentials = options.credentials && new Map(Object.entries(options.credentials));
    const sandboxes = options.simulate ? undefined : await sandboxRoot(workDir);
    http.serve(createRoutes(master, pace, simulation && controlEndpoint(master, simulation), credentials, sandboxes));
    if (!options.simulate && isLoopback(host)) await listenForAgents(http, plans, host, port, log);
    let stopped: Promise<void> | undefined;
    const stop = (tasks: 'end' | 'stay', how: 'resign' | 'vanish'): Promise<void> => {
      stopped ??= (async () => {
        master.stop();
        await http.close();
        await leader.end(tasks, how);
      })();
      return stopped;
    };
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
      port,
      master,
      simulation,
      registered: () => leader.tenure() !== undefined,
      registerAgents: () => leader.tenure()?.registerAgents(),
      replaceAgent: (id) => leader.tenure()?.replaceAgent(id),
      failed: leader.failed,
      close: () => stop('end', 'resign'),
      leave: (how = 'resign') => stop('stay', how),
    };
  } catch (error) {
    await http.close();
    throw error;
  }
}

async function leadAtOnce(lock: WorkDirLock, begin: () => Promise<Result<Tenure, TenureRefusal>>): Promise<Leader> {
  const tenure = await begin();
  if (!tenure.ok) throw new LocalMesosError(tenure.error.code, tenure.error.message);
  return {
    tenure: () => tenure.value,
    failed: new Promise(() => {}),
    end: async (tasks) => {
      await tenure.value.end(tasks);
      await lock.release();
    },
  };
}

function tenureOptions(
  options: LocalMesosOptions & { readonly recover: boolean },
  plans: readonly AgentPlan[],
  port: number,
  simulation: SimulatedRunner | undefined,
): TenureOptions {
  const { workDir, recover, domains, frameworksHome, agentsComeLater = false, log = quiet } = options;
  return {
    workDir,
    plans,
    port,
    recover,
    simulation,
    domains,
    frameworksHome,
    equipment: options,
    agentsComeLater,
    log,
  };
}

function createMaster(
  options: LocalMesosOptions,
  { host, port, counters }: { host: string; port: number; counters: Counters },
  simulation: SimulatedRunner | undefined,
): Master {
  const { log = quiet } = options;
  const ip = /^\d+\.\d+\.\d+\.\d+$/.test(host) && host !== '0.0.0.0' ? host : '127.0.0.1';
  const leadership: Leadership = options.zk === undefined ? { kind: 'leading', recovered: true } : { kind: 'none' };
  return new Master({
    identity: {
      id: randomUUID(),
      hostname: host === '0.0.0.0' ? ip : host,
      ip,
      port,
      startTime: nowSeconds(),
      domain: domainOf(options.masterDomain),
    },
    leadership,
    recovering: false,
    settings: { ...defaultSettings, ...options.settings },
    log,
    faults: simulation && { updateArrivalsMs: simulation.updateArrivalsMs },
    agents: new Map(),
    frameworks: new Map(),
    removed: new Map(),
    gone: new Set<string>(),
    watchers: new Watchers(),
    offers: new Map(),
    counters,
  });
}

/** Where the sandboxes of all agents lie. */
async function sandboxRoot(workDir: string): Promise<string> {
  const root = join(workDir, 'slaves');
  await mkdir(root, { recursive: true });
  return realpath(root);
}

const isLoopback = (host: string): boolean => host.startsWith('127.');

/** Agents have loopback addresses of their own; what they answer, such as their files, is to be had there too. */
async function listenForAgents(
  http: HttpServer,
  plans: readonly AgentPlan[],
  host: string,
  port: number,
  log: Log,
): Promise<void> {
  for (const ip of new Set(plans.map((plan) => plan.ip))) {
    if (ip === host) continue;
    const fault = await http.alsoListen(port, ip);
    if (fault !== undefined) log.warn(`the agent at ${ip} answers at ${host} only: ${fault}`);
  }
}

function slowedBy(simulation: SimulatedRunner): Pace {
  return (run) => {
    const { answerDelayMs } = simulation.behaviour;
    if (answerDelayMs === 0) run();
    else setTimeout(run, answerDelayMs);
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken ? `port ${port} on ${host} is taken` : `cannot listen on ${host}:${port}: ${error.message}`;
      reject(new LocalMesosError(taken ? 'PORT_TAKEN' : 'BAD_OPTION', message));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
