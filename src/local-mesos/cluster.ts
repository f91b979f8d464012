/** Starts a Mesos-compatible master with its agents in this process. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AgentPlan, maxAgents, planAgents } from './agent-plan.ts';
import { createRoutes } from './http/routes.ts';
import type { Pace } from './http/scheduler-endpoint.ts';
import { createHttpServer } from './http/server.ts';
import { RegistryWriter, readRegistry } from './id-registry.ts';
import { Master, type RememberedIds } from './master/master.ts';
import { Counters, type Log, type MasterSettings, nowSeconds } from './master/model.ts';
import { killLeftovers } from './process/leftovers.ts';
import { createProcessRunner } from './process/runner.ts';
import { controlEndpoint } from './simulate/control-endpoint.ts';
import { SimulatedRunner, type SimulationOptions } from './simulate/simulated-runner.ts';
import type { TaskRunner } from './task-runner.ts';
import { lockWorkDir } from './work-dir-lock.ts';

export interface LocalMesosOptions {
  /** Address to listen on; 127.0.0.1 if absent. */
  readonly host?: string;
  /** 0 means any. */
  readonly port: number;
  readonly agents: number;
  /** `rack:a;zone:z`; `{n}` is the agent's number, sets separated by `|` are dealt out in turn. */
  readonly attributes?: string;
  /** `cpus:4;mem:8192;disk:10240;ports:[31000-32000]` for each agent, with `{n}` and `|` likewise; ports are divided. */
  readonly resources?: string;
  /** Ids, sandboxes and the lock; created if missing. */
  readonly workDir: string;
  /** Directory that relative URIs of tasks start from, as Mesos' agents have it; the present one if absent. */
  readonly frameworksHome?: string;
  /** Runs no processes. */
  readonly simulate: boolean;
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
    const remembered = await readRegistry(workDir, log);
    const simulation = options.simulate ? new SimulatedRunner(options.simulation) : undefined;
    const { master, registry } = createMaster(options, { host, port, counters }, remembered, simulation);
    const runners = addAgents(master, plans, remembered, port, options, simulation, log);
    registry.save();
    const pace: Pace = simulation === undefined ? (run) => run() : slowedBy(simulation);
    http.serve(createRoutes(master, pace, simulation && controlEndpoint(master, simulation)));
    const close = async (): Promise<void> => {
      master.stop();
      await http.close();
      await Promise.all([...runners].map((runner) => runner.shutdown()));
      await registry.flush();
      await unlock();
    };
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port, master, simulation, close };
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
    identity: { id: randomUUID(), hostname: host === '0.0.0.0' ? ip : host, ip, port, startTime: nowSeconds() },
    recovering: false,
    settings: { ...defaultSettings, ...options.settings },
    log,
    faults: simulation && { losesUpdate: () => simulation.draw(simulation.behaviour.dropUpdateRate) },
    agents: new Map(),
    frameworks: new Map(),
    removed: new Map(),
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
function addAgents(
  master: Master,
  plans: readonly AgentPlan[],
  remembered: RememberedIds,
  port: number,
  { workDir, frameworksHome }: LocalMesosOptions,
  simulation: SimulatedRunner | undefined,
  log: Log,
): ReadonlySet<TaskRunner> {
  const runners = new Set<TaskRunner>();
  for (const { number, ip, attributes, resources } of plans) {
    const id = remembered.agents[number - 1] ?? `${master.state.identity.id}-S${number - 1}`;
    const runner =
      simulation ??
      createProcessRunner({
        workDir,
        ...(frameworksHome === undefined ? {} : { frameworksHome }),
        agentEndpoint: `${ip}:${port}`,
        agentNumber: number,
        log: { warn: (detail, message) => log.warn(`${message} ${JSON.stringify(detail)}`) },
      });
    runners.add(runner);
    master.addAgent({ id, hostname: ip, ip, port, number, attributes, resources, runner });
  }
  return runners;
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
  if (left > 0) log.warn(`${left} processes of an earlier run could not be ended`);
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
