/** A runner that runs nothing: tasks are entries in a map that report what the behaviour says, or what a caller commands. */
import type { MesosTaskState } from '../../core/mesos/types.ts';
import type { LaunchOrder, TaskReport, TaskRunner } from '../task-runner.ts';
import { TaskTable } from '../task-table.ts';
import { arrivalsOf, changeBehaviour, defaultBehaviour, type SimulatedBehaviour, seededRandom } from './behaviour.ts';
import { DelayLine } from './delay-line.ts';

interface SimulatedTask {
  readonly id: string;
  readonly frameworkId: string;
  readonly number: number;
  readonly report: (update: TaskReport) => void;
  /** `ended` tasks are no longer in the map, but steps of theirs may still be under way. */
  phase: 'launched' | 'running' | 'killing' | 'ended';
}

interface Step {
  readonly task: SimulatedTask;
  readonly kind: 'starting' | 'running' | 'failed' | 'finished' | 'killed';
}

export interface SimulationOptions {
  readonly behaviour?: Partial<SimulatedBehaviour>;
  /** Of the draws for all rates. */
  readonly seed?: number;
}

export class SimulatedRunner implements TaskRunner {
  readonly #tasks = new TaskTable<SimulatedTask>();
  readonly #steps: DelayLine<Step>;
  readonly #random: () => number;
  #behaviour: SimulatedBehaviour;
  #launched = 0;

  constructor(options: SimulationOptions = {}) {
    this.#behaviour = { ...defaultBehaviour, ...options.behaviour };
    this.#random = seededRandom(options.seed ?? 1);
    this.#steps = new DelayLine((step) => this.#take(step));
  }

  get behaviour(): SimulatedBehaviour {
    return this.#behaviour;
  }

  /** Tasks that have been launched and have not ended. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Ids of live tasks, oldest first. */
  *taskIds(): Iterable<string> {
    for (const { id } of this.#tasks.values()) yield id;
  }

  /** Changes some members of the behaviour from now on; the error names the one that is wrong. */
  change(change: unknown): string | undefined {
    const changed = changeBehaviour(this.#behaviour, change);
    if (!changed.ok) return changed.error;
    this.#behaviour = changed.value;
    return undefined;
  }

  /** When the next update arrives at its scheduler, in ms from now. */
  readonly updateArrivalsMs = (): readonly number[] => arrivalsOf(this.#behaviour, this.#random);

  /** Whether a coin with this probability falls on yes. */
  draw(rate: number): boolean {
    return rate > 0 && this.#random() < rate;
  }

  readonly launch = (order: LaunchOrder, report: (update: TaskReport) => void): void => {
    const id = order.task.task_id.value;
    const { frameworkId } = order;
    const task: SimulatedTask = { id, frameworkId, number: this.#launched++, report, phase: 'launched' };
    this.#tasks.add(id, task);
    const { sendStarting, startingDelayMs, runningDelayMs } = this.#behaviour;
    if (sendStarting) this.#steps.add({ task, kind: 'starting' }, startingDelayMs);
    else this.#steps.add({ task, kind: 'running' }, runningDelayMs);
  };

  readonly kill = (taskId: string, wantsKillingState: boolean, _graceMs?: number, frameworkId?: string): void => {
    const task = this.#tasks.get(taskId, frameworkId);
    if (task === undefined || task.phase === 'killing') return;
    if (task.phase === 'launched') {
      this.#end(task, {
        taskId,
        state: 'TASK_KILLED',
        source: 'SOURCE_AGENT',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
        message: 'Killed before delivery to the executor',
      });
      return;
    }
    task.phase = 'killing';
    if (wantsKillingState) this.#report(task, 'TASK_KILLING');
    this.#steps.add({ task, kind: 'killed' }, this.#behaviour.killDelayMs);
  };

  /** Reports any state for a live task, on command; false if there is no such task. */
  readonly command = (taskId: string, state: MesosTaskState, message?: string, reason?: string): boolean => {
    const task = this.#tasks.get(taskId);
    if (task === undefined) return false;
    const words = { ...(message === undefined ? {} : { message }), ...(reason === undefined ? {} : { reason }) };
    const over = !['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'].includes(state);
    if (over) this.#end(task, { taskId, state, source: 'SOURCE_EXECUTOR', ...words, ...this.#container(task) });
    else this.#report(task, state, words);
    return true;
  };

  readonly sandbox = (): string | undefined => undefined;

  readonly destroyVolume = (): void => {};

  readonly shutdown = (): Promise<void> => {
    this.#steps.stop();
    this.#tasks.clear();
    return Promise.resolve();
  };

  #take({ task, kind }: Step): void {
    if (task.phase === 'ended') return;
    if (kind !== 'killed' && task.phase === 'killing') return;
    switch (kind) {
      case 'starting':
        task.phase = 'running';
        this.#report(task, 'TASK_STARTING');
        this.#steps.add({ task, kind: 'running' }, this.#behaviour.runningDelayMs);
        break;
      case 'running':
        this.#run(task);
        break;
      case 'failed':
        this.#finish(task, 'TASK_FAILED', 'Command exited with status 1');
        break;
      case 'finished':
        this.#finish(task, 'TASK_FINISHED', 'Command exited with status 0');
        break;
      case 'killed':
        this.#finish(task, 'TASK_KILLED', 'Command terminated with signal Terminated');
    }
  }

  #run(task: SimulatedTask): void {
    const { failRate, failAfterMs, finishAfterMs } = this.#behaviour;

    const fails = this.draw(failRate);
    if (fails && failAfterMs === 0) {
      this.#finish(task, 'TASK_FAILED', 'Command exited with status 1');
      return;
    }
    task.phase = 'running';
    this.#report(task, 'TASK_RUNNING');
    if (fails) this.#steps.add({ task, kind: 'failed' }, failAfterMs);
    else if (finishAfterMs > 0) this.#steps.add({ task, kind: 'finished' }, finishAfterMs);
  }

  #finish(task: SimulatedTask, state: MesosTaskState, message: string): void {
    this.#end(task, { taskId: task.id, state, source: 'SOURCE_EXECUTOR', message, ...this.#container(task) });
  }

  #end(task: SimulatedTask, report: TaskReport): void {
    task.phase = 'ended';
    if (this.#tasks.get(task.id, task.frameworkId) === task) this.#tasks.delete(task.id, task.frameworkId);
    task.report(report);
  }

  #report(task: SimulatedTask, state: MesosTaskState, words: Pick<TaskReport, 'message' | 'reason'> = {}): void {
    task.report({ taskId: task.id, state, source: 'SOURCE_EXECUTOR', ...words, ...this.#container(task) });
  }

  /** A container id like a real one, the same for all reports of a task. */
  #container(task: SimulatedTask): Pick<TaskReport, 'containerStatus'> {
    const value = `00000000-0000-4000-8000-${task.number.toString(16).padStart(12, '0')}`;
    return { containerStatus: { container_id: { value } } };
  }
}
