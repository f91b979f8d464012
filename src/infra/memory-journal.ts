/**
 * The journal in memory, for tests and the simulation: the contract of the durable ones, with faults on command. Its content
 * outlives `close`, as a disk would, so opening it again is what a new leader does.
 */
import type { JournalStore } from '../actors/ports.ts';
import type { Batch, CommitOutcome, EncodedEvent, EncodedRecord } from '../core/journal/batch.ts';
import { unreadableFormat, type WrittenFormats, withFormats } from '../core/journal/formats.ts';
import { defaultRetention, type EventChunk, type EventRetention, isExpired } from '../core/journal/retention.ts';
import { StoreUnusable } from '../core/journal/store-errors.ts';
import { createRecentBatches } from './recent-batches.ts';

export interface MemoryJournalOptions {
  readonly maxInFlight?: number;
  readonly generation?: string;
  readonly retention?: EventRetention;
  /** Epoch milliseconds, for the age of events. Without it they are all of the same age. */
  readonly now?: () => number;
  /** When an answer is given; never within `commit`. Default: the end of this turn. */
  readonly schedule?: (answer: () => void) => void;
}

export interface MemoryJournal extends JournalStore {
  /** From now on answers wait, in order; what they answer is already in the store. */
  readonly hold: () => void;
  /** Gives the waiting answers, at most `count` (then the rest goes on waiting), and otherwise ends `hold`. */
  readonly release: (count?: number) => void;
  /** The next commit fails and writes nothing. */
  readonly failNext: (reason: string) => void;
  /** Another leader takes the epoch. */
  readonly fence: () => void;
  /** Every batch in the store, oldest first. */
  readonly batches: readonly Batch[];
  /** The records as they are now. */
  readonly records: () => readonly EncodedRecord[];
  /** Answers that were not given yet. */
  readonly unanswered: () => number;
}

interface Content {
  readonly firstGeneration: string;
  generation: string;
  epoch: number;
  nextBatch: number;
  nextEvent: number;
  formats: WrittenFormats;
  readonly records: Map<string, EncodedRecord>;
  readonly chunks: (EventChunk & { readonly events: readonly EncodedEvent[] })[];
  readonly batches: Batch[];
}

/** See `MemoryJournal`. Errors thrown by an answer or a follower surface as unhandled, so that tests notice. */
export function createMemoryJournal(options: MemoryJournalOptions = {}): MemoryJournal {
  const { retention = defaultRetention, now = () => 0 } = options;
  const content = emptyContent(options.generation ?? 'memory');
  const recent = createRecentBatches(1, (error) => {
    throw error;
  });
  const answers = answerQueue(options.schedule ?? queueMicrotask);
  let failure: string | undefined;
  let isOpen = false;

  const outcomeOf = (batch: Batch): CommitOutcome => {
    const refused = isOpen ? undefined : 'the journal is closed';
    const failed = refused ?? failure;
    failure = undefined;
    if (failed !== undefined) return { type: 'failed', reason: failed };
    const reason = refusalOf(batch, content);
    if (reason !== undefined) return { type: 'fenced', reason };
    apply(content, batch, now());
    recent.publish(batch);
    return { type: 'committed' };
  };

  return {
    maxInFlight: options.maxInFlight ?? 4,
    async open() {
      const unreadable = unreadableFormat(content.formats);
      if (unreadable !== undefined) throw new StoreUnusable(unreadable);
      isOpen = true;
      const { nextBatch, nextEvent, generation } = content;
      return { epoch: ++content.epoch, nextBatch, generation, nextEvent, records: [...content.records.values()] };
    },
    standBy() {
      // Whoever opens reads everything at once: there is nothing to keep warm.
    },
    status: () => ({ type: 'ready' }),
    async read() {
      return { generation: content.generation, nextEvent: content.nextEvent, records: [...content.records.values()] };
    },
    async replace({ records }) {
      replace(content, [...records]);
      recent.restart(content.nextBatch);
    },
    commit(batch, done) {
      const outcome = outcomeOf(batch);
      answers.push(() => done(outcome));
    },
    async readEvents(from, limit) {
      return readEvents(content, from, limit);
    },
    follow: recent.follow,
    async compact() {
      const kept = content.chunks.findIndex((chunk) => !isExpired(chunk, content.nextEvent, now(), retention));
      content.chunks.splice(0, kept < 0 ? content.chunks.length : kept);
    },
    async close() {
      isOpen = false;
      answers.release();
      await answers.empty();
    },
    hold: answers.hold,
    release: answers.release,
    failNext(reason) {
      failure = reason;
    },
    fence() {
      content.epoch++;
    },
    batches: content.batches,
    records: () => [...content.records.values()],
    unanswered: answers.count,
  };
}

