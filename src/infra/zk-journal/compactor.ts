/**
 * Keeps the journal short while this server leads (design §5.7): now and then everything is written as a snapshot, the manifest is
 * swapped under the fence, and what nobody needs any more is swept away a while later.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Ids, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import { type EventRetention, isExpired } from '../../core/journal/retention.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZkOperation, ZooKeeperSession } from '../zookeeper/session.ts';
import { compress, recordLine } from './blocks.ts';
import { eventBytesOf } from './entry.ts';
import type { Image, TailBatch } from './image.ts';
import { chunkPath, cut, epochPath, eventsPath, manifestPath, snapshotPath } from './layout.ts';
import { type ChunkRef, encodeManifest, type Manifest } from './manifest.ts';
import { readBatchEntries, readManifest } from './reading.ts';
import type { DataSessions } from './sessions.ts';
import { Sweeper } from './sweeper.ts';

/** A snapshot is due when the journal behind the last one is so large … */
const dueBytes = 16 * 1024 * 1024;
/** … or has so many batches. */
const dueBatches = 2_000;
/** Beyond this writes are refused: ZooKeeper keeps all of it in memory. */
export const maxJournalBytes = 128 * 1024 * 1024;
/** Rest between two snapshots, unless the journal grows fast. */
const minPauseMs = 20_000;
const urgentBytes = 48 * 1024 * 1024;
/** Text of one chunk before compression. */
const chunkChars = 1_000_000;
/** Other work gets its turn after so long. */
const sliceMs = 4;

export interface CompactorOptions {
  readonly epoch: number;
  readonly image: Image;
  readonly sessions: DataSessions;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly retention: EventRetention;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #sweeper: Sweeper;
  #running: Promise<void> | undefined;
  #endedMs = Number.NEGATIVE_INFINITY;
  #retry: TimerHandle | undefined;
  #isOver = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#sweeper = new Sweeper(options);
    options.metrics.gauge('journal.tail.bytes', () => options.image.tailBytes);
    options.metrics.gauge('journal.tail.batches', () => options.image.tail.length);
  }

  /** Begins a snapshot if one is due; costs nothing if not. */
  lookWhetherDue(): void {
    const { image, clock } = this.#options;
    if (this.#running || this.#isOver || this.#retry) return;
    if (image.tailBytes < dueBytes && image.tail.length < dueBatches) return;
    const restMs = this.#endedMs + minPauseMs - clock.monotonic();
    if (restMs <= 0 || image.tailBytes >= urgentBytes) {
      this.compactNow().catch(() => {
        // Logged where it failed; the next batch, or the next minute, asks again.
      });
    } else {
      this.#retry = clock.after(restMs, () => {
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
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { image, clock, logger, metrics, sessions } = this.#options;
    const startedMs = clock.monotonic();
    try {
      const session = await sessions.get();
      const before = image.manifest;
      // Everything before this entry has been applied; what comes meanwhile may be in the snapshot or not.
      const start = pick(image);
      const tail = image.tail.filter((batch) => batch.entry < start.entry);
      const records = await this.#writeRecords(session);
      const events = await this.#writeEvents(session, before, tail);
      const manifest: Manifest = { ...start, firstEvent: image.firstEvent, records, events };
      await this.#swap(session, manifest);
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
      if (!this.#isOver)
        logger.warn('journal.compact-failed', { reason: error instanceof Error ? error.message : String(error) });
      throw error;
    }
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
    let pieces: Buffer[] = [];
    let size = 0;
    let part = { first: 0, count: 0, atMs: 0 };
    const flush = async (): Promise<void> => {
      if (part.count > 0)
        chunks.push({ ...(await this.#writeChunk(session, eventsPath, Buffer.concat(pieces))), ...part });
      pieces = [];
      size = 0;
      part = { first: 0, count: 0, atMs: 0 };
    };
    for (const batch of tail) {
      if (batch.count === 0 || batch.first + batch.count <= firstEvent) continue;
      const { header, parts } = await readBatchEntries(session, batch);
      const bytes = await eventBytesOf(header, parts);
      pieces.push(bytes);
      size += bytes.length;
      part = { first: part.count === 0 ? batch.first : part.first, count: part.count + batch.count, atMs: batch.atMs };
      if (size >= chunkChars) await flush();
    }
    await flush();
    return chunks;
  }

  async #writeChunk(session: ZooKeeperSession, folder: string, text: string | Buffer): Promise<ChunkRef> {
    const id = this.#options.ids.uuid();
    this.#sweeper.spare(id);
    return writeChunk(session, folder, id, text, [{ type: 'check', path: epochPath, version: this.#options.epoch }]);
  }

  async #swap(session: ZooKeeperSession, manifest: Manifest): Promise<void> {
    const data = encodeManifest(manifest);
    try {
      await session.multi([
        { type: 'check', path: epochPath, version: this.#options.epoch },
        { type: 'setData', path: manifestPath, data, version: 'any' },
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
