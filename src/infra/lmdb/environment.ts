/**
 * One LMDB environment. LMDB must not be opened twice in one process, so all stores of a directory share one of these, which
 * counts its users. It writes one transaction at a time: whatever is handed in while one is on its way to the disk goes into
 * the next (design §5.12).
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb';
import { StoreUnusable } from '../../core/journal/store-errors.ts';
import { createRecentBatches, type RecentBatches } from '../recent-batches.ts';
import { decodeHeader, emptyHeader, encodeHeader, type Header } from './header.ts';
import type { RecordEntryKey } from './record-entry.ts';

export interface Databases {
  readonly records: Database<string, RecordEntryKey>;
  /** Number of the first event → chunk. */
  readonly events: Database<string, number>;
}

export type WriteOutcome =
  | { readonly type: 'written'; readonly header: Header }
  | { readonly type: 'failed'; readonly reason: string };

/** Part of a transaction. */
export interface Write {
  /** Puts and deletes; answers the header that holds after them. Must not throw: what was put before the throw would stay. */
  readonly apply: (header: Header, databases: Databases) => Header;
  /** Called once, in the order of the writes: the header that is now on disk, or why nothing was written. */
  readonly done: (outcome: WriteOutcome) => void;
}

/** Everything as it was at one moment, whatever is committed meanwhile. LMDB keeps the old pages until it is done. */
export interface Snapshot {
  readonly header: Header;
  /** For `transaction` of LMDB's reading functions. Throws once the snapshot is done or the environment is closed. */
  readonly transaction: () => Transaction;
  /** Safe to call twice. */
  readonly done: () => void;
}

/** LMDB has room for 126 readers, and each snapshot keeps pages from being used again. */
const maxSnapshots = 8;

interface Exclusive {
  readonly work: (header: Header, databases: Databases) => Header;
  readonly done: (outcome: WriteOutcome) => void;
}

/**
 * Address space for the one file, in bytes; no memory, and no limit: LMDB takes more when it is used up. Without it each time the file has
 * doubled it is mapped anew, and the pages of all earlier maps stay in this process as well.
 */
const mapSize = 16 * 1024 ** 3;
/** Values of this many bytes and more are compressed (LZ4, on LMDB's own thread). */
const compressFromBytes = 1_000;

const environments = new Map<string, LmdbEnvironment>();
const closing = new Map<string, Promise<void>>();

export class LmdbEnvironment {
  readonly databases: Databases;
  readonly recent: RecentBatches;
  readonly #path: string;
  readonly #root: RootDatabase<string, string>;
  readonly #meta: Database<string, string>;
  readonly #onError: (error: unknown) => void;
  #header: Header;
  #users = 1;
  #queue: (Write | Exclusive)[] = [];
  readonly #snapshots = new Set<Snapshot>();
  #writing: Promise<void> | undefined;

  /** Opens the environment in `directory`, or joins those who have it open. Rejects with `StoreUnusable`. */
  static async acquire(directory: string, onError: (error: unknown) => void): Promise<LmdbEnvironment> {
    const path = usablePath(directory);
    while (closing.has(path)) await closing.get(path);
    const shared = environments.get(path);
    if (shared !== undefined) {
      shared.#users++;
      return shared;
    }
    const environment = new LmdbEnvironment(path, onError);
    environments.set(path, environment);
    return environment;
  }

