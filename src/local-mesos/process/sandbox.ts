/** Sandbox directories in Mesos' layout below the work directory (mesos-v1 §6.1), and the files every sandbox has. */
import { createHash } from 'node:crypto';
import { chown, mkdir, open, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemUser } from './system-user.ts';

export interface SandboxIds {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly taskId: string;
  /** Also the name of the run. */
  readonly containerId: string;
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

/** Directory of all runs of one task, which also holds the link `latest`. */
function runsDirectory(workDir: string, ids: SandboxIds): string {
  return join(
    workDir,
    'slaves',
    pathSegment(ids.agentId),
    'frameworks',
    pathSegment(ids.frameworkId),
    'executors',
    pathSegment(ids.taskId),
    'runs',
  );
}

/** Path of a sandbox; nothing is created. */
export function sandboxPath(workDir: string, ids: SandboxIds): string {
  return join(runsDirectory(workDir, ids), pathSegment(ids.containerId));
}

/** Creates a sandbox (mode 0750, owned by `user` if one is given), points `latest` at it and creates `stdout` and `stderr`. */
export async function createSandbox(workDir: string, ids: SandboxIds, user: SystemUser | undefined): Promise<string> {
  const runs = runsDirectory(workDir, ids);
  const sandbox = sandboxPath(workDir, ids);
  await mkdir(runs, { recursive: true });
  await mkdir(sandbox, { mode: 0o750 });
  if (user !== undefined) await chown(sandbox, user.uid, user.gid);
  for (const name of ['stdout', 'stderr']) {
    const file = await open(join(sandbox, name), 'a', 0o644);
    if (user !== undefined) await file.chown(user.uid, user.gid);
    await file.close();
  }
  const link = join(runs, `.latest-${pathSegment(ids.containerId)}`);
  await symlink(pathSegment(ids.containerId), link);
  await rename(link, join(runs, 'latest'));
  return sandbox;
}
