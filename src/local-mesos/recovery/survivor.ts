/** A task whose process has outlived the program that started it. */
import type { TaskStatus } from '../../core/mesos/types.ts';
import { ok, type Result } from '../../core/result.ts';
import type { FoundRecord } from '../process/child-records.ts';
import { publishedPorts } from '../process/container-plan.ts';
import { clientEnvironment, type EngineContainer } from '../process/engine.ts';
import { type AgentIdentity, taskEnvironment } from '../process/environment.ts';
import { resolveUser } from '../process/system-user.ts';
import type { PreparedTask } from '../process/task-preparation.ts';
import type { LaunchOrder } from '../task-runner.ts';

export interface Survivor {
  readonly record: FoundRecord;
  /** The last thing that was reported of it; undefined: nothing. */
  readonly last: LastReport | undefined;
  /** Since it was reported as running. */
  readonly runningForMs: number | undefined;
}

export interface LastReport {
  readonly state: string;
  readonly healthy: boolean | undefined;
  readonly checkStatus: unknown;
  readonly containerStatus: TaskStatus['container_status'];
}

/** The container that it runs in, if it does. */
export function containerOf({ container }: FoundRecord): EngineContainer | undefined {
  return (
    container && { engine: { program: container.program, options: container.options ?? [] }, name: container.name }
  );
}

/** The address that was last reported of it. */
export const addressIn = (status: TaskStatus['container_status']): string | undefined =>
  status?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address;

/** Where its checks run: as they did before. The error says why they cannot. */
export async function sceneOfSurvivor(
  order: LaunchOrder,
  record: FoundRecord,
  agent: AgentIdentity,
): Promise<Result<Omit<PreparedTask, 'invocation'>, string>> {
  const { sandbox } = record;
  const container = containerOf(record);
  if (container !== undefined) {
    const environment = { ...clientEnvironment(), MESOS_DIRECTORY: sandbox };
    return ok({ sandbox, user: undefined, environment, container, published: publishedPorts(order.task) });
  }
  const own = order.task.command?.user;
  const user = await resolveUser(own !== undefined && own !== '' ? own : order.user);
  if (!user.ok) return user;
  return ok({ sandbox, user: user.value, environment: taskEnvironment(order, sandbox, agent) });
}
