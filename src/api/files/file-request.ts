/** What a request about files of a task asks for, and refusals in Marathon's words. */
import type { FilesFailure } from '../../actors/ports.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { sandboxPath } from '../../core/task/sandbox-path.ts';
import { first, type Query } from '../query.ts';

/** Files beyond it cannot be addressed exactly: 8 PiB. */
const maxOffset = Number.MAX_SAFE_INTEGER;

const badRequest = (message: string): Result<never, Refusal> => err(refusal('badRequest', message));

/** `path`, normalised; the sandbox itself is the empty text. */
export function pathIn(query: Query, options: { readonly isRequired: boolean }): Result<string, Refusal> {
  const given = first(query, 'path') ?? '';
  if (options.isRequired && given === '')
    return badRequest('path is missing: it names a file of the sandbox, such as stdout');
  const path = sandboxPath(given);
  if (!path.ok) return badRequest(path.error);
  return options.isRequired && path.value === '' ? badRequest('path names the sandbox, not a file of it') : path;
}

function countIn(query: Query, name: string): Result<number | undefined, Refusal> {
  const text = first(query, name);
  if (text === undefined || text === '') return ok(undefined);
  const count = Number(text);
  if (/^\d{1,16}$/.test(text) && count <= maxOffset) return ok(count);
  return badRequest(`${name} is a whole number from 0 on, not ${JSON.stringify(text.slice(0, 50))}`);
}

/** Where to begin: at an offset, at the end (undefined), or so many bytes before the end. */
export type Start =
  | { readonly type: 'offset'; readonly offset: number }
  | { readonly type: 'tail'; readonly bytes: number };

/** `offset`, -1 meaning the end as in Mesos, or `tail`; from the beginning if neither is given. */
export function startIn(query: Query): Result<Start, Refusal> {
  const tail = countIn(query, 'tail');
  if (!tail.ok) return tail;
  if (first(query, 'offset') === '-1') return ok({ type: 'tail', bytes: tail.value ?? 0 });
  const offset = countIn(query, 'offset');
  if (!offset.ok) return offset;
  if (tail.value === undefined) return ok({ type: 'offset', offset: offset.value ?? 0 });
  return offset.value === undefined
    ? ok({ type: 'tail', bytes: tail.value })
    : badRequest('offset and tail exclude each other');
}

/** `length`, at most `most`, which it also is if it is not given. */
export function lengthIn(query: Query, most: number): Result<number, Refusal> {
  const length = countIn(query, 'length');
  return length.ok ? ok(Math.min(length.value ?? most, most)) : length;
}

/** What cannot be read, as an answer: the agent's trouble is 503, since it may pass. */
export function filesRefusal({ kind, reason }: FilesFailure): Refusal {
  switch (kind) {
    case 'notFound':
      return refusal('notFound', reason);
    case 'refused':
      return refusal('badRequest', reason);
    case 'away':
    case 'busy':
      return refusal('unavailable', reason, { headers: { 'Retry-After': kind === 'busy' ? '1' : '5' } });
  }
}
