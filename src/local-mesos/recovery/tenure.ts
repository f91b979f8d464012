/** The time in which a master leads on a work directory: it takes in the agents, with what an earlier run has left of their work. */

import { err, ok, type Result } from '../../core/result.ts';
import { type AgentPlan, domainOf } from '../agent-plan.ts';
import { type Equipment, type EquipmentOptions, openEquipment } from '../equipment.ts';
import { RegistryWriter, readRegistry } from '../id-registry.ts';
import type { Keeper } from '../master/keeper.ts';
import type { Master } from '../master/master.ts';
import type { Log } from '../master/model.ts';
import { killLeftovers } from '../process/leftovers.ts';
import { createProcessRunner } from '../process/runner.ts';
import { bagOf } from '../resources/bag.ts';
import { applyCheckpointed } from '../resources/checkpointed.ts';
import { textForAgent } from '../resources/text.ts';
import type { TaskRunner } from '../task-runner.ts';
import { CheckpointWriter, mayOutlive, removeCheckpoints } from './checkpoints.ts';
import { RecordKeeper } from './cluster-record.ts';
import { readCheckpoints } from './read-checkpoints.ts';
import { type Admitted, type Found, findSurvivors, restore } from './restore.ts';

export interface TenureOptions {
  /** Locked by the caller for the whole tenure. */
  readonly workDir: string;
  readonly plans: readonly AgentPlan[];
  /** Of the agents' endpoints. */
  readonly port: number;
  /** Goes on with tasks of an earlier run, and sees to it that a later one can; otherwise they are ended. */
  readonly recover: boolean;
  /** Runs the tasks of all agents, in place of processes. */
  readonly simulation: TaskRunner | undefined;
  readonly domains: string | undefined;
  readonly frameworksHome: string | undefined;
  /** What tasks are run with; looked for when those of an earlier run have been dealt with. */
  readonly equipment: EquipmentOptions;
  readonly agentsComeLater: boolean;
  readonly log: Log;
}

export interface Tenure {
  readonly registerAgents: () => void;
  readonly replaceAgent: (id: string) => void;
  /** Ends all tasks, or lets those go on that a later run may go on with. Resolves when the directory is no longer used. */
  readonly end: (tasks: 'end' | 'stay') => Promise<void>;
}

/** Why there is no tenure, in one sentence for the user. */
export interface TenureRefusal {
  readonly code: 'BAD_OPTION' | 'WORK_DIR_UNUSABLE';
  readonly message: string;
}

const unusable = (message: string): Result<never, TenureRefusal> => err({ code: 'WORK_DIR_UNUSABLE', message });

const nothingFound: Found = { frameworks: [], records: new Map(), living: new Set() };

/** Begins a tenure. After a refusal a later one finds what it would have found; only what nobody could go on with has been ended. */
export async function beginTenure(master: Master, options: TenureOptions): Promise<Result<Tenure, TenureRefusal>> {
  const { workDir, recover, simulation, log, plans } = options;
  const registry = await readRegistry(workDir, { mustBeRead: recover, log });
  if (!registry.ok) return unusable(registry.error);
  const { state, maintenance } = master;
  maintenance.restore(registry.value.maintenance);
  const there = registry.value.agents.filter(({ number }) =>
    plans.some((plan) => plan.number === number && !maintenance.forbids({ hostname: plan.ip, ip: plan.ip })),
  );
  const admitted = { removed: new Set(registry.value.removed), agentIds: new Set(there.map(({ id }) => id)) };
  const found = simulation === undefined && recover ? await findWork(workDir, admitted) : ok(nothingFound);
  if (!found.ok) return unusable(found.error);
  const ended = simulation === undefined ? await endLeftovers(workDir, found.value, log) : ok(undefined);
  if (!ended.ok) return unusable(ended.error);
  const equipment = await openEquipment(options.equipment, log);
  if (!equipment.ok) return err({ code: 'BAD_OPTION', message: equipment.error });
  if (simulation === undefined && !recover) removeCheckpoints(workDir);
  master.rememberRemoved(registry.value.removed);
  for (const id of registry.value.gone) state.gone.add(id);
  const records = new RecordKeeper(master, plans, registry.value);
  const writer = new RegistryWriter(workDir, log, records.current);
  const checkpoints =
    simulation === undefined ? new CheckpointWriter(workDir, log, state.counters, () => writer.save()) : undefined;
  state.keeper = checkpoints ?? onlyCluster(() => writer.save());
  const agents = new Agents(master, options, records, equipment.value);
  if (!options.agentsComeLater) agents.registerAll();
  if (recover) takeUp(master, workDir, found.value, log);
  if (recover && registry.value.agents.length > 0) master.agentsBack();
  for (const framework of state.frameworks.values()) state.keeper.frameworkChanged(framework);
  for (const operation of registry.value.operations) master.feedback.restore(operation);
  agents.drainAgain();
  writer.save();
  const end = async (tasks: 'end' | 'stay'): Promise<void> => {
    if (tasks === 'end') await agents.endTasks();
    else await agents.releaseTasks();
    await equipment.value.isolation.close();
    checkpoints?.close();
    writer.close();
    if (tasks === 'end' && checkpoints !== undefined) removeCheckpoints(workDir);
  };
  return ok({ registerAgents: () => agents.registerAll(), replaceAgent: (id) => agents.replace(id), end });
}

