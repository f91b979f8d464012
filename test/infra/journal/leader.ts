/** A leader that numbers its batches as the journal actor does. */
import type { JournalStore } from '../../../src/actors/ports.ts';
import type {
  Batch,
  CommitOutcome,
  EncodedEvent,
  EncodedRecord,
  LoadedJournal,
} from '../../../src/core/journal/batch.ts';

export const put = (key: string, value: unknown, kind: EncodedRecord['kind'] = 'instance'): EncodedRecord => ({
  kind,
  key,
  format: 1,
  json: JSON.stringify(value),
});
export const drop = (key: string, kind: EncodedRecord['kind'] = 'instance'): EncodedRecord => ({
  kind,
  key,
  format: 1,
  json: undefined,
});

/** What the committing child writes in batch `number`: one record that stays, and one that every batch replaces. */
export const leaderRecords = (number: number): readonly EncodedRecord[] => [
  put(`batch-${number}`, { number, pad: 'x'.repeat(2_000) }),
  put('newest', number),
];

export class Leader {
  readonly store: JournalStore;
  readonly loaded: LoadedJournal;
  readonly answered: number[] = [];
  nextBatch: number;
  nextEvent: number;

  constructor(store: JournalStore, loaded: LoadedJournal) {
    this.store = store;
    this.loaded = loaded;
    this.nextBatch = loaded.nextBatch;
    this.nextEvent = loaded.nextEvent;
  }

  static async of(store: JournalStore): Promise<Leader> {
    return new Leader(store, await store.open());
  }

  batch(records: readonly EncodedRecord[], events: readonly EncodedEvent[] = []): Batch {
    const number = this.nextBatch++;
    const firstEvent = this.nextEvent;
    this.nextEvent += events.length;
    return { number, id: `id-${number}-${this.loaded.epoch}`, epoch: this.loaded.epoch, records, firstEvent, events };
  }

  send(batch: Batch): Promise<CommitOutcome> {
    return new Promise((resolve) => {
      this.store.commit(batch, (outcome) => {
        this.answered.push(batch.number);
        resolve(outcome);
      });
    });
  }

  async commit(records: readonly EncodedRecord[], events: readonly EncodedEvent[] = []): Promise<CommitOutcome> {
    return this.send(this.batch(records, events));
  }
}
