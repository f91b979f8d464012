/**
 * The judgement when all faults are mended: exactly what is wanted runs, each instance once, server and cluster say the same,
 * and nothing waits for an acknowledgement. What it judges are plain facts, so that it can be judged itself.
 */
import type { FoundProcess } from '../processes.ts';
import { taskCommand, type Want } from './users.ts';

export interface AppFact {
  readonly id: string;
  readonly instances: number;
  readonly step: string | undefined;
  /** Of the last change that needed new tasks: no task may be older. */
  readonly configuredAt: string;
  readonly version: string;
}

export interface TaskFact {
  readonly id: string;
  readonly appId: string;
  readonly state: string;
  readonly version: string;
}

export interface ClusterTask {
  readonly id: string;
  readonly state: string;
}

/** A living process of a task. */
export interface ProcessFact extends FoundProcess {
  /** It leads a session: the first process of a task does, and no descendant. */
  readonly leads: boolean;
  /** The variable STEP that it was started with. */
  readonly step: string | undefined;
}

export interface Facts {
  readonly wants: ReadonlyMap<string, readonly Want[]>;
  /** What the server says. */
  readonly apps: readonly AppFact[];
  readonly tasks: readonly TaskFact[];
  readonly deployments: number;
  readonly queued: number;
  readonly frameworkId: string;
  /** The framework id of the beginning. */
  readonly firstFrameworkId: string;
  readonly serverLog: string;
  /** What the cluster says, asked behind the back of the server. */
  readonly frameworks: readonly string[];
  readonly removedFrameworks: number;
  readonly clusterTasks: readonly ClusterTask[];
  readonly unreachable: number;
  readonly unacknowledged: number;
  /** Undefined where tasks are simulated. */
  readonly processes: readonly ProcessFact[] | undefined;
  /** Processes that may be there besides those of tasks. */
  readonly programs: ReadonlySet<number>;
}

const removedPattern = /Framework has been removed/;

/** Everything that is not as it must be; empty when all is well. */
export function violations(facts: Facts): readonly string[] {
  return [
    ...appViolations(facts),
    ...taskViolations(facts),
    ...clusterViolations(facts),
    ...(facts.processes === undefined ? [] : processViolations(facts, facts.processes)),
  ];
}

function* appViolations({ wants, apps, deployments, queued }: Facts): Iterable<string> {
  const there = new Map(apps.map((app) => [app.id, app]));
  for (const [id, candidates] of wants) {
    const app = there.get(id);
    const fits = (want: Want): boolean =>
      want === undefined ? app === undefined : want.instances === app?.instances && want.step === app.step;
    if (!candidates.some(fits)) yield `${id} is ${JSON.stringify(app)}, wanted ${JSON.stringify(candidates)}`;
  }
  for (const { id } of apps) if (!wants.has(id)) yield `${id} was never asked for`;
  if (deployments > 0) yield `${deployments} deployments go on`;
  if (queued > 0) yield `${queued} apps wait for offers`;
}

function* taskViolations({ apps, tasks }: Facts): Iterable<string> {
  for (const id of doubles(tasks)) yield `the server lists ${id} more than once`;
  for (const app of apps) {
    const own = tasks.filter(({ appId }) => appId === app.id);
    if (own.length !== app.instances) yield `${app.id} has ${own.length} tasks of ${app.instances}`;
  }
  for (const task of tasks) {
    const app = apps.find(({ id }) => id === task.appId);
    if (app === undefined) yield `${task.id} belongs to no app`;
    else if (task.version < app.configuredAt || task.version > app.version) {
      yield `${task.id} is of version ${task.version}, not from ${app.configuredAt} to ${app.version}`;
    }
    if (task.state !== 'TASK_RUNNING') yield `${task.id} is ${task.state} for the server`;
  }
}

function* clusterViolations(facts: Facts): Iterable<string> {
  const { frameworks, frameworkId, firstFrameworkId, clusterTasks, tasks } = facts;
  if (frameworks.length !== 1 || frameworks[0] !== frameworkId) {
    yield `the cluster has the frameworks ${frameworks.join()}, the server is ${frameworkId}`;
  }
  if (frameworkId !== firstFrameworkId) yield `the framework id was ${firstFrameworkId} and is ${frameworkId}`;
  if (facts.removedFrameworks > 0) yield `${facts.removedFrameworks} frameworks were removed`;
  if (removedPattern.test(facts.serverLog)) yield 'the server was told that its framework has been removed';
  if (facts.unreachable > 0) yield `${facts.unreachable} tasks are unreachable`;
  if (facts.unacknowledged > 0) yield `${facts.unacknowledged} updates wait for their acknowledgement`;
  for (const id of doubles(clusterTasks)) yield `the cluster has ${id} more than once`;
  const known = new Set(tasks.map(({ id }) => id));
  for (const { id, state } of clusterTasks) {
    if (!known.has(id)) yield `the cluster has ${id}, which the server does not list`;
    if (state !== 'TASK_RUNNING') yield `${id} is ${state} for the cluster`;
  }
  const there = new Set(clusterTasks.map(({ id }) => id));
  for (const { id } of tasks) if (!there.has(id)) yield `the server lists ${id}, which the cluster does not have`;
}

function* processViolations({ tasks, apps, programs }: Facts, processes: readonly ProcessFact[]): Iterable<string> {
  const steps = new Map(apps.map(({ id, step }) => [id, step]));
  const appOf = new Map(tasks.map(({ id, appId }) => [id, appId]));
  const leaders = new Map<string, number>();
  const workers = new Map<string, number>();
  const count = (counts: Map<string, number>, id: string): unknown => counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const { pid, taskId, command, step, leads } of processes) {
    if (taskId === undefined) {
      if (!programs.has(pid)) yield `process ${pid} (${command}) is a stray`;
      continue;
    }
    if (leads) count(leaders, taskId);
    if (command === taskCommand) count(workers, taskId);
    const app = appOf.get(taskId);
    if (app === undefined) yield `process ${pid} (${command}) is of ${taskId}, which the server does not list`;
    else if (step !== steps.get(app)) yield `process ${pid} of ${taskId} has step ${step}, not ${steps.get(app)}`;
  }
  for (const { id } of tasks) {
    // A shell may stand above the command that keeps its exit status.
    const [led, working] = [leaders.get(id) ?? 0, workers.get(id) ?? 0];
    if (led !== 1 || working !== 1) yield `${id} is ${working} processes in ${led} sessions`;
  }
}

/** Task ids that more than one main process (session leader) has at this moment. */
export function duplicates(mains: readonly { readonly taskId: string }[]): readonly string[] {
  return doubles(mains.map(({ taskId }) => ({ id: taskId })));
}

function doubles(items: readonly { readonly id: string }[]): readonly string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { id } of items) {
    if (seen.has(id)) twice.add(id);
    seen.add(id);
  }
  return [...twice];
}
