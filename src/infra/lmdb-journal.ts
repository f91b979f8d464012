/**
 * The journal of a single node: an LMDB environment in `<directory>/journal` that holds every record as it is now, the kept
 * events, and a header (design §5.12). A commit is answered once it is on disk, so neither `kill -9` nor a power cut loses it.
 */
import { join } from 'node:path';
import type { Clock, Ids, JournalStore, Logger, Metrics } from '../actors/ports.ts';
import type { Batch, CommitOutcome, EncodedRecord, LoadedJournal } from '../core/journal/batch.ts';
import { unreadableFormat, type WrittenFormats, withFormats } from '../core/journal/formats.ts';
import { defaultRetention, type EventRetention } from '../core/journal/retention.ts';
import { StoreUnusable } from '../core/journal/store-errors.ts';
import { invariant } from '../core/result.ts';
import { type Databases, LmdbEnvironment, type Snapshot } from './lmdb/environment.ts';
import { chunksOf } from './lmdb/event-chunk.ts';
import { readStoredEvents, trimStoredEvents } from './lmdb/event-store.ts';
import type { Header } from './lmdb/header.ts';
import { entryKey, entryValue, type RecordEntryKey, recordOf } from './lmdb/record-entry.ts';

export interface LmdbJournalOptions {
  /** The data directory; created if missing. Hold its lock: LMDB does not keep a second process out. */
  readonly directory: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly retention?: EventRetention;
}

/** Commits beyond the one on its way to the disk are collected and share the next flush. */
const maxInFlight = 4;
/** Records read in one go while loading; no read transaction stays open between two goes. */
const loadSlice = 1_000;

