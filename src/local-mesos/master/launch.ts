/** LAUNCH and LAUNCH_GROUP: valid tasks go to their agent, others are refused in an update (mesos-v1 §4.4). */
import type { MesosHealthCheck, MesosTaskState, TaskInfo } from '../../core/mesos/types.ts';
import type { ExecutorInfo } from '../executor/control.ts';
import { type Bag, takeFromBag } from '../resources/bag.ts';
import type { LaunchOrder } from '../task-runner.ts';
import type { OfferOperation } from './calls.ts';
import { updateEvent } from './events.ts';
import type { Executors } from './executors.ts';
import { validateExecutorTask, validateGroup } from './group-validation.ts';
import { type Executor, type Framework, type MasterState, nowSeconds, type Task } from './model.ts';
import { type LaunchContext, validateTask } from './task-validation.ts';

interface Parts {
  readonly state: MasterState;
  readonly executors: Executors;
}

/** Launches one task from what is available, with the executor it names if it names one, or refuses it. */
export function launch(
  { state, executors }: Parts,
  context: LaunchContext,
  info: TaskInfo,
  withOperationId: boolean,
): void {
  const { framework, agent, role, available } = context;
  const described = info.executor as ExecutorInfo | undefined;
  const known = described && executors.find(framework, agent, described.executor_id.value);
  const verdict = withOperationId
    ? { refusal: 'The `id` field cannot be set on LAUNCH operations' }
    : described === undefined
      ? validateTask(info, context)
      : validateExecutorTask(info, described, known, context);
  if ('refusal' in verdict) {
    state.counters.add('master/tasks_error');
    sendRefusal(framework, info, 'TASK_ERROR', 'REASON_TASK_INVALID', verdict.refusal);
    return;
  }
  const executorBag = 'executorBag' in verdict ? verdict.executorBag : [];
  takeFromBag(available, executorBag);
  takeFromBag(available, verdict.bag);
  const executor =
    described &&
    (known ??
      executors.start(framework, agent, role, { ...described, framework_id: { value: framework.id } }, executorBag));
  const task = addTask(state, context, info, verdict.bag, executor);
  const order = orderOf(context, info);
  state.keeper?.taskLaunched(task, order);
  agent.link.send({
    deliver: () => {
      if (executor === undefined) agent.runner.launch(order, framework.report);
      else executor.control.launch([order]);
    },
    lost: () => {
      task.launchLost = true;
    },
  });
}

/** Launches all tasks of a group with their executor, or refuses every one of them. */
export function launchGroup(
  { state, executors }: Parts,
  context: LaunchContext,
  { executor: info, task_group }: NonNullable<OfferOperation['launch_group']>,
  withOperationId: boolean,
): void {
  const { framework, agent, role, available } = context;
  const infos = task_group.tasks ?? [];
  if (infos.length === 0) return;
  const known = executors.find(framework, agent, info.executor_id.value);
  const plan = withOperationId
    ? { refusal: 'The `id` field cannot be set on LAUNCH_GROUP operations' }
    : validateGroup(info, infos, known, context);
  if ('refusal' in plan) {
    for (const task of infos) {
      state.counters.add('master/tasks_error');
      sendRefusal(framework, task, 'TASK_ERROR', 'REASON_TASK_GROUP_INVALID', plan.refusal);
    }
    return;
  }
  takeFromBag(available, plan.executorBag);
  const executor = known ?? executors.start(framework, agent, role, info, plan.executorBag);
  const tasks = infos.map((task) => {
    const bag = plan.bags.get(task) ?? [];
    takeFromBag(available, bag);
    return addTask(state, context, task, bag, executor);
  });
  const orders = infos.map((task) => orderOf(context, task));
  const group = tasks.map(({ id }) => id);
  for (const [i, order] of orders.entries()) state.keeper?.taskLaunched(tasks[i] as Task, order, group);
  agent.link.send({
    deliver: () => executor.control.launch(orders),
    lost: () => {
      for (const task of tasks) task.launchLost = true;
    },
  });
}

