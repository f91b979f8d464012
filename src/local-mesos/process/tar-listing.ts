/** Lists a tar archive: ustar, GNU long names and pax headers (POSIX.1-2017, pax Interchange Format). */
import type { Readable } from 'node:stream';
import { err, ok, type Result } from '../../core/result.ts';
import { type ArchiveEntry, maxArchiveEntries } from './archive-entries.ts';

const blockBytes = 512;
/** Long names and pax headers beyond this are no longer names. */
const maxMetaBytes = 1024 * 1024;

/** Overrides that one or more header entries set for the entry that follows them. */
interface Overrides {
  path?: string;
  target?: string;
  bytes?: number;
}

/**
 * Reads the whole stream and returns its entries, or why it is not a tar archive that can be trusted. Stops early once the
 * contents exceed `stopAfterBytes`, so that a small bomb does not keep us busy; the entries then say that it is too large.
 */
export async function listTar(
  stream: Readable,
  stopAfterBytes: number,
): Promise<Result<readonly ArchiveEntry[], string>> {
  const entries: ArchiveEntry[] = [];
  const input = blocksOf(stream);
  let overrides: Overrides = {};
  let total = 0;
  for (;;) {
    const header = await input.take(blockBytes);
    if (header === undefined) break;
    if (isZero(header)) {
      // Programs differ in whether they read on after a single empty block, so there must be nothing to read.
      const next = await input.take(blockBytes);
      if (next !== undefined && !isZero(next)) return err('it goes on after its end');
      break;
    }
    if (!checksumHolds(header)) return err('it is not a tar archive, or damaged');
    const type = String.fromCharCode(header[156] ?? 0);
    const bytes = numberAt(header, 124, 12);
    if (bytes === undefined) return err('an entry has no size');
    if ('xLKg'.includes(type)) {
      if (bytes > maxMetaBytes) return err('an entry has an oversized name');
      const data = await input.take(padded(bytes));
      if (data === undefined) return err('it ends in the middle');
      // Global headers could rename everything at once; only comments are usual, and only they are let through.
      const complaint = readMeta(type, data.subarray(0, bytes), overrides);
      if (complaint !== undefined) return err(complaint);
      continue;
    }
    const entry = entryOf(header, type, bytes, overrides);
    overrides = {};
    entries.push(entry);
    total += entry.bytes;
    if (entries.length > maxArchiveEntries || total > stopAfterBytes) break;
    if (!(await input.skip(padded(entry.bytes)))) return err('it ends in the middle');
  }
  stream.destroy();
  return ok(entries);
}

function entryOf(header: Buffer, type: string, bytes: number, overrides: Overrides): ArchiveEntry {
  const prefix = header.toString('latin1', 257, 262) === 'ustar' && header[262] === 0 ? textAt(header, 345, 155) : '';
  const name = textAt(header, 0, 100);
  const path = overrides.path ?? (prefix === '' ? name : `${prefix}/${name}`);
  const kind = kindOf(type, path);
  const linked = kind === 'symlink' || kind === 'hardlink';
  const size = overrides.bytes ?? bytes;
  return {
    path,
    // Only files have contents; programs differ in how they read anything else that claims to have some.
    kind: kind !== 'file' && size > 0 ? 'other' : kind,
    target: linked ? (overrides.target ?? textAt(header, 157, 100)) : undefined,
    bytes: size,
  };
}

function kindOf(type: string, path: string): ArchiveEntry['kind'] {
  if (type === '0' || type === '\0' || type === '7') return path.endsWith('/') ? 'directory' : 'file';
  if (type === '1') return 'hardlink';
  if (type === '2') return 'symlink';
  return type === '5' ? 'directory' : 'other';
}

function readMeta(type: string, data: Buffer, overrides: Overrides): string | undefined {
  if (type === 'L') overrides.path = untilNul(data);
  else if (type === 'K') overrides.target = untilNul(data);
  else return readPax(type, data, overrides);
  return undefined;
}

/** Records read `LENGTH KEY=VALUE\n`, where the length counts itself. */
function readPax(type: string, data: Buffer, overrides: Overrides): string | undefined {
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    const equals = data.indexOf(0x3d, space);
    if (space === -1 || equals === -1 || !Number.isInteger(length) || length <= 0) return 'a pax header is damaged';
    const key = data.toString('utf8', space + 1, equals);
    const value = data.toString('utf8', equals + 1, at + length - 1);
    const renames = key === 'path' || key === 'linkpath' || key === 'size' || key.startsWith('GNU.sparse');
    if (renames && (type === 'g' || key.startsWith('GNU.sparse'))) return `its pax header '${key}' is not supported`;
    if (key === 'path') overrides.path = value;
    if (key === 'linkpath') overrides.target = value;
    if (key === 'size') overrides.bytes = Number(value);
    at += length;
  }
  return undefined;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function checksumHolds(header: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += at >= 148 && at < 156 ? 0x20 : (header[at] ?? 0);
  return sum === numberAt(header, 148, 8);
}

/** Octal digits, or GNU's big-endian binary marked by the highest bit. */
function numberAt(header: Buffer, at: number, length: number): number | undefined {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = field.readUIntBE(length - 6, 6);
    return field.subarray(1, length - 6).every((byte) => byte === 0) ? value : undefined;
  }
  const text = untilNul(field).trim();
  return /^[0-7]*$/.test(text) ? Number.parseInt(text === '' ? '0' : text, 8) : undefined;
}

function textAt(header: Buffer, at: number, length: number): string {
  return untilNul(header.subarray(at, at + length));
}

function untilNul(data: Buffer): string {
  const end = data.indexOf(0);
  return data.toString('utf8', 0, end === -1 ? undefined : end);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}

/** Takes or skips exact numbers of bytes from a stream of arbitrary chunks. */
function blocksOf(stream: Readable): {
  take: (bytes: number) => Promise<Buffer | undefined>;
  skip: (bytes: number) => Promise<boolean>;
} {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const next = await chunks.next();
    if (next.done === true) return false;
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
    return true;
  };
  return {
    take: async (bytes) => {
      while (rest.length < bytes) if (!(await more())) return undefined;
      const taken = rest.subarray(0, bytes);
      rest = rest.subarray(bytes);
      return taken;
    },
    skip: async (bytes) => {
      let left = bytes;
      for (;;) {
        const here = Math.min(left, rest.length);
        rest = rest.subarray(here);
        left -= here;
        if (left === 0) return true;
        if (!(await more())) return false;
      }
    },
  };
}
