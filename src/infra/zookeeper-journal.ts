/**
 * The journal of several servers, in ZooKeeper (design §5.2–5.9): a snapshot in chunks, a manifest that names them, and one node for
 * each batch since. Only the server whose epoch is the newest can write; the others keep a warm copy.
 */
import type { Clock, Ids, JournalStore, Logger, Metrics } from '../actors/ports.ts';
import type { LoadedJournal } from '../core/journal/batch.ts';
import { unreadableFormat } from '../core/journal/formats.ts';
import { defaultRetention, type EventRetention } from '../core/journal/retention.ts';
import { StoreAway, StoreUnusable } from '../core/journal/store-errors.ts';
import { Committer, maxBatchesInFlight } from './zk-journal/committer.ts';
import { Compactor } from './zk-journal/compactor.ts';
import { encodeMark } from './zk-journal/entry.ts';
import type { Image } from './zk-journal/image.ts';
import { entryPath, epochPath } from './zk-journal/layout.ts';
import { defaultLimits, type JournalLimits } from './zk-journal/limits.ts';
import { Mirror } from './zk-journal/mirror.ts';
import { catchUp, loadSnapshot, loadWindow, maxLoadTries, readManifest } from './zk-journal/reading.ts';
import { replaceAll } from './zk-journal/replace.ts';
import { DataSessions, type OpenSession, storeError } from './zk-journal/sessions.ts';
import { readStoredEvents } from './zk-journal/stored-events.ts';
import { layTree, takeEpoch } from './zk-journal/tree.ts';
import { isZkError } from './zookeeper/errors.ts';
import { openSession, type ZooKeeperSession } from './zookeeper/session.ts';
import type { ZkServers } from './zookeeper/zk-url.ts';

export interface ZooKeeperJournalOptions {
  readonly servers: ZkServers;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly retention?: EventRetention;
  readonly journalLimits?: Partial<JournalLimits>;
  /** For tests that lose answers. */
  readonly openSession?: OpenSession;
}

/** A leadership over the store. */
interface Writing {
  readonly committer: Committer;
  readonly compactor: Compactor;
}

/** Nothing is connected before `open`, `standBy`, `read`, `replace` or `follow`. */
export function openZooKeeperJournal(options: ZooKeeperJournalOptions): JournalStore {
  return new ZooKeeperJournal(options);
}

class ZooKeeperJournal implements JournalStore {
  readonly maxInFlight = maxBatchesInFlight;
  readonly #options: ZooKeeperJournalOptions;
  readonly #sessions: DataSessions;
  readonly #mirror: Mirror;
  readonly #limits: JournalLimits;
  #writing: Writing | undefined;
  #isClosed = false;
  /** Whoever uses the mirror waits for whoever used it before: two that read on in one copy would apply entries twice. */
  #turns: Promise<unknown> = Promise.resolve();

  constructor(options: ZooKeeperJournalOptions) {
    this.#options = options;
    this.#sessions = new DataSessions(options, options.openSession ?? openSession);
    this.#mirror = new Mirror({ ...options, sessions: this.#sessions });
    this.#limits = { ...defaultLimits, ...options.journalLimits };
    options.metrics.gauge('journal.tail.bytes', () => this.#mirror.image?.tailBytes ?? 0);
    options.metrics.gauge('journal.tail.batches', () => this.#mirror.image?.tail.length ?? 0);
  }

  open = (claim?: string): Promise<LoadedJournal> =>
    this.#inTurn(async () => {
      await this.#stopWriting('the journal was opened anew');
      await this.#mirror.rest();
      try {
        return await this.#take(claim);
      } catch (error) {
        throw storeError(error);
      }
    });

  standBy: JournalStore['standBy'] = (prepare) => {
    const reason = 'this server no longer leads';
    // Writing ends at once; following may have to wait for the end of a compaction, and must not begin in the midst of another `open`.
    const stopped = this.#stopWriting(reason);
    this.#inTurn(async () => {
      await stopped;
      await this.#stopWriting(reason);
      if (!this.#isClosed) this.#mirror.follow(prepare);
    }).catch((error: unknown) => this.#options.logger.error('journal.stand-by-failed', {}, error));
  };

