/**
 * The journal actor: decide → apply → commit → release (design §5.1). Everybody has applied a change to the working state before
 * it is handed in here; all writes of one turn leave as one batch, and what depends on a batch happens once it is durable, in
 * batch order.
 */
import type { LoggedEvent } from '../core/events.ts';
import type { Batch, CommitOutcome, LoadedJournal, RecordWrite } from '../core/journal/batch.ts';
import { encodeEvents, encodeRecords } from '../core/journal/encode.ts';
import type { Effect } from './effects.ts';
import { Backlog, type Congestion, createCongestion, type JournalWrite } from './journal-backlog.ts';
import type { Ids, JournalStore } from './ports.ts';
import type { Behaviour, Context } from './runtime/types.ts';

export type JournalMessage =
  | ({ readonly type: 'write' } & JournalWrite)
  /** Behind everything that was in the inbox when the first write of a batch came: sends what has been collected. */
  | { readonly type: 'flush' }
  /** The store has answered; the answers themselves wait in the state, so that a full inbox cannot lose one. */
  | { readonly type: 'answered' };

/** A batch, or a group of writes that needed none, at the moment it is released. */
export interface ReleasedBatch {
  /** Absent if nothing had to be stored. */
  readonly number?: number;
  /** The last write of each record. */
  readonly records: readonly RecordWrite[];
  /** All events in order; transient ones without an id. */
  readonly events: readonly LoggedEvent[];
}

export interface JournalOptions {
  readonly store: JournalStore;
  readonly loaded: Omit<LoadedJournal, 'records'>;
  readonly ids: Ids;
  /** The read model and the event fan-out, before the effects of the same batch. A throw ends the actor: readers would see holes. */
  readonly onDurable: (batch: ReleasedBatch) => void;
  /** Called once: nothing more will be committed or released, the subtree must be rebuilt from the store. */
  readonly onFenced: (reason: string) => void;
  readonly congestion?: Congestion;
}

/** A batch that the store has, and what waits for it. */
interface Unit {
  readonly released: ReleasedBatch;
  readonly writes: readonly JournalWrite[];
  readonly sentAtMs: number;
  isDurable: boolean;
}

/** Mutable and owned by the actor alone: it changes with every message, and nobody else may see it. */
export interface JournalState {
  readonly backlog: Backlog;
  isFlushDue: boolean;
  /** Unreleased, in batch order. */
  readonly units: Unit[];
  unanswered: number;
  readonly answers: { readonly unit: Unit; readonly outcome: CommitOutcome }[];
  nextBatch: number;
  nextEvent: number;
  hasEnded: boolean;
}

/**
 * Spawn it with a generous `inboxLimit`. Metrics: `journal.commit` (ms from commit to answer), `journal.batches`,
 * `journal.records`, `journal.events`, `journal.effects.failed`, `journal.dropped` (writes); gauges `journal.inflight`,
 * `journal.collected`, `journal.congested` (0 or 1).
 */
export function journalBehaviour(options: JournalOptions): Behaviour<JournalState, JournalMessage> {
  return {
    initial: ({ metrics }) => {
      const congestion = options.congestion ?? createCongestion();
      const state = initialState(options, new Backlog(congestion));
      metrics.gauge('journal.inflight', () => state.unanswered);
      metrics.gauge('journal.collected', () => state.backlog.items);
      metrics.gauge('journal.congested', () => (congestion.isCongested ? 1 : 0));
      return state;
    },
    receive: (state, message, context) => {
      if (state.answers.length > 0) takeAnswers(state, options, context);
      if (message.type === 'write') collect(state, message, options, context);
      if (message.type === 'flush') {
        state.isFlushDue = false;
        send(state, options, context);
      }
      return state;
    },
    // What was collected is in memory only: a restarted journal would carry on with a hole.
    onFailure: () => 'stop',
  };
}

const initialState = ({ loaded }: JournalOptions, backlog: Backlog): JournalState => ({
  backlog,
  isFlushDue: false,
  units: [],
  unanswered: 0,
  answers: [],
  nextBatch: loaded.nextBatch,
  nextEvent: loaded.nextEvent,
  hasEnded: false,
});

type Own = Context<JournalMessage>;

function collect(state: JournalState, write: JournalWrite, options: JournalOptions, context: Own): void {
  if (state.hasEnded) {
    context.metrics.count('journal.dropped');
    return;
  }
  state.backlog.add(write);
  requestFlush(state, options, context);
}

