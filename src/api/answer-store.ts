/** The bodies of one state version, and what they are when compressed. */
import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from 'node:zlib';
import type { FlatHeaders } from './headers.ts';
import { gzipOf, lengthOf, type Piece } from './lists/piece.ts';

/** Answers kept; all of them belong to the newest state version. */
const maxCachedAnswers = 256;
/** Bytes kept, compressed copies included; those of pieces belong to their lists. The newest answer is kept even if it alone is larger. */
const maxCachedBytes = 128 * 1024 * 1024;
/** Above this size compression runs in the thread pool. */
const maxSyncPackBytes = 5 * 1024 * 1024;
const gzipOptions = { level: 2 };
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } };
const gzipLater = promisify(gzip);
const brotliLater = promisify(brotliCompress);

export type Packing = 'gzip' | 'br';

/** What is sent: buffers one after another, and how many bytes they have. */
export interface Bytes {
  readonly buffers: readonly Buffer[];
  readonly length: number;
  /** The same bytes as characters, where it was sent so: Node joins them to the head and writes both at once. */
  text?: string;
}

/** Headers of the answers that an entry can give, made once for each set of standard headers. */
export interface Heads {
  readonly standard: FlatHeaders;
  readonly etag: string;
  readonly plain: readonly string[];
  readonly unchanged: readonly string[];
  readonly packed: Partial<Record<Packing, readonly string[]>>;
}

export interface Entry {
  readonly key: string;
  heads?: Heads;
  /** The URL by which it is found without its key. */
  url?: string;
  readonly plain: Bytes;
  readonly pieces: readonly Piece[] | undefined;
  readonly packed: Partial<Record<Packing, Bytes | Promise<Bytes>>>;
  heldBytes: number;
}

const single = (buffer: Buffer): Bytes => ({ buffers: [buffer], length: buffer.length });

export class AnswerStore {
  readonly #entries = new Map<string, Entry>();
  /** Answers that depend on nothing but state and URL, by URL. */
  readonly #hot = new Map<string, Entry>();
  #version = -1;
  heldBytes = 0;

  get count(): number {
    return this.#entries.size;
  }

  /** Forgets everything if the state has changed. */
  startAt(version: number): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#entries.clear();
    this.#hot.clear();
    this.heldBytes = 0;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** An answer that was kept as one that depends on the URL alone. */
  hot(url: string): Entry | undefined {
    return this.#hot.get(url);
  }

  keepHot(url: string, entry: Entry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    entry.url = url;
    this.#hot.set(url, entry);
  }

  /** Keeps an answer, in the place of the oldest ones where there is none left. */
  add(key: string, body: string | readonly Piece[]): Entry {
    const entry = typeof body === 'string' ? wholeEntry(key, Buffer.from(body)) : piecesEntry(key, body);
    for (const [oldKey, old] of this.#entries) {
      if (this.#entries.size < maxCachedAnswers && this.heldBytes + entry.heldBytes <= maxCachedBytes) break;
      this.#entries.delete(oldKey);
      if (old.url !== undefined) this.#hot.delete(old.url);
      this.heldBytes -= old.heldBytes;
    }
    this.#entries.set(key, entry);
    this.heldBytes += entry.heldBytes;
    return entry;
  }

  /** The compressed body; a promise where there is much to do, the same one for all who ask meanwhile. */
  packed(entry: Entry, packing: Packing): Bytes | Promise<Bytes> {
    const known = entry.packed[packing];
    if (known) return known;
    const made = pack(entry, packing);
    if (!(made instanceof Promise)) return this.#grow(entry, packing, made);
    const later = made.then(
      (buffer) => this.#grow(entry, packing, buffer),
      (error) => {
        delete entry.packed[packing];
        throw error;
      },
    );
    entry.packed[packing] = later;
    return later;
  }

  #grow(entry: Entry, packing: Packing, buffer: Buffer): Bytes {
    const bytes = single(buffer);
    entry.packed[packing] = bytes;
    entry.heldBytes += buffer.length;
    if (this.#entries.get(entry.key) === entry) this.heldBytes += buffer.length;
    return bytes;
  }
}

const wholeEntry = (key: string, body: Buffer): Entry => ({
  key,
  plain: single(body),
  pieces: undefined,
  packed: {},
  heldBytes: body.length,
});

const piecesEntry = (key: string, pieces: readonly Piece[]): Entry => ({
  key,
  plain: { buffers: pieces.map(({ plain }) => plain), length: lengthOf(pieces) },
  pieces,
  packed: {},
  heldBytes: 0,
});

/** Brotli has nothing like gzip's CRC-checked blocks to join, and few readers take it alone: it is made of the whole. */
function pack({ plain, pieces }: Entry, packing: Packing): Buffer | Promise<Buffer> {
  if (packing === 'gzip' && pieces) return gzipOf(pieces);
  const [first = Buffer.alloc(0)] = plain.buffers;
  const body = plain.buffers.length === 1 ? first : Buffer.concat(plain.buffers);
  const isSmall = body.length <= maxSyncPackBytes;
  if (packing === 'gzip') return isSmall ? gzipSync(body, gzipOptions) : gzipLater(body, gzipOptions);
  return isSmall ? brotliCompressSync(body, brotliOptions) : brotliLater(body, brotliOptions);
}
