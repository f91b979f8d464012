/** What follows `/v2/groups` in a path (rest-api §1.1). */
export type GroupTarget =
  | { readonly type: 'group'; readonly path: string }
  | { readonly type: 'apps'; readonly path: string }
  | { readonly type: 'versions'; readonly path: string }
  | { readonly type: 'version'; readonly path: string; readonly version: string };

/** Reads the decoded rest of the path; no segments at all are the root. Suffixes count for GET only. */
export function groupTarget(rest: string, isRead: boolean): GroupTarget {
  const segments = rest.split('/').filter((segment) => segment !== '');
  const upTo = (count: number): string => `/${segments.slice(0, count).join('/')}`;
  const { length } = segments;
  if (isRead && segments.at(-1) === 'apps') return { type: 'apps', path: upTo(length - 1) };
  if (isRead && segments.at(-1) === 'versions') return { type: 'versions', path: upTo(length - 1) };
  if (isRead && segments.at(-2) === 'versions') {
    return { type: 'version', path: upTo(length - 2), version: segments.at(-1) ?? '' };
  }
  return { type: 'group', path: upTo(length) };
}
