/** Compressed pieces that are joined without being compressed again. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, createGunzip, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crcShift, joinedCrc } from '../../../src/api/lists/crc32.ts';
import { gzipOf, lengthOf, maxSyncPackBytes, Piece, pieceOf } from '../../../src/api/lists/piece.ts';

const bytes = fc.uint8Array({ maxLength: 5_000 }).map((array) => Buffer.from(array));

describe('joinedCrc', () => {
  it('is the CRC of the joined bytes', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(joinedCrc(crc32(a), crc32(b), crcShift(b.length))).toBe(crc32(Buffer.concat([a, b])));
      }),
    );
  });

  it('holds for lengths with high bits, and for nothing', () => {
    const a = Buffer.from('abc');
    for (const length of [0, 1, 65_535, 65_536, 16 * 1024 * 1024 + 1]) {
      const b = Buffer.alloc(length, 7);
      expect(joinedCrc(crc32(a), crc32(b), crcShift(length))).toBe(crc32(b, crc32(a)));
    }
    expect(joinedCrc(0, crc32(a), crcShift(3))).toBe(crc32(a));
  });
});

describe('gzipOf', () => {
  it('is one gzip member of the joined pieces, however they are put together', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), fc.array(fc.nat(7), { maxLength: 12 }), (parts, order) => {
        const pieces = parts.map((part) => new Piece(part));
        const chosen = order.flatMap((i) => pieces[i] ?? []);
        const plain = Buffer.concat(chosen.map((piece) => piece.plain));
        const packed = gzipOf(chosen);
        expect(packed).toBeInstanceOf(Buffer);
        expect(gunzipSync(packed as Buffer).equals(plain)).toBe(true);
        // Length and CRC of all stand at the end: a second member would have its own there.
        const trailer = (packed as Buffer).subarray(-8);
        expect([trailer.readUInt32LE(0), trailer.readUInt32LE(4)]).toEqual([crc32(plain), plain.length]);
      }),
    );
  });

  it('compresses a piece once', async () => {
    const pieces = [pieceOf('['), pieceOf('x'.repeat(1_000)), pieceOf(']')];
    await gzipOf(pieces);
    const packed = pieces.map((piece) => piece.packed);
    await gzipOf([...pieces, pieceOf('more')]);
    expect(pieces.map((piece) => piece.packed)).toEqual(packed);
    for (const [i, piece] of pieces.entries()) expect(piece.packed).toBe(packed[i]);
  });

  it('works in the thread pool where there is much to compress', async () => {
    const pieces = Array.from({ length: 40 }, (_, i) => new Piece(Buffer.alloc(maxSyncPackBytes / 32, String(i))));
    const [a, b] = [gzipOf(pieces), gzipOf(pieces)];
    expect(a).toBeInstanceOf(Promise);
    const plain = Buffer.concat(pieces.map((piece) => piece.plain));
    expect(plain).toHaveLength(lengthOf(pieces));
    expect(gunzipSync(await a).equals(plain)).toBe(true);
    expect((await b).equals(await a)).toBe(true);
    expect(gzipOf(pieces)).toBeInstanceOf(Buffer);
  });

  it('is read by other programs, to the last byte', async () => {
    const pieces = Array.from({ length: 30 }, (_, i) => pieceOf(`${i},`.repeat(3_000)));
    const folder = mkdtempSync(join(tmpdir(), 'pieces-'));
    try {
      const file = join(folder, 'body.gz');
      writeFileSync(file, await gzipOf(pieces));
      const plain = Buffer.concat(pieces.map((piece) => piece.plain));
      const gunzip = execFileSync('gzip', ['-dc', file], { maxBuffer: 1e8 });
      const python = execFileSync(
        'python3',
        ['-c', 'import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())', file],
        { maxBuffer: 1e8 },
      );
      expect([gunzip.equals(plain), python.equals(plain)]).toEqual([true, true]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('streams: every reader can open what has come so far', async () => {
    const pieces = [pieceOf('a'.repeat(100_000)), pieceOf('b'.repeat(100_000))];
    const packed = await gzipOf(pieces);
    const gunzip = createGunzip();
    const seen: Buffer[] = [];
    gunzip.on('data', (chunk: Buffer) => seen.push(chunk));
    gunzip.write(packed.subarray(0, 10 + (pieces[0]?.packed?.length ?? 0)));
    await new Promise<void>((resolve) => gunzip.flush(() => resolve()));
    expect(Buffer.concat(seen).toString()).toBe('a'.repeat(100_000));
    gunzip.destroy();
  });
});
