/** Sandbox directories in Mesos' layout below the work directory (mesos-v1 §6.1), and the files every sandbox has. */
import { createHash, randomUUID } from 'node:crypto';
import { chown, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemUser } from './system-user.ts';

export interface SandboxIds {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly taskId: string;
  /** Also the name of the run. */
  readonly containerId: string;
  /** Set when the container is nested in that of the executor of a task group. */
  readonly executor?: { readonly id: string; readonly containerId: string } | undefined;
}

const longestName = 255;

/**
 * Turns an id into one safe path segment. Ids that Mesos accepts stay as they are; what could climb out of the directory or
 * break a file system is percent-encoded, and what is too long becomes a hash.
 */
export function pathSegment(id: string): string {
  if (id === '' || id === '.' || id === '..') return `%${Buffer.from(id).toString('hex')}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what must not get into a name
  const safe = id.replace(/[\u0000-\u001f\u007f/\\]/g, (character) => encodeURIComponent(character));
  return Buffer.byteLength(safe) <= longestName ? safe : createHash('sha256').update(id).digest('hex');
}

/** Directory of all runs of one executor, which also holds the link `latest`. */
function runsDirectory(workDir: string, ids: SandboxIds): string {
  return join(
    workDir,
    'slaves',
    pathSegment(ids.agentId),
    'frameworks',
    pathSegment(ids.frameworkId),
    'executors',
    pathSegment(ids.executor?.id ?? ids.taskId),
    'runs',
  );
}

/** Path of a sandbox; nothing is created. That of a nested container lies in that of its executor. */
export function sandboxPath(workDir: string, ids: SandboxIds): string {
  const run = executorSandboxPath(workDir, ids);
  return ids.executor === undefined ? run : join(run, 'containers', pathSegment(ids.containerId));
}

/** Path of the sandbox of a task's executor; nothing is created. */
export function executorSandboxPath(workDir: string, ids: SandboxIds): string {
  return join(runsDirectory(workDir, ids), pathSegment(ids.executor?.containerId ?? ids.containerId));
}

/** Creates a sandbox (mode 0750, owned by `user` if one is given), points `latest` at it and creates `stdout` and `stderr`. */
export async function createSandbox(workDir: string, ids: SandboxIds, user: SystemUser | undefined): Promise<string> {
  const runs = runsDirectory(workDir, ids);
  const sandbox = sandboxPath(workDir, ids);
  await mkdir(runs, { recursive: true });
  if (ids.executor !== undefined) await prepareExecutorSandbox(workDir, ids, ids.executor.containerId, user);
  await mkdir(sandbox, { mode: 0o750 });
  if (user !== undefined) await chown(sandbox, user.uid, user.gid);
  for (const name of ['stdout', 'stderr']) {
    const file = await open(join(sandbox, name), 'a', 0o644);
    if (user !== undefined) await file.chown(user.uid, user.gid);
    await file.close();
  }
  if (ids.executor === undefined) await pointLatestAt(runs, ids.containerId);
  return sandbox;
}

async function pointLatestAt(runs: string, containerId: string): Promise<void> {
  // Several containers of one run may be made at the same time.
  const link = join(runs, `.latest-${randomUUID()}`);
  await symlink(pathSegment(containerId), link);
  await rename(link, join(runs, 'latest'));
}

/** The sandbox of a group's executor, with a link `tasks/<task id>` to the nested sandbox of each task. */
async function prepareExecutorSandbox(
  workDir: string,
  ids: SandboxIds,
  executorContainerId: string,
  user: SystemUser | undefined,
): Promise<void> {
  const run = executorSandboxPath(workDir, ids);
  for (const directory of [run, join(run, 'containers'), join(run, 'tasks')]) {
    const made = await mkdir(directory, { recursive: true, mode: 0o750 });
    if (made !== undefined && user !== undefined) await chown(directory, user.uid, user.gid);
  }
  await pointLatestAt(runsDirectory(workDir, ids), executorContainerId);
  const link = join(run, 'tasks', pathSegment(ids.taskId));
  await rm(link, { force: true });
  await symlink(join('..', 'containers', pathSegment(ids.containerId)), link);
}
