/**
 * One LMDB environment. LMDB must not be opened twice in one process, so all stores of a directory share one of these, which
 * counts its users. It writes one transaction at a time: whatever is handed in while one is on its way to the disk goes into
 * the next (design §5.12).
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { type Database, open, type RootDatabase } from 'lmdb';
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

/** The directory cannot be used as a store; the message is one line for the operator. */
export class StoreUnusable extends Error {
  readonly code = 'STORE_UNUSABLE';
}

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
  #queue: Write[] = [];
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
      });
      this.#meta = this.#root.openDB<string, string>({ name: 'meta', encoding: 'string' });
      this.databases = {
        records: this.#root.openDB<string, RecordEntryKey>({ name: 'records', encoding: 'string' }),
        events: this.#root.openDB<string, number>({ name: 'events', encoding: 'string' }),
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

  /** Waits for what was handed in until now, then leaves; the last user closes the environment. */
  async release(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (--this.#users > 0) return;
    environments.delete(this.#path);
    const closed = this.#root.close().finally(() => closing.delete(this.#path));
    closing.set(this.#path, closed);
    await closed;
  }

  async #run(): Promise<void> {
    // What is handed in during the same turn belongs into the same transaction.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const writes = this.#queue;
      this.#queue = [];
      const outcome = await this.#transact(writes);
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
