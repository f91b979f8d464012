/**
 * The container of a backup file: a gzip file (`zcat` shows the lines) of many members, each at most 256 KB of text, whose headers
 * say how long they are, so that it is written and read block by block. The last member holds the number of lines and the
 * SHA-256 of all bytes before it; it is not compressed, hence the same for every zlib, and compared byte by byte. So no byte can
 * be changed, added or left out unnoticed.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, deflateRaw, gunzipSync } from 'node:zlib';

/** A file that is not, or no longer, a backup. The message goes behind the name of the file. */
export class BackupDamaged extends Error {
  readonly code = 'BACKUP_DAMAGED';
}

/** Bytes of text in one block. */
export const blockBytes = 262_144;
/** Deflate makes nothing longer by more than this. */
const maxMemberBytes = blockBytes + 4_096;
/** Longer than any record that a store takes, shorter than the longest string there can be. */
export const maxLineBytes = 256 * 1_048_576;

/** gzip, deflate, with an extra field, no time, unknown system; the extra field has one subfield of 5 bytes: type and length. */
const prefix = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 9, 0, 0x55, 0x4d, 5, 0]);
const headerBytes = prefix.length + 5;
const footerBytes = 8;
type MemberType = 'data' | 'end';
const typeCodes: Readonly<Record<MemberType, number>> = { data: 0x44, end: 0x45 };

const compress = promisify(deflateRaw);
/** JSON shrinks to a tenth already; more effort takes three times as long for a fifth less. */
const level = 3;

/** True if the file begins as a backup does: for telling whether it may be replaced by a new one. */
export const looksLikeBackup = (start: Buffer): boolean => start.subarray(0, prefix.length).equals(prefix);

/** How many bytes of a file `looksLikeBackup` needs. */
export const recognisedBytes = prefix.length;

/** Where the members go. */
export type WriteBytes = (bytes: Buffer) => Promise<void>;

/** Turns lines into members. Compression runs in zlib's threads; nothing but the present block is held. */
export class BlockWriter {
  readonly #write: WriteBytes;
  readonly #hash = createHash('sha256');
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lines = 0;
  #bytes = 0;

  constructor(write: WriteBytes) {
    this.#write = write;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True once there is enough for a block: time to `flush`. */
  add(line: string): boolean {
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > maxLineBytes) throw new BackupDamaged(`a record of ${bytes.length} bytes is too large`);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#lines++;
    return this.#waitingBytes >= blockBytes;
  }

  /** Writes everything that waits. */
  async flush(): Promise<void> {
    const all = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (let from = 0; from < all.length; from += blockBytes) {
      const text = all.subarray(from, from + blockBytes);
      await this.#put(member('data', text, await compress(text, { level })));
    }
  }

  /** Writes the rest and the end. */
  async end(): Promise<void> {
    await this.flush();
    await this.#put(endMember(this.#lines, this.#hash.copy().digest('hex')));
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#write(bytes);
  }
}

function member(type: MemberType, text: Buffer, deflated: Buffer): Buffer {
  const result = Buffer.alloc(headerBytes + deflated.length + footerBytes);
  prefix.copy(result);
  result.writeUInt8(typeCodes[type], prefix.length);
  result.writeUInt32LE(result.length, prefix.length + 1);
  deflated.copy(result, headerBytes);
  result.writeUInt32LE(crc32(text), result.length - footerBytes);
  result.writeUInt32LE(text.length, result.length - 4);
  return result;
}

/** One stored deflate block (RFC 1951 §3.2.4). */
function endMember(lines: number, sha256: string): Buffer {
  const text = Buffer.from(`${JSON.stringify({ lines, sha256 })}\n`);
  const stored = Buffer.alloc(5 + text.length);
  stored.writeUInt8(1, 0);
  stored.writeUInt16LE(text.length, 1);
  stored.writeUInt16LE(~text.length & 0xffff, 3);
  text.copy(stored, 5);
  return member('end', text, stored);
}

/** Reads `length` bytes at `position`; fewer at the end of the file. */
export type ReadBytes = (position: number, length: number) => Buffer;

export interface BlockReading {
  /** Largest line that is accepted. */
  readonly maxLineBytes?: number;
  /** Digest that the file must have, if it was read before. */
  readonly expectedSha256?: string;
}

/**
 * The lines of a file, block by block; returns the digest. What was yielded is to be trusted only once the generator has ended:
 * the end of the file vouches for all of it. Throws `BackupDamaged`.
 */
export function* readLines(read: ReadBytes, options: BlockReading = {}): Generator<readonly string[], string> {
  const hash = createHash('sha256');
  const splitter = new LineSplitter(options.maxLineBytes ?? maxLineBytes);
  let position = 0;
  for (;;) {
    const { type, bytes } = nextMember(read, position);
    if (type === 'end') {
      const digest = hash.digest('hex');
      const expected = endMember(splitter.lines, digest);
      const rest = read(position, expected.length + 1);
      if (rest.length < expected.length) throw new BackupDamaged('it is cut off');
      if (!rest.equals(expected) || splitter.hasRest) throw new BackupDamaged('it is damaged: the checksum is wrong');
      if (options.expectedSha256 !== undefined && options.expectedSha256 !== digest)
        throw new BackupDamaged('it was changed while it was being read');
      return digest;
    }
    hash.update(bytes);
    yield splitter.add(inflate(bytes));
    position += bytes.length;
  }
}

function nextMember(read: ReadBytes, position: number): { readonly type: MemberType; readonly bytes: Buffer } {
  const header = read(position, headerBytes);
  const start = header.subarray(0, prefix.length);
  if (!start.equals(prefix.subarray(0, start.length)))
    throw new BackupDamaged(position === 0 ? 'it is not a backup' : 'it is damaged: a block begins wrongly');
  if (header.length < headerBytes)
    throw new BackupDamaged(header.length === 0 && position === 0 ? 'it is empty' : 'it is cut off');
  const code = header.readUInt8(prefix.length);
  const length = header.readUInt32LE(prefix.length + 1);
  if (code === typeCodes.end) return { type: 'end', bytes: header };
  if (code !== typeCodes.data || length <= headerBytes + footerBytes || length > maxMemberBytes)
    throw new BackupDamaged('it is damaged: a block has an impossible length');
  const bytes = read(position, length);
  if (bytes.length < length) throw new BackupDamaged('it is cut off');
  return { type: 'data', bytes };
}

function inflate(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: blockBytes });
  } catch {
    throw new BackupDamaged('it is damaged: a block cannot be unpacked');
  }
}

/** Puts lines together that go on from one block to the next. */
class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #rest: Buffer[] = [];
  #restBytes = 0;
  #lines = 0;

  constructor(maxLine: number) {
    this.#maxLineBytes = maxLine;
  }

  get lines(): number {
    return this.#lines;
  }

  get hasRest(): boolean {
    return this.#restBytes > 0;
  }

  add(block: Buffer): readonly string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = block.indexOf(10); end >= 0; end = block.indexOf(10, from)) {
      this.#keep(block.subarray(from, end));
      lines.push(this.#take());
      from = end + 1;
    }
    if (from < block.length) this.#keep(block.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes > this.#maxLineBytes)
      throw new BackupDamaged(`it has a line of more than ${this.#maxLineBytes} bytes`);
  }

  #take(): string {
    const [only] = this.#rest;
    const bytes = this.#rest.length === 1 && only !== undefined ? only : Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    this.#lines++;
    try {
      return this.#decoder.decode(bytes);
    } catch {
      throw new BackupDamaged('it is damaged: a line is no UTF-8');
    }
  }
}
