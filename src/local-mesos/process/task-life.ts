/** The life of one task: prepare its sandbox, run its command, watch it, end it, and report every step as Mesos does. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { err, ok, type Result } from '../../core/result.ts';
import { adoptCommand } from '../recovery/adopted-command.ts';
import { addressIn, containerOf, type Survivor, sceneOfSurvivor } from '../recovery/survivor.ts';
import type { LaunchOrder, TaskReport } from '../task-runner.ts';
import { tryCgroup } from './cgroups/isolation.ts';
import { type MemoryLimitation, memoryLimitation, watchMemory } from './cgroups/memory-limit.ts';
import { knownCgroup, type TaskCgroup } from './cgroups/task-cgroup.ts';
import { noteKill, removeChildRecord } from './child-records.ts';
import { awaitContainer, containerEndMessage, isReachedDirectly } from './container-life.ts';
import { type EngineContainer, inspectContainer } from './engine.ts';
import { type ExitStatus, exitMessage } from './exit-status.ts';
import { type CheckInfo, emptyCheckStatus, startCheck, startHealthCheck } from './health-check.ts';
import { turnToStart } from './launcher.ts';
import { startTimer } from './long-timer.ts';
import { type RunningCommand, runCommand } from './running-command.ts';
import { graceOf, type KillGrace } from './task-grace.ts';
import { limitsOf } from './task-limits.ts';
import {
  type LaunchFailure,
  notLaunched,
  type PreparedTask,
  prepareTask,
  type TaskSurroundings,
} from './task-preparation.ts';

export interface TaskLife {
  /** Path of the sandbox once it exists. */
  readonly sandbox: () => string | undefined;
  /** Begins to end the task; repeated calls change nothing but may only shorten the time it has left. */
  readonly kill: (wantsKillingState: boolean, grace?: KillGrace) => void;
  /** Nothing is reported, watched or ended any more: the task goes on without this program. */
  readonly release: () => void;
  /** Resolves after the terminal report, when no process of the task lives any more, or when the task was released. */
  readonly over: Promise<void>;
}

/** After max_completion_time Mesos leaves no grace; this much lets SIGTERM arrive before SIGKILL, as its messages show. */
const completionGraceMs = 100;

/** What checks need to know of a task. */
type Surrounded = Omit<PreparedTask, 'invocation'>;

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
  const life = new Life(order, report, surroundings, onEnd, randomUUID());
  return faceOf(life, life.live());
}

/** Goes on with a task that an earlier run has started; otherwise like `beginTask`. */
export function resumeTask(
  order: LaunchOrder,
  survivor: Survivor,
  report: (update: TaskReport) => void,
  surroundings: TaskSurroundings,
  onEnd: () => void,
): TaskLife {
  const life = new Life(order, report, surroundings, onEnd, survivor.record.containerId);
  return faceOf(life, life.goOn(survivor));
}

function faceOf(life: Life, over: Promise<void>): TaskLife {
  return {
    sandbox: () => life.sandbox,
    kill: (wantsKillingState, grace) => life.kill(wantsKillingState, grace),
    release: () => life.release(),
    over: Promise.race([over, life.released]),
  };
}

