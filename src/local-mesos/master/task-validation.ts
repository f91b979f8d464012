/** Whether a task may be launched: the checks of the master in their order and words (mesos-v1 §4.4, row D). */
import type { CommandInfo, MesosHealthCheck, TaskInfo } from '../../core/mesos/types.ts';
import { type Bag, bagContains, bagOf, formatBag } from '../resources/bag.ts';
import { refuseResource } from '../resources/wire.ts';
import { containerFault } from './container-validation.ts';
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

/** Returns the resources the task needs, or why it is refused. */
export function validateTask(task: TaskInfo, context: LaunchContext): { bag: Bag } | { refusal: string } {
  const { framework, agent, role, available } = context;
  const early =
    refuseIdentity(task, framework, agent) ??
    refuseTimes(task) ??
    refuseCheck(task.check as CheckShape | undefined) ??
    refuseHealthCheck(task.health_check);
  if (early !== undefined) return { refusal: early };
  const resources = task.resources ?? [];
  if (resources.length === 0) return { refusal: 'Task uses no resources' };
  for (const resource of resources) {
    const refusal = refuseResource(resource);
    if (refusal !== undefined) return { refusal };
  }
  const late = refuseCommand(task);
  if (late !== undefined) return { refusal: late };
  const bag = bagOf(resources);
  const asked = resources.find((resource) => (resource.allocation_info?.role ?? role) !== role)?.allocation_info?.role;
  if (asked === undefined && bagContains(available, bag)) return { bag };
  const needed = formatBag(bag, asked ?? role);
  return {
    refusal: `Total resources ${needed} required by task and its executor is more than available ${formatBag(available, role)}`,
  };
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

/** A CheckInfo as far as its validity goes. */
interface CheckShape {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP';
  readonly command?: { readonly command?: CommandInfo };
  readonly http?: { readonly path?: string };
  readonly tcp?: object;
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
}

function refuseCheck(check: CheckShape | undefined): string | undefined {
  const detail = check === undefined ? undefined : checkFault(check);
  return detail === undefined ? undefined : `Task uses invalid check: ${detail}`;
}

function checkFault(check: CheckShape): string | undefined {
  const { type, command, http, tcp } = check;
  if (type === undefined) return `CheckInfo must specify 'type'`;
  const body = type === 'COMMAND' ? command : type === 'HTTP' ? http : tcp;
  if (body === undefined) return `Expecting '${type.toLowerCase()}' to be set for ${type} check`;
  if (type === 'COMMAND' && command?.command?.shell !== false && command?.command?.value === undefined) {
    return `Command check must contain 'shell command'`;
  }
  const path = http?.path ?? '/';
  if (type === 'HTTP' && !path.startsWith('/')) return `The path '${path}' of HTTP check must start with '/'`;
  for (const name of ['delay_seconds', 'interval_seconds', 'timeout_seconds'] as const) {
    if ((check[name] ?? 0) < 0) return `Expecting '${name}' to be non-negative`;
  }
  return undefined;
}

function refuseHealthCheck(check: MesosHealthCheck | undefined): string | undefined {
  if (check === undefined) return undefined;
  const detail = healthCheckFault(check);
  return detail === undefined ? undefined : `Task uses invalid health check: ${detail}`;
}

function healthCheckFault(check: MesosHealthCheck): string | undefined {
  const type =
    check.type ?? (check.command === undefined ? (check.http === undefined ? undefined : 'HTTP') : 'COMMAND');
  if (type === undefined) return `HealthCheck must specify 'type'`;
  const body = type === 'COMMAND' ? check.command : type === 'HTTP' ? check.http : check.tcp;
  if (body === undefined) {
    const name = type.toLowerCase();
    return `Expecting '${name}' to be set for ${type === 'COMMAND' ? 'command' : type} health check`;
  }
  if (type === 'COMMAND' && check.command?.shell !== false && check.command?.value === undefined) {
    return `Command health check must contain 'shell command'`;
  }
  if (type === 'HTTP') {
    const scheme = check.http?.scheme ?? 'http';
    if (scheme !== 'http' && scheme !== 'https') return `Unsupported HTTP health check scheme: '${scheme}'`;
    const path = check.http?.path ?? '/';
    if (!path.startsWith('/')) return `The path '${path}' of HTTP health check must start with '/'`;
  }
  for (const name of ['delay_seconds', 'grace_period_seconds', 'interval_seconds', 'timeout_seconds'] as const) {
    if ((check[name] ?? 0) < 0) return `Expecting '${name}' to be non-negative`;
  }
  return undefined;
}

function refuseCommand(task: TaskInfo): string | undefined {
  const fault = task.command === undefined ? undefined : commandFault(task.command);
  if (fault !== undefined) return `Task's \`CommandInfo\` is invalid: ${fault}`;
  if ((task.command === undefined) === (task.executor === undefined)) {
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  }
  const container = containerFault(task.container);
  return container === undefined ? undefined : `Task's \`ContainerInfo\` is invalid: ${container}`;
}

function commandFault(command: CommandInfo): string | undefined {
  for (const variable of command.environment?.variables ?? []) {
    if ((variable.type ?? 'VALUE') === 'VALUE' && variable.value === undefined) {
      return `Environment variable '${variable.name}' of type 'VALUE' must have a value set`;
    }
  }
  return undefined;
}
