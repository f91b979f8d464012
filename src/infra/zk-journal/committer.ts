/**
 * The leader's side of the journal (design §5.4, §5.5): each batch is one entry or several, each entry one transaction that checks
 * the epoch and the entry before it. What was not answered is sent again, the same bytes under the same number, until ZooKeeper says
 * that it is there or cannot be.
 */
import type { Clock, Ids, Logger, Metrics } from '../../actors/ports.ts';
import type { Batch, CommitOutcome } from '../../core/journal/batch.ts';
import { invariant } from '../../core/result.ts';
import type { RecentBatches } from '../recent-batches.ts';
import { isZkError, type ZkError } from '../zookeeper/errors.ts';
import type { ZooKeeperSession } from '../zookeeper/session.ts';
import { decodeHeader, encodeBatch } from './entry.ts';
import type { Image } from './image.ts';
import { entryPath, epochPath } from './layout.ts';
import type { JournalLimits } from './limits.ts';
import type { DataSessions } from './sessions.ts';

/** Batches that may be unanswered, and entries of them on the wire. */
export const maxBatchesInFlight = 4;
const maxEntriesOnWire = 4;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

interface Pending {
  readonly batch: Batch;
  readonly done: (outcome: CommitOutcome) => void;
  readonly atMs: number;
  /** Set once it is encoded. */
  entries: readonly Entry[] | undefined;
  /** Why it is not even sent. */
  refusal: CommitOutcome | undefined;
}

interface Entry {
  readonly number: number;
  readonly data: Buffer;
  readonly pending: Pending;
  state: 'waiting' | 'sent' | 'stored';
  /** It was sent, and the answer did not come. */
  isUnknown: boolean;
}

export interface CommitterOptions {
  readonly epoch: number;
  readonly image: Image;
  readonly sessions: DataSessions;
  readonly recent: RecentBatches;
  readonly limits: JournalLimits;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** A batch has been applied to the image. */
  readonly onCommitted: () => void;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #pending: Pending[] = [];
  #entries: Entry[] = [];
  #nextEntry: number;
  #nextBatch: number;
  #nextEvent: number;
  #onWire = 0;
  #encoding: Promise<void> = Promise.resolve();
  #session: ZooKeeperSession | undefined;
  #isReconnecting = false;
  /** Reconnections since something was stored. */
  #fruitless = 0;
  /** What every commit is answered from now on; those before it may be on their way. */
  #closedTo: CommitOutcome | undefined;
  /** The same when nothing is on its way any more. */
  #over: CommitOutcome | undefined;
  #onEmpty: () => void = () => {};

  constructor(options: CommitterOptions, session: ZooKeeperSession) {
    this.#options = options;
    this.#adopt(session);
    const { image } = options;
    this.#nextEntry = image.nextEntry;
    this.#nextBatch = image.nextBatch;
    this.#nextEvent = image.nextEvent;
  }

