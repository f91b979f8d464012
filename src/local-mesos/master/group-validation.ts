/** Whether a task group may be launched: all of it or nothing (mesos-v1 §3.6, §4.4 row E; recording 10). */
import type { TaskInfo } from '../../core/mesos/types.ts';
import type { ExecutorInfo } from '../executor/control.ts';
import { addToBag, type Bag, bagContains, bagOf, formatBag, milliOf } from '../resources/bag.ts';
import { refuseDivided } from '../resources/wire.ts';
import { commandFault } from './command-validation.ts';
import { containerFault, sharesCgroups } from './container-validation.ts';
import type { Executor } from './model.ts';
import { cgroupsFault, type LaunchContext, programFault, refuseId, taskFault } from './task-validation.ts';

/** What the executor of a group needs at least. */
const minCpusMilli = 10;
const minMemMilli = 32_000;

export interface GroupPlan {
  /** Empty when the executor is there already. */
  readonly executorBag: Bag;
  readonly bags: ReadonlyMap<TaskInfo, Bag>;
}

/** The resources a group needs, or why it is refused. `known` is the executor of that id on the agent, if there is one. */
export function validateGroup(
  executor: ExecutorInfo,
  tasks: readonly TaskInfo[],
  known: Executor | undefined,
  context: LaunchContext,
): GroupPlan | { refusal: string } {
  const executorBag = known === undefined ? bagOf(executor.resources ?? []) : [];
  const needed: Bag = [...executorBag];
  const bags = new Map<TaskInfo, Bag>();
  const ids = new Set<string>();
  for (const task of tasks) {
    const id = task.task_id.value;
    const refuse = (why: string) => ({ refusal: `Task '${id}' is invalid: ${why}` });
    if (ids.has(id)) return refuse(`Task has duplicate ID: ${id}`);
    ids.add(id);
    const fault = taskFault(task, context) ?? memberFault(task);
    if (fault !== undefined) return refuse(fault);
    const bag = bagOf(task.resources);
    bags.set(task, bag);
    addToBag(needed, bag);
  }
  const fault = executorFault(executor, known, context) ?? groupFault(executor, tasks);
  if (fault !== undefined) return { refusal: fault };
  if (bagContains(context.available, needed)) return { executorBag, bags };
  const { role, available } = context;
  return {
    refusal: `Total resources ${formatBag(needed, role)} required by task group and its executor are more than available ${formatBag(available, role)}`,
  };
}

/** The resources of a task and of the executor that the framework brings along for it, or why the two are refused. */
export function validateExecutorTask(
  task: TaskInfo,
  executor: ExecutorInfo,
  known: Executor | undefined,
  context: LaunchContext,
): { readonly bag: Bag; readonly executorBag: Bag } | { refusal: string } {
  const fault =
    taskFault(task, context) ??
    programFault(task) ??
    customTypeFault(executor) ??
    describedFault(executor, known, context) ??
    cgroupsFault(task);
  if (fault !== undefined) return { refusal: fault };
  const bag = bagOf(task.resources);
  const executorBag = known === undefined ? bagOf(executor.resources ?? []) : [];
  const needed: Bag = [...executorBag];
  addToBag(needed, bag);
  if (bagContains(context.available, needed)) return { bag, executorBag };
  const { role, available } = context;
  return {
    refusal: `Total resources ${formatBag(needed, role)} required by task and its executor is more than available ${formatBag(available, role)}`,
  };
}

function customTypeFault(executor: ExecutorInfo): string | undefined {
  const { executor_id, type, command } = executor;
  if (type === 'CUSTOM' && command === undefined) return "'ExecutorInfo.command' must be set for 'CUSTOM' executor";
  const fault = refuseId(executor_id.value) ?? partsFault(executor);
  if (fault !== undefined) return fault;
  if (type !== undefined && type !== 'CUSTOM') return "'ExecutorInfo.type' must be 'CUSTOM'";
  return command === undefined ? "'ExecutorInfo.command' must be set" : undefined;
}

interface MemberContainer {
  readonly type?: string;
  readonly network_infos?: readonly unknown[];
}

