/** Whether the kernel holds tasks to what they asked for: what was wished, what this machine allows, and what is told of it. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../../core/result.ts';
import type { TaskLimits } from '../task-limits.ts';
import { findHierarchy } from './hierarchy.ts';
import { below, directoriesOf, makeCgroup, makeDirectory, removeEmpty, type TaskCgroup } from './task-cgroup.ts';

const wishes = ['auto', 'cgroups', 'none'] as const;
export type IsolationWish = (typeof wishes)[number];
export const isIsolationWish = (text: string): text is IsolationWish => (wishes as readonly string[]).includes(text);

export interface IsolationOptions {
  readonly wish: IsolationWish;
  /** Seen from the top of the hierarchy; undefined: where this process is. */
  readonly root?: string | undefined;
  readonly hardCpuLimit: boolean;
  readonly workDir: string;
  /** Texts of /proc/self/mountinfo and /proc/self/cgroup; read if absent. */
  readonly tables?: { readonly mountInfo: string; readonly ownCgroups: string };
}

export interface Isolation {
  /** In Mesos' words, as an agent shows its flag. */
  readonly name: 'cgroups/cpu,cgroups/mem' | 'posix/cpu,posix/mem';
  /** One sentence: that and where limits are enforced, or why not. */
  readonly description: string;
  /** Makes the cgroup of a task; undefined where none are used. Throws if the kernel refuses. */
  readonly cgroupFor: ((name: string, limits: TaskLimits) => TaskCgroup) | undefined;
  /** Removes what all tasks shared. */
  readonly close: () => Promise<void>;
}

const controllers = ['cpu', 'memory'];
/** Directories that cgroups were made in, so that a later start removes those that a killed one has left. */
const rememberedFile = 'cgroups.json';

/** No limits: what simulated agents and tests have. */
export const noIsolation = (why: string): Isolation => ({
  name: 'posix/cpu,posix/mem',
  description: `CPU and memory limits of tasks are not enforced: ${why}`,
  cgroupFor: undefined,
  close: async () => {},
});

/** Sees what can be had. The error says why `cgroups` cannot; `auto` then does without, and says why. */
export async function openIsolation(options: IsolationOptions): Promise<Result<Isolation, string>> {
  const left = await removeLeftCgroups(options.workDir);
  if (options.wish === 'none') return ok(noIsolation('--isolation is none'));
  const opened = await openCgroups(options, left).catch((error: Error) => err(error.message));
  if (opened.ok || options.wish === 'cgroups') return opened;
  return ok(noIsolation(opened.error));
}

async function openCgroups(
  { root, hardCpuLimit, workDir, tables = readTables() }: IsolationOptions,
  left: readonly string[],
): Promise<Result<Isolation, string>> {
  const found = findHierarchy(tables.mountInfo, tables.ownCgroups, root);
  if (!found.ok) return found;
  const name = `ultramarathon-${createHash('sha256').update(workDir).digest('hex').slice(0, 12)}`;
  if (found.value.version === 2) {
    const ready = delegate(found.value.unified);
    if (!ready.ok) return ready;
  }
  const own = below(found.value, name);
  await remember(workDir, [...new Set([...left, ...directoriesOf(own)])]);
  for (const directory of directoriesOf(own)) makeDirectory(directory);
  if (own.version === 2) enableControllers(own.unified);
  // Only a try tells what the kernel takes: a limit may be refused, a file may be missing.
  const trial = makeCgroup(
    own,
    'trial',
    { cpuShares: 2, cpuLimit: 1, cpuIsLimited: true, memMiB: 32, memLimitMiB: 32 },
    hardCpuLimit,
  );
  await trial.remove();
  return ok({
    name: 'cgroups/cpu,cgroups/mem',
    description: `CPU and memory limits of tasks are enforced by cgroups (version ${own.version}) below ${directoriesOf(own)[0]}`,
    cgroupFor: (task, limits) => makeCgroup(own, task, limits, hardCpuLimit),
    close: async () => {
      for (const directory of directoriesOf(own)) await removeEmpty(directory);
    },
  });
}

/** The cgroup of a task where limits are enforced. The error says why the kernel refused it. */
export function tryCgroup(
  { cgroupFor }: Isolation,
  name: string,
  limits: TaskLimits,
): Result<TaskCgroup | undefined, string> {
  try {
    return ok(cgroupFor?.(name, limits));
  } catch (error) {
    return err(`cannot make its cgroup: ${(error as Error).message}`);
  }
}

const readTables = () => ({
  mountInfo: readFileSync('/proc/self/mountinfo', 'utf8'),
  ownCgroups: readFileSync('/proc/self/cgroup', 'utf8'),
});

/**
 * Version 2 gives controllers to what lies below a cgroup only if that itself holds no processes. If it holds this one alone, as
 * `systemd-run --scope -p Delegate=yes` makes it, we move into a child of it; nobody else is moved.
 */
function delegate(directory: string): Result<void, string> {
  makeDirectory(directory);
  const offered = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const missing = controllers.filter((controller) => !offered.includes(controller));
  if (missing.length > 0) return err(`the cgroup ${directory} has no controller for ${missing.join(' and ')}`);
  try {
    enableControllers(directory);
    return ok(undefined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
  const inside = readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim().split('\n');
  if (inside.some((pid) => pid !== String(process.pid))) {
    return err(
      `the cgroup ${directory} holds other processes; start this program with "systemd-run --user --scope -p Delegate=yes", or name another one with --cgroups_root`,
    );
  }
  const leaf = join(directory, 'ultramarathon-itself');
  makeDirectory(leaf);
  writeFileSync(join(leaf, 'cgroup.procs'), String(process.pid));
  enableControllers(directory);
  return ok(undefined);
}

function enableControllers(directory: string): void {
  writeFileSync(join(directory, 'cgroup.subtree_control'), controllers.map((name) => `+${name}`).join(' '));
}

async function remember(workDir: string, directories: readonly string[]): Promise<void> {
  await writeFile(join(workDir, rememberedFile), JSON.stringify(directories));
}

/** Removes the empty ones, and gives those that stay: what still holds a task that lives on is that task's. */
async function removeLeftCgroups(workDir: string): Promise<readonly string[]> {
  // Without the list, or with one that a crash has cut off, cgroups without processes stay behind, which cost next to nothing.
  const text = await readFile(join(workDir, rememberedFile), 'utf8').catch(() => '[]');
  let directories: unknown;
  try {
    directories = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(directories)) return [];
  const left: string[] = [];
  for (const directory of directories.filter((one) => typeof one === 'string')) {
    // Gone already, as after a reboot.
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await removeEmpty(join(directory, entry.name));
    if (!(await removeEmpty(directory))) left.push(directory);
  }
  return left;
}
