/** Reads a backup: once completely to see that all of it is sound, and then again, record by record, for the store. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BackupHeader, decodeBackupHeader, decodeBackupRecord } from '../core/journal/backup-lines.ts';
import type { EncodedRecord, StoreContent } from '../core/journal/batch.ts';
import { unreadableFormat } from '../core/journal/formats.ts';
import { asWritten } from '../core/journal/migrations.ts';
import type { Result } from '../core/result.ts';
import { err, ok } from '../core/result.ts';
import { BackupDamaged, type BlockReading, type ReadBytes, readLines } from './blocks.ts';
import { type Census, Counter } from './census.ts';
import { messageOf } from './messages.ts';

export interface LoadedBackup {
  readonly header: BackupHeader;
  readonly census: Census;
  /**
   * For `JournalStore.replace`: records in the formats that this version writes, read from the file whenever they are iterated.
   * Throws midway if the file is no longer what was checked.
   */
  readonly content: StoreContent;
  /** Gives the file up; the content cannot be read any more. */
  readonly close: () => void;
}

/**
 * Checks the whole file before anything is made of it. The error is one line: no such file, not a backup, damaged at any byte, of
 * a newer format. The caller must `close` it.
 */
export async function loadBackup(path: string, limits: BlockReading = {}): Promise<Result<LoadedBackup, string>> {
  let file: number | undefined;
  try {
    // Opening a pipe must not wait for somebody who writes to it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(file).isFile()) throw new BackupDamaged('it is not a file');
    const read = reader(file);
    const { header, census, sha256 } = await check(read, limits);
    const opened = file;
    file = undefined;
    const records = { [Symbol.iterator]: () => recordsOf(read, { ...limits, expectedSha256: sha256 }) };
    const { generation, nextEvent } = header;
    return ok({
      header,
      census,
      content: { generation, nextEvent, records },
      close: () => closeSync(opened),
    });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : messageOf(error);
    return err(`cannot use the backup ${path}: ${reason}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const reader =
  (file: number): ReadBytes =>
  (position, length) => {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(file, buffer, filled, length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  };

interface Checked {
  readonly header: BackupHeader;
  readonly census: Census;
  readonly sha256: string;
}

/** The first reading. Holds the keys of all records, one block of text, and nothing else. */
async function check(read: ReadBytes, limits: BlockReading): Promise<Checked> {
  const blocks = readLines(read, limits);
  const checker = new Checker();
  for (let next = blocks.next(); ; next = blocks.next()) {
    if (next.done) return { ...checker.result(), sha256: next.value };
    for (const line of next.value) checker.add(line);
    await nextTurn();
  }
}

class Checker {
  readonly #counter = new Counter();
  readonly #keys = new Map<string, Set<string>>();
  #header: BackupHeader | undefined;

  add(line: string): void {
    if (this.#header === undefined) {
      this.#header = decoded(decodeBackupHeader(line));
      return;
    }
    const record = decoded(decodeBackupRecord(line));
    const { kind, key, format } = record;
    const keys = this.#keys.get(kind) ?? this.#newKind(kind);
    if (keys.has(key)) throw new BackupDamaged(`it has the ${kind} record ${JSON.stringify(key)} twice`);
    keys.add(key);
    const unreadable = unreadableFormat({ [kind]: format });
    if (unreadable !== undefined)
      throw new BackupDamaged(`version ${this.#header.program} wrote it: ${unreadable.replace('the store', 'it')}`);
    asWritten(record);
    this.#counter.add(record);
  }

  result(): Omit<Checked, 'sha256'> {
    if (this.#header === undefined) throw new BackupDamaged('it is empty');
    return { header: this.#header, census: this.#counter.result() };
  }

  #newKind(kind: string): Set<string> {
    const keys = new Set<string>();
    this.#keys.set(kind, keys);
    return keys;
  }
}

/** The second reading. */
function* recordsOf(read: ReadBytes, reading: BlockReading): Generator<EncodedRecord> {
  let isHeader = true;
  for (const lines of readLines(read, reading)) {
    for (const line of lines) {
      if (!isHeader) yield asWritten(decoded(decodeBackupRecord(line)));
      isHeader = false;
    }
  }
}

function decoded<T>(result: Result<T, string>): T {
  if (!result.ok) throw new BackupDamaged(result.error);
  return result.value;
}