  status = (): ReturnType<JournalStore['status']> => {
    const writing = this.#writing;
    if (!writing) return { type: 'ready' };
    const reason = writing.committer.stalled;
    if (reason !== undefined) return { type: 'stalled', reason };
    const bytes = this.#mirror.image?.tailBytes ?? 0;
    if (bytes <= this.#limits.maxBytes) return { type: 'ready' };
    const reasonOfSize = `the journal in ZooKeeper has grown to ${Math.round(bytes / 1_048_576)} MB and must be compacted first`;
    return { type: 'stalled', reason: reasonOfSize };
  };

  read = async (): ReturnType<JournalStore['read']> => {
    const image = this.#writing && !this.#isClosed ? this.#mirror.image : undefined;
    if (image) return contentOf(image);
    try {
      const session = await this.#sessions.get();
      const fresh = await readFresh(session);
      if (fresh === undefined) return { generation: '', nextEvent: 1, records: [] };
      refuseUnreadable(fresh);
      return contentOf(fresh);
    } catch (error) {
      throw storeError(error);
    }
  };

  replace: JournalStore['replace'] = async ({ records }) => {
    const { ids, logger, servers } = this.#options;
    try {
      const session = await this.#sessions.get();
      await layTree(session, servers.path, ids.uuid());
      const manifest = await replaceAll(session, records, ids.uuid(), ids.uuid);
      logger.info('journal.replaced', { generation: manifest.generation, entry: manifest.entry });
    } catch (error) {
      throw storeError(error);
    }
    // Whoever wrote here until now is fenced, this store too; those who follow it must be told.
    await this.#inTurn(async () => {
      if (!this.#writing) return;
      await this.#stopWriting('the content was replaced');
      this.#mirror.follow();
    });
  };

  commit: JournalStore['commit'] = (batch, done) => {
    if (this.#writing && !this.#isClosed) this.#writing.committer.commit(batch, done);
    else if (this.#isClosed) queueMicrotask(() => done({ type: 'failed', reason: 'the journal is closed' }));
    else queueMicrotask(() => done({ type: 'fenced', reason: 'this server does not lead' }));
  };

  readEvents: JournalStore['readEvents'] = async (from, limit) => {
    try {
      const session = await this.#sessions.get();
      const image = this.#mirror.image ?? (await readFresh(session));
      if (image === undefined) return { first: 1, events: [] };
      return await readStoredEvents(session, image, from, limit);
    } catch (error) {
      // What a copy that has fallen behind names may be gone.
      if (isZkError(error, 'NO_NODE'))
        throw new StoreAway('the stored events are being moved: ask again', { cause: error });
      throw storeError(error);
    }
  };

  follow: JournalStore['follow'] = (from, apply, reload) => {
    let isStopped = false;
    let leave = (): void => {
      isStopped = true;
    };
    this.#inTurn(async () => {
      if (!this.#writing && !this.#isClosed && !isStopped) this.#mirror.follow();
    }).catch((error: unknown) => this.#options.logger.error('journal.follow-failed', {}, error));
    this.#mirror.whenLoaded(() => {
      if (!isStopped) leave = this.#mirror.recent.follow(from, apply, reload);
    });
    return () => leave();
  };

  compact = async (): Promise<void> => {
    try {
      await this.#writing?.compactor.compact();
    } catch (error) {
      throw storeError(error);
    }
  };