/** Opens nothing yet: `open`, `follow` and `readEvents` do, and several stores of one directory share one environment. */
export function openLmdbJournal(options: LmdbJournalOptions): JournalStore {
  const { clock, ids, logger, metrics, retention = defaultRetention } = options;
  let opened: Promise<LmdbEnvironment> | undefined;
  /** The same once it is there, for `commit`, which cannot wait. */
  let environment: LmdbEnvironment | undefined;

  const enter = async (): Promise<LmdbEnvironment> => {
    opened ??= LmdbEnvironment.acquire(join(options.directory, 'journal'), (error) =>
      logger.error('journalCallbackFailed', {}, error),
    );
    try {
      environment = await opened;
      return environment;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  };

  return {
    maxInFlight,
    async open() {
      const entered = await enter();
      refuseUnreadable(options.directory, entered.header.formats);
      const header = await takeEpoch(entered, ids.uuid());
      logger.info('journalOpened', { epoch: header.epoch, nextBatch: header.nextBatch, nextEvent: header.nextEvent });
      return loaded(entered, header);
    },
    standBy() {
      // Nobody else writes here: there is nothing to keep up with.
    },
    status: () => ({ type: 'ready' }),
    async read() {
      const entered = await enter();
      refuseUnreadable(options.directory, entered.header.formats);
      const snapshot = entered.snapshot();
      const { generation, nextEvent } = snapshot.header;
      return { generation, nextEvent, records: readOnce(entered, snapshot) };
    },
    async replace({ records }) {
      // An open store takes its place in the order at once.
      const entered = environment ?? (await enter());
      const generation = ids.uuid();
      const header = await entered.exclusively((before, databases) => replaced(before, databases, records, generation));
      entered.recent.restart(header.nextBatch);
      logger.info('journalReplaced', { epoch: header.epoch, nextBatch: header.nextBatch, nextEvent: header.nextEvent });
    },
    commit(batch, done) {
      if (environment === undefined) queueMicrotask(() => done({ type: 'failed', reason: 'the journal is closed' }));
      else submit(environment, batch, clock.now(), done);
    },
    async readEvents(from, limit) {
      return readStoredEvents(await enter(), from, limit);
    },
    follow(from, apply, reload) {
      let isStopped = false;
      let leave = (): void => {
        isStopped = true;
      };
      enter().then(
        (entered) => {
          if (!isStopped) leave = entered.recent.follow(from, apply, reload);
        },
        (error: unknown) => logger.error('journalFollowFailed', {}, error),
      );
      return () => leave();
    },
    async compact() {
      const dropped = await trimStoredEvents(await enter(), clock.now, retention);
      metrics.count('journal.events.dropped', dropped);
    },
    async close() {
      const leaving = opened;
      opened = undefined;
      environment = undefined;
      if (leaving !== undefined) await (await leaving).release();
    },
  };
}

function refuseUnreadable(directory: string, formats: WrittenFormats): void {
  const unreadable = unreadableFormat(formats);
  if (unreadable !== undefined) throw new StoreUnusable(`cannot use the store in ${directory}: ${unreadable}`);
}

/**
 * A batch number is left out, so that nobody who followed the old content takes what comes next for its continuation. Whatever
 * this throws, or the records throw, undoes everything.
 */
function replaced(before: Header, databases: Databases, records: Iterable<EncodedRecord>, generation: string): Header {
  let formats: WrittenFormats = {};
  databases.records.clearSync();
  databases.events.clearSync();
  for (const record of records) {
    const { kind, key, format, json } = record;
    if (json === undefined) continue;
    const entry = entryKey(kind, key);
    databases.records.putSync(entry, entryValue(entry, key, format, json));
    formats = withFormats(formats, [record]);
  }
  const unreadable = unreadableFormat(formats);
  if (unreadable !== undefined) throw new StoreUnusable(`the new content cannot be used: ${unreadable}`);
  return { ...before, epoch: before.epoch + 1, nextBatch: before.nextBatch + 1, generation, formats };
}

/** A new leader: the epoch grows on disk, so that whoever led before can write no more. */
function takeEpoch(environment: LmdbEnvironment, newGeneration: string): Promise<Header> {
  return new Promise((resolve, reject) => {
    let taken: Header | undefined;
    environment.write({
      apply: (header) => {
        taken = { ...header, epoch: header.epoch + 1, generation: header.generation || newGeneration };
        return taken;
      },
      done: (outcome) => {
        if (outcome.type === 'failed') reject(new StoreUnusable(outcome.reason));
        else if (taken !== undefined) resolve(taken);
      },
    });
  });
}

/** Writes a batch if it is the next one and its leader still leads. */
function submit(
  environment: LmdbEnvironment,
  batch: Batch,
  nowMs: number,
  done: (outcome: CommitOutcome) => void,
): void {
  let refusal: string | undefined;
  environment.write({
    apply: (header, databases) => {
      refusal = refusalOf(batch, header);
      return refusal === undefined ? applied(batch, nowMs, header, databases) : header;
    },
    done: (outcome) => {
      if (refusal !== undefined) return done({ type: 'fenced', reason: refusal });
      if (outcome.type === 'failed') return done({ type: 'failed', reason: outcome.reason });
      environment.recent.publish(batch);
      done({ type: 'committed' });
    },
  });
}

function refusalOf(batch: Batch, header: Header): string | undefined {
  if (batch.epoch !== header.epoch) return `epoch ${batch.epoch} is over, the store is at epoch ${header.epoch}`;
  if (batch.number !== header.nextBatch) return `batch ${batch.number} came where ${header.nextBatch} was due`;
  if (batch.firstEvent === header.nextEvent) return undefined;
  return `batch ${batch.number} begins with event ${batch.firstEvent} where ${header.nextEvent} was due`;
}

function applied(batch: Batch, nowMs: number, header: Header, { records, events }: Databases): Header {
  for (const { kind, key, format, json } of batch.records) {
    const entry = entryKey(kind, key);
    if (json === undefined) void records.remove(entry);
    else void records.put(entry, entryValue(entry, key, format, json));
  }
  for (const [first, chunk] of chunksOf(batch.firstEvent, batch.events, nowMs)) void events.put(first, chunk);
  return {
    ...header,
    nextBatch: batch.number + 1,
    nextEvent: batch.firstEvent + batch.events.length,
    formats: withFormats(header.formats, batch.records),
  };
}

const loaded = (environment: LmdbEnvironment, header: Header): LoadedJournal => ({
  epoch: header.epoch,
  nextBatch: header.nextBatch,
  generation: header.generation,
  nextEvent: header.nextEvent,
  records: { [Symbol.iterator]: () => allRecords(environment) },
});

/** The records of a snapshot, for one reader: at the end, or when the reader leaves early, the snapshot is given up. */
function readOnce(environment: LmdbEnvironment, snapshot: Snapshot): Iterable<EncodedRecord> {
  let isTaken = false;
  return {
    [Symbol.iterator]: () => {
      invariant(!isTaken, 'what was read from the store is iterated once');
      isTaken = true;
      return snapshotRecords(environment, snapshot);
    },
  };
}

function* snapshotRecords(environment: LmdbEnvironment, snapshot: Snapshot): Generator<EncodedRecord> {
  try {
    let last: RecordEntryKey | undefined;
    for (;;) {
      const range = last === undefined ? {} : { start: last, exclusiveStart: true };
      const transaction = snapshot.transaction();
      const slice = [...environment.databases.records.getRange({ ...range, limit: loadSlice, transaction })];
      for (const { key, value } of slice) yield recordOf(key, value);
      last = slice.at(-1)?.key;
      if (last === undefined) return;
    }
  } finally {
    snapshot.done();
  }
}

/** Read in slices and not from one snapshot: whoever opens a journal reads it before the first commit. */
function* allRecords(environment: LmdbEnvironment): Generator<EncodedRecord> {
  let last: RecordEntryKey | undefined;
  for (;;) {
    if (!environment.isOpen) throw new StoreUnusable('the journal was closed while it was being read');
    const range = last === undefined ? {} : { start: last, exclusiveStart: true };
    const slice = [...environment.databases.records.getRange({ ...range, limit: loadSlice })];
    for (const { key, value } of slice) yield recordOf(key, value);
    last = slice.at(-1)?.key;
    if (last === undefined) return;
  }
}
