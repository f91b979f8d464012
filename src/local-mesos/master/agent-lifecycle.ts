/** Agents go, come back, and are removed; what frameworks hear of it (mesos-v1 §4.8, recordings 08 to 08e). */
import type { MesosTaskState } from '../../core/mesos/types.ts';
import type { Allocator } from './allocator.ts';
import { agentFailureEvent, updateEvent } from './events.ts';
import type { Executors } from './executors.ts';
import { killTask } from './kill-task.ts';
import { type Agent, isRegistered, isTerminal, type MasterState, nowSeconds, type Task } from './model.ts';
import type { Updates } from './updates.ts';

/** Of a task without a kill policy (mesos-v1 §5.1). */
const defaultGraceMs = 3_000;
/** Gone agents that are remembered. */
const maxGone = 1_000;

export class AgentLifecycle {
  readonly #state: MasterState;
  readonly #allocator: Allocator;
  readonly #updates: Updates;
  readonly #executors: Executors;
  readonly #timers = new Map<Agent, NodeJS.Timeout>();

  constructor(state: MasterState, allocator: Allocator, updates: Updates, executors: Executors) {
    this.#state = state;
    this.#allocator = allocator;
    this.#updates = updates;
    this.#executors = executors;
    updates.onDrained = (agent) => this.markGone(agent);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /**
   * The agent process has ended, its tasks go on: offers are rescinded at once, tasks are unreachable after the agent time-out.
   * Tasks of frameworks without checkpoints end with their agent.
   */
  disconnect(agent: Agent): void {
    if (agent.link.state === 'down') return;
    agent.link.break();
    this.#allocator.removeAgent(agent);
    for (const task of agent.tasks) {
      this.#updates.pause(task);
      if (task.framework.info.checkpoint === true) continue;
      this.#lose(task, 'TASK_LOST', 'REASON_AGENT_DISCONNECTED', `Agent ${agent.hostname} disconnected`);
      this.#end(task);
    }
    this.#executors.endAll([...agent.executors].filter(({ framework }) => framework.info.checkpoint !== true));
    this.#after(agent, this.#state.settings.agentTimeoutMs, () => this.lose(agent));
  }

  /** The agent stands still. Its offers stay valid until the master notices. */
  freeze(agent: Agent): void {
    if (agent.link.state !== 'up') return;
    agent.link.freeze();
    for (const task of agent.tasks) this.#updates.pause(task);
    this.#after(agent, this.#state.settings.agentTimeoutMs, () => this.lose(agent));
  }

  /** The agent goes on with what has waited for it, and registers again if it had been given up. */
  thaw(agent: Agent): void {
    if (agent.link.state !== 'frozen') return;
    agent.link.thaw();
    this.#updates.takeHeld(agent);
    if (agent.unreachableNs === undefined) {
      this.#cancel(agent);
      this.#updates.resume(agent);
    } else this.#after(agent, this.#state.settings.reregisterDelayMs, () => this.comeBack(agent));
  }

  /** The agent can no longer be reached: its tasks are unreachable, its offers rescinded. */
  lose(agent: Agent): void {
    if (agent.unreachableNs !== undefined) return;
    this.#cancel(agent);
    agent.unreachableNs = Date.now() * 1_000_000;
    this.#allocator.removeAgent(agent);
    for (const task of agent.tasks) {
      const { framework } = task;
      this.#updates.pause(task);
      framework.tasks.delete(task.id);
      framework.unreachable.set(task.id, task);
      const state = framework.capabilities.partitionAware ? 'TASK_UNREACHABLE' : 'TASK_LOST';
      this.#lose(task, state, 'REASON_AGENT_REMOVED', 'health check timed out', agent.unreachableNs);
      this.#updates.noteState(task, state);
    }
    this.#tellFailure(agent);
    this.#state.counters.add('master/slave_unreachable_completed');
  }

  /** The agent is back with the same id: its tasks are taken back, pending kills reach it, its updates follow. */
  comeBack(agent: Agent): void {
    // Whoever was removed or marked gone is not taken back under its old id.
    if (this.#state.agents.get(agent.id) !== agent) return;
    const wasUnreachable = agent.unreachableNs !== undefined;
    if (!wasUnreachable && agent.link.state === 'up') return;
    this.#cancel(agent);
    agent.link.restore();
    agent.link.thaw();
    agent.unreachableNs = undefined;
    agent.reregisteredTime = nowSeconds();
    this.#updates.takeHeld(agent);
    for (const task of agent.tasks) this.#readmit(task, wasUnreachable);
    for (const task of [...agent.tasks])
      if (task.launchLost) this.#updates.report(task.framework, unknownToAgent(task));
    this.#updates.resume(agent);
    for (const { taskId, run } of agent.pendingKills.splice(0)) if (this.#has(agent, taskId)) run();
    if (!agent.deactivated) this.#allocator.addAgent(agent, wasUnreachable);
    this.#state.counters.add('master/slave_reregistrations');
  }

  /** The agent is gone for good, and with it its tasks; TASK_LOST even for frameworks that are aware of partitions. */
  remove(agent: Agent, cause: string): void {
    this.#cancel(agent);
    agent.link.break();
    this.#allocator.removeAgent(agent);
    for (const task of [...agent.tasks]) {
      this.#lose(task, 'TASK_LOST', 'REASON_AGENT_REMOVED', `Agent ${agent.hostname} removed: ${cause}`);
      this.#end(task);
    }
    this.#executors.endAll(agent.executors);
    this.#state.agents.delete(agent.id);
    this.#state.keeper?.clusterChanged();
    this.#tellFailure(agent);
    this.#state.watchers.tell({ type: 'agentRemoved', agent });
    this.#state.counters.add('master/slave_removals');
  }

  /** Nothing more is offered; tasks go on. */
  deactivate(agent: Agent): void {
    agent.deactivated = true;
    this.#state.keeper?.clusterChanged();
    this.#allocator.removeAgent(agent);
  }

  /** Ends a drain too. */
  reactivate(agent: Agent): void {
    agent.deactivated = false;
    agent.drain = undefined;
    this.#state.keeper?.clusterChanged();
    if (isRegistered(agent)) this.#allocator.addAgent(agent, false);
  }

  /** No more offers, and all tasks are killed, within the grace that is allowed at most. */
  drain(agent: Agent, maxGraceMs: number | undefined, markGone: boolean, startedAt = nowSeconds()): void {
    agent.drain = { maxGraceMs, markGone, startedAt };
    this.deactivate(agent);
    for (const task of agent.tasks) {
      if (isTerminal(task.state)) continue;
      const graceMs = maxGraceMs === undefined ? undefined : Math.min(task.graceMs ?? defaultGraceMs, maxGraceMs);
      const wantsKilling = task.framework.capabilities.taskKilling;
      const run = (): void => killTask(task, wantsKilling, graceMs);
      agent.link.send({ deliver: run, lost: () => agent.pendingKills.push({ taskId: task.id, run }) });
    }
    if (markGone && agent.tasks.size === 0) this.markGone(agent);
  }

  /** The operator says that the agent will never come back (mesos-v1 §4.8). */
  markGone(agent: Agent): void {
    this.#cancel(agent);
    agent.link.break();
    this.#allocator.removeAgent(agent);
    for (const task of [...agent.tasks]) {
      const aware = task.framework.capabilities.partitionAware;
      const state = aware ? 'TASK_GONE_BY_OPERATOR' : 'TASK_LOST';
      const reason = aware ? 'REASON_AGENT_REMOVED_BY_OPERATOR' : 'REASON_AGENT_REMOVED';
      this.#lose(task, state, reason, 'Agent has been marked gone');
      this.#end(task);
    }
    this.#executors.endAll(agent.executors);
    this.#state.agents.delete(agent.id);
    this.#state.gone.add(agent.id);
    this.#state.keeper?.clusterChanged();
    for (const id of this.#state.gone) if (this.#state.gone.size > maxGone) this.#state.gone.delete(id);
    this.#tellFailure(agent);
    this.#state.watchers.tell({ type: 'agentRemoved', agent });
  }

  #has(agent: Agent, taskId: string): boolean {
    for (const task of agent.tasks) if (task.id === taskId) return true;
    return false;
  }

  #readmit(task: Task, wasUnreachable: boolean): void {
    const { framework, agent } = task;
    framework.unreachable.delete(task.id);
    framework.tasks.set(task.id, task);
    if (!wasUnreachable) return;
    // What was noted when it was lost no longer holds.
    task.statuses.pop();
    if (task.launchLost) return;
    framework.stream?.send(
      updateEvent({
        taskId: task.id,
        state: task.state,
        message: 'Unreachable agent re-reregistered',
        source: 'SOURCE_MASTER',
        reason: 'REASON_AGENT_REREGISTERED',
        agentIdJson: agent.idJson,
        executorId: task.executor?.id,
        timestamp: nowSeconds(),
        last: task.pending.at(-1)?.record ?? task.statuses.at(-1),
      }),
    );
  }

  #lose(task: Task, state: MesosTaskState, reason: string, message: string, unreachableNs?: number): void {
    task.framework.stream?.send(
      updateEvent({
        taskId: task.id,
        state,
        message,
        source: 'SOURCE_MASTER',
        reason,
        agentIdJson: task.agent.idJson,
        executorId: task.executor?.id,
        timestamp: nowSeconds(),
        unreachableNs,
      }),
    );
    if (unreachableNs !== undefined) return;
    task.state = state;
    this.#updates.noteState(task, state);
  }

  /** The task is over for the master; whatever of it still runs is ended without a word. */
  #end(task: Task): void {
    killTask(task, false);
    this.#updates.freeResources(task);
    this.#updates.complete(task);
  }

  #tellFailure(agent: Agent): void {
    for (const framework of this.#state.frameworks.values()) framework.stream?.send(agentFailureEvent(agent.id));
  }

  #after(agent: Agent, delayMs: number, run: () => void): void {
    this.#cancel(agent);
    const timer = setTimeout(() => {
      this.#timers.delete(agent);
      run();
    }, delayMs);
    timer.unref();
    this.#timers.set(agent, timer);
  }

  #cancel(agent: Agent): void {
    clearTimeout(this.#timers.get(agent));
    this.#timers.delete(agent);
  }
}

/** A launch that the agent never saw: it says so when it registers again. */
function unknownToAgent(task: Task) {
  return {
    taskId: task.id,
    state: task.framework.capabilities.partitionAware ? ('TASK_DROPPED' as const) : ('TASK_LOST' as const),
    source: 'SOURCE_AGENT' as const,
    reason: 'REASON_RECONCILIATION',
    message: 'Reconciliation: task unknown to the agent',
    withoutExecutor: true,
  };
}
