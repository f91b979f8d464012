/**
 * An executor that the framework brings along: a process of the agent, which speaks the v1 executor API (mesos-v1 §1.1, §3.6). It
 * decides itself when its tasks and it end; the agent starts it, passes on what it says, and ends it when it does not obey.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import type { TaskInfo } from '../../core/mesos/types.ts';
import type { EventStream } from '../master/event-stream.ts';
import type { LaunchOrder, TaskReport, TaskRunner } from '../task-runner.ts';
import type { ExecutorControl, ExecutorEvents, ExecutorInfo } from './control.ts';

/** After SHUTDOWN, unless its description says otherwise. */
const shutdownGraceMs = 5_000;
/** Events that may wait for its subscription; later launches fail. */
const maxWaiting = 1_000;

export interface CustomExecutorPlan {
  readonly info: ExecutorInfo;
  readonly runner: TaskRunner;
  /** It must subscribe so soon after its start. */
  readonly registrationMs: number;
  /** Whom and where it serves; without its task. */
  readonly order: Omit<LaunchOrder, 'task'>;
  /** What SUBSCRIBED tells it of its framework and agent. */
  readonly surroundings: () => object;
}

const unlimited = { value: Number.POSITIVE_INFINITY };

interface Container {
  readonly container_id: { readonly value: string };
  readonly executor_pid: number;
}

export class CustomExecutor implements ExecutorControl {
  readonly #plan: CustomExecutorPlan;
  readonly #events: ExecutorEvents;
  readonly #waiting: object[] = [];
  readonly #alive = new Set<string>();
  #containerId = randomUUID() as string;
  #pid: number | undefined;
  #stream: EventStream | undefined;
  #began = false;
  #over = false;
  /** It has not subscribed in time. */
  #late = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(plan: CustomExecutorPlan, events: ExecutorEvents) {
    this.#plan = plan;
    this.#events = events;
  }

  readonly launch = (orders: readonly LaunchOrder[]): void => {
    this.#begin();
    for (const { task } of orders) {
      this.#alive.add(task.task_id.value);
      this.#tell({ type: 'LAUNCH', launch: { task } });
    }
  };

  readonly kill = (taskId: string, _wantsKillingState: boolean, graceMs?: number): void => {
    const policy = graceMs === undefined ? {} : { kill_policy: { grace_period: { nanoseconds: graceMs * 1e6 } } };
    if (this.#alive.has(taskId)) this.#tell({ type: 'KILL', kill: { task_id: { value: taskId }, ...policy } });
  };

  readonly shutdown = (): void => {
    if (this.#over) return;
    this.#tell({ type: 'SHUTDOWN' });
    const grace = this.#plan.info.shutdown_grace_period?.nanoseconds;
    this.#after(grace === undefined ? shutdownGraceMs : grace / 1e6, () => this.#killProcess(0));
  };

  readonly destroy = (graceMs?: number): void => {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#stream?.send('{"type":"SHUTDOWN"}');
    this.#stream?.end();
    this.#killProcess(graceMs);
  };

  readonly settled = (): void => {};

  /** A message of the framework, base64. */
  readonly message = (data: string): void => this.#tell({ type: 'MESSAGE', message: { data } });

  readonly directory = (): string | undefined =>
    this.#plan.runner.sandbox(this.#plan.info.executor_id.value, this.#plan.order.frameworkId);

  readonly container = () => ({ id: this.#containerId, pid: this.#pid });

  get isSubscribed(): boolean {
    return this.#stream !== undefined;
  }

  /** It has subscribed: what has waited for it follows. A second subscription takes the place of the first. */
  subscribed(stream: EventStream): void {
    clearTimeout(this.#timer);
    this.#stream?.end();
    this.#stream = stream;
    const { info } = this.#plan;
    const container = { container_id: { value: this.#containerId } };
    const subscribed = { executor_info: info, ...this.#plan.surroundings(), ...container };
    stream.send(JSON.stringify({ type: 'SUBSCRIBED', subscribed }));
    for (const event of this.#waiting.splice(0)) stream.send(JSON.stringify(event));
  }

  /** Its stream broke; it may come again. */
  disconnected(stream: EventStream): void {
    if (this.#stream === stream) this.#stream = undefined;
  }

  /** UPDATE: the agent takes the update over, and says so. */
  updated(report: Omit<TaskReport, 'source' | 'containerStatus'>, uuid: string): void {
    if (/FINISHED|FAILED|KILLED|ERROR|LOST|DROPPED|GONE/.test(report.state)) this.#alive.delete(report.taskId);
    this.#events.report({
      ...report,
      source: 'SOURCE_EXECUTOR',
      containerStatus: { container_id: { value: this.#containerId } },
    });
    this.#tell({ type: 'ACKNOWLEDGED', acknowledged: { task_id: { value: report.taskId }, uuid } });
  }

  /** Starts the process, as a task of its own that nobody hears of. */
  #begin(): void {
    if (this.#began) return;
    this.#began = true;
    const { info, runner, order, registrationMs } = this.#plan;
    const task = {
      name: info.name ?? info.executor_id.value,
      task_id: info.executor_id,
      agent_id: { value: order.agentId },
      resources: info.resources ?? [],
      // Its tasks run in it, and may need what they ask for beside what it asks for itself.
      limits: { cpus: unlimited, mem: unlimited },
      ...(info.command === undefined ? {} : { command: info.command }),
      ...(info.container === undefined ? {} : { container: info.container }),
    } as TaskInfo;
    this.#after(registrationMs, () => {
      this.#late = true;
      this.#killProcess(0);
    });
    runner.launch({ ...order, task }, (report) => this.#hear(report));
  }

  #hear(report: TaskReport): void {
    const container = report.containerStatus as Partial<Container> | undefined;
    this.#containerId = container?.container_id?.value ?? this.#containerId;
    this.#pid = container?.executor_pid ?? this.#pid;
    if (this.#over || !/FINISHED|FAILED|KILLED|DROPPED|LOST/.test(report.state)) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#stream?.end();
    const why = this.#late ? notRegistered(this.#plan.registrationMs) : undefined;
    this.#events.exited(waitWord(report.message ?? ''), why);
  }

  #killProcess(graceMs: number | undefined): void {
    const { info, runner, order } = this.#plan;
    runner.kill(info.executor_id.value, false, graceMs, order.frameworkId);
  }

  #tell(event: object): void {
    if (this.#stream !== undefined) this.#stream.send(JSON.stringify(event));
    else if (this.#waiting.length < maxWaiting) this.#waiting.push(event);
    else this.#killProcess(0);
  }

  #after(delayMs: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, delayMs);
    this.#timer.unref();
  }
}

const notRegistered = (waitedMs: number) => ({
  message: `Executor did not register within ${waitedMs % 60_000 === 0 ? `${waitedMs / 60_000}mins` : `${waitedMs}ms`}`,
  reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
});

/** The word of wait(2) behind a message such as `Command exited with status 3`; -1 if it says neither. */
function waitWord(message: string): number {
  const status = / with status (\d+)$/.exec(message)?.[1];
  if (status !== undefined) return Number(status) << 8;
  const signal = / with signal (\w+)/.exec(message)?.[1];
  if (signal === 'Killed') return constants.signals.SIGKILL;
  return signal === 'Terminated' ? constants.signals.SIGTERM : -1;
}
