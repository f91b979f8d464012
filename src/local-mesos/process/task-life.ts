/** The life of one task: prepare its sandbox, run its command, watch it, end it, and report every step as Mesos does. */
import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { err, type Result } from '../../core/result.ts';
import type { LaunchOrder, TaskReport } from '../task-runner.ts';
import { removeChildRecord } from './child-records.ts';
import { type EngineContainer, runningAddress } from './engine.ts';
import { type ExitStatus, exitMessage } from './exit-status.ts';
import { type CheckInfo, emptyCheckStatus, startCheck, startHealthCheck } from './health-check.ts';
import { turnToStart } from './launcher.ts';
import { startTimer } from './long-timer.ts';
import { type RunningCommand, runCommand } from './running-command.ts';
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
/** After max_completion_time Mesos leaves no grace; this much lets SIGTERM arrive before SIGKILL, as its messages show. */
const completionGraceMs = 100;
/** Between two questions whether a container runs. */
const inspectPauseMs = 500;

type Ending = 'by itself' | 'killed' | 'unhealthy' | 'out of time';

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
      this.#reportByAgent(notLaunched(started.error));
      return;
    }
    const status = await started.value.exited;
    for (const stop of this.#stops) stop();
    const left = await started.value.sweep();
    if (left > 0)
      this.#surroundings.warn({ taskId: this.#taskId, left }, 'processes of an ended task cannot be killed');
    else await removeChildRecord(this.#surroundings.workDir, this.#containerId);
    this.#reportEnd(status);
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
    return nanoseconds === undefined ? defaultGraceMs : nanoseconds / 1e6;
  }

  #start(prepared: PreparedTask): Result<RunningCommand, string> {
    const check = this.#order.task.check as CheckInfo | undefined;
    if (check !== undefined) this.#checkStatus = emptyCheckStatus(check);
    const record = {
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
    else void this.#awaitContainer(prepared, prepared.container, check);
    return command;
  }

  #beginRunning(prepared: PreparedTask, check: CheckInfo | undefined): void {
    this.#reportRunning('TASK_RUNNING');
    // A report may have led to a kill already.
    if (this.#ending === 'by itself' && this.#command?.pid !== undefined) this.#watch(prepared, check);
  }

  /** A container runs when its engine says so, which may be long after its client was started: it may fetch the image first. */
  async #awaitContainer(
    prepared: PreparedTask,
    container: EngineContainer,
    check: CheckInfo | undefined,
  ): Promise<void> {
    while (!this.#over && this.#ending === 'by itself') {
      const address = await runningAddress(container);
      if (address !== undefined && !this.#over && this.#ending === 'by itself') {
        if (address !== '') this.#containerIp = address;
        this.#beginRunning(prepared, check);
        return;
      }
      await delay(inspectPauseMs);
    }
  }

  #watch(prepared: PreparedTask, check: CheckInfo | undefined): void {
    const { health_check: healthCheck, max_completion_time: longest } = this.#order.task;
    const scene = { ...prepared, ip: this.#ip };
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

  #reportEnd(status: ExitStatus): void {
    const byItself = status.code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
    this.#over = true;
    this.#onEnd();
    const killed = this.#ending === 'killed' || this.#ending === 'unhealthy';
    this.#report({
      taskId: this.#taskId,
      state: killed ? 'TASK_KILLED' : this.#ending === 'out of time' ? 'TASK_FAILED' : byItself,
      message: exitMessage(status, this.#container === undefined ? 'Command' : 'Container'),
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
    if (this.#containerIp !== undefined) return this.#containerIp;
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