function memberFault({ container, health_check: check, limits }: TaskInfo): string | undefined {
  const { type, network_infos: networks = [] } = (container ?? {}) as MemberContainer;
  if (networks.length > 0 && (check?.type === 'HTTP' || check?.type === 'TCP')) {
    return "HTTP and TCP health checks are not supported for nested containers not joining parent's network";
  }
  if (type === 'DOCKER') return 'Docker ContainerInfo is not supported on the task';
  if (Object.keys(limits ?? {}).length === 0 || sharesCgroups(container) === false) return undefined;
  return "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.";
}

/** What is wrong with the tasks beside each other. */
function groupFault(executor: ExecutorInfo, tasks: readonly TaskInfo[]): string | undefined {
  for (const { task_id: id, executor: own } of tasks) {
    if (own === undefined || isSame(own as ExecutorInfo, executor)) continue;
    return `The \`ExecutorInfo\` of task '${id.value}' is different from executor '${executor.executor_id.value}'`;
  }
  const sharing = new Set(tasks.map(({ container }) => sharesCgroups(container) ?? true));
  if (sharing.size <= 1) return undefined;
  return "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor";
}

/** The parts of an executor that are described as those of tasks are. */
function partsFault({ command, container }: ExecutorInfo): string | undefined {
  const fault = command === undefined ? undefined : commandFault(command);
  if (fault !== undefined) return `Executor's \`CommandInfo\` is invalid: ${fault}`;
  const detail = containerFault(container);
  return detail === undefined ? undefined : `Executor's \`ContainerInfo\` is invalid: ${detail}`;
}

function executorFault(
  executor: ExecutorInfo,
  known: Executor | undefined,
  context: LaunchContext,
): string | undefined {
  const id = executor.executor_id.value;
  const early = refuseId(id) ?? typeFault(executor) ?? describedFault(executor, known, context);
  return early ?? sizeFault(id, bagOf(executor.resources ?? []));
}

/** What is checked of executors of either kind. */
function describedFault(
  executor: ExecutorInfo,
  known: Executor | undefined,
  { framework }: LaunchContext,
): string | undefined {
  const stated = executor.framework_id?.value;
  if (stated !== undefined && stated !== framework.id) {
    return `ExecutorInfo has an invalid FrameworkID (Actual: ${stated} vs Expected: ${framework.id})`;
  }
  const divided = refuseDivided(executor.resources ?? []);
  if (divided !== undefined) return `Executor uses invalid resources: ${divided}`;
  if (known !== undefined && !isSame(known.info, executor)) {
    return `ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID '${executor.executor_id.value}'`;
  }
  return undefined;
}

function typeFault({ type, command, container }: ExecutorInfo): string | undefined {
  if (type === undefined) return "'ExecutorInfo.type' must be set";
  if (type !== 'DEFAULT') return `Executors of type '${type}' cannot run task groups on this agent`;
  if (command !== undefined) return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
  if (container === undefined) return undefined;
  if (container.type !== 'MESOS') return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor";
  return container.mesos?.image === undefined
    ? undefined
    : "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor";
}

function sizeFault(id: string, bag: Bag): string | undefined {
  const cpus = milliOf(bag, 'cpus');
  if (cpus < minCpusMilli) {
    const has = cpus === 0 ? 'None' : String(cpus / 1000);
    return `Executor '${id}' uses less CPUs (${has}) than the minimum required (0.01)`;
  }
  const mem = milliOf(bag, 'mem');
  if (mem < minMemMilli) {
    const has = mem === 0 ? 'None' : `${mem / 1000}MB`;
    return `Executor '${id}' uses less memory (${has}) than the minimum required (32MB)`;
  }
  return milliOf(bag, 'disk') > 0 ? undefined : `Executor '${id}' uses no disk`;
}

/** Whether two descriptions are equal, whatever the order of their members; the framework's id may be left out. */
function isSame(a: ExecutorInfo, b: ExecutorInfo): boolean {
  const { framework_id: _a, ...one } = a;
  const { framework_id: _b, ...other } = b;
  return canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  // The master itself fills in for whom resources are allocated.
  const members = Object.entries(value)
    .filter(([name]) => name !== 'allocation_info')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
