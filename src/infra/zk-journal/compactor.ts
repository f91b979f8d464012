/**
 * Keeps the journal short while this server leads (design §5.7): now and then everything is written as a snapshot, the manifest is
 * swapped under the fence, and what nobody needs any more is swept away a while later.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Ids, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import { type EventRetention, isExpired } from '../../core/journal/retention.ts';
import { StoreAway } from '../../core/journal/store-errors.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZkOperation, ZkVersion, ZooKeeperSession } from '../zookeeper/session.ts';
import { compress, recordLine } from './blocks.ts';
import type { Image, TailBatch } from './image.ts';
import { chunkPath, cut, epochPath, eventsPath, manifestPath, snapshotPath } from './layout.ts';
import type { JournalLimits } from './limits.ts';
import { type ChunkRef, decodeManifest, encodeManifest, type Manifest } from './manifest.ts';
import { followWindow, groupsOf, inWindow, readChunk, readEventBytes, readManifest } from './reading.ts';
import type { DataSessions } from './sessions.ts';
import { Sweeper } from './sweeper.ts';

/** Text of one chunk before compression. */
const chunkChars = 1_000_000;
/** Other work gets its turn after so long. */
const sliceMs = 4;
/** The last chunk of events is written anew with what comes behind it until it has so many: the manifest names each of them. */
const smallChunkEvents = 1_000;

