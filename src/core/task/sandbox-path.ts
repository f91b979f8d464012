/** Paths of files in a task's sandbox, as users give them. */
import { err, ok, type Result } from '../result.ts';

/** Longest path, in characters; Linux takes no longer one. */
export const maxPathLength = 4_096;

/**
 * The path below the sandbox without `.`, `..` and needless slashes; the sandbox itself is the empty text. A slash in front means the sandbox,
 * not the root of the agent. Refused, with one line, if it would leave the sandbox. Links are not followed here: the agent does not let them
 * lead outside.
 */
export function sandboxPath(text: string): Result<string, string> {
  if (text.length > maxPathLength) return err(`path is longer than ${maxPathLength} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what no file name holds, and what would end a line of a request
  if (/[\u0000-\u001f\u007f]/.test(text)) return err('path holds a control character');
  const kept: string[] = [];
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.pop() === undefined) return err('path leads out of the sandbox');
  }
  return ok(kept.join('/'));
}
