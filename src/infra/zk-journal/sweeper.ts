/** Takes away nodes that nobody needs any more: old snapshots, the journal before them, and what broken attempts have left. */
import type { Clock, Logger, Metrics } from '../../actors/ports.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZkOperation, ZooKeeperSession } from '../zookeeper/session.ts';
import type { Image } from './image.ts';
import { chunkOf, entryPath, epochPath, eventsPath, journalPath, snapshotPath } from './layout.ts';
import type { Manifest } from './manifest.ts';
import type { DataSessions } from './sessions.ts';

/** What a manifest has named stays so long after it was replaced: somebody may be reading it (design §5.7). */
const retiredForMs = 60_000;
/** What no manifest has named may be about to be: a restore writes its chunks before it is heard of. */
const strangeForMs = 600_000;
/** Nodes taken away in one transaction. */
const sweepSlice = 200;

export interface SweeperOptions {
  readonly epoch: number;
  readonly image: Image;
  readonly sessions: DataSessions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Sweeper {
  readonly #options: SweeperOptions;
  /** Chunks of this leader's own snapshot under way. */
  readonly #spared = new Set<string>();
  /** Chunk → monotonic time from which it may go. */
  readonly #dueMs = new Map<string, number>();
  /** Journal entries before `entry` may go from then on. */
  #retired: { readonly entry: number; readonly dueMs: number }[] = [];
  /** The oldest entry that may still be there; unknown before the first look. */
  #oldest: number | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
    // Whatever an earlier leader has retired, it may have been just now.
    this.#retired.push({ entry: options.image.manifest.entry, dueMs: options.clock.monotonic() + retiredForMs });
  }

  /** A chunk that no manifest names yet, and one will. */
  spare(id: string): void {
    this.#spared.add(id);
  }

  /** Chunks that no manifest will ever name. */
  forsake(ids: readonly string[]): void {
    for (const id of ids) {
      this.#spared.delete(id);
      this.#dueMs.set(id, this.#options.clock.monotonic());
    }
  }

  /** `now` has taken the place of `before`. */
  retire(before: Manifest, now: Manifest): void {
    const dueMs = this.#options.clock.monotonic() + retiredForMs;
    const named = namedBy(now);
    for (const id of namedBy(before)) if (!named.has(id)) this.#dueMs.set(id, dueMs);
    this.#retired.push({ entry: now.entry, dueMs });
    this.#spared.clear();
  }

  /** Takes away what is due. */
  async sweep(): Promise<void> {
    const session = await this.#options.sessions.get();
    try {
      const present = new Set<string>();
      await this.#sweepChunks(session, snapshotPath, present);
      await this.#sweepChunks(session, eventsPath, present);
      for (const id of this.#dueMs.keys()) if (!present.has(id)) this.#dueMs.delete(id);
      await this.#sweepJournal(session);
    } catch (error) {
      // Another leader sweeps now.
      if (!isZkError(error, 'BAD_VERSION')) throw error;
    }
  }

  async #sweepChunks(session: ZooKeeperSession, folder: string, present: Set<string>): Promise<void> {
    const { clock, image } = this.#options;
    const named = namedBy(image.manifest);
    const nowMs = clock.monotonic();
    const due: string[] = [];
    for (const name of await session.children(folder)) {
      const id = chunkOf(name);
      present.add(id);
      if (named.has(id) || this.#spared.has(id)) continue;
      const dueMs = this.#dueMs.get(id) ?? nowMs + strangeForMs;
      this.#dueMs.set(id, dueMs);
      if (dueMs <= nowMs) due.push(`${folder}/${name}`);
    }
    await this.#remove(session, due);
    for (const path of due) present.delete(chunkOf(path.slice(folder.length + 1)));
  }

  async #sweepJournal(session: ZooKeeperSession): Promise<void> {
    const nowMs = this.#options.clock.monotonic();
    const due = this.#retired.filter((one) => one.dueMs <= nowMs);
    if (due.length === 0) return;
    // The entry before stays: the next one's transaction may ask for it.
    const end = Math.max(...due.map((one) => one.entry)) - 1;
    this.#oldest ??= await oldestEntry(session);
    const paths: string[] = [];
    for (let entry = this.#oldest; entry < end; entry++) paths.push(entryPath(entry));
    await this.#remove(session, paths);
    this.#oldest = Math.max(this.#oldest, end);
    this.#retired = this.#retired.filter((one) => one.dueMs > nowMs);
  }

  async #remove(session: ZooKeeperSession, paths: readonly string[]): Promise<void> {
    const { epoch, metrics } = this.#options;
    for (let from = 0; from < paths.length; from += sweepSlice) {
      const slice = paths.slice(from, from + sweepSlice);
      const check: ZkOperation = { type: 'check', path: epochPath, version: epoch };
      const removals = slice.map((path): ZkOperation => ({ type: 'remove', path, version: 'any' }));
      try {
        await session.multi([check, ...removals]);
      } catch (error) {
        if (!isZkError(error, 'NO_NODE')) throw error;
        // Some are gone already, after an answer that was lost.
        for (const removal of removals) await removeIfThere(session, [check, removal]);
      }
      metrics.count('journal.swept', slice.length);
    }
  }
}

async function removeIfThere(session: ZooKeeperSession, operations: readonly ZkOperation[]): Promise<void> {
  try {
    await session.multi(operations);
  } catch (error) {
    if (!isZkError(error, 'NO_NODE')) throw error;
  }
}

const namedBy = ({ records, events }: Manifest): ReadonlySet<string> =>
  new Set([...records, ...events].map(({ id }) => id));

async function oldestEntry(session: ZooKeeperSession): Promise<number> {
  const names = await session.children(journalPath);
  return names.reduce((least, name) => Math.min(least, Number(name)), Number.MAX_SAFE_INTEGER);
}
