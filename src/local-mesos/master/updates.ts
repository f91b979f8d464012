/**
 * What becomes of tasks: reports of the runner turn into updates, of which one per task is on its way at a time and is sent
 * again until it is acknowledged (mesos-v1 §4.5). Resources are free as soon as a task has ended, acknowledged or not.
 */
import type { MesosTaskState, TaskStatus } from '../../core/mesos/types.ts';
import type { TaskReport } from '../task-runner.ts';
import type { Allocator } from './allocator.ts';
import { updateEvent } from './events.ts';
import {
  type Agent,
  executorIdOf,
  type Framework,
  isRegistered,
  isTerminal,
  type MasterState,
  maxCompletedTasksPerFramework,
  nowSeconds,
  type PendingUpdate,
  type StatusRecord,
  type Task,
} from './model.ts';
import { RetryQueue } from './retry-queue.ts';
import { randomUuidBase64 } from './uuids.ts';

/** A task may pile up this many unacknowledged updates; then the second oldest is given up. */
const maxPendingUpdates = 1000;
/** Simulated delays under way; what would be delayed beyond them is lost, and repeated like everything that is lost. */
const maxLateUpdates = 10_000;
/** Of updates that only say how a check went. */
const checkReasons: ReadonlySet<string> = new Set([
  'REASON_TASK_CHECK_STATUS_UPDATED',
  'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
]);
/** Statuses kept for the read endpoints. */
const maxStatuses = 16;

export class Updates {
  readonly #state: MasterState;
  readonly #allocator: Allocator;
  readonly #retries: RetryQueue;
  /** Updates that arrive late, of a simulation. */
  readonly #late = new Set<NodeJS.Timeout>();

  /** Called with each task that is over for the scheduler too. */
  onCompleted: (task: Task) => void = () => {};

  /** Called when the last task of an agent has gone that is to be marked gone then. */
  onDrained: (agent: Agent) => void = () => {};

  constructor(state: MasterState, allocator: Allocator) {
    this.#state = state;
    this.#allocator = allocator;
    const { retryMs, retryMaxMs } = state.settings;
    this.#retries = new RetryQueue(retryMs, retryMaxMs, (task) => this.#send(task));
  }

  stop(): void {
    for (const timer of this.#late) clearTimeout(timer);
    this.#retries.stop();
  }

  /** The runner's word on a task. Tasks of removed frameworks and ended tasks are counted and ignored. */
  report(framework: Framework, report: TaskReport): void {
    const task = framework.tasks.get(report.taskId) ?? framework.unreachable.get(report.taskId);
    if (task !== undefined && task.agent.link.state !== 'up') {
      // Nobody is there to pass it on: the executor waits for its agent.
      task.agent.heldReports.push({ framework, report });
      return;
    }
    if (task === undefined || isTerminal(task.state) || this.#state.frameworks.get(framework.id) !== framework) {
      this.#state.counters.add('master/invalid_status_updates');
      return;
    }
    this.#state.counters.add('master/valid_status_updates');
    task.state = report.state;
    const { counters } = task.agent;
    counters.add('valid_status_updates');
    if (isTerminal(report.state)) {
      const name = report.state.toLowerCase().replace('task_', 'tasks_');
      this.#state.counters.add(`master/${name}`);
      counters.add(name);
      if (task.executor === undefined) counters.add('executors_terminated');
    }
    task.pending.push(makeUpdate(task, report));
    this.#state.keeper?.taskChanged(task);
    if (task.pending.length === 1) this.#deliver(task);
    else if (task.pending.length > maxPendingUpdates) {
      task.pending.splice(1, 1);
      this.#state.counters.add('master/updates_given_up');
    }
  }

  /** ACKNOWLEDGE: anything but the update that is on its way is ignored. */
  acknowledge(framework: Framework, agentId: string, taskId: string, uuid: string): void {
    const task = framework.tasks.get(taskId);
    const head = task?.pending[0];
    if (task === undefined || head?.uuid !== uuid || task.agent.id !== agentId) {
      this.#state.counters.add('master/invalid_status_update_acknowledgements');
      return;
    }
    this.#state.counters.add('master/valid_status_update_acknowledgements');
    task.pending.shift();
    this.#state.keeper?.taskChanged(task);
    this.#retries.cancel(task);
    if (isTerminal(head.record.state)) this.complete(task);
    else if (task.pending.length > 0) this.#deliver(task);
    else framework.unacknowledged.delete(task);
  }

  /** The task is over for the scheduler too: it leaves the active set, its id may be used again. */
  complete(task: Task): void {
    const { framework } = task;
    this.freeResources(task);
    this.forget(task);
    framework.completed.push({
      id: task.id,
      name: task.name,
      agentId: task.agent.id,
      executorId: task.executor?.id,
      role: task.role,
      state: task.state,
      bag: task.bag,
      statuses: task.statuses,
      user: task.user,
      commandText: task.commandText,
      details: task.details,
    });
    if (framework.completed.length > maxCompletedTasksPerFramework) framework.completed.shift();
    task.executor?.tasks.delete(task);
    this.onCompleted(task);
    if (task.agent.drain?.markGone === true && task.agent.tasks.size === 0) this.onDrained(task.agent);
  }

  /** Takes a task out of everything. */
  forget(task: Task): void {
    this.#state.keeper?.taskGone(task);
    this.#retries.cancel(task);
    task.framework.tasks.delete(task.id);
    task.framework.unreachable.delete(task.id);
    task.framework.unacknowledged.delete(task);
    task.agent.tasks.delete(task);
  }

  /** What the task holds is free again; once. The master learns of an end with the next update that it passes on. */
  freeResources(task: Task): void {
    if (task.freed) return;
    task.freed = true;
    this.#allocator.release(task.framework, task.role, task.agent, task.bag);
  }

  /** Adds a state that no update tells to what the read endpoints show. */
  noteState(task: Task, state: MesosTaskState): void {
    const record: StatusRecord = {
      source: 'SOURCE_MASTER',
      withExecutor: false,
      state,
      timestamp: nowSeconds(),
      healthy: undefined,
      checkStatus: undefined,
      containerStatus: undefined,
    };
    task.statuses.push(record);
    this.#state.watchers.tell({ type: 'taskUpdated', task, record });
  }

  /** A task of an earlier run is known again: what had not been acknowledged follows when its framework is back. */
  restore(task: Task): void {
    if (task.pending.length > 0) task.framework.unacknowledged.add(task);
  }

  /** An agent is there again: the reports that have waited for it. */
  takeHeld(agent: Agent): void {
    for (const { framework, report } of agent.heldReports.splice(0)) this.report(framework, report);
    for (const tell of agent.heldExits.splice(0)) tell();
  }

  /** A framework is back on a new stream: what it has not acknowledged follows at once. */
  redeliver(framework: Framework): void {
    for (const task of framework.unacknowledged) if (isRegistered(task.agent)) this.#resume(task);
  }

  /** An agent is back: it repeats what has not been acknowledged. */
  resume(agent: Agent): void {
    for (const task of agent.tasks) if (task.pending.length > 0) this.#resume(task);
  }

  /** While an agent is away nothing of it is sent. */
  pause(task: Task): void {
    this.#retries.cancel(task);
  }

  #resume(task: Task): void {
    this.#retries.start(task);
    this.#send(task);
  }

