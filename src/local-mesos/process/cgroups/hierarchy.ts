/** Where this machine keeps the cgroups for memory and cpus, read from Linux' own tables. */
import { join, relative } from 'node:path';
import { err, ok, type Result } from '../../../core/result.ts';

/** Directories below which tasks get their cgroups. */
export type Hierarchy =
  | { readonly version: 1; readonly memory: string; readonly cpu: string }
  | { readonly version: 2; readonly unified: string };

interface Mount {
  /** Path of the mounted cgroup as seen from the top of the hierarchy, or of our part of it. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/**
 * Finds the cgroup of this process, or `wantedRoot` (seen from the top) in its place. Version 1 counts where it has the memory
 * controller: a machine may have both, and a controller is in one of them only.
 */
export function findHierarchy(
  mountInfo: string,
  ownCgroups: string,
  wantedRoot: string | undefined,
): Result<Hierarchy, string> {
  const mounts = parseMounts(mountInfo);
  const place = (mount: Mount, controller: string): string => {
    const path = wantedRoot ?? ownPath(ownCgroups, controller) ?? '/';
    // In a container the top of what is mounted may be deep in the machine's hierarchy.
    const below = wantedRoot === undefined && path.startsWith(mount.root) ? relative(mount.root, path) : path;
    return join(mount.point, below);
  };
  const [memory, cpu] = ['memory', 'cpu'].map((controller) =>
    mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller)),
  );
  if (memory !== undefined && cpu !== undefined) {
    return ok({ version: 1, memory: place(memory, 'memory'), cpu: place(cpu, 'cpu') });
  }
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  if (unified !== undefined) return ok({ version: 2, unified: place(unified, '') });
  return err('no cgroups for memory and cpu are mounted');
}

/** Lines of proc_pid_mountinfo(5); a `-` ends the optional fields. */
function parseMounts(mountInfo: string): readonly Mount[] {
  return mountInfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || point === undefined || type === undefined || !type.startsWith('cgroup')) return [];
    return [{ root: unescaped(root), point: unescaped(point), type, options: options.split(',') }];
  });
}

const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Lines `number:controllers:path` of /proc/self/cgroup; version 2 names no controllers. */
function ownPath(ownCgroups: string, controller: string): string | undefined {
  for (const line of ownCgroups.split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    if (path.length > 0 && controllers.split(',').includes(controller)) return path.join(':');
  }
  return undefined;
}
