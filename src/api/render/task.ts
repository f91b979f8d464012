/** Tasks as `/v2/tasks` and `embed=apps.tasks` show them (rest-api §7.12), and what they add to the counts. */
import type { ReadModel } from '../../actors/front.ts';
import type { HealthStatus } from '../../core/health/health.ts';
import { isAlive } from '../../core/health/health.ts';
import { type Instance, isActive, type Task } from '../../core/instance/instance.ts';
import { type Standing, standingOf, stateOf } from '../../core/instance/shown.ts';
import { timestamp } from '../../core/time.ts';

type Health = readonly (HealthStatus | undefined)[];

/** One instance, rendered. */
export interface TaskView extends Standing {
  readonly health: Health;
  /** The JSON of each task up to the elements of `servicePorts`, which comes last. */
  readonly open: readonly string[];
}

/** Renders one instance, or returns what was rendered before, as long as instance and health are the same objects. */
export type TaskRenderer = (instance: Instance) => TaskView;

/** Makes a renderer with a cache that lives as long as the instances do. */
export function taskRenderer(read: Pick<ReadModel, 'healthOf'>): TaskRenderer {
  const views = new WeakMap<Instance, TaskView>();
  return (instance) => {
    const health = read.healthOf(instance.id);
    const known = views.get(instance);
    if (known && isSame(known.health, health)) return known;
    const view = render(instance, health);
    views.set(instance, view);
    return view;
  };
}

const isSame = (a: Health, b: Health): boolean =>
  a === b || (a.length === b.length && a.every((status, index) => status === b[index]));

function render(instance: Instance, health: Health): TaskView {
  const results = health.filter((status) => status !== undefined);
  return {
    health,
    open: instance.tasks.map((task) => openTask(instance, task, results)),
    ...standingOf(instance, health),
  };
}

/** A task that is over, or that has been replaced because nobody reaches it, has no ports and times any more: nobody may be sent to it. */
function openTask(instance: Instance, task: Task, results: readonly HealthStatus[]): string {
  const { agent } = instance;
  const isThere = isActive(task.condition);
  const json = JSON.stringify({
    ipAddresses: task.ipAddresses,
    ...(isThere ? { stagedAt: timestamp(task.stagedAtMs) } : {}),
    state: stateOf(task.condition),
    ports: isThere ? task.hostPorts : [],
    ...(isThere && task.startedAtMs !== undefined ? { startedAt: timestamp(task.startedAtMs) } : {}),
    ...(isThere ? { version: instance.version } : {}),
    id: task.id,
    appId: instance.appId,
    ...(agent ? { slaveId: agent.agentId } : {}),
    host: agent?.host ?? '',
    ...(agent?.region === undefined ? {} : { region: agent.region }),
    ...(agent?.zone === undefined ? {} : { zone: agent.zone }),
    role: instance.role,
    localVolumes: [],
    healthCheckResults: results.map((status) => healthResult(instance, status)),
    ...checkResult(task),
    servicePorts: [],
  });
  return json.slice(0, -2);
}

const healthResult = (instance: Instance, status: HealthStatus): object => ({
  alive: isAlive(status),
  consecutiveFailures: status.consecutiveFailures,
  ...(status.firstSuccessMs === undefined ? {} : { firstSuccess: timestamp(status.firstSuccessMs) }),
  ...(status.lastSuccessMs === undefined ? {} : { lastSuccess: timestamp(status.lastSuccessMs) }),
  ...(status.lastFailureMs === undefined ? {} : { lastFailure: timestamp(status.lastFailureMs) }),
  ...(status.lastFailureCause === undefined ? {} : { lastFailureCause: status.lastFailureCause }),
  instanceId: instance.id,
});

interface MesosCheckStatus {
  readonly http?: { readonly status_code?: number };
  readonly tcp?: { readonly succeeded?: boolean };
  readonly command?: { readonly exit_code?: number };
}

/** Mesos' check status in Marathon's words; nothing until there is a result. */
function checkResult(task: Task): { readonly checkResult?: object } {
  const status = task.checkStatus as MesosCheckStatus | undefined;
  if (status?.http?.status_code !== undefined)
    return { checkResult: { http: { statusCode: status.http.status_code } } };
  if (status?.tcp?.succeeded !== undefined) return { checkResult: { tcp: { succeeded: status.tcp.succeeded } } };
  const exitCode = status?.command?.exit_code;
  return exitCode === undefined ? {} : { checkResult: { command: { exitCode } } };
}

/** The JSON of an instance's tasks, joined by commas; `servicePorts` is the joined list, empty unless asked for. */
export const taskJson = (view: TaskView, servicePorts = ''): string =>
  view.open.map((open) => `${open}${servicePorts}]}`).join(',');
