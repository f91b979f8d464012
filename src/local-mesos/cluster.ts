/** Starts a Mesos-compatible master with its agents in this process. */
import { randomUUID } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { DomainInfo } from '../core/mesos/types.ts';
import { type AgentPlan, maxAgents, planAgents } from './agent-plan.ts';
import { type Equipment, type EquipmentOptions, openEquipment } from './equipment.ts';
import { createRoutes } from './http/routes.ts';
import type { Pace } from './http/scheduler-endpoint.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import { RegistryWriter, readRegistry } from './id-registry.ts';
import { Master, type RememberedIds } from './master/master.ts';
import { Counters, type Log, type MasterSettings, nowSeconds } from './master/model.ts';
import { Watchers } from './master/watchers.ts';
import { killLeftovers } from './process/leftovers.ts';
import { createProcessRunner } from './process/runner.ts';
import { textForAgent } from './resources/text.ts';
import { controlEndpoint } from './simulate/control-endpoint.ts';
import { SimulatedRunner, type SimulationOptions } from './simulate/simulated-runner.ts';
import type { TaskRunner } from './task-runner.ts';
import { lockWorkDir } from './work-dir-lock.ts';

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
  /** Registers the agents of a cluster with `agentsComeLater`. */
  readonly registerAgents: () => void;
  /** A new agent in place of one whose directory is lost: another id at the same address. */
  readonly replaceAgent: (id: string) => void;
  /** Ends streams, tasks and the server; the directory is free for another cluster afterwards. */
  readonly close: () => Promise<void>;
}

/** The cluster cannot be started for a reason that is the user's to mend; the message is one line. */
export class LocalMesosError extends Error {
  readonly code: 'BAD_OPTION' | 'PORT_TAKEN' | 'WORK_DIR_IN_USE' | 'WORK_DIR_UNUSABLE';

