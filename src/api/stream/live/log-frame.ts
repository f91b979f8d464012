/** What a client of `/v2/live` may say about the log of a task. */
import { err, ok, type Result } from '../../../core/result.ts';
import { sandboxPath } from '../../../core/task/sandbox-path.ts';
import type { Start } from '../../files/file-request.ts';

/** Longest name of a task, in characters: what Mesos takes. */
const maxTaskLength = 255;

export interface LogFrame {
  readonly op: 'subscribe';
  readonly sub: string;
  readonly stream: 'log';
  readonly task: string;
  /** Below the sandbox. */
  readonly path: string;
  readonly start: Start;
}

interface Refused {
  readonly code: string;
  readonly message: string;
}

type Members = Readonly<Record<string, unknown>>;

/** `task`, `path` (stdout unless given), and `offset` (also called `since`; -1 is the end) or `tail`. */
export function readLogFrame(frame: Members, sub: string): Result<LogFrame, Refused> {
  const { task, path: given = 'stdout' } = frame;
  if (typeof task !== 'string' || task === '' || task.length > maxTaskLength) {
    return err({ code: 'badTask', message: 'task is the id of a task' });
  }
  const path = typeof given === 'string' ? sandboxPath(given) : err('path is a text');
  if (!path.ok || path.value === '') {
    return err({ code: 'badPath', message: path.ok ? 'path names the sandbox, not a file of it' : path.error });
  }
  const start = readStart(frame['offset'] ?? frame['since'], frame['tail']);
  return start.ok ? ok({ op: 'subscribe', sub, stream: 'log', task, path: path.value, start: start.value }) : start;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function readStart(offset: unknown, tail: unknown): Result<Start, Refused> {
  if (tail !== undefined && (!isCount(tail) || offset !== undefined)) {
    return err({ code: 'badOffset', message: 'tail is a number of bytes, and stands in the place of offset' });
  }
  if (isCount(tail)) return ok({ type: 'tail', bytes: tail });
  if (offset === -1) return ok({ type: 'tail', bytes: 0 });
  if (offset === undefined || isCount(offset)) return ok({ type: 'offset', offset: offset ?? 0 });
  return err({ code: 'badOffset', message: 'offset is a number of bytes, or -1 for the end' });
}
