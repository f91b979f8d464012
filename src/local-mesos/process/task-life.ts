/** The life of one task: prepare its sandbox, run its command, watch it, end it, and report every step as Mesos does. */
import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { err, ok, type Result } from '../../core/result.ts';
import type { LaunchOrder, TaskReport } from '../task-runner.ts';
import { type MemoryLimitation, memoryLimitation, watchMemory } from './cgroups/memory-limit.ts';
import type { TaskCgroup } from './cgroups/task-cgroup.ts';
import { removeChildRecord } from './child-records.ts';
import { awaitContainer, containerEndMessage, isReachable } from './container-life.ts';
import { type EngineContainer, inspectContainer } from './engine.ts';
import { type ExitStatus, exitMessage } from './exit-status.ts';
import { type CheckInfo, emptyCheckStatus, startCheck, startHealthCheck } from './health-check.ts';
import { turnToStart } from './launcher.ts';
import { startTimer } from './long-timer.ts';
import { type RunningCommand, runCommand } from './running-command.ts';
import { limitsOf } from './task-limits.ts';
import {
  type LaunchFailure,
  notLaunched,
  type PreparedTask,
  prepareTask,
  type TaskSurroundings,
} from './task-preparation.ts';

export interface KillGrace {
  /** In place of the task's own. */
  readonly graceMs?: number | undefined;
  /** Whatever the task's own is. */
  readonly longestMs?: number;
}

export interface TaskLife {
  /** Path of the sandbox once it exists. */
  readonly sandbox: () => string | undefined;
  /** Begins to end the task; repeated calls change nothing but may only shorten the time it has left. */
  readonly kill: (wantsKillingState: boolean, grace?: KillGrace) => void;
  /** Resolves after the terminal report, when no process of the task lives any more. */
  readonly over: Promise<void>;
}

/** Grace between SIGTERM and SIGKILL when a task has no kill_policy (mesos-v1 §5.1). */
export const defaultGraceMs = 3_000;
/** The same for a container: the executor's shutdown grace (mesos-v1 §5.4). */
export const containerGraceMs = 5_000;
/** After max_completion_time Mesos leaves no grace; this much lets SIGTERM arrive before SIGKILL, as its messages show. */
const completionGraceMs = 100;

type Ending = 'by itself' | 'killed' | 'unhealthy' | 'out of time' | 'out of memory';

/**
 * Starts a task's life. Never throws; whatever goes wrong becomes a terminal report. `onEnd` is called right before that report,
 * so that whoever answers it with a new task finds a free place.
 */
export function beginTask(
  order: LaunchOrder,
  report: (update: TaskReport) => void,
  surroundings: TaskSurroundings,
  onEnd: () => void,
): TaskLife {
  const life = new Life(order, report, surroundings, onEnd);
  return {
    sandbox: () => life.sandbox,
    kill: (wantsKillingState, grace) => life.kill(wantsKillingState, grace),
    over: life.live(),
  };
}

class Life {
  sandbox: string | undefined;
  readonly #order: LaunchOrder;
  readonly #report: (update: TaskReport) => void;
  readonly #surroundings: TaskSurroundings;
  readonly #onEnd: () => void;
  readonly #containerId = randomUUID();
  readonly #preparing = new AbortController();
  readonly #stops: (() => void)[] = [];
  #command: RunningCommand | undefined;
  #container: EngineContainer | undefined;
  #containerIp: string | undefined;
  #wasRunning = false;
  #cgroup: TaskCgroup | undefined;
  #ending: Ending = 'by itself';
  #healthy: boolean | undefined;
  #checkStatus: unknown;
  #over = false;

  constructor(
    order: LaunchOrder,
    report: (update: TaskReport) => void,
    surroundings: TaskSurroundings,
    onEnd: () => void,
  ) {
    this.#onEnd = onEnd;
    this.#order = order;
    this.#report = report;
    this.#surroundings = surroundings;
  }

