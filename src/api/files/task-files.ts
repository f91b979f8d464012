/** What routes and streams share about files of tasks. */
import type { ReadModel } from '../../actors/front.ts';
import type { Clock, FilePart, FilesFailure, Metrics, SandboxFiles } from '../../actors/ports.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { type FollowEvent, followFile } from './file-follower.ts';
import { filesRefusal, type Start } from './file-request.ts';
import { FollowPlaces } from './follow-places.ts';
import { PastTasks } from './past-tasks.ts';
import { type TaskPlace, taskPlace } from './task-places.ts';

export interface TaskFilesOptions {
  /** Absent where there are no agents to ask. */
  readonly files?: SandboxFiles;
  readonly read: ReadModel;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** A task whose files can be asked for. */
export interface FoundTask {
  readonly files: SandboxFiles;
  readonly task: TaskPlace;
}

export interface FollowRequest {
  readonly path: string;
  readonly start: Start;
  readonly tell: (event: FollowEvent) => void;
  readonly whenReady: (proceed: () => void) => void;
}

/** A file that was seen to be there, and that can be followed. */
export interface Followable {
  readonly offset: number;
  /** Begins; the function that it returns ends it, and may be called more than once. It must be called. */
  readonly begin: (hands: Pick<FollowRequest, 'tell' | 'whenReady'>) => () => void;
}

const noFiles = refusal('unavailable', 'This server has no way to the files of tasks');
const tooMany = refusal('unavailable', 'Too many files are being followed', { headers: { 'Retry-After': '1' } });

export class TaskFiles {
  readonly #options: TaskFilesOptions;
  readonly #past: PastTasks;
  readonly #places: FollowPlaces;

  constructor(options: TaskFilesOptions) {
    this.#options = options;
    this.#past = new PastTasks(options.read, options.metrics);
    this.#places = new FollowPlaces(options.metrics);
  }

  /** 404 for a task that nobody knows. */
  find(taskId: string): Result<FoundTask, Refusal> {
    const { files, read } = this.#options;
    if (files === undefined) return err(noFiles);
    const task = taskPlace(read, this.#past, taskId);
    return task.ok ? ok({ files, task: task.value }) : task;
  }

  /** Sees that the file is there and where its end is. The place among those that follow is taken by `begin`. */
  async follow(taskId: string, path: string, start: Start): Promise<Result<Followable, Refusal>> {
    const found = this.find(taskId);
    if (!found.ok) return found;
    const { files, task } = found.value;
    const release = this.#places.take();
    if (release === undefined) return err(tooMany);
    const seen = await files.read(task.place, path, { offset: 0, length: 0 });
    if (!seen.ok) {
      release();
      return err(filesRefusal(seen.error));
    }
    const offset = beginning(start, seen.value.size);
    return ok({
      offset,
      begin: (hands) => {
        const { clock } = this.#options;
        const leave = followFile({ files, clock, task, path, offset, ...hands });
        return () => {
          leave();
          release();
        };
      },
    });
  }
}

/** The offset that a start means in a file of that size. */
export const beginning = (start: Start, size: number): number =>
  start.type === 'offset' ? start.offset : Math.max(0, size - start.bytes);

/** One part of a file, with the offset that was meant. */
export async function readFrom(
  { files, task }: FoundTask,
  path: string,
  start: Start,
  length: number,
): Promise<Result<FilePart & { readonly offset: number }, FilesFailure>> {
  if (start.type === 'offset')
    return withOffset(await files.read(task.place, path, { offset: start.offset, length }), start.offset);
  const seen = await files.read(task.place, path, { offset: 0, length: 0 });
  if (!seen.ok) return seen;
  const offset = beginning(start, seen.value.size);
  return withOffset(await files.read(task.place, path, { offset, length }), offset);
}

const withOffset = (part: Result<FilePart, FilesFailure>, offset: number) =>
  part.ok ? ok({ ...part.value, offset }) : part;
