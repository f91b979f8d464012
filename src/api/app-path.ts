/** What follows `/v2/apps/` in a path: an app, a group's apps, or something that belongs to an app (rest-api §1.1). */
export type AppTarget =
  | { readonly type: 'app'; readonly id: string }
  /** `*` or `group/*`: `path` is the group. */
  | { readonly type: 'group'; readonly path: string }
  | { readonly type: 'tasks'; readonly id: string }
  | { readonly type: 'groupTasks'; readonly path: string }
  | { readonly type: 'task'; readonly id: string; readonly taskId: string }
  | { readonly type: 'versions'; readonly id: string }
  | { readonly type: 'version'; readonly id: string; readonly version: string }
  | { readonly type: 'restart'; readonly id: string }
  /** `path` is the id that it would be if it were an app; an app of that id comes first. */
  | { readonly type: 'why'; readonly id: string; readonly path: string };

const pathOf = (segments: readonly string[]): string => `/${segments.join('/')}`;

/**
 * Reads the decoded rest of the path. Doubled, leading and trailing slashes vanish; the longest suffix wins; `restart` is a
 * suffix for POST only, since an app may be deleted whose id ends so, and `why` for reading only. Ids are not checked here.
 */
export function appTarget(rest: string, method: string): AppTarget {
  const segments = rest.split('/').filter((segment) => segment !== '');
  const last = segments.at(-1) ?? '';
  const beforeLast = segments.at(-2);
  if (segments.length > 2 && beforeLast === 'tasks') {
    return { type: 'task', id: pathOf(segments.slice(0, -2)), taskId: last };
  }
  if (segments.length > 2 && beforeLast === 'versions') {
    return { type: 'version', id: pathOf(segments.slice(0, -2)), version: last };
  }
  const head = segments.slice(0, -1);
  if (head.length > 0 && last === 'tasks') {
    return head.at(-1) === '*'
      ? { type: 'groupTasks', path: pathOf(head.slice(0, -1)) }
      : { type: 'tasks', id: pathOf(head) };
  }
  if (head.length > 0 && last === 'versions') return { type: 'versions', id: pathOf(head) };
  if (head.length > 0 && last === 'restart' && method === 'POST') return { type: 'restart', id: pathOf(head) };
  const isRead = method === 'GET' || method === 'HEAD';
  if (head.length > 0 && last === 'why' && isRead) return { type: 'why', id: pathOf(head), path: pathOf(segments) };
  if (last === '*') return { type: 'group', path: pathOf(head) };
  return { type: 'app', id: pathOf(segments) };
}
