/**
 * What an agent writes down of frameworks and tasks so that it can go on with them after a restart (mesos-v1 §4.5), below the
 * work directory:
 *
 *     meta/frameworks/<framework>/framework.json
 *     meta/frameworks/<framework>/tasks/<task>/launch.json    written once
 *     meta/frameworks/<framework>/tasks/<task>/status.json    replaced with every change
 *
 * Each file is replaced as a whole. There are as many as there are tasks that are not over for their scheduler.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameworkInfo, MesosTaskState } from '../../core/mesos/types.ts';
import type { KeptExecutor } from '../master/executors.ts';
import type { Keeper } from '../master/keeper.ts';
import type { Counters, Framework, Log, PendingUpdate, StatusRecord, Task } from '../master/model.ts';
import { pathSegment } from '../process/sandbox.ts';
import type { LaunchOrder } from '../task-runner.ts';

export const checkpointVersion = 1;

export interface FrameworkFile {
  readonly version: number;
  readonly info: FrameworkInfo;
}

export interface LaunchFile {
  readonly version: number;
  readonly role: string;
  readonly order: LaunchOrder;
  /** Of a task of a group. */
  readonly executor?: KeptExecutor;
  /** The tasks that were launched together with it, itself included. */
  readonly group?: readonly string[];
}

export interface StatusFile {
  readonly version: number;
  readonly state: MesosTaskState;
  readonly statuses: readonly StatusRecord[];
  readonly pending: readonly PendingUpdate[];
  readonly freed: boolean;
  readonly launchLost: boolean;
}

export const metaDirectory = (workDir: string): string => join(workDir, 'meta', 'frameworks');

/** Forgets all frameworks and tasks. */
export function removeCheckpoints(workDir: string): void {
  rmSync(join(workDir, 'meta'), { recursive: true, force: true });
}

/** Tasks of executors that frameworks bring along end with their agent, and so does what is known of them. */
export const mayOutlive = ({ executor }: Task): boolean =>
  executor?.control.takeUp !== undefined || executor === undefined;

export class CheckpointWriter implements Keeper {
  readonly clusterChanged: () => void;
  readonly #root: string;
  readonly #log: Log;
  readonly #counters: Counters;
  /** Tasks whose status is to be written at the end of this turn of the loop. */
  readonly #dirty = new Set<Task>();
  #isClosed = false;

  /** `clusterChanged` is called for what the registry has. */
  constructor(workDir: string, log: Log, counters: Counters, clusterChanged: () => void) {
    this.#root = metaDirectory(workDir);
    this.#counters = counters;
    this.#log = log;
    this.clusterChanged = clusterChanged;
  }

  readonly frameworkChanged = ({ id, info }: Framework): void => {
    const file: FrameworkFile = { version: checkpointVersion, info };
    this.#write(join(this.#root, pathSegment(id)), 'framework.json', file);
  };

  readonly frameworkGone = ({ id }: Framework): void => this.#remove(join(this.#root, pathSegment(id)));

  readonly taskLaunched = (task: Task, order: LaunchOrder, group?: readonly string[]): void => {
    if (!mayOutlive(task)) return;
    const { role, executor } = task;
    const file: LaunchFile = {
      version: checkpointVersion,
      role,
      order,
      ...(executor && { executor: { role: executor.role, info: executor.info, containerId: executor.containerId } }),
      ...(group && { group }),
    };
    this.#write(this.#directoryOf(task), 'launch.json', file);
  };

  readonly taskChanged = (task: Task): void => {
    if (!mayOutlive(task)) return;
    if (this.#dirty.size === 0) queueMicrotask(() => this.flush());
    this.#dirty.add(task);
  };

  readonly taskGone = (task: Task): void => {
    this.#dirty.delete(task);
    this.#remove(this.#directoryOf(task));
  };

  /** Writes now what is to be written. */
  flush(): void {
    for (const task of this.#dirty) {
      const { state, statuses, pending, freed, launchLost } = task;
      const file: StatusFile = { version: checkpointVersion, state, statuses, pending, freed, launchLost };
      this.#write(this.#directoryOf(task), 'status.json', file);
    }
    this.#dirty.clear();
  }

  /** Nothing is written any more: another program may own the directory from now on. */
  close(): void {
    this.flush();
    this.#isClosed = true;
  }

  #directoryOf(task: Task): string {
    return join(this.#root, pathSegment(task.framework.id), 'tasks', pathSegment(task.id));
  }

  #write(directory: string, name: string, content: object): void {
    if (this.#isClosed) return;
    const path = join(directory, name);
    const write = (): void => writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
    try {
      try {
        write();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        write();
      }
      renameSync(`${path}.new`, path);
    } catch (error) {
      this.#counters.add('slave/checkpoint_failures');
      this.#log.warn(`a restart will not know all of the present tasks: ${(error as Error).message}`);
    }
  }

  #remove(directory: string): void {
    if (this.#isClosed) return;
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      this.#log.warn(`what was kept of an ended task is left behind: ${(error as Error).message}`);
    }
  }
}
