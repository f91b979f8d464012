/** The cgroup of one task: made before its process, removed after its last. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TaskLimits } from '../task-limits.ts';
import { type ControlValue, valuesV1, valuesV2 } from './control-files.ts';
import type { Hierarchy } from './hierarchy.ts';

export interface TaskCgroup {
  /** Takes a process in, with all that it will beget. Throws if the kernel refuses. */
  readonly enter: (pid: number) => void;
  /** How often the kernel has ended a process for want of memory. */
  readonly oomKills: () => number;
  /** Most bytes used at once, if the kernel tells, and its statistics as they stand. */
  readonly memoryUse: () => { readonly maxBytes: number | undefined; readonly statistics: string };
  /** Resolves with false if something in it still lives. */
  readonly remove: () => Promise<boolean>;
}

/** Ended processes leave their cgroup a moment later. */
const removeAttempts = 20;
const removePauseMs = 50;

/** Makes the cgroup `name` with its limits. Throws if the kernel refuses; what was made is then left empty. */
export function makeCgroup(parent: Hierarchy, name: string, limits: TaskLimits, hardCpuLimit: boolean): TaskCgroup {
  return parent.version === 1
    ? makeV1(parent, name, valuesV1(limits, hardCpuLimit))
    : makeV2(parent.unified, name, valuesV2(limits, hardCpuLimit));
}

function makeV1(parent: Hierarchy & { version: 1 }, name: string, values: readonly ControlValue[]): TaskCgroup {
  const directories = { memory: join(parent.memory, name), cpu: join(parent.cpu, name) };
  return {
    ...made([...new Set(Object.values(directories))], values, ({ controller }) => directories[controller]),
    oomKills: () => counter(join(directories.memory, 'memory.oom_control'), 'oom_kill'),
    memoryUse: () => ({
      maxBytes: wholeNumber(readOr(join(directories.memory, 'memory.max_usage_in_bytes'))),
      statistics: readOr(join(directories.memory, 'memory.stat')).trim(),
    }),
  };
}

function makeV2(unified: string, name: string, values: readonly ControlValue[]): TaskCgroup {
  const directory = join(unified, name);
  return {
    ...made([directory], values, () => directory),
    oomKills: () => counter(join(directory, 'memory.events'), 'oom_kill'),
    memoryUse: () => ({
      maxBytes: wholeNumber(readOr(join(directory, 'memory.peak'))),
      statistics: readOr(join(directory, 'memory.stat')).trim(),
    }),
  };
}

function made(
  directories: readonly string[],
  values: readonly ControlValue[],
  directoryOf: (value: ControlValue) => string,
): Pick<TaskCgroup, 'enter' | 'remove'> {
  for (const directory of directories) makeDirectory(directory);
  for (const value of values) writeFileSync(join(directoryOf(value), value.file), value.value);
  return {
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
