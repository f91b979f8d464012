/** Puts the volumes of a task into its sandbox, as links to where their data lies. */
import { chown, mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LinkedVolume } from './container-plan.ts';
import type { SystemUser } from './system-user.ts';

/** Creates the links of volumes that exist (`createVolumes`). Rejects when a path is taken or cannot be written. */
export async function linkVolumes(volumes: readonly LinkedVolume[], sandbox: string): Promise<void> {
  for (const volume of volumes) {
    const link = join(sandbox, volume.containerPath);
    await mkdir(dirname(link), { recursive: true });
    await symlink(volume.hostPath, link);
  }
}

/** Creates the persistent volumes that do not exist yet, owned by the task's user. */
export async function createVolumes(volumes: readonly LinkedVolume[], user: SystemUser | undefined): Promise<void> {
  for (const { create, hostPath } of volumes) {
    const created = create ? await mkdir(hostPath, { recursive: true }) : undefined;
    if (created !== undefined && user !== undefined) await chown(hostPath, user.uid, user.gid);
  }
}
