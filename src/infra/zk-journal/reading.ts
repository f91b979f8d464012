/** Reading what is stored: chunks, and the journal up to its end. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch } from '../../core/journal/batch.ts';
import { StoreAway } from '../../core/journal/store-errors.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZooKeeperSession } from '../zookeeper/session.ts';
import { type Codec, expand, recordsOf } from './blocks.ts';
import { type BatchHeader, decodeBatch, decodeHeader, eventBytesOf } from './entry.ts';
import { Image } from './image.ts';
import { chunkPath, entryPath, manifestPath, snapshotPath } from './layout.ts';
import { type ChunkRef, decodeManifest, type Manifest } from './manifest.ts';

/** Reads that are under way at once: while loading, and while following (design §5.8). */
export const loadWindow = 32;
export const followWindow = 8;
/** A snapshot that is replaced under the reader again and again. */
export const maxLoadTries = 20;
const groupBytes = 4 * 1024 * 1024;
const groupBatches = 64;
/** Other work of this thread gets its turn between two slices of this many records. */
const loadSlice = 2_000;

/** Rejects with `StoreUnusable` if this version cannot read it. */
export async function readManifest(session: ZooKeeperSession): Promise<Manifest> {
  return decodeManifest((await session.get(manifestPath)).data);
}

/** The text of a chunk. Rejects with `NO_NODE` if it has been swept away. The first byte says how it is compressed. */
export async function readChunk(session: ZooKeeperSession, folder: string, { id, parts }: ChunkRef): Promise<Buffer> {
  const paths = Array.from({ length: parts }, (_, part) => chunkPath(folder, id, part));
  const pieces = await inWindow(paths, followWindow, async (path) => (await session.get(path)).data);
  const whole = Buffer.concat(pieces);
  const codec: Codec = whole[0] === 0 ? 'raw' : 'deflate';
  return expand({ codec, bytes: whole.subarray(1) });
}

/** The snapshot alone; the journal behind it is for `catchUp`. */
export async function loadSnapshot(session: ZooKeeperSession): Promise<Image> {
  for (let tries = 0; tries < maxLoadTries; tries++) {
    const image = new Image(await readManifest(session));
    try {
      // Few at once: each may be a megabyte of text.
      for (const chunk of image.manifest.records) {
        let count = 0;
        for (const record of recordsOf((await readChunk(session, snapshotPath, chunk)).toString())) {
          image.put(record);
          if (++count % loadSlice === 0) await nextTurn();
        }
      }
      return image;
    } catch (error) {
      // A newer snapshot stands in its place (design §5.7).
      if (!isZkError(error, 'NO_NODE')) throw error;
    }
  }
  throw new StoreAway('the snapshot is replaced faster than it can be read');
}

/**
 * Reads entries until there is none. `end`: everything that was there when it was called has been applied. `reload`: the journal no
 * longer continues this image. Calls `onBatch` for each batch.
 */
export async function catchUp(
  session: ZooKeeperSession,
  image: Image,
  window: number,
  onBatch: (batch: Batch) => void,
): Promise<'end' | 'reload'> {
  let hole = 0;
  for (;;) {
    const from = image.nextEntry;
    const entries = Array.from({ length: window }, (_, i) => from + i);
    const found = await inWindow(entries, window, (entry) => readEntry(session, entry));
    for (const data of found) {
      if (data === undefined) break;
      if ((await applyEntry(image, data, onBatch)) === 'reload') return 'reload';
    }
    const { nextEntry } = image;
    if (nextEntry >= from + window || found[nextEntry - from] !== undefined) continue;
    if (found.slice(nextEntry - from).every((data) => data === undefined)) return 'end';
    // A later one was there already: this one came just after it was asked for, and is there now; or it has been swept away.
    if (hole === nextEntry) return 'reload';
    hole = nextEntry;
  }
}

async function readEntry(session: ZooKeeperSession, entry: number): Promise<Buffer | undefined> {
  try {
    return (await session.get(entryPath(entry))).data;
  } catch (error) {
    if (isZkError(error, 'NO_NODE')) return undefined;
    throw error;
  }
}

async function applyEntry(image: Image, data: Buffer, onBatch: (batch: Batch) => void): Promise<'applied' | 'reload'> {
  const header = decodeHeader(data);
  if (header.type !== 'batch') {
    if (header.type === 'restart') return 'reload';
    image.parts = [];
    image.nextEntry++;
    return 'applied';
  }
  // Parts of a batch that was never finished have no successor but a discard; a stranger's are not joined to them.
  const before = image.parts.filter((part) => part.header.id === header.id);
  const parts = [...before, { header, data }];
  if (header.part < header.parts) {
    image.parts = parts;
    image.nextEntry++;
    return 'applied';
  }
  // Nothing changes before the batch is decoded: what cannot be read must not be passed over by the next try.
  const batch = await decodeBatch(
    header,
    parts.map((part) => part.data),
  );
  const bytes = parts.reduce((sum, part) => sum + part.data.length, 0);
  image.parts = [];
  image.nextEntry++;
  image.apply(batch, { entry: image.nextEntry - header.parts, parts: header.parts, bytes, atMs: header.atMs });
  onBatch(batch);
  return 'applied';
}

/** The lines of the events of one batch that lies in the journal. */
export async function readEventBytes(
  session: ZooKeeperSession,
  at: { readonly entry: number; readonly parts: number },
): Promise<Buffer> {
  const paths = Array.from({ length: at.parts }, (_, i) => entryPath(at.entry + i));
  const parts = await inWindow(paths, followWindow, async (path) => (await session.get(path)).data);
  return eventBytesOf(decodeHeader(parts[0] as Buffer) as BatchHeader, parts);
}

/** Batches in groups that may be read at once without filling the memory. */
export function* groupsOf<T extends { readonly bytes: number }>(batches: readonly T[]): Generator<readonly T[]> {
  let group: T[] = [];
  let bytes = 0;
  for (const batch of batches) {
    if (group.length > 0 && (bytes + batch.bytes > groupBytes || group.length >= groupBatches)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(batch);
    bytes += batch.bytes;
  }
  if (group.length > 0) yield group;
}

/** Results in order, with at most `window` under way. */
export async function inWindow<T, R>(
  items: readonly T[],
  window: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, items.length) }, worker));
  return results;
}
