/** Backup files for tests: made from records, or by hand from lines. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalStore } from '../../src/actors/ports.ts';
import { BlockWriter } from '../../src/backup/blocks.ts';
import { loadBackup } from '../../src/backup/load.ts';
import { writeBackup } from '../../src/backup/write.ts';
import { encodeBackupHeader } from '../../src/core/journal/backup-lines.ts';
import type { EncodedRecord } from '../../src/core/journal/batch.ts';

/** What `writeBackup` asks of a store. */
export const sourceOf = (records: Iterable<EncodedRecord>): Pick<JournalStore, 'read'> => ({
  read: async () => ({ generation: 'g-1', nextEvent: 17, records }),
});

/** A backup of these records; the path of the file. */
export async function backupOf(folder: string, records: Iterable<EncodedRecord>): Promise<string> {
  const path = join(folder, `${randomUUID()}.backup`);
  const written = await writeBackup(sourceOf(records), path, 0);
  if (!written.ok) throw new Error(written.error);
  return path;
}

export const header = encodeBackupHeader({ program: '9.9.9', createdAt: 'then', generation: 'g', nextEvent: 1 });

/** A file with these lines, with a sound container around them. */
export async function fileOfLines(folder: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, `${randomUUID()}.backup`);
  const parts: Buffer[] = [];
  const writer = new BlockWriter(async (bytes) => {
    parts.push(bytes);
  });
  for (const line of lines) writer.add(line);
  await writer.end();
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** The records of a file, or the line that says why not. */
export async function recordsIn(path: string, limits?: { readonly maxLineBytes: number }) {
  const loaded = await loadBackup(path, limits);
  if (!loaded.ok) return loaded.error;
  try {
    return [...loaded.value.content.records];
  } finally {
    loaded.value.close();
  }
}