  #deliver(task: Task): void {
    task.framework.unacknowledged.add(task);
    if (isRegistered(task.agent)) this.#resume(task);
  }

  #send(task: Task): void {
    const head = task.pending[0];
    if (head === undefined || this.#state.recovering) return;
    const shown = task.statuses[task.statuses.length - 1];
    if (shown !== head.record) {
      // Of several with the same state Mesos keeps the last, and tells operators of it only if it is about health or a check.
      const isSame = shown?.state === head.record.state;
      if (isSame) task.statuses.pop();
      task.statuses.push(head.record);
      if (!isSame || checkReasons.has(head.record.reason ?? '')) {
        this.#state.watchers.tell({ type: 'taskUpdated', task, record: head.record });
      }
      if (task.statuses.length > maxStatuses) task.statuses.shift();
    }
    // With every update the agent also tells the latest state.
    if (isTerminal(task.state)) this.freeResources(task);
    const { faults } = this.#state;
    if (faults === undefined) task.framework.stream?.send(head.frame);
    else for (const delayMs of faults.updateArrivalsMs()) this.#sendLater(task.framework, head.frame, delayMs);
  }

  /** A frame under way ends with its stream. */
  #sendLater({ stream }: Framework, frame: string, delayMs: number): void {
    if (delayMs <= 0) stream?.send(frame);
    else if (stream !== undefined && this.#late.size < maxLateUpdates) {
      const timer = setTimeout(() => {
        this.#late.delete(timer);
        stream.send(frame);
      }, delayMs);
      this.#late.add(timer);
    }
  }
}

function makeUpdate(task: Task, report: TaskReport): PendingUpdate {
  const uuid = randomUuidBase64();
  const isKill = report.state === 'TASK_KILLING' || report.state === 'TASK_KILLED';
  const reason = report.reason ?? (isKill && task.agent.drain !== undefined ? 'REASON_AGENT_DRAINING' : undefined);
  const record: StatusRecord = {
    state: report.state,
    timestamp: nowSeconds(),
    healthy: report.healthy,
    checkStatus: report.checkStatus,
    containerStatus: task.executor === undefined ? containerStatus(task.agent, report) : nestedStatus(task, report),
    source: report.source,
    message: report.message,
    reason,
    uuid,
    ...(report.labels && { labels: report.labels }),
    withExecutor: report.withoutExecutor !== true,
  };
  const frame = updateEvent({
    taskId: task.id,
    state: report.state,
    source: report.source,
    message: report.message,
    reason,
    agentIdJson: task.agent.idJson,
    executorId: report.withoutExecutor === true ? undefined : executorIdOf(task),
    timestamp: record.timestamp,
    uuid,
    last: record,
    limitation: report.limitation,
    data: report.data,
    labels: report.labels,
  });
  return { uuid, frame, record };
}

/** An executor of a group tells of a container while it is there; the agent adds its address. */
function nestedStatus({ agent }: Task, { state, containerStatus: known }: TaskReport): TaskStatus['container_status'] {
  if (known === undefined || isTerminal(state) || (known.network_infos?.length ?? 0) > 0) return known;
  return { ...known, network_infos: agent.networkInfos ?? [] };
}

/** The agent adds its own address where the executor names none; failures before an executor exists carry nothing. */
function containerStatus(agent: Agent, report: TaskReport): TaskStatus['container_status'] {
  const known = report.containerStatus;
  if (known === undefined) {
    return report.source === 'SOURCE_EXECUTOR' ? { network_infos: agent.networkInfos ?? [] } : undefined;
  }
  if ((known.network_infos?.length ?? 0) > 0) return known;
  return { ...known, network_infos: agent.networkInfos ?? [] };
}