async function findWork(workDir: string, admitted: Admitted): Promise<Result<Found, string>> {
  const kept = await readCheckpoints(workDir);
  return kept.ok ? orReason(() => findSurvivors(workDir, kept.value, admitted)) : err(kept.error);
}

async function endLeftovers(workDir: string, { records, living }: Found, log: Log): Promise<Result<void, string>> {
  const ended = await orReason(() => killLeftovers(workDir, { spared: [...living], kept: [...records.values()] }));
  if (!ended.ok) return ended;
  const { killed, left } = ended.value;
  if (killed > 0) log.info(`ended ${killed} processes that an earlier run had left`);
  if (left > 0) log.warn(`${left} processes or containers of an earlier run could not be ended`);
  return ok(undefined);
}

/** What cannot be read must not be taken for nothing: tasks would be forgotten, and run on. */
const orReason = <T>(work: () => Promise<T>): Promise<Result<T, string>> =>
  work().then(ok, (error: Error) => err(error.message));

function takeUp(master: Master, workDir: string, found: Found, log: Log): void {
  const { adopted, ended } = restore(master, workDir, found, log);
  master.state.counters.add('slave/recovered_tasks', adopted);
  if (adopted > 0) log.info(`goes on with ${adopted} tasks of an earlier run`);
  if (ended > 0) log.info(`${ended} tasks of an earlier run have ended meanwhile`);
}

/** Simulated tasks end with the program. */
const onlyCluster = (clusterChanged: () => void): Keeper => ({
  clusterChanged,
  frameworkChanged: () => {},
  frameworkGone: () => {},
  taskLaunched: () => {},
  taskChanged: () => {},
  taskGone: () => {},
});

/** The agents of one tenure and their runners. */
class Agents {
  readonly #master: Master;
  readonly #options: TenureOptions;
  readonly #records: RecordKeeper;
  readonly #equipment: Equipment;
  readonly #runners = new Set<TaskRunner>();

  constructor(master: Master, options: TenureOptions, records: RecordKeeper, equipment: Equipment) {
    this.#equipment = equipment;
    this.#master = master;
    this.#options = options;
    this.#records = records;
  }

  /** Those whose machine is down stay away. */
  registerAll(): void {
    for (const plan of this.#options.plans) {
      if (this.#master.maintenance.forbids({ hostname: plan.ip, ip: plan.ip })) {
        this.#options.log.info(`agent ${plan.number} stays away: its machine is down for maintenance`);
      } else this.#add(plan, this.#records.of(plan.number)?.id);
    }
  }

  replace(id: string): void {
    const old = this.#master.state.agents.get(id);
    const plan = this.#options.plans.find(({ number }) => number === old?.number);
    if (old === undefined || plan === undefined) return;
    this.#master.lifecycle.remove(old, 'a new agent registered at the same address');
    this.#add(plan, undefined);
  }

  /** A drain goes on: its tasks are told again to end. */
  drainAgain(): void {
    for (const agent of this.#master.state.agents.values()) {
      const { drain, deactivated } = this.#records.of(agent.number) ?? {};
      if (drain !== undefined) {
        this.#master.lifecycle.drain(agent, drain.maxGraceMs, drain.markGone, drain.startedAt);
      } else if (deactivated === true) this.#master.lifecycle.deactivate(agent);
    }
  }

  async endTasks(): Promise<void> {
    await Promise.all([...this.#runners].map((runner) => runner.shutdown()));
  }

  /** Tasks of frameworks without checkpoints end with their agent, and so do those of executors that these bring along. */
  async releaseTasks(): Promise<void> {
    const { frameworks } = this.#master.state;
    const stays = (taskId: string, frameworkId: string): boolean => {
      const framework = frameworks.get(frameworkId);
      const task = framework?.tasks.get(taskId);
      return framework?.info.checkpoint === true && task !== undefined && mayOutlive(task);
    };
    await Promise.all([...this.#runners].map((runner) => runner.release?.(stays) ?? runner.shutdown()));
  }

  /** Agents keep their ids over restarts; new ones are named after the present master. */
  #add(plan: AgentPlan, knownId: string | undefined): void {
    const { number, ip, attributes, resources } = plan;
    const { workDir, port, simulation, domains, frameworksHome, log, recover } = this.#options;
    const runner =
      simulation ??
      createProcessRunner({
        workDir,
        ...(frameworksHome === undefined ? {} : { frameworksHome }),
        ...this.#equipment,
        agentEndpoint: `${ip}:${port}`,
        agentNumber: number,
        keepsExit: recover,
        log: { warn: (detail, message) => log.warn(`${message} ${JSON.stringify(detail)}`) },
      });
    this.#runners.add(runner);
    const checkpointed = knownId === undefined ? [] : (this.#records.of(number)?.checkpointed ?? []);
    for (const remark of applyCheckpointed(bagOf(resources), checkpointed)) log.warn(`agent ${number} ${remark}`);
    const id = knownId ?? this.#master.newAgentId();
    const domain = domainOf(textForAgent(domains ?? '', number));
    this.#master.addAgent({ id, hostname: ip, ip, port, number, attributes, resources, runner, domain, checkpointed });
  }
}
