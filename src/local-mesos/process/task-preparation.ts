/** Everything that must be in place before a task's command can start: user, sandbox, files and volumes. */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import type { LaunchOrder, TaskReport } from '../task-runner.ts';
import type { Isolation } from './cgroups/isolation.ts';
import { type ContainerPlan, type ContainerShape, imageOf, planContainer, publishedPorts } from './container-plan.ts';
import { type ContainerEngine, clientEnvironment, type EngineContainer } from './engine.ts';
import { engineInvocation } from './engine-command.ts';
import type { EngineSearch } from './engine-finder.ts';
import { provideImage } from './engine-image.ts';
import { type AgentIdentity, mesosEnvironment, taskEnvironment } from './environment.ts';
import { fetchAll } from './fetcher.ts';
import { type Invocation, invocationOf } from './launcher.ts';
import { createSandbox, sandboxPath } from './sandbox.ts';
import { createSandboxVolumes, withSandboxVolumes } from './sandbox-volumes.ts';
import { resolveUser, type SystemUser } from './system-user.ts';
import { createVolumes, linkVolumes } from './volumes.ts';

/** What all tasks of one runner share. */
export interface TaskSurroundings {
  readonly workDir: string;
  readonly agent: AgentIdentity;
  /** Absolute; relative URIs start here. */
  readonly frameworksHome: string;
  /** Where container images can be run, if anywhere. */
  readonly engine: EngineSearch;
  /** Whether a task may use no more cpus than it asked for, even if others are idle. */
  readonly hardCpuLimit: boolean;
  readonly isolation: Isolation;
  readonly warn: (detail: object, message: string) => void;
  /** How a task ends shall be known even if this program does not live to see it. */
  readonly keepsExit?: boolean;
}

export interface PreparedTask {
  readonly sandbox: string;
  readonly user: SystemUser | undefined;
  readonly invocation: Invocation;
  readonly environment: Readonly<Record<string, string>>;
  /** Set when the command is the client of an engine that runs an image. */
  readonly container?: EngineContainer;
  /** Container ports and the ports of the agent that lead to them. */
  readonly published?: ReadonlyMap<number, number>;
}

/** What the agent reports when a task does not get as far as its command. */
export type LaunchFailure = Pick<TaskReport, 'state' | 'message' | 'reason'>;

export interface Preparation {
  readonly containerId: string;
  /** Aborted when the task is killed meanwhile. */
  readonly signal: AbortSignal;
  /** Called as soon as the sandbox exists, so that its files can be looked at while URIs are fetched. */
  readonly onSandbox: (path: string) => void;
}

/**
 * Prepares a task. An unknown user or a sandbox that cannot be made is TASK_DROPPED, anything else that is missing TASK_FAILED,
 * with Mesos' messages (recording 02).
 */
export async function prepareTask(
  order: LaunchOrder,
  surroundings: TaskSurroundings,
  preparation: Preparation,
): Promise<Result<PreparedTask, LaunchFailure>> {
  const { task, agentId, frameworkId } = order;
  const { workDir, agent } = surroundings;
  const { command } = task;
  if (command === undefined) return err(notLaunched('custom executors are not supported'));
  const { containerId } = preparation;
  const ids = { agentId, frameworkId, taskId: task.task_id.value, containerId, executor: order.executor };
  const name = command.user !== undefined && command.user !== '' ? command.user : order.user;
  const user = await resolveUser(name);
  const directory = sandboxPath(workDir, ids);
  if (!user.ok) return err(noSandbox(directory, `Failed to chown directory to '${name}': ${user.error}`));
  const plan = planContainer(withSandboxVolumes(task, workDir, ids), workDir);
  if (!plan.ok) return err(notLaunched(plan.error));
  const { image } = plan.value;
  const engine = image === undefined ? undefined : await surroundings.engine();
  if (engine?.ok === false) return err(noEngine(task.container as ContainerShape, engine.error));
  const sandbox = await createSandbox(workDir, ids, user.value).catch((error: Error) => error);
  if (sandbox instanceof Error) return err(noSandbox(directory, sandbox.message));
  preparation.onSandbox(sandbox);
  const fetched = await fetchAll(command.uris ?? [], {
    sandbox,
    frameworksHome: surroundings.frameworksHome,
    user: user.value,
    signal: preparation.signal,
  });
  if (!fetched.ok) {
    const recorded = `Failed to fetch all URIs for container '${preparation.containerId}': exited with status 1`;
    return err(notLaunched(`${recorded} (${fetched.error})`));
  }
  await createSandboxVolumes(task, workDir, ids, user.value);
  await createVolumes(plan.value.volumes, user.value);
  for (const note of plan.value.notes) await appendFile(join(sandbox, 'stderr'), `${note}\n`);
  if (engine !== undefined)
    return inContainer(order, surroundings, { sandbox, preparation, engine: engine.value }, plan.value);
  await linkVolumes(plan.value.volumes, sandbox);
  const environment = taskEnvironment(order, sandbox, agent);
  return ok({ sandbox, user: user.value, invocation: invocationOf(command, sandbox), environment });
}