  close = async (): Promise<void> => {
    this.#isClosed = true;
    const writing = this.#writing;
    await writing?.committer.close(this.#options.sessionTimeoutMs);
    const isQuiet = Promise.all([writing?.compactor.stop(), this.#mirror.rest()]);
    // Whatever still waits for a connection must not wait for longer.
    await this.#sessions.close();
    await isQuiet;
    await this.#turns;
  };

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turns.then(work);
    // What failed concerns whoever asked for it.
    this.#turns = mine.catch(() => {});
    return mine;
  }

  async #take(claim: string | undefined): Promise<LoadedJournal> {
    const { ids, servers, logger, clock, retention = defaultRetention } = this.#options;
    const startedMs = clock.monotonic();
    const session = await this.#sessions.get();
    await layTree(session, servers.path, ids.uuid());
    // Most of the reading, and the refusal of what this version cannot read, come before the old leader is fenced.
    refuseUnreadable(await this.#mirror.bring(session));
    const epoch = await takeEpoch(session, claim);
    // A read behind one's own write on the same session sees everything that can ever be there (design §5.3).
    const image = await this.#mirror.bring(session);
    refuseUnreadable(image);
    await discardIncomplete(session, image, epoch, ids.uuid());
    if (this.#isClosed) throw new StoreAway('the journal is closed');
    const shared = { ...this.#options, retention, limits: this.#limits, epoch, image, sessions: this.#sessions };
    const compactor = new Compactor(shared);
    const onCommitted = (): void => compactor.lookWhetherDue();
    const committer = new Committer({ ...shared, recent: this.#mirror.recent, onCommitted }, session);
    this.#writing = { committer, compactor };
    const { nextBatch, nextEvent, generation } = image;
    const durationMs = Math.round(clock.monotonic() - startedMs);
    logger.info('journal.opened', { epoch, nextBatch, nextEvent, records: image.size, durationMs });
    const prepared = this.#mirror.takePrepared();
    const records = { [Symbol.iterator]: () => image.records() };
    return { epoch, nextBatch, nextEvent, generation, records, ...(prepared ? { prepared } : {}) };
  }

  async #stopWriting(reason: string): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.committer.abandon(reason);
    await writing?.compactor.stop();
  }
}

/** As one state of this moment, whatever is applied later. */
const contentOf = (image: Image): Awaited<ReturnType<JournalStore['read']>> => ({
  generation: image.generation,
  nextEvent: image.nextEvent,
  records: [...image.records()],
});

/** A copy of one's own, as new as anything that was acknowledged before; undefined if there is no store yet. */
async function readFresh(session: ZooKeeperSession): Promise<Image | undefined> {
  try {
    // A server that lags behind answers reads; what passes through the majority brings it up to date (dependencies §5, fault 16).
    await session.multi([{ type: 'check', path: epochPath, version: 'any' }]);
  } catch (error) {
    if (isZkError(error, 'NO_NODE')) return undefined;
    throw error;
  }
  for (let tries = 0; tries < maxLoadTries; tries++) {
    const image = await loadSnapshot(session);
    const end = await catchUp(session, image, loadWindow, () => {});
    // Entries may have been swept away since the manifest was read.
    if (end === 'end' && (await readManifest(session)).entry <= image.nextEntry) return image;
  }
  throw new StoreAway('the journal has a hole, or is swept faster than it can be read');
}

function refuseUnreadable(image: Image): void {
  const unreadable = unreadableFormat(image.formats);
  if (unreadable !== undefined) throw new StoreUnusable(unreadable);
}

/** The last leader died between the parts of a batch: they will never be whole (design §5.6). */
async function discardIncomplete(session: ZooKeeperSession, image: Image, epoch: number, id: string): Promise<void> {
  if (image.parts.length === 0) return;
  try {
    await session.multi([
      { type: 'check', path: epochPath, version: epoch },
      { type: 'check', path: entryPath(image.nextEntry - 1), version: 'any' },
      { type: 'create', path: entryPath(image.nextEntry), data: encodeMark('discard', epoch, id) },
    ]);
  } catch (error) {
    if (isZkError(error, 'BAD_VERSION')) throw new StoreAway('another leader has taken the store meanwhile');
    throw error;
  }
  image.parts = [];
  image.nextEntry++;
}
