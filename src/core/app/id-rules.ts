/** What an app's id must be, with Marathon's words for what is wrong (rest-api §7.1, §9.3). */
import type { AppId } from '../ids.ts';
import { isSegment, parseAppId, reservedLastSegments, resolvePath } from '../ids.ts';
import { invalid, type Refusal } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { maxIdLength } from './limits.ts';
import { type Must, Violations } from './violations.ts';

const segmentRule =
  "must fully match regular expression '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])|(\\.|\\.\\.)$'";

/** Checks an absolute id at `path` of the body. */
export function checkId(id: string, path: string, must: Must): void {
  must(id.startsWith('/'), path, 'Path needs to be absolute');
  const segments = id.split('/').filter((segment) => segment !== '');
  must(segments.length > 0, path, 'Path must contain at least one path element');
  must(segments.every(isSegment), path, segmentRule);
  const last = segments.at(-1);
  must(
    !reservedLastSegments.some((reserved) => reserved === last),
    path,
    `must not end with any of the following reserved keywords: ${reservedLastSegments.join(', ')}`,
  );
}

/** The app id that a text of a body stands for, resolved against the enclosing group; 422 with `/id` if it cannot be one. */
export function readAppId(text: string, base = '/'): Result<AppId, Refusal> {
  const id = parseAppId(text, base);
  if (id !== undefined) return ok(id);
  const violations = new Violations();
  const path = resolvePath(text, base);
  violations.must(path !== '/', '/', 'must not be root');
  checkId(path, '/id', violations.must);
  return err(invalid(violations.list()));
}

/** The same for a group, whose id may be any but the root. */
export function readGroupId(path: string): Result<string, Refusal> {
  const violations = new Violations();
  checkId(path, '/id', violations.must);
  violations.must(path.length <= maxIdLength, '/id', `must not be longer than ${maxIdLength} characters`);
  const broken = violations.list();
  return broken.length > 0 ? err(invalid(broken)) : ok(path);
}
