/** How large things may be. Marathon has no such limits and falls over; here there is a clear answer (422) for each. */
import type { AppDefinition } from './definition.ts';
import type { Must } from './violations.ts';

/**
 * Characters of an id. Task and executor ids are made from it, and Mesos takes none of more than 255 bytes: 9 are `marathon-`, 52 are
 * `.instance-`, the UUID and `._app.`; the rest is for the number of the incarnation.
 */
export const maxIdLength = 190;
/** Instances of one app: each is an actor and a record. */
export const maxInstances = 250_000;
/** Bytes of all environment variables, names included: a command with more cannot be started on Linux. */
const maxEnvBytes = 1024 * 1024;
/** Bytes of all labels of an app, names included; they go into every task. */
const maxLabelBytes = 512 * 1024;
/** Bytes of a command or all arguments. */
const maxCommandBytes = 512 * 1024;
/** Elements of any list of an app, such as ports, constraints, checks, volumes. */
const maxListLength = 1_000;

/** Bytes of a text in UTF-8. Nothing here may come from Node, whose Buffer would say the same. */
function bytesOf(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    // A surrogate pair has two units and four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}

function mapBytes(map: Readonly<Record<string, unknown>>): number {
  let bytes = 0;
  for (const name of Object.keys(map)) {
    const value = map[name];
    bytes += bytesOf(name) + (typeof value === 'string' ? bytesOf(value) : 64);
  }
  return bytes;
}

const kib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;

/** Adds what is too large. */
export function checkLimits(app: AppDefinition, must: Must): void {
  must(app.id.length <= maxIdLength, '/id', `must not be longer than ${maxIdLength} characters`);
  must(app.instances <= maxInstances, '/instances', tooManyInstances(app.instances));
  const sized = [
    ['/env', mapBytes(app.env), maxEnvBytes],
    ['/labels', mapBytes(app.labels), maxLabelBytes],
    ['/cmd', bytesOf(app.cmd ?? ''), maxCommandBytes],
    ['/args', (app.args ?? []).reduce((sum, arg) => sum + bytesOf(arg), 0), maxCommandBytes],
  ] as const;
  for (const [path, bytes, limit] of sized) {
    must(bytes <= limit, path, `must not be larger than ${kib(limit)}, is ${kib(bytes)}`);
  }
  const lists = [
    ['/portDefinitions', app.portDefinitions],
    ['/container/portMappings', app.container?.portMappings],
    ['/container/volumes', app.container?.volumes],
    ['/constraints', app.constraints],
    ['/healthChecks', app.healthChecks],
    ['/fetch', app.fetch],
    ['/dependencies', app.dependencies],
    ['/networks', app.networks],
  ] as const;
  for (const [path, list] of lists) {
    must((list?.length ?? 0) <= maxListLength, path, `must not have more than ${maxListLength} elements`);
  }
}

/** What is said of a count that no cluster has. */
export const tooManyInstances = (count: number): string => `got ${count}, expected ${maxInstances} or less`;