  constructor(code: LocalMesosError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export const defaultSettings: MasterSettings = {
  heartbeatMs: 15_000,
  allocationMs: 1_000,
  retryMs: 10_000,
  retryMaxMs: 600_000,
  offerTimeoutMs: undefined,
  offersFreedAtOnce: true,
  ticksByItself: true,
  agentTimeoutMs: 75_000,
  reregisterDelayMs: 500,
  httpCommandExecutor: false,
};

const quiet: Log = { info: () => {}, warn: () => {} };

/** Resolves when the cluster answers; rejects with a `LocalMesosError`, having left nothing behind. */
export async function startLocalMesos(options: LocalMesosOptions): Promise<LocalMesos> {
  if (!Number.isInteger(options.agents) || options.agents < 0 || options.agents > maxAgents) {
    throw new LocalMesosError('BAD_OPTION', `agents must be a whole number from 0 to ${maxAgents}`);
  }
  const { workDir } = options;
  await mkdir(workDir, { recursive: true }).catch((error: unknown) => {
    throw new LocalMesosError('WORK_DIR_UNUSABLE', `work directory ${workDir} cannot be created: ${reasonOf(error)}`);
  });
  const plans = planAgents({ ...options, attributes: options.attributes, resources: options.resources });
  if (!plans.ok) throw new LocalMesosError('BAD_OPTION', plans.error);
  const lock = await lockWorkDir(workDir);
  if (!lock.ok) throw new LocalMesosError('WORK_DIR_IN_USE', lock.error);
  try {
    return await startLocked(options, plans.value, lock.value.release);
  } catch (error) {
    await lock.value.release();
    throw error;
  }
}

async function startLocked(
  options: LocalMesosOptions,
  plans: readonly AgentPlan[],
  unlock: () => Promise<void>,
): Promise<LocalMesos> {
  const { host = '127.0.0.1', workDir, log = quiet } = options;
  const counters = new Counters();
  const http = createHttpServer(() => counters.add('http/broken_answers'));
  const port = await listen(http.server, host, options.port);
  try {
    if (!options.simulate) await endLeftovers(workDir, log);
    const equipment = await openEquipment(options, log);
    if (!equipment.ok) throw new LocalMesosError('BAD_OPTION', equipment.error);
    const equipped = { ...options, ...equipment.value };
    const remembered = await readRegistry(workDir, log);
    const simulation = options.simulate ? new SimulatedRunner(options.simulation) : undefined;
    const { master, registry } = createMaster(options, { host, port, counters }, remembered, simulation);
    const runners = new Set<TaskRunner>();
    const register = (): void => {
      for (const plan of plans)
        addAgent(master, plan, remembered.agents[plan.number - 1], port, equipped, simulation, runners);
      registry.save();
    };
    if (options.agentsComeLater !== true) register();
    const replaceAgent = (id: string): void => {
      const old = master.state.agents.get(id);
      const plan = plans.find(({ number }) => number === old?.number);
      if (old === undefined || plan === undefined) return;
      master.lifecycle.remove(old, 'a new agent registered at the same address');
      addAgent(master, plan, undefined, port, equipped, simulation, runners);
      registry.save();
    };
    const pace: Pace = simulation === undefined ? (run) => run() : slowedBy(simulation);
    const credentials = options.credentials && new Map(Object.entries(options.credentials));
    const sandboxes = options.simulate ? undefined : await sandboxRoot(workDir);
    http.serve(createRoutes(master, pace, simulation && controlEndpoint(master, simulation), credentials, sandboxes));
    if (!options.simulate && isLoopback(host)) await listenForAgents(http, plans, host, port, log);
    const close = async (): Promise<void> => {
      master.stop();
      await http.close();
      await Promise.all([...runners].map((runner) => runner.shutdown()));
      await equipment.value.isolation.close();
      await registry.flush();
      await unlock();
    };
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    return { url, port, master, simulation, registerAgents: register, replaceAgent, close };
  } catch (error) {
    await http.close();
    throw error;
  }
}

function createMaster(
  options: LocalMesosOptions,
  { host, port, counters }: { host: string; port: number; counters: Counters },
  remembered: RememberedIds,
  simulation: SimulatedRunner | undefined,
): { master: Master; registry: RegistryWriter } {
  const { log = quiet } = options;
  const ip = /^\d+\.\d+\.\d+\.\d+$/.test(host) && host !== '0.0.0.0' ? host : '127.0.0.1';
  const state = {
    identity: {
      id: randomUUID(),
      hostname: host === '0.0.0.0' ? ip : host,
      ip,
      port,
      startTime: nowSeconds(),
      domain: domainOf(options.masterDomain),
    },
    leadership: { kind: 'leading' as const, recovered: true },
    recovering: false,
    settings: { ...defaultSettings, ...options.settings },
    log,
    faults: simulation && { losesUpdate: () => simulation.draw(simulation.behaviour.dropUpdateRate) },
    agents: new Map(),
    frameworks: new Map(),
    removed: new Map(),
    gone: new Set<string>(),
    watchers: new Watchers(),
    offers: new Map(),
    counters,
  };
  const master: Master = new Master(state, remembered.removed, () => registry.save());
  const registry: RegistryWriter = new RegistryWriter(options.workDir, log, () => ({
    ...master.ids(),
    agents: [...master.state.agents.keys(), ...remembered.agents.slice(options.agents)],
  }));
  return { master, registry };
}

/** Agents keep their ids over restarts; new ones are named after the present master. */
function addAgent(
  master: Master,
  { number, ip, attributes, resources }: AgentPlan,
  rememberedId: string | undefined,
  port: number,
  options: Omit<LocalMesosOptions, keyof Equipment> & Equipment,
  simulation: SimulatedRunner | undefined,
  runners: Set<TaskRunner>,
): void {
  const { workDir, frameworksHome, engine, isolation, hardCpuLimit, facts, domains, log = quiet } = options;
  const runner =
    simulation ??
    createProcessRunner({
      workDir,
      ...(frameworksHome === undefined ? {} : { frameworksHome }),
      ...{ engine, isolation, hardCpuLimit, facts },
      agentEndpoint: `${ip}:${port}`,
      agentNumber: number,
      log: { warn: (detail, message) => log.warn(`${message} ${JSON.stringify(detail)}`) },
    });
  runners.add(runner);
  const id = rememberedId ?? master.newAgentId();
  const domain = domainOf(textForAgent(domains ?? '', number));
  master.addAgent({ id, hostname: ip, ip, port, number, attributes, resources, runner, domain });
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

/** `region/zone`, or nothing. */
function domainOf(text: string | undefined): DomainInfo | undefined {
  const [region, zone] = (text ?? '').split('/');
  if (region === undefined || zone === undefined || region === '' || zone === '') return undefined;
  return { fault_domain: { region: { name: region }, zone: { name: zone } } };
}

function slowedBy(simulation: SimulatedRunner): Pace {
  return (run) => {
    const { answerDelayMs } = simulation.behaviour;
    if (answerDelayMs === 0) run();
    else setTimeout(run, answerDelayMs);
  };
}

async function endLeftovers(workDir: string, log: Log): Promise<void> {
  const { killed, left } = await killLeftovers(workDir);
  if (killed > 0) log.info(`ended ${killed} processes that an earlier run had left`);
  if (left > 0) log.warn(`${left} processes or containers of an earlier run could not be ended`);
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