/**
 * True if something can leave now. Effects without anything to store wait until nothing is unreleased before them; a batch that
 * comes in between takes them along.
 */
const canSend = (state: JournalState, { store }: JournalOptions): boolean =>
  !state.hasEnded &&
  state.backlog.length > 0 &&
  (state.backlog.needsStore ? state.unanswered < store.maxInFlight : state.units.length === 0);

function requestFlush(state: JournalState, options: JournalOptions, context: Own): void {
  if (state.isFlushDue || !canSend(state, options)) return;
  state.isFlushDue = context.self.tell({ type: 'flush' });
  // A full inbox: then this batch is a little smaller than it could have been.
  if (!state.isFlushDue) send(state, options, context);
}

/** Sends one batch, if the store takes one now; whatever is left goes with a later one. */
function send(state: JournalState, options: JournalOptions, context: Own): void {
  if (!canSend(state, options)) return;
  const writes = state.backlog.take();
  const records = encodeRecords(writes.map((write) => write.records));
  const eventGroups = writes.map((write) => write.events);
  const events = encodeEvents(eventGroups, options.loaded.generation, state.nextEvent);
  const stored = records.records.length + events.stored.length;
  const isProof = writes.some((write) => write.mustStore === true);
  if (stored === 0 && !isProof && state.units.length === 0) {
    releaseOne({ records: [], events: events.logged }, writes, options, context);
  } else {
    const number = state.nextBatch++;
    const unit: Unit = {
      released: { number, records: records.writes, events: events.logged },
      writes,
      sentAtMs: context.clock.monotonic(),
      isDurable: false,
    };
    const batch: Batch = {
      number,
      id: options.ids.uuid(),
      epoch: options.loaded.epoch,
      records: records.records,
      firstEvent: state.nextEvent,
      events: events.stored,
    };
    state.nextEvent += events.stored.length;
    state.backlog.learnSize(records.size + events.size, stored);
    commit(state, unit, batch, options, context);
  }
  requestFlush(state, options, context);
}

function commit(
  state: JournalState,
  unit: Unit,
  batch: Batch,
  { store }: JournalOptions,
  { self, metrics }: Own,
): void {
  state.units.push(unit);
  state.unanswered++;
  metrics.count('journal.batches');
  metrics.count('journal.records', batch.records.length);
  metrics.count('journal.events', batch.events.length);
  store.commit(batch, (outcome) => {
    state.answers.push({ unit, outcome });
    self.tell({ type: 'answered' });
  });
}

function takeAnswers(state: JournalState, options: JournalOptions, context: Own): void {
  for (const { unit, outcome } of state.answers.splice(0)) {
    if (state.hasEnded) return;
    if (outcome.type !== 'committed') {
      end(state, options, context, `${outcome.type}: ${outcome.reason}`);
      return;
    }
    state.unanswered--;
    unit.isDurable = true;
    context.metrics.time('journal.commit', context.clock.monotonic() - unit.sentAtMs);
    release(state, options, context);
  }
  requestFlush(state, options, context);
}

/** Lets out what is durable and has nothing undurable before it. */
function release(state: JournalState, options: JournalOptions, context: Own): void {
  while (state.units[0]?.isDurable === true) {
    const unit = state.units.shift();
    if (unit !== undefined) releaseOne(unit.released, unit.writes, options, context);
  }
}

function releaseOne(
  released: ReleasedBatch,
  writes: readonly JournalWrite[],
  options: JournalOptions,
  context: Own,
): void {
  if (released.records.length > 0 || released.events.length > 0) options.onDurable(released);
  for (const { effects } of writes) for (const effect of effects) performOne(effect, context);
}

/** One effect that fails must not take the others with it: they belong to other actors. */
function performOne(effect: Effect, { logger, metrics }: Own): void {
  try {
    if (effect.type === 'call') effect.run();
    else effect.to.tell(effect.message);
  } catch (error) {
    metrics.count('journal.effects.failed');
    logger.error('effectFailed', { what: effect.type === 'call' ? effect.what : effect.to.path }, error);
  }
}

/** The store will take no more. What was not released never happened, as far as the world knows. */
function end(state: JournalState, options: JournalOptions, { logger, metrics }: Own, reason: string): void {
  const dropped = state.units.reduce((sum, unit) => sum + unit.writes.length, state.backlog.length);
  metrics.count('journal.dropped', dropped);
  logger.error('journalEnded', { reason, dropped });
  state.hasEnded = true;
  state.units.length = 0;
  state.backlog.clear();
  state.unanswered = 0;
  options.onFenced(reason);
}
