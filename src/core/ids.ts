/** Identifiers of every kind and era (behaviour §1.4, rest-api §7.16). */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Absolute path id such as `/prod/web`. */
export type AppId = Branded<'AppId'>;
/** `<safe id>.instance-<uuid>`. */
export type InstanceId = Branded<'InstanceId'>;
/** `<instance id>._app.<incarnation>`. */
export type TaskId = Branded<'TaskId'>;
/** Random UUID. */
export type DeploymentId = Branded<'DeploymentId'>;

const label = '(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])';
const segmentPattern = new RegExp(`^${label}(?:\\.${label})*$`);

/** Segments that would hide a route when they end an id (rest-api §9.3). */
export const reservedLastSegments = ['restart', 'tasks', 'versions', '.', '..'] as const;

/** True if one path segment is dot-separated labels of lower-case letters, digits and inner hyphens. */
export const isSegment = (text: string): boolean => segmentPattern.test(text);

/**
 * True if the text may stand for an app or group in a body: segments as above, or navigation; absolute or relative, with doubled and
 * trailing slashes (rest-api §7.1). Takes linear time, which the pattern that Marathon publishes for it does not.
 */
export const isPathId = (text: string): boolean =>
  text !== '' && text.split('/').every((s) => s === '' || s === '.' || s === '..' || isSegment(s));

/** Resolves `text` against `base` (`/` unless told otherwise); `.` and `..` navigate, doubled and trailing slashes vanish. */
export function resolvePath(text: string, base = '/'): string {
  const segments = text.startsWith('/') ? [] : base.split('/').filter((s) => s !== '');
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

/** The app id that a text stands for, or undefined if Marathon would refuse it (V10). */
export function parseAppId(text: string, base = '/'): AppId | undefined {
  const path = resolvePath(text, base);
  const segments = path.slice(1).split('/');
  if (path === '/' || !segments.every(isSegment)) return undefined;
  return reservedLastSegments.some((reserved) => segments.at(-1) === reserved) ? undefined : (path as AppId);
}

/** The path of the enclosing group: `/` for `/web`, `/prod` for `/prod/web`. */
export const parentOf = (path: string): string => {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
};

/** True if `path` lies strictly below the group `group`. */
export const isBelow = (path: string, group: string): boolean =>
  group === '/' ? path !== '/' : path.startsWith(`${group}/`);

/** `/a/b/c` → `a_b_c`; can be undone since no segment contains `_`. */
export const safePath = (id: AppId): string => id.slice(1).replaceAll('/', '_');

/** `/a/b/c` → `c.b.a`: Mesos task name and discovery name. */
export const hostNameForm = (id: AppId): string => id.slice(1).split('/').reverse().join('.');

/** New instance id from a time-based UUID. */
export const instanceIdOf = (app: AppId, uuid: string): InstanceId => `${safePath(app)}.instance-${uuid}` as InstanceId;

/** Task id of an app's instance; incarnations count from 1. */
export const taskIdOf = (instance: InstanceId, incarnation: number): TaskId =>
  `${instance}._app.${incarnation}` as TaskId;

/** What a task id says about itself. */
export interface ParsedTaskId {
  readonly appId: AppId;
  readonly instanceId: InstanceId;
  /** Absent for an app's only task. */
  readonly container?: string;
  /** Absent in the forms of 1.7 and earlier. */
  readonly incarnation?: number;
}

const uuidPart = '[^_.]+';
/** In order, first full match wins (behaviour §1.4). */
const shapes = [
  new RegExp(`^(.+)\\.(instance-|marathon-)(${uuidPart})[._]([^.]+)\\.(\\d+)$`),
  new RegExp(`^(.+)\\.(instance-|marathon-)(${uuidPart})[._]([^.]+)$`),
] as const;
const legacyShapes = [new RegExp(`^(.+)[._](${uuidPart})\\.(\\d+)$`), new RegExp(`^(.+)[._](${uuidPart})$`)] as const;

const appIdOfSafe = (safe: string): AppId => `/${safe.replaceAll('_', '/')}` as AppId;

/** Parses a task id of any era; undefined means: not one of ours, treat the task as unknown. */
export function parseTaskId(text: string): ParsedTaskId | undefined {
  for (const shape of shapes) {
    const m = shape.exec(text);
    if (!m) continue;
    const [, safe = '', kind = '', uuid = '', container = '', n] = m;
    return {
      appId: appIdOfSafe(safe),
      instanceId: `${safe}.${kind}${uuid}` as InstanceId,
      ...(container === '_app' ? {} : { container }),
      ...(n === undefined ? {} : { incarnation: Number(n) }),
    };
  }
  for (const shape of legacyShapes) {
    const m = shape.exec(text);
    if (!m) continue;
    const [, safe = '', uuid = '', n] = m;
    return {
      appId: appIdOfSafe(safe),
      instanceId: `${safe}.marathon-${uuid}` as InstanceId,
      ...(n === undefined ? {} : { incarnation: Number(n) }),
    };
  }
  return undefined;
}

/** The app that an instance id belongs to, or undefined if the text is no instance id. */
export function appIdOfInstance(instanceId: string): AppId | undefined {
  const m = /^(.+)\.(?:instance-|marathon-)[^.]+$/.exec(instanceId);
  return m?.[1] === undefined ? undefined : appIdOfSafe(m[1]);
}