interface ContainerPlace {
  readonly sandbox: string;
  readonly preparation: Preparation;
  readonly engine: ContainerEngine;
}

/**
 * Gets the image and makes the command line. The client runs as we do and sees only what it needs; the sandbox in its environment
 * makes it known as the task's.
 */
async function inContainer(
  order: LaunchOrder,
  { agent, hardCpuLimit }: TaskSurroundings,
  { sandbox, preparation, engine }: ContainerPlace,
  plan: ContainerPlan,
): Promise<Result<PreparedTask, LaunchFailure>> {
  const shape = order.task.container as ContainerShape;
  const force = shape.docker?.force_pull_image === true || shape.mesos?.image?.cached === false;
  const provided = await provideImage(engine, plan.image ?? '', force, { signal: preparation.signal, sandbox });
  if (!provided.ok) return err(notLaunched(provided.error));
  const container: EngineContainer = { engine, name: `mesos-${preparation.containerId}` };
  // What belongs to the agent's own side of the network means nothing inside.
  const { LIBPROCESS_IP: _ip, LIBPROCESS_PORT: _port, ...variables } = mesosEnvironment(order, sandbox, agent);
  const invocation = engineInvocation(order.task, {
    engine,
    container,
    sandbox,
    agentHost: order.hostname,
    mesosEnvironment: variables,
    persistent: plan.volumes,
    hardCpuLimit,
  });
  if (!invocation.ok) return err(notLaunched(`Failed to run docker container: ${invocation.error}`));
  const environment = { ...clientEnvironment(), MESOS_DIRECTORY: sandbox };
  const published = publishedPorts(order.task);
  return ok({ sandbox, user: undefined, invocation: invocation.value, environment, container, published });
}

/** No containerizer takes a DOCKER task; the one that took a MESOS task fails to launch it (recording 04). */
function noEngine(shape: ContainerShape, reason: string): LaunchFailure {
  const what = imageOf(shape) ?? '';
  if (shape.type === 'DOCKER') {
    const why = `the image '${what}' needs Docker or Podman, and this agent has neither (${reason})`;
    return { ...notLaunched(why), reason: 'REASON_EXECUTOR_TERMINATED' };
  }
  const own = 'the Mesos containerizer of this agent cannot unpack images itself; it needs Docker or Podman to run';
  return notLaunched(`${own} '${what}', and this agent has neither (${reason})`);
}

/** The failure of a container that could not be launched. */
export function notLaunched(why: string): LaunchFailure {
  return {
    state: 'TASK_FAILED',
    message: `Failed to launch container: ${why}`,
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
  };
}

function noSandbox(directory: string, why: string): LaunchFailure {
  return {
    state: 'TASK_DROPPED',
    message: `Failed to create executor directory '${directory}': ${why}`,
    reason: 'REASON_EXECUTOR_TERMINATED',
  };
}
