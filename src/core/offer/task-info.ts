/** What Mesos is asked to run (behaviour §8). */
import type { AppDefinition, PortEntry } from '../app/definition.ts';
import { hostNameForm, type TaskId } from '../ids.ts';
import type { AgentInfo } from '../instance/instance.ts';
import type {
  CommandInfo,
  CommandUri,
  EnvironmentVariable,
  Labels,
  Resource,
  TaskInfo,
  Value,
} from '../mesos/types.ts';
import { agentHealthCheck, mesosCheck, mesosHealthCheck } from './checks.ts';
import { containerInfo, needsContainer } from './container-info.ts';
import type { MatchSettings } from './demand.ts';
import { discoveryOf, discoveryPorts, type EntryDiscovery, wireLabels } from './discovery.ts';
import { portVariables, type SharedEnvironment, sharedEnvironment, taskEnvironment } from './environment.ts';
import { isCustomExecutor, needsOf } from './needs.ts';

export interface TaskInputs {
  readonly app: AppDefinition;
  readonly taskId: TaskId;
  readonly agent: AgentInfo;
  /** Exactly what the task consumes. */
  readonly resources: readonly Resource[];
  /** What a custom executor consumes; empty without one. */
  readonly executorResources: readonly Resource[];
  /** One element for each port entry of the app, undefined where it has no port on the agent. */
  readonly hostPorts: readonly (number | undefined)[];
  readonly settings: MatchSettings;
  /** `enforceRole` of the app's top-level group. */
  readonly enforceGroupRole: boolean;
  /** Numbers in [0, 1); asked only for entries that have neither a host port nor a port of their own. */
  readonly random: () => number;
}

/**
 * Builds the TaskInfo of one launch. What all launches of a definition share is computed once for each definition
 * object.
 */
export function buildTaskInfo(inputs: TaskInputs): TaskInfo {
  const { app, taskId, agent, hostPorts, settings } = inputs;
  const shared = sharedParts(app, inputs.enforceGroupRole);
  const { entries } = shared;
  const variables = taskEnvironment(shared.environment, {
    taskId,
    host: agent.host,
    ports: portVariables(entries, hostPorts, inputs.random),
    prefix: settings.envVarsPrefix,
  });
  const command: CommandInfo = { ...shared.command, environment: { variables } };
  const container = shared.isContained
    ? containerInfo(app, { taskId, entries, hostPorts, mesosBridgeName: settings.mesosBridgeName })
    : undefined;
  const body = shared.isCustom
    ? { executor: executorInfo(inputs, command, container) }
    : withContainer(command, container);
  const ports = { entries, hostPorts };
  const healthCheck = shared.healthCheck && mesosHealthCheck(app, shared.healthCheck, ports);
  const check = app.check === undefined ? undefined : mesosCheck(app, ports);
  return {
    name: shared.name,
    task_id: { value: taskId },
    agent_id: { value: agent.agentId },
    resources: inputs.resources,
    ...body,
    ...shared.constant,
    discovery: entries.length === 0 ? shared.discovery : discoveryWith(inputs, shared),
    ...(healthCheck === undefined ? {} : { health_check: healthCheck }),
    ...(check === undefined ? {} : { check }),
  };
}

const withContainer = (command: CommandInfo, container: unknown) =>
  container === undefined ? { command } : { command, container };

function discoveryWith({ hostPorts }: TaskInputs, shared: SharedParts): NonNullable<TaskInfo['discovery']> {
  return { ...shared.discovery, ports: { ports: discoveryPorts(shared.discoveryPorts, hostPorts) } };
}

/**
 * Marathon's own form of a custom executor: a program on the agent that gets the command as its arguments (behaviour
 * §8.2).
 */
