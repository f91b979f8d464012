/** What follows `/v2/groups` in a path (rest-api §1.1). */
export type GroupTarget =
  | { readonly type: 'group'; readonly path: string }
  | { readonly type: 'apps'; readonly path: string }
  | { readonly type: 'versions'; readonly path: string }
  | { readonly type: 'version'; readonly path: string; readonly version: string };

/**
 * Reads the decoded rest of the path; no segments at all are the root. Suffixes count for GET only, but for `versions/{v}`: python's
 * client rolls back by a PUT of it.
 */
export function groupTarget(rest: string, method: string): GroupTarget {
  const isRead = method === 'GET' || method === 'HEAD';
  const segments = rest.split('/').filter((segment) => segment !== '');
  const upTo = (count: number): string => `/${segments.slice(0, count).join('/')}`;
  const { length } = segments;
  if (isRead && segments.at(-1) === 'apps') return { type: 'apps', path: upTo(length - 1) };
  if (isRead && segments.at(-1) === 'versions') return { type: 'versions', path: upTo(length - 1) };
  if ((isRead || method === 'PUT') && segments.at(-2) === 'versions') {
    return { type: 'version', path: upTo(length - 2), version: segments.at(-1) ?? '' };
  }
  return { type: 'group', path: upTo(length) };
}
