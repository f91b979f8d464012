/** What the journal amounts to up to one of its entries: every record as it is, and where events can be read again. */
import type { Batch, EncodedRecord } from '../../core/journal/batch.ts';
import { type WrittenFormats, withFormats } from '../../core/journal/formats.ts';
import type { EventChunk } from '../../core/journal/retention.ts';
import type { BatchHeader } from './entry.ts';
import type { Manifest } from './manifest.ts';

/** A batch that lies in the journal, in `parts` entries from `entry` on. */
export interface TailBatch extends EventChunk {
  readonly entry: number;
  readonly parts: number;
  readonly bytes: number;
}

export class Image {
  manifest: Manifest;
  readonly generation: string;
  formats: WrittenFormats;
  /** The next entry to be applied, the number of the next batch, and of the next event. */
  nextEntry: number;
  nextBatch: number;
  nextEvent: number;
  /** The oldest event that readers may ask for. */
  firstEvent: number;
  /** Batches behind the snapshot, oldest first. */
  tail: TailBatch[] = [];
  /** Bytes of their entries. */
  tailBytes = 0;
  /** Parts of a batch whose last one has not come. */
  parts: { readonly header: BatchHeader; readonly data: Buffer }[] = [];
  /** Hears of each record that is put or deleted. */
  watcher: { readonly put: (record: EncodedRecord, before: EncodedRecord | undefined) => void } | undefined = undefined;
  readonly #records = new Map<string, Map<string, EncodedRecord>>();
  #size = 0;

  constructor(manifest: Manifest) {
    this.manifest = manifest;
    this.generation = manifest.generation;
    this.formats = manifest.formats;
    this.nextEntry = manifest.entry;
    this.nextBatch = manifest.nextBatch;
    this.nextEvent = manifest.nextEvent;
    this.firstEvent = manifest.firstEvent;
  }

  /** Number of records. */
  get size(): number {
    return this.#size;
  }

  put(record: EncodedRecord): void {
    const { kind, key, json } = record;
    let ofKind = this.#records.get(kind);
    if (ofKind === undefined) {
      ofKind = new Map();
      this.#records.set(kind, ofKind);
    }
    this.watcher?.put(record, ofKind.get(key));
    const before = ofKind.size;
    if (json === undefined) ofKind.delete(key);
    else ofKind.set(key, record);
    this.#size += ofKind.size - before;
  }

  /** Applies a whole batch whose entries end before `nextEntry`. `bytes` are those of its entries. */
  apply(
    batch: Batch,
    at: { readonly entry: number; readonly parts: number; readonly bytes: number; readonly atMs: number },
  ): void {
    for (const record of batch.records) this.put(record);
    this.formats = withFormats(this.formats, batch.records);
    this.nextBatch = batch.number + 1;
    this.nextEvent = batch.firstEvent + batch.events.length;
    this.tail.push({ ...at, first: batch.firstEvent, count: batch.events.length });
    this.tailBytes += at.bytes;
  }

  /** A new snapshot stands: what it covers is no tail any more. */
  rest(manifest: Manifest): void {
    this.manifest = manifest;
    this.tail = this.tail.filter((one) => one.entry >= manifest.entry);
    this.tailBytes = this.tail.reduce((sum, one) => sum + one.bytes, 0);
  }

  /** All records, by kind. What is put or deleted meanwhile may be met or not. */
  *records(): Generator<EncodedRecord> {
    for (const ofKind of this.#records.values()) yield* ofKind.values();
  }
}