export interface CompactorOptions {
  readonly epoch: number;
  readonly image: Image;
  readonly sessions: DataSessions;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly retention: EventRetention;
  readonly limits: JournalLimits;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #sweeper: Sweeper;
  #running: Promise<void> | undefined;
  #endedMs = Number.NEGATIVE_INFINITY;
  #retry: TimerHandle | undefined;
  #isOver = false;
  /** Chunks of the snapshot that is being written. */
  #written: string[] = [];

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#sweeper = new Sweeper(options);
  }

  /** Begins a snapshot if one is due; costs nothing if not. */
  lookWhetherDue(): void {
    const { image, clock, limits } = this.#options;
    if (this.#running || this.#isOver) return;
    if (image.tailBytes < limits.dueBytes && image.tail.length < limits.dueBatches) return;
    const restMs = this.#endedMs + limits.minPauseMs - clock.monotonic();
    if (restMs <= 0 || image.tailBytes >= limits.urgentBytes) {
      this.#retry?.cancel();
      this.#retry = undefined;
      this.compactNow().catch(() => {
        // Logged where it failed; the next batch, or the next minute, asks again.
      });
    } else {
      this.#retry ??= clock.after(restMs, () => {
        this.#retry = undefined;
        this.lookWhetherDue();
      });
    }
  }

  /** Forgets expired events, and sees to a snapshot and the sweeping if they are due. */
  async compact(): Promise<void> {
    const { image, clock, retention, metrics } = this.#options;
    const first = oldestKept(image, clock.now(), retention);
    metrics.count('journal.events.dropped', first - image.firstEvent);
    image.firstEvent = first;
    this.lookWhetherDue();
    await this.#running;
    await this.#sweeper.sweep();
  }

  /** Writes a snapshot now. Rejects if it could not be written; the old one stays. */
  compactNow(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#endedMs = this.#options.clock.monotonic();
    });
    return this.#running;
  }

  /** Nothing new is begun. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#retry?.cancel();
    // Logged where it failed.
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { image, clock, logger, metrics, sessions } = this.#options;
    const startedMs = clock.monotonic();
    this.#written = [];
    try {
      const session = await sessions.get();
      const version = await this.#agree(session);
      const before = image.manifest;
      // Everything before this entry has been applied; what comes meanwhile may be in the snapshot or not.
      const start = pick(image);
      const tail = image.tail.filter((batch) => batch.entry < start.entry);
      const records = await this.#writeRecords(session);
      const events = await this.#writeEvents(session, before, tail);
      const manifest: Manifest = { ...start, firstEvent: image.firstEvent, records, events };
      this.#written = [];
      await this.#swap(session, manifest, version);
      image.rest(manifest);
      this.#sweeper.retire(before, manifest);
      metrics.count('journal.compactions');
      metrics.time('journal.compact', clock.monotonic() - startedMs);
      logger.info('journal.compacted', {
        entry: manifest.entry,
        records: image.size,
        chunks: records.length + events.length,
        durationMs: Math.round(clock.monotonic() - startedMs),
      });
    } catch (error) {
      // Nothing of them was ever offered to the manifest.
      this.#sweeper.forsake(this.#written);
      if (!this.#isOver)
        logger.warn('journal.compact-failed', { reason: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  /**
   * The version of the manifest in ZooKeeper. If that is another one than we know, then the answer to our last swap was lost, and it was
   * done all the same.
   */
  async #agree(session: ZooKeeperSession): Promise<ZkVersion> {
    const { image } = this.#options;
    const { data, stat } = await session.get(manifestPath);
    const found = decodeManifest(data);
    const isNewer = found.generation === image.generation && found.entry > image.manifest.entry;
    if (isNewer && found.entry <= image.nextEntry) {
      this.#sweeper.retire(image.manifest, found);
      image.rest(found);
    }
    return stat.version === 0 ? 'any' : stat.version;
  }

  async #writeRecords(session: ZooKeeperSession): Promise<readonly ChunkRef[]> {
    const { clock, image, metrics } = this.#options;
    const chunks: ChunkRef[] = [];
    let lines: string[] = [];
    let chars = 0;
    let sliceFromMs = clock.monotonic();
    const endSlice = (): void => metrics.time('journal.compact.slice', clock.monotonic() - sliceFromMs);
    for (const record of image.records()) {
      const line = recordLine(record);
      lines.push(line);
      chars += line.length;
      if (chars >= chunkChars) {
        const text = lines.join('');
        lines = [];
        chars = 0;
        endSlice();
        chunks.push(await this.#writeChunk(session, snapshotPath, text));
        sliceFromMs = clock.monotonic();
      } else if (clock.monotonic() - sliceFromMs >= sliceMs) {
        endSlice();
        await nextTurn();
        sliceFromMs = clock.monotonic();
      }
    }
    endSlice();
    if (lines.length > 0) chunks.push(await this.#writeChunk(session, snapshotPath, lines.join('')));
    return chunks;
  }

  /** Moves the events of these batches into chunks behind those that are kept. */
  async #writeEvents(
    session: ZooKeeperSession,
    before: Manifest,
    tail: readonly TailBatch[],
  ): Promise<Manifest['events']> {
    const { firstEvent } = this.#options.image;
    const chunks = before.events.filter((chunk) => chunk.first + chunk.count > firstEvent);
    const wanted = tail.filter((batch) => batch.count > 0 && batch.first + batch.count > firstEvent);
    let pieces: Buffer[] = [];
    let size = 0;
    let part = { first: 0, count: 0, atMs: 0 };
    const last = chunks.at(-1);
    if (last !== undefined && last.parts === 1 && last.count < smallChunkEvents && wanted.length > 0) {
      chunks.pop();
      const { first, count, atMs } = last;
      pieces.push(await readChunk(session, eventsPath, last));
      part = { first, count, atMs };
    }
    const flush = async (): Promise<void> => {
      if (part.count > 0)
        chunks.push({ ...(await this.#writeChunk(session, eventsPath, Buffer.concat(pieces))), ...part });
      pieces = [];
      size = 0;
      part = { first: 0, count: 0, atMs: 0 };
    };
    for (const group of groupsOf(wanted)) {
      const texts = await inWindow(group, followWindow, (batch) => readEventBytes(session, batch));
      for (const [i, { first, count, atMs }] of group.entries()) {
        const bytes = texts[i] as Buffer;
        pieces.push(bytes);
        size += bytes.length;
        part = { first: part.count === 0 ? first : part.first, count: part.count + count, atMs };
        if (size >= chunkChars) await flush();
      }
    }
    await flush();
    return chunks;
  }

  async #writeChunk(session: ZooKeeperSession, folder: string, text: string | Buffer): Promise<ChunkRef> {
    if (this.#isOver) throw new StoreAway('this server no longer leads');
    const id = this.#options.ids.uuid();
    this.#sweeper.spare(id);
    this.#written.push(id);
    return writeChunk(session, folder, id, text, [{ type: 'check', path: epochPath, version: this.#options.epoch }]);
  }

  /** Only in the place of the manifest that was there at the start: a swap that comes late must not bring an older snapshot back. */
  async #swap(session: ZooKeeperSession, manifest: Manifest, version: ZkVersion): Promise<void> {
    const data = encodeManifest(manifest);
    try {
      await session.multi([
        { type: 'check', path: epochPath, version: this.#options.epoch },
        { type: 'setData', path: manifestPath, data, version },
      ]);
    } catch (error) {
      // Its answer may be lost; nobody else writes it under this epoch.
      if (!isZkError(error, 'CONNECTION_LOSS', 'SESSION_ENDED', 'TIMEOUT')) throw error;
      const found = await readManifest(await this.#options.sessions.get());
      if (found.entry !== manifest.entry || JSON.stringify(found) !== JSON.stringify(manifest)) throw error;
    }
  }
}

/** Writes text as one chunk, each node together with these checks. */
export async function writeChunk(
  session: ZooKeeperSession,
  folder: string,
  id: string,
  text: string | Buffer,
  checks: readonly ZkOperation[],
): Promise<ChunkRef> {
  const { codec, bytes } = await compress(text);
  const parts = cut(Buffer.concat([Buffer.from([codec === 'raw' ? 0 : 1]), bytes]));
  for (const [part, data] of parts.entries()) {
    await session.multi([...checks, { type: 'create', path: chunkPath(folder, id, part), data }]);
  }
  return { id, parts: parts.length };
}

const pick = ({ generation, formats, nextEntry, nextBatch, nextEvent }: Image) => ({
  generation,
  formats,
  entry: nextEntry,
  nextBatch,
  nextEvent,
});

/** The oldest event that retention still keeps; chunks and batches are kept or dropped as a whole. */
function oldestKept(image: Image, nowMs: number, retention: EventRetention): number {
  let first = image.firstEvent;
  for (const chunks of [image.manifest.events, image.tail]) {
    for (const chunk of chunks) {
      if (chunk.count === 0 || chunk.first + chunk.count <= first) continue;
      if (!isExpired(chunk, image.nextEvent, nowMs, retention)) return first;
      first = chunk.first + chunk.count;
    }
  }
  return first;
}