function addTask(
  state: MasterState,
  { framework, agent, role }: LaunchContext,
  info: TaskInfo,
  bag: Bag,
  executor: Executor | undefined,
): Task {
  const task: Task = {
    id: info.task_id.value,
    name: info.name,
    framework,
    agent,
    executor,
    role,
    bag,
    details: taskDetails(info),
    state: 'TASK_STAGING',
    statuses: [],
    pending: [],
    freed: false,
    launchLost: false,
    user: info.command?.user ?? executor?.info.command?.user,
    commandText: commandTextOf(info),
    graceMs: taskGraceMs(info),
  };
  framework.tasks.set(task.id, task);
  agent.tasks.add(task);
  executor?.tasks.add(task);
  state.counters.add('master/tasks_launched');
  state.watchers.tell({ type: 'taskAdded', task });
  return task;
}

function orderOf({ framework, agent }: LaunchContext, task: TaskInfo): LaunchOrder {
  return {
    task,
    frameworkId: framework.id,
    agentId: agent.id,
    hostname: agent.hostname,
    user: framework.info.user,
  };
}

/** Longer commands are cut in the names of executors (mesos-v1 §5.1). */
const shownCommandLength = 15;

/** How the command stands in the name of its executor. */
export function commandTextOf({ command }: TaskInfo): string {
  const { shell = true, value = '' } = command ?? {};
  const whole = shell ? `sh -c '${value}'` : value;
  if (value.length <= shownCommandLength) return whole;
  const cut = `${value.slice(0, shownCommandLength - 3)}...`;
  return shell ? `sh -c '${cut}'` : cut;
}

/** The grace of its kill policy. */
export function taskGraceMs({ kill_policy }: TaskInfo): number | undefined {
  const nanoseconds = kill_policy?.grace_period?.nanoseconds;
  return nanoseconds === undefined ? undefined : nanoseconds / 1e6;
}

const noDetails: Task['details'] = {};

/** What the read endpoints show of a task; the rest of its description is not kept. */
export function taskDetails(info: TaskInfo): Task['details'] {
  const { labels, discovery, container, health_check, limits, kill_policy } = info;
  if (labels === undefined && discovery === undefined && container === undefined && health_check === undefined) {
    if (limits === undefined && kill_policy === undefined) return noDetails;
  }
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(discovery === undefined ? {} : { discovery }),
    ...(container === undefined ? {} : { container }),
    ...(health_check === undefined ? {} : { health_check: withDefaults(health_check) }),
    ...(limits === undefined ? {} : { limits }),
    ...(kill_policy === undefined ? {} : { kill_policy }),
  };
}

/** Members with a default are always written (mesos-v1 §1.11). */
function withDefaults(check: MesosHealthCheck): MesosHealthCheck {
  const { command, http, tcp } = check;
  const protocolOf = (protocol: string | undefined): string => (/^ipv6$/i.test(protocol ?? '') ? 'IPv6' : 'IPv4');
  return {
    delay_seconds: 15,
    interval_seconds: 10,
    timeout_seconds: 20,
    consecutive_failures: 3,
    grace_period_seconds: 10,
    ...check,
    ...(command === undefined ? {} : { command: { ...command, shell: command.shell ?? true } }),
    ...(http === undefined ? {} : { http: { ...http, protocol: protocolOf(http.protocol) } }),
    ...(tcp === undefined ? {} : { tcp: { ...tcp, protocol: protocolOf(tcp.protocol) } }),
  };
}

/** One update of the master's own, without a uuid. */
export function sendRefusal(
  framework: Framework,
  task: TaskInfo,
  state: MesosTaskState,
  reason: string,
  message: string,
): void {
  framework.stream?.send(
    updateEvent({
      taskId: task.task_id.value,
      state,
      message,
      source: 'SOURCE_MASTER',
      reason,
      agentIdJson: JSON.stringify(task.agent_id.value),
      timestamp: nowSeconds(),
    }),
  );
}