  /** Why a commit made now may have to wait for long. */
  get stalled(): string | undefined {
    if (this.#entries.some((entry) => entry.isUnknown && entry.state !== 'stored'))
      return 'ZooKeeper has not answered a write yet: nobody knows whether it was done';
    if (this.#isReconnecting || !this.#options.sessions.isConnected())
      return 'there is no connection to ZooKeeper at the moment';
    return undefined;
  }

  commit(batch: Batch, done: (outcome: CommitOutcome) => void): void {
    const refusal = this.#over ?? this.#closedTo ?? this.#refusalOf(batch);
    const pending: Pending = { batch, done, atMs: this.#options.clock.now(), entries: undefined, refusal };
    this.#pending.push(pending);
    if (refusal) {
      queueMicrotask(() => this.#settle());
      return;
    }
    this.#nextBatch++;
    this.#nextEvent += batch.events.length;
    // Compressed one after another, so that they are numbered in their order.
    this.#encoding = this.#encoding.then(() => this.#encode(pending));
  }

  /** Waits for the answers, at most so long; then whatever is unanswered stays unknown. */
  async close(waitMs: number): Promise<void> {
    const { clock } = this.#options;
    if (this.#pending.length > 0) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(waitMs, resolve);
        this.#onEmpty = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.abandon('the journal was closed before the outcome was known');
  }

  /** Stops: whoever leads next decides what became of the unanswered. */
  abandon(reason: string): void {
    this.#end({ type: 'fenced', reason });
  }

  #refusalOf({ epoch, number, firstEvent }: Batch): CommitOutcome | undefined {
    const own = this.#options.epoch;
    if (epoch !== own) return { type: 'fenced', reason: `epoch ${epoch} is over, this leader has epoch ${own}` };
    if (number !== this.#nextBatch)
      return { type: 'fenced', reason: `batch ${number} came where ${this.#nextBatch} was due` };
    if (firstEvent === this.#nextEvent) return undefined;
    return {
      type: 'fenced',
      reason: `batch ${number} begins with event ${firstEvent} where ${this.#nextEvent} was due`,
    };
  }

  async #encode(pending: Pending): Promise<void> {
    if (this.#over || this.#closedTo) return;
    let data: readonly Buffer[];
    try {
      data = await encodeBatch(pending.batch, pending.atMs);
    } catch (error) {
      this.#refuse(pending, `the batch cannot be written down: ${messageOf(error)}`);
      return;
    }
    if (this.#over) return;
    const bytes = data.reduce((sum, one) => sum + one.length, 0);
    const { maxBatchBytes } = this.#options.limits;
    if (bytes > maxBatchBytes) {
      this.#refuse(pending, `a batch of ${bytes} bytes is over the limit of ${maxBatchBytes}`);
      return;
    }
    pending.entries = data.map((one) => ({
      number: this.#nextEntry++,
      data: one,
      pending,
      state: 'waiting',
      isUnknown: false,
    }));
    this.#entries.push(...pending.entries);
    this.#pump();
  }

  /** This batch and all behind it are not written; those before it go on, and are answered first. */
  #refuse(from: Pending, reason: string): void {
    this.#closedTo = { type: 'failed', reason };
    this.#options.metrics.count('journal.refused');
    for (const pending of this.#pending.slice(this.#pending.indexOf(from))) pending.refusal ??= this.#closedTo;
    this.#settle();
  }

  #adopt(session: ZooKeeperSession): void {
    this.#session = session;
    session.onState((state) => {
      if (session !== this.#session) return;
      if (state === 'ended') this.#reconnect();
      if (state === 'connected') this.#pump();
    });
  }

  #pump(): void {
    if (this.#isReconnecting || this.#over) return;
    const session = this.#session;
    if (session?.state() !== 'connected') {
      if (this.#entries.length > 0) this.#reconnect();
      return;
    }
    for (const entry of this.#entries) {
      if (this.#onWire >= maxEntriesOnWire) return;
      if (entry.state === 'waiting') this.#send(session, entry);
    }
  }

  #send(session: ZooKeeperSession, entry: Entry): void {
    entry.state = 'sent';
    this.#onWire++;
    const path = entryPath(entry.number);
    session
      .multi([
        { type: 'check', path: epochPath, version: this.#options.epoch },
        { type: 'check', path: entryPath(entry.number - 1), version: 'any' },
        { type: 'create', path, data: entry.data },
      ])
      .then(
        () => this.#stored(entry),
        (error: unknown) => this.#refused(session, entry, error),
      )
      .catch((error: unknown) => this.#end({ type: 'failed', reason: messageOf(error) }));
  }

  #stored(entry: Entry): void {
    this.#onWire--;
    if (this.#over) return;
    entry.state = 'stored';
    this.#fruitless = 0;
    this.#settle();
    this.#pump();
  }

  async #refused(session: ZooKeeperSession, entry: Entry, error: unknown): Promise<void> {
    this.#onWire--;
    if (this.#over) return;
    if (isLost(error)) {
      entry.state = 'waiting';
      entry.isUnknown ||= error.isUnknown;
      this.#options.metrics.count('journal.commits.resent');
      this.#reconnect();
      return;
    }
    if (isZkError(error, 'NODE_EXISTS') && error.operation === 2) {
      this.#onWire++;
      await this.#compare(session, entry);
      return;
    }
    this.#end(outcomeOf(error, this.#options.epoch, entry.number));
  }

  /** Something lies where this entry belongs: our own, whose answer was lost, or another leader's (design §5.4). */
  async #compare(session: ZooKeeperSession, entry: Entry): Promise<void> {
    try {
      const found = decodeHeader((await session.get(entryPath(entry.number))).data);
      const wanted = decodeHeader(entry.data);
      const isOwn = JSON.stringify(found) === JSON.stringify(wanted);
      if (isOwn) this.#stored(entry);
      else this.#end({ type: 'fenced', reason: `entry ${entry.number} was written by epoch ${found.epoch}` });
    } catch (error) {
      await this.#refused(session, entry, error);
    }
  }

  /** Waits for a connection, on this session or another one, and sends everything that is not stored again. */
  #reconnect(): void {
    // Everything that is on the wire must have failed first, or it might be overtaken by itself.
    if (this.#isReconnecting || this.#onWire > 0 || this.#over) return;
    this.#isReconnecting = true;
    this.#fruitless++;
    this.#connect()
      .catch((error: unknown) => this.#options.logger.error('journal.reconnect-failed', {}, error))
      .finally(() => {
        this.#isReconnecting = false;
        this.#pump();
      });
  }

  async #connect(): Promise<void> {
    const { sessions, logger } = this.#options;
    let pauseMs = firstPauseMs;
    // What was lost once is sent again at once. If it is lost each time, it may be itself what breaks the connection.
    for (let i = 1; i < this.#fruitless; i++) pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    if (this.#fruitless > 1) await this.#pause(pauseMs);
    for (; !this.#over; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      try {
        const session = await sessions.get();
        if (session !== this.#session) this.#adopt(session);
        if (session.state() === 'connected') return;
      } catch (error) {
        logger.warn('journal.no-session', { reason: messageOf(error) });
      }
      await this.#pause(pauseMs);
    }
  }

  #pause(ms: number): Promise<void> {
    const { clock, ids } = this.#options;
    return new Promise((resolve) => {
      clock.after(ms * (0.5 + ids.random() / 2), resolve);
    });
  }

  /** Answers, in order, what can be answered. */
  #settle(): void {
    for (;;) {
      const [first] = this.#pending;
      if (first === undefined) break;
      if (first.refusal) {
        this.#pending.shift();
        this.#answer(first, first.refusal);
        continue;
      }
      const { entries } = first;
      if (!entries?.every((entry) => entry.state === 'stored')) break;
      this.#pending.shift();
      this.#entries.splice(0, entries.length);
      this.#apply(first, entries);
    }
    if (this.#pending.length === 0) this.#onEmpty();
  }

  #apply(pending: Pending, entries: readonly Entry[]): void {
    const { image, recent, onCommitted } = this.#options;
    const { batch, atMs } = pending;
    const [first] = entries;
    invariant(first !== undefined && first.number === image.nextEntry, 'entries are applied in order');
    image.nextEntry += entries.length;
    const bytes = entries.reduce((sum, entry) => sum + entry.data.length, 0);
    image.apply(batch, { entry: first.number, parts: entries.length, bytes, atMs });
    recent.publish(batch);
    this.#answer(pending, { type: 'committed' });
    onCommitted();
  }

  #answer({ done }: Pending, outcome: CommitOutcome): void {
    try {
      done(outcome);
    } catch (error) {
      this.#options.logger.error('journalCallbackFailed', {}, error);
    }
  }

  /** Nothing is sent or taken any more. */
  #end(outcome: CommitOutcome): void {
    if (this.#over) return;
    this.#over = outcome;
    this.#entries = [];
    for (const pending of this.#pending.splice(0)) this.#answer(pending, pending.refusal ?? outcome);
    this.#onEmpty();
  }
}

const isLost = (error: unknown): error is ZkError =>
  isZkError(error, 'CONNECTION_LOSS', 'SESSION_ENDED', 'TIMEOUT', 'OVERLOADED');

function outcomeOf(error: unknown, epoch: number, entry: number): CommitOutcome {
  const fenced = (reason: string): CommitOutcome => ({ type: 'fenced', reason });
  if (isZkError(error, 'BAD_VERSION')) return fenced(`epoch ${epoch} is over: another leader has taken the store`);
  if (isZkError(error, 'NO_NODE')) {
    return fenced(error.operation === 0 ? 'the epoch is gone' : `entry ${entry - 1}, the one before, is missing`);
  }
  return { type: 'failed', reason: messageOf(error) };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
