/** Gives the frameworks and tasks of an earlier run back to the master, and their processes to the agents' runners. */

import type { Member } from '../executor/control.ts';
import { commandTextOf, taskDetails, taskGraceMs } from '../master/launch.ts';
import type { Master } from '../master/master.ts';
import { type Agent, type Executor, type Framework, isTerminal, type Log, type Task } from '../master/model.ts';
import {
  exitFilePath,
  type FoundRecord,
  isOfThisBoot,
  readChildRecords,
  removeChildRecord,
} from '../process/child-records.ts';
import { type ExitStatus, exitMessage } from '../process/exit-status.ts';
import { readProcessTable } from '../process/process-table.ts';
import { bagOf } from '../resources/bag.ts';
import type { TaskReport } from '../task-runner.ts';
import { readExit } from './exit-keeper.ts';
import type { KeptFramework, KeptTask } from './read-checkpoints.ts';
import type { Survivor } from './survivor.ts';

export interface Found {
  readonly frameworks: readonly KeptFramework[];
  /** Records of the children of these tasks, by framework and task. */
  readonly records: ReadonlyMap<string, FoundRecord>;
  /** Those of tasks whose process certainly lives. */
  readonly living: ReadonlySet<FoundRecord>;
}

/** Whose tasks may go on. */
export interface Admitted {
  /** Frameworks that must not come back. */
  readonly removed: ReadonlySet<string>;
  /** Agents that there will be. */
  readonly agentIds: ReadonlySet<string>;
}

const keyOf = (frameworkId: string, taskId: string): string => `${frameworkId}\0${taskId}`;

/**
 * Matches what was written down with what runs. A process is taken for that of a task only when its record of this boot names it
 * with its start time, and names the task of a framework that lets its agents keep tasks; everything else is not ours to adopt.
 */
export async function findSurvivors(
  workDir: string,
  frameworks: readonly KeptFramework[],
  { removed, agentIds }: Admitted,
): Promise<Found> {
  const keeping = frameworks.filter(({ info }) => info.checkpoint === true && !removed.has(info.id?.value ?? ''));
  const kept = new Set(
    keeping.flatMap(({ tasks }) =>
      tasks.map(({ launch: { order } }) => keyOf(order.frameworkId, order.task.task_id.value)),
    ),
  );
  const records = new Map<string, FoundRecord>();
  for (const record of await readChildRecords(workDir)) {
    const key = keyOf(record.frameworkId ?? '', record.taskId);
    if (kept.has(key)) records.set(key, record);
  }
  const table = await readProcessTable();
  const living = new Set<FoundRecord>();
  for (const { tasks } of keeping) {
    for (const { launch, status } of tasks) {
      const record = records.get(keyOf(launch.order.frameworkId, launch.order.task.task_id.value));
      if (record === undefined || !isOfThisBoot(record) || (status !== undefined && isTerminal(status.state))) continue;
      // Nobody would look after it.
      if (!agentIds.has(launch.order.agentId)) continue;
      const entry = table.get(record.pid);
      if (entry !== undefined && !entry.zombie && entry.startTicks === record.startTicks) living.add(record);
    }
  }
  return { frameworks: keeping, records, living };
}

/** Restores what has tasks on one of the master's agents; gives how many tasks go on, and how many had ended meanwhile. */
export function restore(
  master: Master,
  workDir: string,
  found: Found,
  log: Log,
): { readonly adopted: number; readonly ended: number } {
  let adopted = 0;
  let ended = 0;
  const groups = new Groups(master);
  for (const { info, tasks } of found.frameworks) {
    const id = info.id?.value ?? '';
    // A framework that no agent has tasks of is unknown after a failover, and may come again under its id all the same.
    if (tasks.length === 0) continue;
    const framework = master.state.frameworks.get(id) ?? master.restoreFramework(info);
    for (const kept of tasks) {
      if (framework.tasks.has(kept.launch.order.task.task_id.value)) continue;
      const agent = master.state.agents.get(kept.launch.order.agentId);
      if (agent === undefined) {
        log.warn(`task ${kept.launch.order.task.task_id.value} was ended: its agent is not there`);
        continue;
      }
      const { order, group } = kept.launch;
      const task = taskOf(kept, framework, agent, groups.executorOf(kept, framework, agent));
      master.restoreTask(task);
      master.state.keeper?.taskLaunched(task, order, group);
      master.state.keeper?.taskChanged(task);
      groups.join(task, kept, (report) => {
        if (!isTerminal(task.state)) {
          if (goOn(kept, task, report, workDir, found)) {
            adopted++;
            return;
          }
          ended++;
        }
        forgetChild(workDir, found.records.get(keyOf(id, task.id)), log);
      });
    }
  }
  groups.takeUp();
  return { adopted, ended };
}

type GoOn = (report: (update: TaskReport) => void) => void;

/** Tasks by the groups that they were launched in, which their executors take up when all are known. */
class Groups {
  readonly #master: Master;
  readonly #members = new Map<Executor, Map<string, Member[]>>();

  constructor(master: Master) {
    this.#master = master;
  }