  async live(): Promise<void> {
    const onSandbox = (path: string): void => {
      this.sandbox = path;
    };
    const prepared = await prepareTask(this.#order, this.#surroundings, {
      containerId: this.#containerId,
      signal: this.#preparing.signal,
      onSandbox,
    }).catch((error: Error) => err(notLaunched(error.message)));
    await turnToStart();
    if (this.#preparing.signal.aborted) {
      this.#reportByAgent({
        state: 'TASK_KILLED',
        message: 'Killed before delivery to the executor',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
      });
      return;
    }
    if (!prepared.ok) {
      this.#reportByAgent(prepared.error);
      return;
    }
    const started = this.#start(prepared.value);
    if (!started.ok) {
      await this.#cgroup?.remove();
      this.#reportByAgent(notLaunched(started.error));
      return;
    }
    const status = await started.value.exited;
    for (const stop of this.#stops) stop();
    const message = await this.#endMessage(status, prepared.value);
    const left = await started.value.sweep();
    const memory = this.#cgroup && memoryLimitation(this.#cgroup, limitsOf(this.#order.task));
    if ((await this.#cgroup?.remove()) === false)
      this.#surroundings.warn({ taskId: this.#taskId }, 'the cgroup of an ended task cannot be removed');
    if (left > 0)
      this.#surroundings.warn({ taskId: this.#taskId, left }, 'processes of an ended task cannot be killed');
    else await removeChildRecord(this.#surroundings.workDir, this.#containerId);
    this.#reportEnd(status, message, memory);
  }

  kill(wantsKillingState: boolean, grace: KillGrace = {}): void {
    if (this.#over) return;
    if (this.#command === undefined) {
      this.#preparing.abort();
      return;
    }
    if (this.#ending === 'by itself') this.#end('killed', wantsKillingState);
    this.#command.terminate(Math.min(grace.graceMs ?? this.#graceMs, grace.longestMs ?? Number.POSITIVE_INFINITY));
  }

  get #taskId(): string {
    return this.#order.task.task_id.value;
  }

  get #graceMs(): number {
    const nanoseconds = this.#order.task.kill_policy?.grace_period?.nanoseconds;
    if (nanoseconds !== undefined) return nanoseconds / 1e6;
    return this.#container === undefined ? defaultGraceMs : containerGraceMs;
  }

  #start(prepared: PreparedTask): Result<RunningCommand, string> {
    const check = this.#order.task.check as CheckInfo | undefined;
    if (check !== undefined) this.#checkStatus = emptyCheckStatus(check);
    const cgroup = this.#makeCgroup(prepared);
    if (!cgroup.ok) return cgroup;
    const record = {
      cgroup: cgroup.value,
      workDir: this.#surroundings.workDir,
      containerId: this.#containerId,
      taskId: this.#taskId,
      marker: prepared.sandbox,
      container: prepared.container,
    };
    const command = runCommand(prepared, record);
    if (!command.ok) return command;
    this.#command = command.value;
    this.#container = prepared.container;
    this.#reportRunning('TASK_STARTING');
    if (prepared.container === undefined) this.#beginRunning(prepared, check);
    else void this.#beginInContainer(prepared, prepared.container, check);
    return command;
  }

  /** A container is limited by its engine. */
  #makeCgroup({ container }: PreparedTask): Result<TaskCgroup | undefined, string> {
    const { cgroupFor } = this.#surroundings.isolation;
    if (container !== undefined || cgroupFor === undefined) return ok(undefined);
    try {
      this.#cgroup = cgroupFor(this.#containerId, limitsOf(this.#order.task));
      return ok(this.#cgroup);
    } catch (error) {
      return err(`cannot make its cgroup: ${(error as Error).message}`);
    }
  }

  #beginRunning(prepared: PreparedTask, check: CheckInfo | undefined): void {
    this.#wasRunning = true;
    this.#reportRunning('TASK_RUNNING');
    // A report may have led to a kill already.
    if (this.#ending === 'by itself' && this.#command?.pid !== undefined) this.#watch(prepared, check);
  }

  /** A container runs when its engine says so. Where its own address leads nowhere, checks go through its published ports. */
  async #beginInContainer(
    prepared: PreparedTask,
    container: EngineContainer,
    check: CheckInfo | undefined,
  ): Promise<void> {
    const isOver = (): boolean => this.#over || this.#ending !== 'by itself';
    const sight = await awaitContainer(container, isOver);
    if (sight === undefined) return;
    this.#containerIp = sight.ip;
    const [port] = prepared.published?.keys() ?? [];
    const isDirect = sight.ip === undefined || port === undefined || (await isReachable(sight.ip, port));
    if (isOver()) return;
    const { published = new Map<number, number>(), ...rest } = prepared;
    this.#beginRunning(isDirect ? rest : { ...rest, published }, check);
  }

  async #endMessage(status: ExitStatus, { container, sandbox }: PreparedTask): Promise<string> {
    if (container === undefined) return exitMessage(status);
    return containerEndMessage(status, sandbox, this.#wasRunning, await inspectContainer(container));
  }

  #watch(prepared: PreparedTask, check: CheckInfo | undefined): void {
    const { health_check: healthCheck, max_completion_time: longest } = this.#order.task;
    const scene = { ...prepared, ip: prepared.published === undefined ? this.#ip : this.#agentIp };
    if (healthCheck !== undefined) {
      const onHealth = (healthy: boolean): void => {
        this.#healthy = healthy;
        this.#reportRunning('TASK_RUNNING', 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED');
      };
      const onGivenUp = (): void => {
        // The report of the failure may have led to a kill already.
        if (this.#ending === 'by itself') this.#end('unhealthy', false);
        this.#command?.terminate(this.#graceMs);
      };
      this.#stops.push(startHealthCheck(healthCheck, scene, onHealth, onGivenUp));
    }
    if (check !== undefined) {
      const onChange = (status: unknown): void => {
        this.#checkStatus = status;
        this.#reportRunning('TASK_RUNNING', 'REASON_TASK_CHECK_STATUS_UPDATED');
      };
      this.#stops.push(startCheck(check, scene, onChange));
    }
    if (this.#cgroup !== undefined) {
      const onOut = (): void => {
        if (this.#ending === 'by itself') this.#end('out of memory', false);
        this.#command?.terminate(0);
      };
      this.#stops.push(watchMemory(this.#cgroup, onOut));
    }
    if (longest !== undefined) {
      const onLate = (): void => {
        this.#end('out of time', false);
        this.#command?.terminate(completionGraceMs);
      };
      this.#stops.push(startTimer(longest.nanoseconds / 1e6, onLate));
    }
  }

  /** The first cause decides what the end is called; from now on nothing is checked any more. */
  #end(ending: Ending, wantsKillingState: boolean): void {
    this.#ending = ending;
    for (const stop of this.#stops) stop();
    if (wantsKillingState) this.#reportRunning('TASK_KILLING');
  }

  #reportEnd(status: ExitStatus, message: string, memory: MemoryLimitation | undefined): void {
    const byItself = status.code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
    this.#over = true;
    this.#onEnd();
    const killed = this.#ending === 'killed' || this.#ending === 'unhealthy';
    if (memory !== undefined && !killed) {
      const containerStatus = this.#containerStatus();
      this.#report({ taskId: this.#taskId, state: 'TASK_FAILED', source: 'SOURCE_AGENT', ...memory, containerStatus });
      return;
    }
    this.#report({
      taskId: this.#taskId,
      state: killed ? 'TASK_KILLED' : this.#ending === 'out of time' ? 'TASK_FAILED' : byItself,
      message,
      source: 'SOURCE_EXECUTOR',
      ...(this.#ending === 'out of time' ? { reason: 'REASON_MAX_COMPLETION_TIME_REACHED' } : {}),
      ...(this.#ending === 'unhealthy' ? { healthy: false } : {}),
      ...(this.#checkStatus === undefined ? {} : { checkStatus: this.#checkStatus }),
      containerStatus: this.#containerStatus(),
    });
  }

  #reportRunning(state: 'TASK_STARTING' | 'TASK_RUNNING' | 'TASK_KILLING', reason?: string): void {
    this.#report({
      taskId: this.#taskId,
      state,
      source: 'SOURCE_EXECUTOR',
      ...(reason === undefined ? {} : { reason }),
      ...(this.#healthy === undefined ? {} : { healthy: this.#healthy }),
      ...(this.#checkStatus === undefined ? {} : { checkStatus: this.#checkStatus }),
      containerStatus: this.#containerStatus(),
    });
  }

  #reportByAgent(failure: LaunchFailure): void {
    this.#over = true;
    this.#onEnd();
    this.#report({ taskId: this.#taskId, source: 'SOURCE_AGENT', ...failure });
  }

  get #ip(): string {
    return this.#containerIp ?? this.#agentIp;
  }

  get #agentIp(): string {
    return isIP(this.#order.hostname) === 0 ? '127.0.0.1' : this.#order.hostname;
  }

  #containerStatus(): NonNullable<TaskReport['containerStatus']> {
    const pid = this.#command?.pid;
    const protocol = isIP(this.#ip) === 6 ? 'IPv6' : 'IPv4';
    return {
      container_id: { value: this.#containerId },
      network_infos: [{ ip_addresses: [{ protocol, ip_address: this.#ip }] }],
      ...(pid === undefined ? {} : { executor_pid: pid }),
    };
  }
}
