/** Lists a zip archive by its central directory (PKWARE APPNOTE 6.3, §4.3 and §4.4). */
import { type FileHandle, open } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { err, ok, type Result } from '../../core/result.ts';
import type { ArchiveEntry } from './archive-entries.ts';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const endBytes = 22;
const longestComment = 65_535;
const entryBytes = 46;
const localHeaderBytes = 30;
/** A link's target is a path; what is longer is not read. */
const maxTargetBytes = 4_096;
/** The directory of the largest archive that is accepted, 65,534 entries, with names of a usual length. */
const maxDirectoryBytes = 64 * 1024 * 1024;

/** Returns the entries of the archive, or why it cannot be trusted. */
export async function listZip(path: string): Promise<Result<readonly ArchiveEntry[], string>> {
  const file = await open(path, 'r');
  try {
    const directory = await centralDirectory(file);
    if (!directory.ok) return directory;
    return await entriesOf(file, directory.value);
  } finally {
    await file.close();
  }
}

async function centralDirectory(file: FileHandle): Promise<Result<Buffer, string>> {
  const { size } = await file.stat();
  const tail = await bytesAt(file, Math.max(0, size - endBytes - longestComment), endBytes + longestComment);
  const end = tail.length < endBytes ? -1 : findEnd(tail);
  if (end === -1) return err('it is not a zip archive');
  const length = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (tail.readUInt16LE(end + 10) === 0xffff || offset === 0xffffffff) return err('zip64 archives are not supported');
  if (length > maxDirectoryBytes) return err('its directory is too large');
  const directory = await bytesAt(file, offset, length);
  return directory.length === length ? ok(directory) : err('it is cut off');
}

function findEnd(tail: Buffer): number {
  for (let at = tail.length - endBytes; at >= 0; at--) if (tail.readUInt32LE(at) === endSignature) return at;
  return -1;
}

async function entriesOf(file: FileHandle, directory: Buffer): Promise<Result<readonly ArchiveEntry[], string>> {
  const entries: ArchiveEntry[] = [];
  for (let at = 0; at < directory.length; ) {
    if (at + entryBytes > directory.length || directory.readUInt32LE(at) !== entrySignature)
      return err('it is damaged');
    const nameLength = directory.readUInt16LE(at + 28);
    const path = directory.toString('utf8', at + entryBytes, at + entryBytes + nameLength);
    const bytes = directory.readUInt32LE(at + 24);
    if (bytes === 0xffffffff) return err('zip64 archives are not supported');
    const mode = directory.readUInt32LE(at + 38) >>> 16;
    const kind = kindOf(mode, path);
    const target = kind === 'symlink' ? await targetOf(file, directory, at) : undefined;
    entries.push({ path, kind, target, bytes });
    at += entryBytes + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return ok(entries);
}

/** The upper half of the external attributes is a Unix file mode where the archive was made on Unix, else 0. */
function kindOf(mode: number, path: string): ArchiveEntry['kind'] {
  switch (mode & 0o170000) {
    case 0:
    case 0o100000:
      return path.endsWith('/') ? 'directory' : 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    default:
      return 'other';
  }
}

/** A link's target is stored as its content. What cannot be read is undefined, and such a link is refused. */
async function targetOf(file: FileHandle, directory: Buffer, at: number): Promise<string | undefined> {
  const method = directory.readUInt16LE(at + 10);
  const stored = directory.readUInt32LE(at + 20);
  const offset = directory.readUInt32LE(at + 42);
  if (stored > maxTargetBytes) return undefined;
  const local = await bytesAt(file, offset, localHeaderBytes);
  if (local.length < localHeaderBytes) return undefined;
  const start = offset + localHeaderBytes + local.readUInt16LE(26) + local.readUInt16LE(28);
  const data = await bytesAt(file, start, stored);
  try {
    if (method === 0) return data.toString('utf8');
    return method === 8 ? inflateRawSync(data, { maxOutputLength: maxTargetBytes }).toString('utf8') : undefined;
  } catch {
    // Damaged, or longer than any target.
    return undefined;
  }
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
