/**
 * Mesos' default executor (mesos-v1 §5.3, recording 10): a container for each task of a group, nested in its own. When a task of a
 * group fails or is killed, the rest of the group is killed; one that exits with 0 leaves the others alone. It ends when no task
 * is left and the last updates are acknowledged. The tasks themselves are run by the agent's runner.
 */
import type { MesosTaskState } from '../../core/mesos/types.ts';
import type { LaunchOrder, TaskReport, TaskRunner } from '../task-runner.ts';
import type { ExecutorControl, ExecutorEvents, Member } from './control.ts';

/** Acknowledgements of the last updates are waited for no longer than this. */
const longestWaitMs = 60_000;

interface Group {
  readonly alive: Set<string>;
  /** Whether any member has told that it starts. */
  started: boolean;
  /** Whether a member has ended badly. */
  broken: boolean;
  /** Whether the rest is being killed. */
  ending: boolean;
}

export interface DefaultExecutorPlan {
  readonly id: string;
  readonly frameworkId: string;
  readonly containerId: string;
  readonly runner: TaskRunner;
  /** Whether the framework wants to hear TASK_KILLING. */
  readonly wantsKilling: () => boolean;
}

const over: ReadonlySet<MesosTaskState> = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_DROPPED',
  'TASK_LOST',
]);

export class DefaultExecutor implements ExecutorControl {
  readonly #plan: DefaultExecutorPlan;
  readonly #events: ExecutorEvents;
  readonly #groupOf = new Map<string, Group>();
  #began = false;
  #ended = false;
  #failSafe: NodeJS.Timeout | undefined;

  constructor(plan: DefaultExecutorPlan, events: ExecutorEvents) {
    this.#plan = plan;
    this.#events = events;
  }

  readonly launch = (orders: readonly LaunchOrder[]): void => {
    const { id, containerId, runner } = this.#plan;
    clearTimeout(this.#failSafe);
    this.#began = true;
    const group: Group = { alive: new Set(orders.map(taskIdOf)), started: false, broken: false, ending: false };
    for (const order of orders) this.#groupOf.set(taskIdOf(order), group);
    for (const order of orders) {
      runner.launch({ ...order, executor: { id, containerId } }, (report) => this.#hear(group, report));
    }
  };

  readonly takeUp = (members: readonly Member[]): void => {
    this.#began = true;
    const alive = members.filter(({ state }) => !over.has(state));
    const group: Group = {
      alive: new Set(alive.map(({ taskId }) => taskId)),
      started: members.some(({ state }) => state !== 'TASK_STAGING'),
      broken: members.some(({ state }) => endedBadly(state)),
      // Nothing can be killed before all are in good hands.
      ending: true,
    };
    for (const { taskId } of alive) this.#groupOf.set(taskId, group);
    for (const { goOn } of alive) goOn((report) => this.#hear(group, report));
    group.ending = false;
    if (group.broken) this.#endGroup(group);
    this.#endIfIdle(false);
  };

  readonly kill = (taskId: string, wantsKillingState: boolean, graceMs?: number): void => {
    const { runner, frameworkId } = this.#plan;
    if (this.#groupOf.has(taskId)) runner.kill(taskId, wantsKillingState, graceMs, frameworkId);
  };

  readonly shutdown = (wantsKillingState: boolean): void => {
    for (const taskId of [...this.#groupOf.keys()]) this.kill(taskId, wantsKillingState);
    this.#endIfIdle(false);
  };

  readonly destroy = (graceMs?: number): void => {
    this.#ended = true;
    clearTimeout(this.#failSafe);
    const { runner, frameworkId } = this.#plan;
    for (const taskId of this.#groupOf.keys()) runner.kill(taskId, false, graceMs, frameworkId);
    this.#groupOf.clear();
  };

  readonly settled = (): void => this.#endIfIdle(true);

  #hear(group: Group, report: TaskReport): void {
    if (this.#ended) return;
    const isOver = over.has(report.state);
    if (isOver) {
      group.alive.delete(report.taskId);
      this.#groupOf.delete(report.taskId);
    }
    const told = this.#asExecutor(report, group.started);
    group.started ||= report.source === 'SOURCE_EXECUTOR';
    this.#events.report(told);
    if (endedBadly(report.state)) {
      group.broken = true;
      this.#endGroup(group);
    }
    if (isOver) this.#endIfIdle(false);
  }

  /** One ending takes the others along, once. */
  #endGroup(group: Group): void {
    if (group.ending) return;
    group.ending = true;
    const { runner, frameworkId, wantsKilling } = this.#plan;
    for (const taskId of [...group.alive]) runner.kill(taskId, wantsKilling(), undefined, frameworkId);
  }

  /** What the runner says of a task, as an executor with nested containers says it. */
  #asExecutor(report: TaskReport, groupStarted: boolean): TaskReport {
    const { containerStatus, ...rest } = withoutHealth(report);
    if (report.source === 'SOURCE_AGENT') return fromAgent(rest, groupStarted);
    if (containerStatus === undefined) return rest;
    const { container_id, network_infos, ...more } = containerStatus as typeof containerStatus & {
      readonly container_id?: object;
    };
    const nested = { ...container_id, parent: { value: this.#plan.containerId } };
    // Of a container that is gone nothing but its id is known.
    if (over.has(report.state)) return { ...rest, containerStatus: { container_id: nested } };
    return {
      ...rest,
      containerStatus: { container_id: nested, ...(network_infos === undefined ? {} : { network_infos }), ...more },
    };
  }

  #endIfIdle(acknowledged: boolean): void {
    if (this.#ended || this.#groupOf.size > 0) return;
    if (acknowledged) {
      this.#ended = true;
      clearTimeout(this.#failSafe);
      // After whatever is being told right now.
      setImmediate(() => this.#events.exited(this.#began ? 0 : undefined));
      return;
    }
    clearTimeout(this.#failSafe);
    this.#failSafe = setTimeout(() => this.#endIfIdle(true), longestWaitMs);
    this.#failSafe.unref();
  }
}

const endedBadly = (state: MesosTaskState): boolean => over.has(state) && state !== 'TASK_FINISHED';

const taskIdOf = (order: LaunchOrder): string => order.task.task_id.value;

/** A task on its way out is said to be unhealthy when that is why, and never healthy. */
function withoutHealth(report: TaskReport): TaskReport {
  const { healthy, ...rest } = report;
  const isOnItsWayOut = report.state === 'TASK_KILLING' || over.has(report.state);
  return healthy === true && isOnItsWayOut ? rest : report;
}

/** A task that was killed before it began, or that its agent has forgotten, is the agent's to report; one that cannot begin the executor's. */
function fromAgent(report: TaskReport, groupStarted: boolean): TaskReport {
  if (report.reason === 'REASON_RECONCILIATION') return report;
  if (report.state === 'TASK_KILLED') {
    if (groupStarted) {
      const { reason: _reason, withoutExecutor: _none, ...rest } = report;
      return { ...rest, source: 'SOURCE_EXECUTOR', message: 'Command terminated with signal Terminated' };
    }
    return { ...report, message: 'A task within the task group was killed before delivery to the executor' };
  }
  return { ...report, source: 'SOURCE_EXECUTOR', state: 'TASK_FAILED' };
}
