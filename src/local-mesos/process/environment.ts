/** The variables that a task sees (mesos-v1 §5.5, recording 12). */
import type { EnvironmentVariable } from '../../core/mesos/types.ts';
import type { LaunchOrder } from '../task-runner.ts';

/** What a task may inherit from this program; everything else of our environment stays with us. */
const inherited = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'] as const;
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface AgentIdentity {
  /** `ip:port` under which the agent answers. */
  readonly endpoint: string;
  /** Number in the agent's process id `slave(N)`. */
  readonly number: number;
}

/** Builds a task's environment. What `command.environment` says comes last and wins. */
export function taskEnvironment(
  order: LaunchOrder,
  sandbox: string,
  agent: AgentIdentity,
): Readonly<Record<string, string>> {
  return {
    ...basicEnvironment(),
    ...mesosEnvironment(order, sandbox, agent),
    ...valuesOf(order.task.command?.environment?.variables),
  };
}

/** The variables that Mesos itself sets. */
export function mesosEnvironment(order: LaunchOrder, sandbox: string, agent: AgentIdentity): Record<string, string> {
  const taskId = order.task.task_id.value;
  const role = order.task.resources.find((resource) => resource.allocation_info?.role !== undefined);
  return {
    LIBPROCESS_IP: ipOf(agent),
    LIBPROCESS_PORT: '0',
    MESOS_AGENT_ENDPOINT: agent.endpoint,
    MESOS_ALLOCATION_ROLE: role?.allocation_info?.role ?? '*',
    MESOS_CHECKPOINT: '1',
    MESOS_DIRECTORY: sandbox,
    MESOS_EXECUTOR_ID: order.executor?.id ?? taskId,
    // Known to tasks of groups only: the address of the container they share.
    ...(order.executor === undefined ? {} : { MESOS_CONTAINER_IP: ipOf(agent) }),
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
    MESOS_FRAMEWORK_ID: order.frameworkId,
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_RECOVERY_TIMEOUT: '15mins',
    MESOS_SANDBOX: sandbox,
    MESOS_SLAVE_ID: order.agentId,
    MESOS_SLAVE_PID: `slave(${agent.number})@${agent.endpoint}`,
    MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
  };
}

const ipOf = ({ endpoint }: AgentIdentity): string => endpoint.slice(0, endpoint.lastIndexOf(':'));

/** The few variables that every program we start gets, tools such as `tar` included. */
export function basicEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { PATH: defaultPath };
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined && value !== '') environment[name] = value;
  }
  return environment;
}

/** Plain values by name. A SECRET has no value here: there is no secret resolver. */
export function valuesOf(variables: readonly EnvironmentVariable[] | undefined): Record<string, string> {
  const values: Record<string, string> = {};
  for (const variable of variables ?? []) {
    if (variable.type !== 'SECRET' && variable.value !== undefined) values[variable.name] = variable.value;
  }
  return values;
}
