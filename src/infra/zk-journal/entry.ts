/** One node of the journal: a line of JSON that says what it is, then the bytes of a batch or of a part of one (design §5.4, §5.6). */
import type { Batch } from '../../core/journal/batch.ts';
import { StoreUnusable } from '../../core/journal/store-errors.ts';
import { type Codec, compress, eventLine, eventsOf, expand, recordLine, recordsOf } from './blocks.ts';
import { cut, wholeEntryBytes } from './layout.ts';

/** Changes when an entry must not be read by programs that do not know the change. */
const entryFormat = 1;

export interface BatchHeader {
  readonly v: number;
  readonly type: 'batch';
  readonly epoch: number;
  readonly number: number;
  readonly id: string;
  /** From 1 to `parts`. */
  readonly part: number;
  readonly parts: number;
  /** Epoch milliseconds of the commit, by the leader's clock. */
  readonly atMs: number;
  readonly firstEvent: number;
  readonly events: number;
  /** Sizes in the whole batch's bytes; the records come first. */
  readonly recordsBytes: number;
  readonly recordsCodec: Codec;
  readonly eventsCodec: Codec;
}

/** `discard`: the parts before it belong to nothing. `restart`: everything was replaced, read the manifest again. */
export interface MarkHeader {
  readonly v: number;
  readonly type: 'discard' | 'restart';
  readonly epoch: number;
  readonly id: string;
}

export type EntryHeader = BatchHeader | MarkHeader;

/** The nodes of one batch, in order. */
export async function encodeBatch(batch: Batch, atMs: number): Promise<readonly Buffer[]> {
  const [records, events] = await Promise.all([
    compress(batch.records.map(recordLine).join('')),
    compress(batch.events.map(eventLine).join('')),
  ]);
  const payload = Buffer.concat([records.bytes, events.bytes]);
  const pieces = payload.length <= wholeEntryBytes ? [payload] : cut(payload);
  return pieces.map((bytes, index) => {
    const header: BatchHeader = {
      v: entryFormat,
      type: 'batch',
      epoch: batch.epoch,
      number: batch.number,
      id: batch.id,
      part: index + 1,
      parts: pieces.length,
      atMs,
      firstEvent: batch.firstEvent,
      events: batch.events.length,
      recordsBytes: records.bytes.length,
      recordsCodec: records.codec,
      eventsCodec: events.codec,
    };
    return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]);
  });
}

export const encodeMark = (type: MarkHeader['type'], epoch: number, id: string): Buffer =>
  Buffer.from(`${JSON.stringify({ v: entryFormat, type, epoch, id } satisfies MarkHeader)}\n`);

/** Throws `StoreUnusable` for what this version cannot read. */
export function decodeHeader(data: Buffer): EntryHeader {
  const end = data.indexOf(0x0a);
  let header: EntryHeader | undefined;
  try {
    header = JSON.parse(data.toString('utf8', 0, Math.max(0, end))) as EntryHeader;
  } catch {
    // Told below.
  }
  if (typeof header !== 'object' || header === null || end < 0) {
    throw new StoreUnusable('the store is damaged: a journal entry has no header');
  }
  if (header.v !== entryFormat) {
    throw new StoreUnusable(
      `the journal has entries of format ${header.v}, but this version knows only format ${entryFormat}`,
    );
  }
  return header;
}

const payloadOf = (data: Buffer): Buffer => data.subarray(data.indexOf(0x0a) + 1);

/** All parts of one batch, in order → the batch as it was committed. */
export async function decodeBatch(header: BatchHeader, parts: readonly Buffer[]): Promise<Batch> {
  const payload = Buffer.concat(parts.map(payloadOf));
  const records = await expand({ codec: header.recordsCodec, bytes: payload.subarray(0, header.recordsBytes) });
  const events = await expand({ codec: header.eventsCodec, bytes: payload.subarray(header.recordsBytes) });
  const { number, id, epoch, firstEvent } = header;
  return {
    number,
    id,
    epoch,
    firstEvent,
    records: [...recordsOf(records.toString())],
    events: eventsOf(events.toString()),
  };
}

/** Only the lines of the events, for whoever moves them elsewhere. */
export function eventBytesOf(header: BatchHeader, parts: readonly Buffer[]): Promise<Buffer> {
  const payload = Buffer.concat(parts.map(payloadOf));
  return expand({ codec: header.eventsCodec, bytes: payload.subarray(header.recordsBytes) });
}
