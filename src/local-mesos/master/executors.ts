/**
 * The executors that agents run for frameworks, beside those of command tasks: they hold resources of their own, appear in
 * offers, and their end is a FAILURE event however well they end (mesos-v1 §4.8, §5.3; recordings 08c and 10).
 */
import { randomUUID } from 'node:crypto';
import type { ExecutorControl, ExecutorEvents, ExecutorInfo } from '../executor/control.ts';
import { CustomExecutor } from '../executor/custom-executor.ts';
import { DefaultExecutor } from '../executor/default-executor.ts';
import { type Bag, bagOf } from '../resources/bag.ts';
import type { TaskReport } from '../task-runner.ts';
import type { Allocator } from './allocator.ts';
import { executorFailureEvent } from './events.ts';
import {
  type Agent,
  type Executor,
  type Framework,
  isRegistered,
  isTerminal,
  type MasterState,
  type Task,
} from './model.ts';
import type { Updates } from './updates.ts';

/** What must be known of an executor to have it again. */
export type KeptExecutor = Pick<Executor, 'role' | 'info' | 'containerId'>;

/** The word of wait(2) for a process that SIGKILL has ended. */
const killedBySigkill = 9;

/** What tasks are told that end with their executor. */
type Why = Pick<TaskReport, 'message' | 'reason'>;
const executorTerminated: Why = { message: 'Executor terminated', reason: 'REASON_EXECUTOR_TERMINATED' };

export class Executors {
  readonly #state: MasterState;
  readonly #allocator: Allocator;
  readonly #updates: Updates;

  constructor(state: MasterState, allocator: Allocator, updates: Updates) {
    this.#state = state;
    this.#allocator = allocator;
    this.#updates = updates;
    updates.onCompleted = ({ executor }) => {
      if (executor !== undefined && executor.tasks.size === 0) executor.control.settled();
    };
  }

  find(framework: Framework, agent: Agent, id: string): Executor | undefined {
    for (const executor of agent.executors) if (executor.framework === framework && executor.id === id) return executor;
    return undefined;
  }

  /** Makes an executor on an agent; its resources have been taken from an offer. */
  start(framework: Framework, agent: Agent, role: string, info: ExecutorInfo, bag: Bag): Executor {
    return this.#make({ framework, agent, role, info, bag, containerId: randomUUID() });
  }

  /** An executor of an earlier run, in the container it had; it holds its resources again. */
  restore(framework: Framework, agent: Agent, { role, info, containerId }: KeptExecutor): Executor {
    const bag = bagOf(info.resources ?? []);
    this.#allocator.hold(framework, role, agent, bag);
    return this.#make({ framework, agent, role, info, bag, containerId });
  }

  #make({ framework, agent, role, info, bag, containerId }: Omit<Executor, 'id' | 'tasks' | 'control'>): Executor {
    const id = info.executor_id.value;
    const events: ExecutorEvents = {
      report: framework.report,
      exited: (status, why) => this.#whenThere(agent, () => this.#ended(executor, status, why)),
    };
    const control = this.#controlOf(framework, agent, info, containerId, events);
    const executor: Executor = { id, framework, agent, role, bag, info, containerId, tasks: new Set(), control };
    agent.executors.add(executor);
    framework.executors.add(executor);
    return executor;
  }

  /** Simulated agents run no programs: there any executor does what the default one does. */
  #controlOf(
    framework: Framework,
    agent: Agent,
    info: ExecutorInfo,
    containerId: string,
    events: ExecutorEvents,
  ): ExecutorControl {
    const { runner, id: agentId, hostname } = agent;
    const frameworkId = framework.id;
    if (info.type !== 'DEFAULT' && runner.executorSandbox !== undefined) {
      const order = { frameworkId, agentId, hostname, user: framework.info.user };
      const agentInfo = { id: { value: agentId }, hostname, port: agent.port, resources: agent.resources };
      const registrationMs = this.#state.settings.executorRegistrationMs;
      const surroundings = (): object => ({ framework_info: framework.info, agent_info: agentInfo });
      return new CustomExecutor({ info, runner, registrationMs, order, surroundings }, events);
    }
    const wantsKilling = (): boolean => framework.capabilities.taskKilling;
    return new DefaultExecutor({ id: info.executor_id.value, frameworkId, containerId, runner, wantsKilling }, events);
  }

  /** SHUTDOWN: the executor kills its tasks and ends. Unknown ones are passed over. */
  shutdown(framework: Framework, agentId: string, executorId: string): void {
    const agent = this.#state.agents.get(agentId);
    const executor = agent && this.find(framework, agent, executorId);
    if (agent === undefined || executor === undefined) return;
    agent.link.send({ deliver: () => executor.control.shutdown(framework.capabilities.taskKilling) });
  }

  /** MESSAGE: data for an executor; lost if nobody is there. */
  message(framework: Framework, agentId: string, executorId: string, data: string): void {
    const agent = this.#state.agents.get(agentId);
    const executor = agent && this.find(framework, agent, executorId);
    if (agent !== undefined) agent.link.send({ deliver: () => executor?.control.message?.(data) });
  }

  /** As if SIGKILL had hit an executor: FAILURE, and the end of each of its tasks. */
  crash(executor: Executor): void {
    executor.control.destroy(0);
    this.#whenThere(executor.agent, () => this.#ended(executor, killedBySigkill));
  }

  /** As if SIGKILL had hit the executor of a command task: its end, and no FAILURE. */
  crashCommandExecutor(task: Task): void {
    this.#terminated(task);
    task.agent.runner.kill(task.id, false, 0, task.framework.id);
  }

  /** These executors end without a word, and their tasks with them. */
  endAll(executors: Iterable<Executor>): void {
    for (const executor of [...executors]) {
      executor.control.destroy();
      this.#remove(executor);
    }
  }

  /** Whatever it has not brought to an end ends with it. */
  #ended(executor: Executor, status: number | undefined, why?: Why): void {
    const tasks = [...executor.tasks];
    this.#exited(executor, status);
    for (const task of tasks) this.#terminated(task, why);
  }

  #terminated(task: Task, why: Why = executorTerminated): void {
    if (isTerminal(task.state)) return;
    const { framework } = task;
    const never = framework.capabilities.partitionAware ? 'TASK_DROPPED' : 'TASK_LOST';
    this.#updates.report(framework, {
      taskId: task.id,
      state: task.state === 'TASK_STAGING' && why === executorTerminated ? never : 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      ...why,
    });
  }

  #exited(executor: Executor, status: number | undefined): void {
    const { framework, agent, id } = executor;
    if (!agent.executors.has(executor)) return;
    this.#remove(executor);
    agent.counters.add('executors_terminated');
    if (status !== undefined) framework.stream?.send(executorFailureEvent(agent.id, id, status));
  }

  #remove(executor: Executor): void {
    const { framework, agent, role, bag } = executor;
    if (!agent.executors.delete(executor)) return;
    framework.executors.delete(executor);
    this.#allocator.release(framework, role, agent, bag);
  }

  /** What an agent learns while it is away it tells when it is back. */
  #whenThere(agent: Agent, tell: () => void): void {
    if (isRegistered(agent)) tell();
    else agent.heldExits.push(tell);
  }
}
