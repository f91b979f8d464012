/**
 * Follows a file of a task from an offset on, for as long as the task may write to it: what comes is handed on in order and without a gap,
 * not faster than the reader takes it. A file that was rotated or cut goes on at its new beginning, behind a word about it.
 */
import type { Clock, FilePart, FilesFailure, SandboxFiles, TimerHandle } from '../../actors/ports.ts';
import { wholeLength } from '../../core/task/whole-text.ts';
import type { TaskPlace } from './task-places.ts';

/** Bytes of one question: what an agent gives at most. */
export const partBytes = 64 * 1024;
/** So many bytes before the offset are read again with each look: another file is known by having others there. */
const knownBytes = 64;
/** Between two looks at a file: right after it grew, and at most. */
export const shortestPauseMs = 200;
export const longestPauseMs = 1_000;
/** An agent that gives no answer, or a file that is not there, is borne for so long. */
export const patienceMs = 60_000;

export type FollowEvent =
  | { readonly type: 'data'; readonly offset: number; readonly next: number; readonly text: string }
  /**
   * The file began anew. `rotated`: the old one was read to its end, under the name it has now. `truncated`: what stood between `offset` and
   * its end is not known, and lost if there was something.
   */
  | { readonly type: 'restart'; readonly offset: number; readonly reason: 'rotated' | 'truncated' }
  /** Nothing more will come. */
  | { readonly type: 'end'; readonly offset: number; readonly reason: 'taskOver' }
  | { readonly type: 'failed'; readonly offset: number; readonly failure: FilesFailure };

export interface FollowOptions {
  readonly files: SandboxFiles;
  readonly clock: Clock;
  readonly task: TaskPlace;
  readonly path: string;
  /** Where to begin; a file that is shorter has begun anew since somebody read so far. */
  readonly offset: number;
  /** Gets every event; the last one is `end` or `failed`. */
  readonly tell: (event: FollowEvent) => void;
  /** Calls back once the reader can take more; at once if it can. */
  readonly whenReady: (proceed: () => void) => void;
}

/** Begins to follow. Returns how to leave; nothing is told afterwards. */
export function followFile(options: FollowOptions): () => void {
  const follower = new Follower(options);
  follower.look();
  return () => follower.leave();
}

const nothing = Buffer.alloc(0);

class Follower {
  readonly #options: FollowOptions;
  #offset: number;
  /** What stood before the offset, as far as it was read, at most `knownBytes`. */
  #known: Buffer = nothing;
  /** The file that is being read: the path, or for its last part the name that it was rotated to. */
  #path: string;
  #pauseMs = shortestPauseMs;
  #failingSinceMs: number | undefined;
  /** The task was over before the last look began. */
  #wasOver = false;
  #isGone = false;
  #timer: TimerHandle | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#offset = options.offset;
    this.#path = options.path;
  }

  leave(): void {
    this.#isGone = true;
    this.#timer?.cancel();
  }

  look(): void {
    this.#timer = undefined;
    if (this.#isGone) return;
    const { files, task } = this.#options;
    this.#wasOver = task.isOver();
    const from = this.#offset - this.#known.length;
    void files.read(task.place, this.#path, { offset: from, length: partBytes }).then((part) => {
      if (this.#isGone) return;
      if (!part.ok) {
        this.#bear(part.error);
        return;
      }
      this.#failingSinceMs = undefined;
      const { size } = part.value;
      const fresh = this.#behindKnown(part.value);
      if (fresh === undefined) void this.#restart();
      else if (fresh.length > 0) this.#pass(fresh, size);
      else if (this.#path !== this.#options.path) this.#beginAnew('rotated');
      else if (this.#wasOver) this.#end({ type: 'end', offset: this.#offset, reason: 'taskOver' });
      else this.#pause();
    });
  }

  /** What is new in a part that begins with what is known; undefined if it does not: the file is another one. */
  #behindKnown({ data, size }: FilePart): Buffer | undefined {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    const known = this.#known.length;
    if (size < this.#offset || !bytes.subarray(0, known).equals(this.#known)) return undefined;
    return bytes.subarray(known);
  }

  /** Half a character at the end waits for its other half, unless nothing more comes. */
  #pass(data: Buffer, size: number): void {
    const isLast = this.#offset + data.length >= size && (this.#wasOver || this.#path !== this.#options.path);
    const length = isLast ? data.length : wholeLength(data);
    if (length === 0) {
      this.#pause();
      return;
    }
    const offset = this.#offset;
    this.#offset += length;
    this.#pauseMs = shortestPauseMs;
    const passed = data.subarray(0, length);
    this.#known = Buffer.from(Buffer.concat([this.#known, passed.subarray(-knownBytes)]).subarray(-knownBytes));
    this.#options.tell({ type: 'data', offset, next: this.#offset, text: passed.toString('utf8') });
    const hasMore = this.#offset < size;
    this.#options.whenReady(() => {
      if (this.#isGone) return;
      if (hasMore) this.look();
      else this.#pause();
    });
  }

  /** The file is another one. A rotated one is found under the next name, and read to its end first. */
  async #restart(): Promise<void> {
    const { files, task, path } = this.#options;
    if (this.#path !== path) {
      this.#beginAnew('truncated');
      return;
    }
    const known = this.#known.length;
    const rotated = await files.read(task.place, `${path}.1`, { offset: this.#offset - known, length: known });
    if (this.#isGone) return;
    if (rotated.ok && this.#behindKnown(rotated.value) !== undefined) {
      this.#path = `${path}.1`;
      this.look();
    } else this.#beginAnew('truncated');
  }

  #beginAnew(reason: 'rotated' | 'truncated'): void {
    const offset = this.#offset;
    this.#path = this.#options.path;
    this.#offset = 0;
    this.#known = nothing;
    this.#options.tell({ type: 'restart', offset, reason });
    this.#options.whenReady(() => this.look());
  }

  #pause(): void {
    this.#timer = this.#options.clock.after(this.#pauseMs, () => this.look());
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 1.5);
  }

  /** Agents restart, and between two names a rotated file has none. */
  #bear(failure: FilesFailure): void {
    if (failure.kind === 'notFound' && this.#path !== this.#options.path) {
      // It was rotated once more meanwhile.
      this.#beginAnew('truncated');
      return;
    }
    const nowMs = this.#options.clock.monotonic();
    this.#failingSinceMs ??= nowMs;
    const isHopeless = failure.kind === 'refused' || (failure.kind === 'notFound' && this.#wasOver);
    if (isHopeless || nowMs - this.#failingSinceMs >= patienceMs) {
      this.#end({ type: 'failed', offset: this.#offset, failure });
    } else this.#pause();
  }

  #end(event: FollowEvent): void {
    this.#isGone = true;
    this.#options.tell(event);
  }
}
