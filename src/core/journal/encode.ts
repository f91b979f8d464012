/** Turns what one batch collected into what a store keeps. JSON is built here and nowhere else. */
import { isDurable, type LoggedEvent, type MarathonEvent } from '../events.ts';
import { type EncodedEvent, type EncodedRecord, type RecordWrite, recordFormat } from './batch.ts';
import { formatEventId } from './event-id.ts';
import { type FormatSteps, type Formats, formatSteps, writtenValue } from './migrations.ts';

export interface EncodedRecords {
  /** The last write of each (kind, key), as it was handed over. */
  readonly writes: readonly RecordWrite[];
  /** The same, encoded. */
  readonly records: readonly EncodedRecord[];
  /** UTF-16 units of all JSON texts: an estimate of the bytes. */
  readonly size: number;
}

/**
 * Within a batch the last write of a (kind, key) wins; the earlier ones are not even encoded. Values are in the newest format; they are
 * stored in the one that is `written`.
 */
export function encodeRecords(
  groups: readonly (readonly RecordWrite[])[],
  steps: FormatSteps = formatSteps,
  written: Formats = recordFormat,
): EncodedRecords {
  const writes = lastWrites(groups);
  const records: EncodedRecord[] = [];
  let size = 0;
  for (const { kind, key, value } of writes) {
    const json = value === undefined ? undefined : JSON.stringify(writtenValue(kind, value, steps, written));
    size += json === undefined ? 0 : json.length;
    records.push({ kind, key, format: written[kind] ?? 1, json });
  }
  return { writes, records, size };
}

function lastWrites(groups: readonly (readonly RecordWrite[])[]): readonly RecordWrite[] {
  const [only] = groups;
  if (groups.length === 1 && only !== undefined && only.length <= 1) return only;
  const places = new Map<string, Map<string, number>>();
  const writes: RecordWrite[] = [];
  for (const group of groups) {
    for (const write of group) {
      const ofKind = places.get(write.kind) ?? new Map<string, number>();
      if (ofKind.size === 0) places.set(write.kind, ofKind);
      const place = ofKind.get(write.key);
      if (place === undefined) {
        ofKind.set(write.key, writes.length);
        writes.push(write);
      } else {
        writes[place] = write;
      }
    }
  }
  return writes;
}

export interface EncodedEvents {
  /** Everything in order, for the event log and the streams. */
  readonly logged: readonly LoggedEvent[];
  /** The durable ones, numbered from `firstEvent` on. */
  readonly stored: readonly EncodedEvent[];
  readonly size: number;
}

/** Numbers the durable events from `firstEvent` on; transient types get no id and are not stored (design §5.9). */
export function encodeEvents(
  groups: readonly (readonly MarathonEvent[])[],
  generation: string,
  firstEvent: number,
): EncodedEvents {
  const logged: LoggedEvent[] = [];
  const stored: EncodedEvent[] = [];
  let size = 0;
  for (const group of groups) {
    for (const event of group) {
      const type = event.eventType;
      const json = JSON.stringify(event);
      size += json.length;
      if (isDurable(type)) {
        logged.push({ id: formatEventId(generation, firstEvent + stored.length), type, json });
        stored.push({ type, json });
      } else {
        logged.push({ type, json });
      }
    }
  }
  return { logged, stored, size };
}
