/** Writes a backup: from a store into one file, which is there completely or not at all. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { maintenanceRequest } from '../actors/maintenance.ts';
import type { JournalStore } from '../actors/ports.ts';
import { encodeBackupHeader, encodeBackupRecord } from '../core/journal/backup-lines.ts';
import type { EncodedRecord, StoreContent } from '../core/journal/batch.ts';
import { err, ok, type Result } from '../core/result.ts';
import { BackupDamaged, BlockWriter, looksLikeBackup, recognisedBytes } from './blocks.ts';
import { type Census, Counter } from './census.ts';
import { messageOf } from './messages.ts';
import { programVersion } from './program-version.ts';

export interface WrittenBackup extends Census {
  /** Size of the file. */
  readonly bytes: number;
}

/**
 * Writes what `store` holds now to `path`, mode 0600, for it holds secrets. The file gets its name only once it is on disk; until
 * then it has a temporary name in the same folder, so that one which is already there stays until it is replaced. The error is
 * one line; the temporary file is gone then. A file that is no backup is never replaced.
 */
export async function writeBackup(
  store: Pick<JournalStore, 'read'>,
  path: string,
  nowMs: number = Date.now(),
): Promise<Result<WrittenBackup, string>> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.partial`;
  let isOurs = false;
  try {
    const obstacle = await obstacleAt(path);
    if (obstacle !== undefined) return err(`cannot write the backup ${path}: ${obstacle}`);
    const file = await open(temporary, 'wx', 0o600);
    isOurs = true;
    let written: WrittenBackup;
    try {
      written = await writeContent(await store.read(), file, nowMs);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    isOurs = false;
    await syncFolder(dirname(path));
    return ok(written);
  } catch (error) {
    return err(`cannot write the backup ${path}: ${messageOf(error)}`);
  } finally {
    if (isOurs) await rm(temporary, { force: true });
  }
}

async function writeContent(content: StoreContent, file: FileHandle, nowMs: number): Promise<WrittenBackup> {
  const writer = new BlockWriter(async (bytes) => {
    await file.appendFile(bytes);
  });
  const counter = new Counter();
  const { generation, nextEvent } = content;
  const createdAt = new Date(nowMs).toISOString();
  writer.add(encodeBackupHeader({ program: programVersion(), createdAt, generation, nextEvent }));
  for (const record of content.records) {
    const { json } = record;
    if (json === undefined || isRequest(record)) continue;
    counter.add(record);
    if (!writer.add(encodeBackupRecord({ ...record, json }))) continue;
    await writer.flush();
    // A leader writes this too: others get their turn between two blocks.
    await nextTurn();
  }
  await writer.end();
  if (counter.result().records === 0) throw new BackupDamaged('the store is empty');
  return { ...counter.result(), bytes: writer.bytes };
}

/** What the next leader was asked to do, this backup among it, must not be asked again of whoever restores it. */
const isRequest = (record: EncodedRecord): boolean => maintenanceRequest([record]) !== undefined;

/** Why the file must not get this name. The API takes names from its callers: they must not be able to destroy other files. */
async function obstacleAt(path: string): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  if (found.isDirectory()) return 'it is a directory';
  if (!found.isFile()) return 'it is not a file';
  const file = await open(path, 'r');
  try {
    const start = Buffer.alloc(recognisedBytes);
    await file.read(start, 0, recognisedBytes, 0);
    return looksLikeBackup(start) ? undefined : 'there is a file of that name that is no backup';
  } finally {
    await file.close();
  }
}

/** Makes the new name durable too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