class Life {
  sandbox: string | undefined;
  readonly #order: LaunchOrder;
  readonly #report: (update: TaskReport) => void;
  readonly #surroundings: TaskSurroundings;
  readonly #onEnd: () => void;
  readonly #containerId: string;
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
  /** Before this program took it up. */
  #runningForMs = 0;
  #over = false;
  readonly #letGo = new AbortController();
  readonly released = once(this.#letGo.signal, 'abort').then(() => {});

  constructor(
    order: LaunchOrder,
    report: (update: TaskReport) => void,
    surroundings: TaskSurroundings,
    onEnd: () => void,
    containerId: string,
  ) {
    this.#onEnd = onEnd;
    this.#order = order;
    this.#report = (update) => {
      if (!this.#letGo.signal.aborted) report(update);
    };
    this.#containerId = containerId;
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
      await removeChildRecord(this.#surroundings.workDir, this.#containerId);
      this.#reportByAgent(notLaunched(started.error));
      return;
    }
    await this.#untilEnd(started.value);
  }

  /** Nothing of its process or of its checks has been lost but the time in which nobody looked. */
  async goOn({ record, last, runningForMs }: Survivor): Promise<void> {
    const { workDir, agent } = this.#surroundings;
    const check = this.#order.task.check as CheckInfo | undefined;
    this.sandbox = record.sandbox;
    this.#container = containerOf(record);
    this.#healthy = last?.healthy;
    this.#checkStatus = last?.checkStatus ?? (check === undefined ? undefined : emptyCheckStatus(check));
    this.#runningForMs = runningForMs ?? 0;
    this.#wasRunning = runningForMs !== undefined;
    this.#cgroup = record.cgroup && knownCgroup(record.cgroup);
    // Until its engine has said so again.
    if (this.#container !== undefined) this.#containerIp = addressIn(last?.containerStatus);
    const command = adoptCommand(workDir, record, this.#container, this.#letGo.signal);
    this.#command = command;
    if (record.isKilled === true) {
      this.#ending = 'killed';
      command.terminate(this.#graceMs);
    }
    const scene = await sceneOfSurvivor(this.#order, record, agent);
    if (last === undefined) this.#reportRunning('TASK_STARTING');
    if (!scene.ok) this.#surroundings.warn({ taskId: this.#taskId, reason: scene.error }, 'a task is not checked');
    else if (this.#ending === 'by itself') {
      if (this.#container !== undefined) void this.#beginInContainer(scene.value, this.#container, check);
      else if (this.#wasRunning) this.#watch(scene.value, check);
      else this.#beginRunning(scene.value, check);
    }
    await this.#untilEnd(command);
  }

  release(): void {
    this.#letGo.abort();
    this.#over = true;
    this.#preparing.abort();
    for (const stop of this.#stops) stop();
  }

  async #untilEnd(command: RunningCommand): Promise<void> {
    const status = await command.exited;
    if (this.#letGo.signal.aborted) return;
    for (const stop of this.#stops) stop();
    const message = await this.#endMessage(status);
    const left = await command.sweep();
    const memory = this.#cgroup && memoryLimitation(this.#cgroup, limitsOf(this.#order.task));
    if ((await this.#cgroup?.remove()) === false)
      this.#surroundings.warn({ taskId: this.#taskId }, 'the cgroup of an ended task cannot be removed');
    // The record goes last: whoever comes after us must find either the end or the way to it.
    this.#reportEnd(status, message, memory);
    if (left > 0)
      this.#surroundings.warn({ taskId: this.#taskId, left }, 'processes of an ended task cannot be killed');
    else if (!this.#letGo.signal.aborted) await removeChildRecord(this.#surroundings.workDir, this.#containerId);
  }

  kill(wantsKillingState: boolean, grace: KillGrace = {}): void {
    if (this.#over) return;
    if (this.#command === undefined) {
      this.#preparing.abort();
      return;
    }
    if (this.#ending === 'by itself') {
      noteKill(this.#surroundings.workDir, this.#containerId);
      this.#end('killed', wantsKillingState);
    }
    this.#command.terminate(Math.min(grace.graceMs ?? this.#graceMs, grace.longestMs ?? Number.POSITIVE_INFINITY));
  }

  get #taskId(): string {
    return this.#order.task.task_id.value;
  }

  get #graceMs(): number {
    return graceOf(this.#order.task, this.#container !== undefined);
  }

  #start(prepared: PreparedTask): Result<RunningCommand, string> {
    const check = this.#order.task.check as CheckInfo | undefined;
    if (check !== undefined) this.#checkStatus = emptyCheckStatus(check);
    // A container is limited by its engine.
    const { isolation } = this.#surroundings;
    const limits = limitsOf(this.#order.task);
    const cgroup = prepared.container === undefined ? tryCgroup(isolation, this.#containerId, limits) : ok(undefined);
    if (!cgroup.ok) return cgroup;
    this.#cgroup = cgroup.value;
    const record = {
      cgroup: cgroup.value,
      workDir: this.#surroundings.workDir,
      containerId: this.#containerId,
      taskId: this.#taskId,
      frameworkId: this.#order.frameworkId,
      keepsExit: this.#surroundings.keepsExit === true,
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

  #beginRunning(prepared: Surrounded, check: CheckInfo | undefined): void {
    this.#wasRunning = true;
    this.#reportRunning('TASK_RUNNING');
    // A report may have led to a kill already.
    if (this.#ending === 'by itself' && this.#command?.pid !== undefined) this.#watch(prepared, check);
  }

  /**
   * A container runs when its engine says so, which is told unless that has been. Where its own address leads nowhere, checks go
   * through its published ports.
   */
  async #beginInContainer(
    prepared: Surrounded,
    container: EngineContainer,
    check: CheckInfo | undefined,
  ): Promise<void> {
    const isOver = (): boolean => this.#over || this.#ending !== 'by itself';
    const sight = await awaitContainer(container, isOver);
    if (sight === undefined) return;
    this.#containerIp = sight.ip;
    const { published, ...rest } = prepared;
    const isDirect = await isReachedDirectly(sight, published);
    if (isOver()) return;
    const scene = isDirect || published === undefined ? rest : { ...rest, published };
    if (this.#wasRunning) this.#watch(scene, check);
    else this.#beginRunning(scene, check);
  }

  async #endMessage(status: ExitStatus): Promise<string> {
    if (this.#container === undefined) return exitMessage(status);
    const sight = await inspectContainer(this.#container);
    return containerEndMessage(status, this.sandbox ?? '', this.#wasRunning, sight);
  }

  #watch(prepared: Surrounded, check: CheckInfo | undefined): void {
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
      this.#stops.push(startHealthCheck(healthCheck, scene, onHealth, onGivenUp, this.#healthy));
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
      this.#stops.push(startTimer(Math.max(0, longest.nanoseconds / 1e6 - this.#runningForMs), onLate));
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