  /** The executor of a task of a group: one for all tasks that had the same. */
  executorOf({ launch: { executor } }: KeptTask, framework: Framework, agent: Agent): Executor | undefined {
    if (executor === undefined) return undefined;
    const { executors } = this.#master;
    return (
      executors.find(framework, agent, executor.info.executor_id.value) ?? executors.restore(framework, agent, executor)
    );
  }

  /** A task without an executor of its own goes on at once. */
  join(task: Task, { launch: { group } }: KeptTask, goOn: GoOn): void {
    const { id: taskId, executor, state } = task;
    if (executor === undefined) {
      goOn(task.framework.report);
      return;
    }
    executor.tasks.add(task);
    if (isTerminal(state)) goOn(task.framework.report);
    const groups = this.#members.get(executor) ?? new Map<string, Member[]>();
    this.#members.set(executor, groups);
    const name = (group ?? [taskId]).join('\0');
    groups.set(name, [...(groups.get(name) ?? []), { taskId, state, goOn }]);
  }

  takeUp(): void {
    for (const [{ control }, groups] of this.#members) {
      for (const members of groups.values()) control.takeUp?.(members);
    }
  }
}

/** Its end is written down at the end of this turn; then its record is of no more use. */
function forgetChild(workDir: string, record: FoundRecord | undefined, log: Log): void {
  if (record === undefined) return;
  removeChildRecord(workDir, record.containerId).catch((error: Error) =>
    log.warn(`a record is left: ${error.message}`),
  );
}

function taskOf(
  { launch, status }: KeptTask,
  framework: Framework,
  agent: Agent,
  executor: Executor | undefined,
): Task {
  const { order, role } = launch;
  const { task: info } = order;
  return {
    id: info.task_id.value,
    name: info.name,
    framework,
    agent,
    role,
    bag: bagOf(info.resources),
    executor,
    details: taskDetails(info),
    state: status?.state ?? 'TASK_STAGING',
    statuses: [...(status?.statuses ?? [])],
    pending: [...(status?.pending ?? [])],
    freed: status?.freed === true,
    launchLost: status?.launchLost === true,
    user: info.command?.user ?? executor?.info.command?.user,
    commandText: commandTextOf(info),
    graceMs: taskGraceMs(info),
  };
}

/** True: its process lives and is in good hands. Otherwise its end has been reported. */
function goOn(
  { launch }: KeptTask,
  task: Task,
  report: (update: TaskReport) => void,
  workDir: string,
  { records, living }: Found,
): boolean {
  const { framework, agent, executor } = task;
  const record = records.get(keyOf(framework.id, task.id));
  if (record !== undefined && living.has(record) && agent.runner.resume !== undefined) {
    const nested = executor && { executor: { id: executor.id, containerId: executor.containerId } };
    agent.runner.resume({ ...launch.order, ...nested }, survivorOf(task, record), report);
    return true;
  }
  report(record === undefined ? neverStarted(task) : endOf(task, record, workDir));
  return false;
}

function survivorOf(task: Task, record: FoundRecord): Survivor {
  const reported = [...task.statuses, ...task.pending.map((one) => one.record)].filter((one) => one.withExecutor);
  const running = reported.find(({ state }) => state === 'TASK_RUNNING');
  return {
    record,
    last: reported.at(-1),
    runningForMs: running === undefined ? undefined : Date.now() - running.timestamp * 1000,
  };
}

/** The program ended before the task's process was there: the agent knows nothing of it. */
function neverStarted(task: Task): TaskReport {
  const isAware = task.framework.capabilities.partitionAware;
  return {
    taskId: task.id,
    state: isAware ? 'TASK_DROPPED' : 'TASK_LOST',
    source: 'SOURCE_AGENT',
    reason: 'REASON_RECONCILIATION',
    message: 'Reconciliation: task unknown to the agent',
    withoutExecutor: true,
  };
}

/** The end of one that was being killed, of which nobody has said anything: only SIGKILL ends its shell before that has written. */
const silentEnd = ({ keepsExit }: FoundRecord): ExitStatus => ({
  code: null,
  signal: keepsExit === true ? 'SIGKILL' : null,
});

/** It ended while nobody looked. Without a word of its shell, it is like an executor that does not come back. */
function endOf(task: Task, record: FoundRecord, workDir: string): TaskReport {
  const last = task.pending.at(-1)?.record ?? task.statuses.at(-1);
  const status = readExit(exitFilePath(workDir, record.containerId));
  const known = {
    taskId: task.id,
    ...(last?.healthy === undefined ? {} : { healthy: last.healthy }),
    ...(last?.checkStatus === undefined ? {} : { checkStatus: last.checkStatus }),
    ...(last?.containerStatus === undefined ? {} : { containerStatus: last.containerStatus }),
  };
  if (status === undefined && record.isKilled !== true) {
    return {
      ...known,
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
      message: 'Its process ended while no agent ran, and nothing tells how',
    };
  }
  const what = record.container === undefined ? 'Command' : 'Container';
  const byItself = status?.code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
  return {
    ...known,
    state: record.isKilled === true ? 'TASK_KILLED' : byItself,
    source: 'SOURCE_EXECUTOR',
    message: exitMessage(status ?? silentEnd(record), what),
  };
}
