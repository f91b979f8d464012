/** Whether a task may be launched: the checks of the master in their order and words (mesos-v1 §4.4, row D). */
import type { Resource, TaskInfo } from '../../core/mesos/types.ts';
import { type Bag, bagContains, bagOf, formatBag, milliOf } from '../resources/bag.ts';
import { refuseDivided, refuseResource } from '../resources/wire.ts';
import { type CheckShape, checkFault, healthCheckFault } from './check-validation.ts';
import { commandFault } from './command-validation.ts';
import { containerFault, sharesCgroups } from './container-validation.ts';
import type { Agent, Framework } from './model.ts';

const maxIdBytes = 255;

/** What a valid id looks like (mesos-v1 §3.9); the text of the refusal, or undefined. */
export function refuseId(id: string): string | undefined {
  if (id === '') return 'ID must not be empty';
  if (Buffer.byteLength(id) > maxIdBytes) return 'ID must not be greater than 255 characters';
  if (id === '.' || id === '..') return `'${id}' is disallowed`;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (code < 32 || code === 127 || code === 47 || code === 92) return `'${id}' contains invalid characters`;
  }
  return undefined;
}

export interface LaunchContext {
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** What is left of the accepted offers. */
  readonly available: Bag;
}

/** Returns the resources the task needs, or why it is refused. For a task that names no executor. */
export function validateTask(task: TaskInfo, context: LaunchContext): { bag: Bag } | { refusal: string } {
  const { role, available } = context;
  const fault = taskFault(task, context) ?? programFault(task);
  if (fault !== undefined) return { refusal: fault };
  const bag = bagOf(task.resources);
  const asked = foreignRole(task.resources, role);
  if (asked !== undefined || !bagContains(available, bag)) {
    const needed = formatBag(bag, asked ?? role);
    return {
      refusal: `Total resources ${needed} required by task and its executor is more than available ${formatBag(available, role)}`,
    };
  }
  const late = cgroupsFault(task);
  return late === undefined ? { bag } : { refusal: late };
}

/** What is wrong with a task, whoever runs it; not whether there is enough for it. */
export function taskFault(task: TaskInfo, { framework, agent }: LaunchContext): string | undefined {
  return (
    refuseIdentity(task, framework, agent) ??
    refuseTimes(task) ??
    refuseCheck(task.check as CheckShape | undefined) ??
    refuseHealthCheck(task) ??
    resourcesFault(task.resources ?? []) ??
    descriptionFault(task) ??
    limitsFault(task)
  );
}

/** Whether it is clear what is to be run. */
export function programFault({ command, executor }: TaskInfo): string | undefined {
  if ((command === undefined) !== (executor === undefined)) return undefined;
  return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
}

/** Only a task of a group has others to share with. */
export function cgroupsFault({ container }: TaskInfo): string | undefined {
  return sharesCgroups(container) === false
    ? "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    : undefined;
}

/** The role that some of the resources are allocated to, if it is another one. */
const foreignRole = (resources: readonly Resource[], role: string): string | undefined =>
  resources.find(({ allocation_info: info }) => (info?.role ?? role) !== role)?.allocation_info?.role;

/**
 * The first fault of an operation's resources. It is looked for before anything else, and refuses every task of the operation.
 */
export function operationFault(resources: Iterable<Resource>): string | undefined {
  for (const resource of resources) {
    const fault = refuseResource(resource);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function resourcesFault(resources: readonly Resource[]): string | undefined {
  if (resources.length === 0) return 'Task uses no resources';
  const divided = refuseDivided(resources);
  if (divided !== undefined) return `Task uses invalid resources: ${divided}`;
  const roles = [...new Set(resources.map(({ allocation_info: info }) => info?.role))];
  const [first, other] = roles.filter((role) => role !== undefined);
  if (other === undefined) return undefined;
  return (
    `Invalid task resources: The resources have multiple allocation roles ('${other}' and '${first}') ` +
    'but only one allocation role is allowed'
  );
}

function refuseIdentity(task: TaskInfo, framework: Framework, agent: Agent): string | undefined {
  const id = task.task_id.value;
  const refusal = refuseId(id);
  if (refusal !== undefined) return refusal;
  if (framework.tasks.has(id)) return `Task has duplicate ID: ${id}`;
  if (framework.unreachable.has(id)) return `Task reuses the ID of an unreachable task: ${id}`;
  if (task.agent_id.value !== agent.id) {
    return `Task uses invalid agent ${task.agent_id.value} while agent ${agent.id} is expected`;
  }
  return undefined;
}

function refuseTimes(task: TaskInfo): string | undefined {
  if ((task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0) {
    return `Task's 'kill_policy.grace_period' must be non-negative`;
  }
  if ((task.max_completion_time?.nanoseconds ?? 0) < 0) return "Task's `max_completion_time` must be non-negative";
  return undefined;
}

function refuseCheck(check: CheckShape | undefined): string | undefined {
  const detail = check === undefined ? undefined : checkFault(check);
  return detail === undefined ? undefined : `Task uses invalid check: ${detail}`;
}

function refuseHealthCheck({ health_check: check }: TaskInfo): string | undefined {
  const detail = check === undefined ? undefined : healthCheckFault(check);
  return detail === undefined ? undefined : `Task uses invalid health check: ${detail}`;
}

function descriptionFault({ command, container }: TaskInfo): string | undefined {
  const fault = command === undefined ? undefined : commandFault(command);
  if (fault !== undefined) return `Task's \`CommandInfo\` is invalid: ${fault}`;
  const detail = containerFault(container);
  return detail === undefined ? undefined : `Task's \`ContainerInfo\` is invalid: ${detail}`;
}

/** Names that may be limited, as they stand in the master's texts. */
const limited = [
  ['cpus', 'CPU', 'cpu'],
  ['mem', 'memory', 'memory'],
] as const;

function limitsFault({ limits = {}, resources }: TaskInfo): string | undefined {
  const names = Object.keys(limits);
  if (names.some((name) => name !== 'cpus' && name !== 'mem')) {
    return "Only cpus and mem may be included in a task's resource limits";
  }
  const bag = bagOf(resources);
  for (const [name, label, word] of limited) {
    const limit = limits[name];
    if (limit === undefined) continue;
    const asked = milliOf(bag, name);
    if (asked === 0) return `When a ${label} limit is specified, a ${label} request must also be specified`;
    if (Number(limit.value) * 1000 >= asked) continue;
    return `The ${word} limit must be greater than or equal to the ${word} request`;
  }
  return undefined;
}
