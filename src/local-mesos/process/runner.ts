/** Runs the tasks of one agent of the local cluster as real processes of this machine. */
import { mkdirSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Survivor } from '../recovery/survivor.ts';
import type { LaunchOrder, TaskReport, TaskRunner } from '../task-runner.ts';
import { TaskTable } from '../task-table.ts';
import { type Isolation, noIsolation } from './cgroups/isolation.ts';
import { persistentVolumePath } from './container-plan.ts';
import { type EngineSearch, engineFinder } from './engine-finder.ts';
import { executorSandboxPath } from './sandbox.ts';
import { FinishedSandboxes, maxFinishedSandboxes } from './sandbox-garbage.ts';
import { beginTask, resumeTask, type TaskLife } from './task-life.ts';
import { notLaunched, type TaskSurroundings } from './task-preparation.ts';

export interface ProcessRunnerOptions {
  /** Directory below which sandboxes lie; created if missing. Several runners of one program may share it. */
  readonly workDir: string;
  /** `ip:port` under which the agent answers, for the tasks' environment. */
  readonly agentEndpoint?: string;
  /** Directory that relative URIs start from (Mesos' `--frameworks_home`); that of this process if absent. */
  readonly frameworksHome?: string;
  /** Number in the agent's process id `slave(N)`; 1 if absent. */
  readonly agentNumber?: number;
  /** Finds the engine for container images; the default asks `docker` and `podman` when a task first needs one. */
  readonly engine?: EngineSearch;
  /** A task uses no more cpus than it asked for, even if others are idle (Mesos' `--cgroups_enable_cfs`). */
  readonly hardCpuLimit?: boolean;
  /** Whether the kernel holds tasks to what they asked for; not, if absent. */
  readonly isolation?: Isolation;
  readonly facts?: TaskRunner['facts'];
  /** Where troubles that no report can carry are told, in pino's order of arguments. */
  readonly log?: { readonly warn: (detail: object, message: string) => void };
  /** Finished sandboxes that are kept; the default is `maxFinishedSandboxes`. */
  readonly keepSandboxes?: number;
  /** How tasks end shall be known even if this program does not live to see it; the default is false. */
  readonly keepsExit?: boolean;
  /** Tasks that may live at once; the default is `maxLiveTasks`. */
  readonly maxTasks?: number;
}

/** Most tasks that one agent runs at the same time; one more is refused. */
const maxLiveTasks = 1_000;
/** Longest grace at shutdown, whatever the tasks' kill policies say (an executor's shutdown grace minus 2 s). */
export const shutdownGraceMs = 3_000;

interface Living {
  readonly taskId: string;
  readonly frameworkId: string;
  readonly life: TaskLife;
}

/**
 * Creates the runner of one agent. Call `killLeftovers` on the directory before. Reports of a task come in order; its terminal
 * report comes when none of its processes lives any more, so that its ports are free again. On systems other than Linux only
 * the process group of a task can be ended, and leftovers cannot be found.
 */
export function createProcessRunner(options: ProcessRunnerOptions): TaskRunner {
  const { keepSandboxes = maxFinishedSandboxes, maxTasks = maxLiveTasks } = options;
  mkdirSync(options.workDir, { recursive: true });
  const surroundings = surroundingsOf(options);
  const living = new TaskTable<Living>();
  const finished = new FinishedSandboxes(surroundings.workDir, keepSandboxes, surroundings.warn);
  /** Also those that are no longer counted as living, but have not come to rest. */
  const ending = new Set<Promise<void>>();
  let closing = false;

  const launch: TaskRunner['launch'] = (order, report) => {
    const taskId = order.task.task_id.value;
    const refusal = refuse(taskId, order.frameworkId);
    if (refusal !== undefined) {
      report(refused(order, refusal));
      return;
    }
    finished.adoptEarlier(order.agentId, sandboxesOf([...living.values()].map(({ life }) => life)));
    const life = beginTask(order, report, surroundings, () => over(order, life));
    begin(order, life);
  };

  const resume = (order: LaunchOrder, survivor: Survivor, report: (update: TaskReport) => void): void => {
    const life = resumeTask(order, survivor, report, surroundings, () => over(order, life));
    begin(order, life);
  };

  const over = ({ task, frameworkId }: LaunchOrder, life: TaskLife): void => {
    const taskId = task.task_id.value;
    living.delete(taskId, frameworkId);
    const sandbox = life.sandbox();
    if (sandbox !== undefined) finished.add(taskId, sandbox);
  };

  const begin = ({ task, frameworkId }: LaunchOrder, life: TaskLife): void => {
    const taskId = task.task_id.value;
    living.add(taskId, { taskId, frameworkId, life });
    ending.add(life.over);
    void life.over.then(() => ending.delete(life.over));
  };

  const end = async (each: (one: Living) => void): Promise<void> => {
    closing = true;
    for (const one of living.values()) each(one);
    await Promise.all(ending);
    await finished.settled();
  };

  const refuse = (taskId: string, frameworkId: string): string | undefined => {
    if (closing) return 'the agent is shutting down';
    if (living.get(taskId, frameworkId) !== undefined) return `a task '${taskId}' is running on this agent already`;
    return living.size >= maxTasks ? `this agent runs ${maxTasks} tasks already` : undefined;
  };

  return {
    ...(options.facts === undefined ? {} : { facts: options.facts }),
    launch,
    resume,
    kill: (taskId, wantsKillingState, graceMs, frameworkId) =>
      living.get(taskId, frameworkId)?.life.kill(wantsKillingState, { graceMs }),
    sandbox: (taskId, frameworkId) => living.get(taskId, frameworkId)?.life.sandbox() ?? finished.pathOf(taskId),
    executorSandbox: executorSandboxBelow(surroundings.workDir),
    destroyVolume: (role, id) => {
      rm(persistentVolumePath(surroundings.workDir, role, id), { recursive: true, force: true }).catch(
        (error: unknown) => surroundings.warn({ role, id, error: String(error) }, 'a volume cannot be removed'),
      );
    },
    release: (keeps) =>
      end(({ taskId, frameworkId, life }) => {
        if (keeps(taskId, frameworkId)) life.release();
        else life.kill(false, { longestMs: shutdownGraceMs });
      }),
    shutdown: () => end(({ life }) => life.kill(false, { longestMs: shutdownGraceMs })),
  };
}

const surroundingsOf = (options: ProcessRunnerOptions): TaskSurroundings => ({
  workDir: realpathSync(resolve(options.workDir)),
  agent: { endpoint: options.agentEndpoint ?? '127.0.0.1:5051', number: options.agentNumber ?? 1 },
  frameworksHome: resolve(options.frameworksHome ?? '.'),
  engine: options.engine ?? engineFinder(),
  hardCpuLimit: options.hardCpuLimit ?? false,
  isolation: options.isolation ?? noIsolation('the runner was made without'),
  warn: (detail, message) => options.log?.warn(detail, message),
  keepsExit: options.keepsExit === true,
});

const executorSandboxBelow =
  (workDir: string): NonNullable<TaskRunner['executorSandbox']> =>
  (frameworkId, agentId, id, containerId) =>
    executorSandboxPath(workDir, {
      agentId,
      frameworkId,
      taskId: '',
      containerId: '',
      executor: { id, containerId },
    });

const sandboxesOf = (lives: Iterable<TaskLife>): ReadonlySet<string> =>
  new Set([...lives].flatMap((life) => life.sandbox() ?? []));

function refused(order: LaunchOrder, why: string): TaskReport {
  return { taskId: order.task.task_id.value, source: 'SOURCE_AGENT', ...notLaunched(why) };
}