function executorInfo({ app, taskId, executorResources }: TaskInputs, command: CommandInfo, container: unknown) {
  const path = `'${app.executor}'`;
  const what = app.cmd ?? (app.args ?? []).join(' ');
  const { environment, uris, user } = command as CommandInfo & { environment: { variables: EnvironmentVariable[] } };
  return {
    type: 'CUSTOM',
    executor_id: { value: `marathon-${taskId}` },
    command: {
      shell: true,
      value: `chmod ug+rx ${path} && exec ${path} ${what}`.trimEnd(),
      environment,
      ...(uris === undefined ? {} : { uris }),
      ...(user === undefined ? {} : { user }),
    },
    ...(container === undefined ? {} : { container }),
    ...(executorResources.length === 0 ? {} : { resources: executorResources }),
  };
}

interface SharedParts {
  readonly enforceGroupRole: boolean;
  readonly name: string;
  readonly isCustom: boolean;
  readonly isContained: boolean;
  readonly entries: readonly PortEntry[];
  readonly environment: SharedEnvironment;
  readonly command: CommandInfo;
  readonly healthCheck: ReturnType<typeof agentHealthCheck>;
  readonly discovery: NonNullable<TaskInfo['discovery']>;
  readonly discoveryPorts: readonly EntryDiscovery[];
  readonly constant: Pick<TaskInfo, 'labels' | 'limits' | 'kill_policy'>;
}

const remembered = new WeakMap<AppDefinition, SharedParts>();

function sharedParts(app: AppDefinition, enforceGroupRole: boolean): SharedParts {
  const known = remembered.get(app);
  if (known?.enforceGroupRole === enforceGroupRole) return known;
  const name = hostNameForm(app.id);
  const parts: SharedParts = {
    enforceGroupRole,
    name,
    isCustom: isCustomExecutor(app),
    isContained: needsContainer(app),
    entries: needsOf(app).entries,
    environment: sharedEnvironment(app, enforceGroupRole),
    command: commandInfo(app),
    healthCheck: agentHealthCheck(app),
    discovery: { visibility: 'FRAMEWORK', name },
    discoveryPorts: discoveryOf(app, needsOf(app).entries),
    constant: constantMembers(app),
  };
  remembered.set(app, parts);
  return parts;
}

const nanosPerSecond = 1e9;

function constantMembers(app: AppDefinition): SharedParts['constant'] {
  const labels: Labels = { labels: wireLabels(app.labels) };
  const graceSeconds = app.taskKillGracePeriodSeconds;
  const limits = wireLimits(app);
  return {
    ...(labels.labels?.length === 0 ? {} : { labels }),
    ...(limits === undefined ? {} : { limits }),
    ...(graceSeconds === undefined
      ? {}
      : { kill_policy: { grace_period: { nanoseconds: graceSeconds * nanosPerSecond } } }),
  };
}

function wireLimits({ resourceLimits }: AppDefinition): Record<string, Value<number>> | undefined {
  if (resourceLimits === undefined) return undefined;
  const limits: Record<string, Value<number>> = {};
  for (const name of ['cpus', 'mem'] as const) {
    const limit = resourceLimits[name];
    if (limit !== undefined) limits[name] = { value: limit === 'unlimited' ? infinity : limit };
  }
  return limits;
}

/** JSON has no infinity; Mesos reads the text as one (mesos-v1 §1.11). */
const infinity = 'Infinity' as unknown as number;

/** Shell command or arguments; with an image and arguments only, the entry point of the image runs (behaviour §8.2). */
function commandInfo(app: AppDefinition): CommandInfo {
  const uris: CommandUri[] = app.fetch.map(({ uri, executable, extract, cache, destPath }) => ({
    value: uri,
    executable,
    extract,
    cache,
    ...(destPath === undefined ? {} : { output_file: destPath }),
  }));
  const more = {
    // An empty name would be looked up, and not found, on the agent.
    ...(app.user === undefined || app.user === '' ? {} : { user: app.user }),
    ...(uris.length === 0 ? {} : { uris }),
  };
  if (app.cmd !== undefined && app.cmd !== '') return { shell: true, value: app.cmd, ...more };
  const { args = [] } = app;
  const hasImage = app.container?.docker !== undefined;
  return {
    shell: false,
    ...(hasImage || args[0] === undefined ? {} : { value: args[0] }),
    ...(args.length === 0 ? {} : { arguments: args }),
    ...more,
  };
}
