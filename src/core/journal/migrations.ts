/**
 * Forward migration of records (docs/checklists/new-record-format.md). The program works with the newest format that it can read;
 * what it writes may be one older, so that during a rolling upgrade the servers of the version before can still read it.
 */
import { type EncodedRecord, type RecordKind, recordFormat } from './batch.ts';
import { StoreUnusable } from './store-errors.ts';

/** From one format to the next and back; pure, and without changing what they are given. */
export interface FormatStep {
  readonly up: (value: object) => object;
  /** What the older format has no place for is dropped. */
  readonly down: (value: object) => object;
}

/** Kind → steps; the first one leads from format 1 to 2. A kind without steps is known in format 1 alone. */
export type FormatSteps = Readonly<Partial<Record<RecordKind, readonly FormatStep[]>>>;

/** The steps there are. None so far: every kind has its first format. */
export const formatSteps: FormatSteps = {};

/** Kind → format. */
export type Formats = Readonly<Record<string, number>>;

/** Newest format of each kind that a program with these steps can read. */
export const readableFormats = (steps: FormatSteps = formatSteps): Formats =>
  Object.fromEntries(Object.keys(recordFormat).map((kind) => [kind, 1 + (steps[kind as RecordKind]?.length ?? 0)]));

/**
 * The record in the newest format, for whoever loads it; the same object if it has that already. Throws `StoreUnusable` for a
 * format that is newer still.
 */
export function upgrade(record: EncodedRecord, steps: FormatSteps = formatSteps): EncodedRecord {
  return inFormat(record, 1 + (steps[record.kind]?.length ?? 0), steps);
}

/** The record in the format that this program writes, for whoever stores it without having changed it (restore). */
export function asWritten(
  record: EncodedRecord,
  steps: FormatSteps = formatSteps,
  written: Formats = recordFormat,
): EncodedRecord {
  return inFormat(record, written[record.kind] ?? 1, steps);
}

/** A value of the newest format in the format that this program writes; the same object while the two are one. */
export function writtenValue(
  kind: RecordKind,
  value: object,
  steps: FormatSteps = formatSteps,
  written: Formats = recordFormat,
): object {
  const ofKind = steps[kind];
  if (ofKind === undefined) return value;
  return converted(value, ofKind, 1 + ofKind.length, written[kind] ?? 1);
}

function inFormat(record: EncodedRecord, target: number, steps: FormatSteps): EncodedRecord {
  const { kind, key, format, json } = record;
  if (format === target) return record;
  const ofKind = steps[kind] ?? [];
  if (!Number.isSafeInteger(format) || format < 1 || format > 1 + ofKind.length)
    throw new StoreUnusable(
      `"${kind}" record ${JSON.stringify(key)} has format ${format}, which this version does not know`,
    );
  if (json === undefined) return { ...record, format: target };
  return {
    ...record,
    format: target,
    json: JSON.stringify(converted(JSON.parse(json) as object, ofKind, format, target)),
  };
}

function converted(value: object, steps: readonly FormatStep[], from: number, to: number): object {
  let result = value;
  for (let format = from; format < to; format++) result = steps[format - 1]?.up(result) ?? result;
  for (let format = from; format > to; format--) result = steps[format - 2]?.down(result) ?? result;
  return result;
}
