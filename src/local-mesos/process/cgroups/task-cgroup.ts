/** The cgroup of one task: made before its process, removed after its last. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TaskLimits } from '../task-limits.ts';
import { valuesV1, valuesV2 } from './control-files.ts';
import type { Hierarchy } from './hierarchy.ts';

export interface TaskCgroup {
  /** Its own directories, by which a later run of this program finds it again. */
  readonly place: Hierarchy;
  /** Takes a process in, with all that it will beget. Throws if the kernel refuses. */
  readonly enter: (pid: number) => void;
  /** How often the kernel has ended a process for want of memory. */
  readonly oomKills: () => number;
  /** Most bytes used at once, if the kernel tells, and its statistics as they stand. */
  readonly memoryUse: () => { readonly maxBytes: number | undefined; readonly statistics: string };
  /** Resolves with false if something in it still lives. */
  readonly remove: () => Promise<boolean>;
}

const filesV1 = { oomKills: 'memory.oom_control', maxBytes: 'memory.max_usage_in_bytes' };
const filesV2 = { oomKills: 'memory.events', maxBytes: 'memory.peak' };

/** What lies in a place, or is to be made there. */
export const below = (place: Hierarchy, name: string): Hierarchy =>
  place.version === 1
    ? { version: 1, memory: join(place.memory, name), cpu: join(place.cpu, name) }
    : { version: 2, unified: join(place.unified, name) };

export const directoriesOf = (place: Hierarchy): readonly string[] =>
  place.version === 1 ? [...new Set([place.memory, place.cpu])] : [place.unified];

/** Ended processes leave their cgroup a moment later. */
const removeAttempts = 20;
const removePauseMs = 50;

/** Makes the cgroup `name` with its limits. Throws if the kernel refuses; what was made is then left empty. */
export function makeCgroup(parent: Hierarchy, name: string, limits: TaskLimits, hardCpuLimit: boolean): TaskCgroup {
  const place = below(parent, name);
  for (const directory of directoriesOf(place)) makeDirectory(directory);
  const values = place.version === 1 ? valuesV1(limits, hardCpuLimit) : valuesV2(limits, hardCpuLimit);
  for (const { controller, file, value } of values) {
    writeFileSync(join(place.version === 1 ? place[controller] : place.unified, file), value);
  }
  return knownCgroup(place);
}

/** A cgroup that has been made, if by an earlier run of this program. */
export function knownCgroup(place: Hierarchy): TaskCgroup {
  const [memory, files] =
    place.version === 1 ? ([place.memory, filesV1] as const) : ([place.unified, filesV2] as const);
  const directories = directoriesOf(place);
  return {
    place,
    oomKills: () => counter(join(memory, files.oomKills), 'oom_kill'),
    memoryUse: () => ({
      maxBytes: wholeNumber(readOr(join(memory, files.maxBytes))),
      statistics: readOr(join(memory, 'memory.stat')).trim(),
    }),
    enter: (pid) => {
      for (const directory of directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
    },
    remove: async () => {
      const gone = await Promise.all(directories.map((directory) => removeDirectory(directory)));
      return gone.every((one) => one);
    },
  };
}

async function removeDirectory(directory: string): Promise<boolean> {
  for (let attempt = 1; attempt <= removeAttempts; attempt++) {
    if (await removeEmpty(directory)) return true;
    await delay(removePauseMs);
  }
  return false;
}

/**
 * Makes a cgroup and what is missing above it. Throws if the kernel refuses. Node's own recursion does not: it asks on without end
 * where a file system answers that the directory it was just asked to make does not exist.
 */
export function makeDirectory(directory: string): void {
  const made = tryMake(directory);
  if (made !== 'ENOENT') return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  mkdirSync(directory);
}

function tryMake(directory: string): 'there' | 'ENOENT' {
  try {
    mkdirSync(directory);
    return 'there';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return 'there';
    if (code === 'ENOENT') return 'ENOENT';
    throw error;
  }
}

/** Removes a cgroup without processes; false if it has some. */
export async function removeEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    return false;
  }
}

/** A line `name number` of a file; 0 without one. */
function counter(file: string, name: string): number {
  const line = readOr(file)
    .split('\n')
    .find((one) => one.startsWith(`${name} `));
  return wholeNumber(line?.slice(name.length + 1) ?? '') ?? 0;
}

function wholeNumber(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not every kernel has every file.
    return '';
  }
}
