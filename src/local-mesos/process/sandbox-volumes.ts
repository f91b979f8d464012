/** Volumes that are directories of a sandbox: the task's own, or that of its executor, which a group shares (mesos-v1 §3.7). */
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskInfo } from '../../core/mesos/types.ts';
import { staysInside } from './container-plan.ts';
import { executorSandboxPath, type SandboxIds, sandboxPath } from './sandbox.ts';
import type { SystemUser } from './system-user.ts';

interface SandboxVolume {
  readonly source?: {
    readonly type?: string;
    readonly sandbox_path?: { readonly type?: string; readonly path?: string };
  };
}

/** The directory that such a volume means; undefined for other volumes and for paths that lead elsewhere. */
function directoryOf(volume: SandboxVolume, workDir: string, ids: SandboxIds): string | undefined {
  const { type, sandbox_path: place } = volume.source ?? {};
  if (type !== 'SANDBOX_PATH' || place?.path === undefined || !staysInside(place.path)) return undefined;
  if (place.type === 'SELF') return join(sandboxPath(workDir, ids), place.path);
  return place.type === 'PARENT' && ids.executor !== undefined
    ? join(executorSandboxPath(workDir, ids), place.path)
    : undefined;
}

const volumesOf = (task: TaskInfo): readonly SandboxVolume[] =>
  (task.container as { readonly volumes?: readonly SandboxVolume[] } | undefined)?.volumes ?? [];

/** The task with the host's paths in place of paths of sandboxes. Those that cannot be had stay, and are refused as they are. */
export function withSandboxVolumes(task: TaskInfo, workDir: string, ids: SandboxIds): TaskInfo {
  const volumes = volumesOf(task);
  if (volumes.every((volume) => volume.source?.type !== 'SANDBOX_PATH')) return task;
  const resolved = volumes.map((volume) => {
    const path = directoryOf(volume, workDir, ids);
    return path === undefined ? volume : { ...volume, source: { type: 'HOST_PATH', host_path: { path } } };
  });
  return { ...task, container: { ...(task.container as object), volumes: resolved } };
}

/** Makes the directories that these volumes mean, if they are not there yet. */
export async function createSandboxVolumes(
  task: TaskInfo,
  workDir: string,
  ids: SandboxIds,
  user: SystemUser | undefined,
): Promise<void> {
  for (const volume of volumesOf(task)) {
    const path = directoryOf(volume, workDir, ids);
    const made = path === undefined ? undefined : await mkdir(path, { recursive: true });
    if (path !== undefined && made !== undefined && user !== undefined) await chown(path, user.uid, user.gid);
  }
}
