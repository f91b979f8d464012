/** Parts of a body that outlive a state version: bytes, and the same bytes compressed so that they can be joined without being compressed again. */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib';
import { crcShift, joinedCrc } from './crc32.ts';

/** Above so many bytes to compress, they are compressed in the thread pool. */
export const maxSyncPackBytes = 5 * 1024 * 1024;
/** Pieces of one body that are compressed at a time; the pool has other customers. */
const packers = 2;

/**
 * A full flush ends the bytes at a byte boundary and forgets the window: whatever comes next refers to nothing before it, so pieces can
 * change their neighbours.
 */
const options = { level: 2, finishFlush: constants.Z_FULL_FLUSH };
const packLater = promisify(deflateRaw);

/** Immutable. */
export class Piece {
  readonly plain: Buffer;
  #packed: Buffer | undefined;
  #packing: Promise<Buffer> | undefined;
  #crc: number | undefined;
  #shift: number | undefined;

  constructor(plain: Buffer) {
    this.plain = plain;
  }

  /** Raw deflate blocks, none of them the last one; undefined until they were asked for. */
  get packed(): Buffer | undefined {
    return this.#packed;
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.plain.length + (this.#packed?.length ?? 0);
  }

  get crc(): number {
    this.#crc ??= crc32(this.plain);
    return this.#crc;
  }

  /** What its length does to the CRC of what stands before it. */
  get shift(): number {
    this.#shift ??= crcShift(this.plain.length);
    return this.#shift;
  }

  pack(): Buffer {
    this.#packed ??= deflateRawSync(this.plain, options);
    return this.#packed;
  }

  /** The same in the thread pool; once, however many ask. */
  async packLater(): Promise<void> {
    if (this.#packed !== undefined) return;
    this.#packing ??= packLater(this.plain, options);
    try {
      this.#packed = await this.#packing;
    } finally {
      this.#packing = undefined;
    }
  }
}

/** A piece of constant text. */
export const pieceOf = (text: string): Piece => new Piece(Buffer.from(text));

/** Bytes of the joined pieces. */
export const lengthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { plain }) => sum + plain.length, 0);

/** No name, no time, no hint of the level, unknown system (RFC 1952 §2.3). */
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** The last block: fixed codes, and nothing but their end. */
const lastBlock = Buffer.from([0x03, 0x00]);

/**
 * The pieces as one gzip member, for readers stop behind the first one. What was compressed before is copied; only new pieces are
 * compressed, and in the thread pool if they are many.
 */
export function gzipOf(pieces: readonly Piece[]): Buffer | Promise<Buffer> {
  const missing = pieces.filter(({ packed }) => packed === undefined);
  if (lengthOf(missing) <= maxSyncPackBytes) return joined(pieces);
  const rest = missing.values();
  const work = async (): Promise<void> => {
    for (const piece of rest) await piece.packLater();
  };
  return Promise.all(Array.from({ length: packers }, work)).then(() => joined(pieces));
}

function joined(pieces: readonly Piece[]): Buffer {
  const parts: Buffer[] = [gzipHeader];
  let crc = 0;
  let length = 0;
  for (const piece of pieces) {
    parts.push(piece.pack());
    crc = joinedCrc(crc, piece.crc, piece.shift);
    length += piece.plain.length;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  parts.push(lastBlock, trailer);
  return Buffer.concat(parts);
}