const emptyContent = (generation: string): Content => ({
  firstGeneration: generation,
  generation,
  epoch: 0,
  nextBatch: 1,
  nextEvent: 1,
  formats: {},
  records: new Map(),
  chunks: [],
  batches: [],
});

function refusalOf(batch: Batch, content: Content): string | undefined {
  if (batch.epoch !== content.epoch) return `epoch ${batch.epoch} is over, the store is at epoch ${content.epoch}`;
  if (batch.number !== content.nextBatch) return `batch ${batch.number} came where ${content.nextBatch} was due`;
  if (batch.firstEvent === content.nextEvent) return undefined;
  return `batch ${batch.number} begins with event ${batch.firstEvent} where ${content.nextEvent} was due`;
}

function apply(content: Content, batch: Batch, atMs: number): void {
  for (const record of batch.records) {
    const key = JSON.stringify([record.kind, record.key]);
    if (record.json === undefined) content.records.delete(key);
    else content.records.set(key, record);
  }
  const count = batch.events.length;
  if (count > 0) content.chunks.push({ first: batch.firstEvent, count, atMs, events: batch.events });
  content.formats = withFormats(content.formats, batch.records);
  content.nextBatch++;
  content.nextEvent += count;
  content.batches.push(batch);
}

/** A batch number is left out: what comes next is no continuation of the old content. */
function replace(content: Content, given: readonly EncodedRecord[]): void {
  const records = given.filter((record) => record.json !== undefined);
  const formats = withFormats({}, records);
  const unreadable = unreadableFormat(formats);
  if (unreadable !== undefined) throw new StoreUnusable(`the new content cannot be used: ${unreadable}`);
  content.epoch++;
  content.nextBatch++;
  content.generation = `${content.firstGeneration}-${content.epoch}`;
  content.formats = formats;
  content.records.clear();
  for (const record of records) content.records.set(JSON.stringify([record.kind, record.key]), record);
  content.chunks.length = 0;
}

function readEvents(content: Content, from: number, limit: number) {
  const first = content.chunks[0]?.first ?? content.nextEvent;
  const start = Math.max(first, from);
  const events: EncodedEvent[] = [];
  for (const chunk of content.chunks) {
    if (events.length >= limit) break;
    if (chunk.first + chunk.count <= start) continue;
    const skipped = Math.max(0, start - chunk.first);
    events.push(...chunk.events.slice(skipped, skipped + limit - events.length));
  }
  return { first, events };
}

/** Gives answers in order and one turn late, unless they are held. */
function answerQueue(schedule: (answer: () => void) => void) {
  const waiting: (() => void)[] = [];
  let scheduled = 0;
  let isHeld = false;
  let notify = (): void => {};
  const give = (answer: () => void): void => {
    scheduled++;
    schedule(() => {
      scheduled--;
      try {
        answer();
      } finally {
        if (scheduled === 0) notify();
      }
    });
  };
  return {
    push(answer: () => void): void {
      if (isHeld) waiting.push(answer);
      else give(answer);
    },
    hold(): void {
      isHeld = true;
    },
    release(count?: number): void {
      if (count === undefined) isHeld = false;
      for (const answer of waiting.splice(0, count ?? waiting.length)) give(answer);
    },
    count: (): number => waiting.length + scheduled,
    /** Resolves once no answer is under way. */
    empty: (): Promise<void> =>
      new Promise((resolve) => {
        if (scheduled === 0) resolve();
        else notify = resolve;
      }),
  };
}
