/** Backup and restore as the actors ask for them (rest-api §6A.2). */
import type { BackupPort } from '../actors/maintenance.ts';
import { loadBackup } from './load.ts';
import { parseBackupUri } from './uri.ts';
import { writeBackup } from './write.ts';

/** Files on this machine. What is wrong with a URI or a file is thrown as an error of one line; then nothing was changed. */
export const fileBackups: BackupPort = {
  badUri: (uri) => {
    const path = parseBackupUri(uri);
    return path.ok ? undefined : path.error;
  },
  backup: async (store, uri) => {
    const written = await writeBackup(store, pathOf(uri));
    if (!written.ok) throw new Error(written.error);
  },
  restore: async (store, uri) => {
    const loaded = await loadBackup(pathOf(uri));
    if (!loaded.ok) throw new Error(loaded.error);
    try {
      await store.replace(loaded.value.content);
    } finally {
      loaded.value.close();
    }
  },
};

function pathOf(uri: string): string {
  const path = parseBackupUri(uri);
  if (!path.ok) throw new Error(path.error);
  return path.value;
}