  private constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
    try {
      // Without overlapping sync a commit is complete only once it is on disk, and a failing disk fails the commit. Turn batching
      // is done here: the library's own leaves promises behind that nobody can catch.
      this.#root = open<string, string>({
        path,
        noSubdir: false,
        overlappingSync: false,
        eventTurnBatching: false,
        maxDbs: 4,
        mapSize,
      });
      this.#meta = this.#root.openDB<string, string>({ name: 'meta', encoding: 'string' });
      this.databases = {
        records: this.#root.openDB<string, RecordEntryKey>({ name: 'records', encoding: 'string' }),
        // Most of what is stored, and most of it the same words again and again.
        events: this.#root.openDB<string, number>({
          name: 'events',
          encoding: 'string',
          compression: { threshold: compressFromBytes },
        }),
      };
    } catch (error) {
      throw new StoreUnusable(`cannot open the store in ${path}: ${messageOf(error)}`, { cause: error });
    }
    const stored = this.#meta.get('header');
    const header = stored === undefined ? emptyHeader : decodeHeader(stored);
    if (typeof header === 'string') {
      void this.#root.close();
      throw new StoreUnusable(`cannot use the store in ${path}: ${header}`);
    }
    this.#header = header;
    this.recent = createRecentBatches(header.nextBatch, onError);
  }

  /** What is on disk. */
  get header(): Header {
    return this.#header;
  }

  /** False once the last user has gone: nothing may be read any more, LMDB would crash the process. */
  get isOpen(): boolean {
    return this.#users > 0;
  }

  /** Queues a write for the next transaction. */
  write(write: Write): void {
    this.#queue.push(write);
    this.#writing ??= this.#run();
  }

  /**
   * One transaction of its own, after everything that was handed in before. `work` runs synchronously and may put and remove any
   * amount: LMDB writes pages out when they become too many. If it throws, nothing of it stays and the promise rejects with what
   * it threw; if the disk fails, with `StoreUnusable`.
   */
  exclusively(work: (header: Header, databases: Databases) => Header): Promise<Header> {
    return new Promise((resolve, reject) => {
      let thrown: { readonly error: unknown } | undefined;
      const guarded: Exclusive['work'] = (header, databases) => {
        try {
          return work(header, databases);
        } catch (error) {
          thrown = { error };
          throw error;
        }
      };
      const done = (outcome: WriteOutcome): void => {
        if (outcome.type === 'written') resolve(outcome.header);
        else reject(thrown === undefined ? new StoreUnusable(outcome.reason) : thrown.error);
      };
      this.#queue.push({ work: guarded, done });
      this.#writing ??= this.#run();
    });
  }

  /** What is on disk now, to be read at leisure. Throws `StoreUnusable` if it is closed, or too many are open. */
  snapshot(): Snapshot {
    if (!this.isOpen) throw new StoreUnusable('the journal is closed');
    if (this.#snapshots.size >= maxSnapshots) throw new StoreUnusable(`${maxSnapshots} readers are at work already`);
    // Otherwise it might join a reader of this turn, who does not see the newest commit.
    this.#root.resetReadTxn();
    const transaction = this.#root.useReadTransaction();
    const stored = this.#meta.get('header', { transaction });
    const header = stored === undefined ? emptyHeader : decodeHeader(stored);
    const snapshot: Snapshot = {
      header: typeof header === 'string' ? this.#header : header,
      transaction: () => {
        if (!this.isOpen || !this.#snapshots.has(snapshot))
          throw new StoreUnusable('the journal was closed while it was being read');
        return transaction;
      },
      done: () => {
        if (this.#snapshots.delete(snapshot)) transaction.done();
      },
    };
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /** Waits for what was handed in until now, then leaves; the last user closes the environment. */
  async release(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (--this.#users > 0) return;
    for (const snapshot of this.#snapshots) snapshot.done();
    environments.delete(this.#path);
    const closed = this.#root.close().finally(() => closing.delete(this.#path));
    closing.set(this.#path, closed);
    await closed;
  }

  async #run(): Promise<void> {
    // What is handed in during the same turn belongs into the same transaction.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const writes = this.#take();
      const [first] = writes;
      const outcome =
        first !== undefined && 'work' in first
          ? await this.#transactAlone(first)
          : await this.#transact(writes.filter((write) => 'apply' in write));
      for (const { done } of writes) {
        try {
          done(outcome);
        } catch (error) {
          this.#onError(error);
        }
      }
    }
    this.#writing = undefined;
  }

  /** What belongs into the next transaction, in order: one exclusive piece of work, or everything before the next of those. */
  #take(): readonly (Write | Exclusive)[] {
    const exclusive = this.#queue.findIndex((write) => 'work' in write);
    return this.#queue.splice(0, exclusive < 0 ? this.#queue.length : Math.max(1, exclusive));
  }

  async #transactAlone({ work }: Exclusive): Promise<WriteOutcome> {
    let header = this.#header;
    try {
      this.#root.transactionSync(() => {
        header = work(header, this.databases);
        this.#meta.putSync('header', encodeHeader(header));
      });
      await this.#root.flushed;
    } catch (error) {
      return { type: 'failed', reason: await commitFailure(error) };
    }
    this.#header = header;
    return { type: 'written', header };
  }

  async #transact(writes: readonly Write[]): Promise<WriteOutcome> {
    let header = this.#header;
    try {
      await this.#root.batch(() => {
        for (const { apply } of writes) header = apply(header, this.databases);
        void this.#meta.put('header', encodeHeader(header));
      });
      await this.#root.flushed;
    } catch (error) {
      return { type: 'failed', reason: await commitFailure(error) };
    }
    this.#header = header;
    return { type: 'written', header };
  }
}

function usablePath(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return realpathSync(directory);
  } catch (error) {
    throw new StoreUnusable(`cannot open the store in ${directory}: ${messageOf(error)}`, { cause: error });
  }
}

/** The library hides the reason in a promise inside the error, which is rejected a moment later and must be caught. */
async function commitFailure(error: unknown): Promise<string> {
  const hidden = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  if (hidden instanceof Promise) {
    try {
      await hidden;
    } catch (cause) {
      return `the disk refused the write: ${messageOf(cause)}`;
    }
  }
  return `the write failed: ${messageOf(error)}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
