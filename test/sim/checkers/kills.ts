/** Kills: nobody dies without a cause that can be named, and upgrades keep what they promise. */
import type { ProbeRequest, ProbeResult } from '../../../src/actors/ports.ts';
import { parseTaskId } from '../../../src/core/ids.ts';
import type { Instance } from '../../../src/core/instance/instance.ts';
import type { SimTask } from '../mesos-agents.ts';
import type { Change, Changes } from '../mirror.ts';
import { type CheckContext, isCounted, isReady } from './context.ts';

/** The launch of a task may take 300 s (the default of both flags), counted from before Mesos heard of it. */
const launchTimeoutMs = 290_000;
/** What just happened by itself may not have reached whoever decides. */
const blindMs = 5_000;

export class KillChecker {
  readonly #context: CheckContext;
  /** Tasks that had a cause once: kills are repeated. */
  readonly #doomed = new Set<string>();
  /** Failing answers since the last good one. */
  readonly #failures = new Map<string, number>();
  /** The most failures that a task had in a row: what follows from them may be held up by the store. */
  readonly #worst = new Map<string, number>();
  /** When an app last lost a ready instance by itself. */
  readonly #lostAtMs = new Map<string, number>();

  constructor(context: CheckContext) {
    this.#context = context;
  }

  /** The answer to a health check. */
  probed({ host, port }: ProbeRequest): ProbeResult {
    const { mesos } = this.#context;
    const task = mesos.alive().find((t) => t.agent.host === host && t.ports.includes(port));
    const isReached = task?.state === 'TASK_RUNNING' && task.agent.isReachable;
    if (task && isReached && !task.isSick) {
      this.#failures.set(task.id, 0);
      return { type: 'answered', status: 200 };
    }
    if (task) this.#failed(task.id);
    return isReached ? { type: 'answered', status: 500 } : { type: 'failed', cause: 'no answer' };
  }

  #failed(taskId: string): void {
    const failures = (this.#failures.get(taskId) ?? 0) + 1;
    this.#failures.set(taskId, failures);
    this.#worst.set(taskId, Math.max(failures, this.#worst.get(taskId) ?? 0));
  }

  committed(changes: Changes): void {
    for (const { type, json } of changes.batch.events) {
      if (type === 'unhealthy_instance_kill_event')
        this.#healthKill(JSON.parse(json) as Readonly<Record<string, string>>);
    }
    for (const change of changes.instances) this.#noteLoss(change);
    for (const change of changes.instances) {
      const { before, after } = change;
      if (before?.goal !== 'Running') continue;
      if (after?.goal === 'Decommissioned') this.#sentenced(before, after, changes);
      else if (!after) this.#forgotten(before, changes);
    }
  }

  killing(taskId: string): void {
    const { chronicle, mesos } = this.#context;
    chronicle.count('kill');
    const task = mesos.tasks.get(taskId);
    if (!task?.isAlive || this.#doomed.has(taskId)) return;
    if (this.#hasCause(task)) this.#doomed.add(taskId);
    else chronicle.violation('kills', `${taskId} (${task.state}) is killed without a cause`);
  }

  #hasCause(task: SimTask): boolean {
    const { mirror, killedByUser, clock } = this.#context;
    const instance = mirror.instances.get(parseTaskId(task.id)?.instanceId ?? '');
    if (instance?.tasks[0]?.id !== task.id || instance.goal !== 'Running') return true;
    if (killedByUser.has(instance.id)) return true;
    return task.state !== 'TASK_RUNNING' && clock.monotonic() - task.launchedAtMs >= launchTimeoutMs;
  }

  #healthKill(event: Readonly<Record<string, string>>): void {
    const { chronicle, mirror, mesos } = this.#context;
    const taskId = event['taskId'] ?? '';
    // Whose task has ended is not killed any more, whatever it was that found out first.
    if (!mesos.tasks.get(taskId)?.isAlive) return;
    const instance = mirror.instances.get(parseTaskId(taskId)?.instanceId ?? '');
    const app = instance && mirror.definitionOf(instance);
    const most = Math.max(...(app?.healthChecks ?? []).map((c) => c.maxConsecutiveFailures));
    const failures = this.#worst.get(taskId) ?? 0;
    if (failures <= most) {
      chronicle.violation('health', `${taskId} is killed after ${failures} failures, ${most} are allowed`);
    }
    this.#doomed.add(taskId);
  }

  #noteLoss({ before, after }: Change<Instance>): void {
    const { mirror, clock } = this.#context;
    if (!before || !isReady(before, mirror.definitionOf(before))) return;
    const isOver = after?.condition !== 'Running' || after.healthy === false;
    if (isOver) this.#lostAtMs.set(before.appId, clock.monotonic());
  }

  /** An instance that ran was told to end. */
  #sentenced(before: Instance, after: Instance, changes: Changes): void {
    const { chronicle, mirror, killedByUser, clock } = this.#context;
    if (before.condition !== 'Running') return;
    const { appId } = before;
    const app = mirror.apps.get(appId);
    const deployments = [...mirror.deploymentsOf(appId), ...endedBy(changes, appId)];
    if (!app || killedByUser.has(before.id)) return;
    if (deployments.length === 0) {
      const left = mirror.instancesOf(appId).filter(isCounted).length;
      if (left < app.instances) {
        chronicle.violation('kills', `${after.id} is sentenced although only ${left} of ${app.instances} are left`);
      }
      return;
    }
    if (!isReady(before, mirror.definitionOf(before)) || after.condition !== 'Running') return;
    if (clock.monotonic() - (this.#lostAtMs.get(appId) ?? Number.NEGATIVE_INFINITY) < blindMs) return;
    const isUpgrade = deployments.every(({ steps }) =>
      steps.some((s) => s.actions.some((a) => a.app === appId && a.action === 'RestartApplication' && !a.sentenced)),
    );
    const promises = mirror.aimsOf(appId).map((a) => Math.ceil(a.instances * a.upgradeStrategy.minimumHealthCapacity));
    const least = Math.min(...promises);
    const ready = mirror.instancesOf(appId).filter((i) => isReady(i, mirror.definitionOf(i))).length;
    if (isUpgrade && ready < least) {
      chronicle.violation(
        'floor',
        `${after.id} is sentenced: ${ready} of ${app.instances} are ready, ${least} must be`,
      );
    }
  }

  /** An instance whose task runs was forgotten. */
  #forgotten(before: Instance, changes: Changes): void {
    const { chronicle, mirror, mesos, killedByUser } = this.#context;
    const task = mesos.tasks.get(before.tasks[0]?.id ?? '');
    if (before.condition !== 'Running' || !task?.isAlive || task.wasUnreachable || killedByUser.has(before.id)) return;
    if (!mirror.apps.get(before.appId) || endedBy(changes, before.appId).length > 0) return;
    chronicle.violation('kills', `${before.id} was forgotten while it ran`);
  }
}

/** Deployments of an app that this batch has ended. */
const endedBy = ({ deployments }: Changes, appId: string) =>
  deployments.flatMap(({ before, after }) =>
    before && !after && before.affected.some((a) => a.id === appId) ? [before] : [],
  );
