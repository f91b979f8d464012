/** How a record becomes an LMDB entry and back. */
import { createHash } from 'node:crypto';
import type { EncodedRecord, RecordKind } from '../../core/journal/batch.ts';

/** `[kind, key]`, or `[kind, true, hash]` for keys that LMDB cannot hold as they are. */
export type RecordEntryKey = [kind: string, key: string] | [kind: string, hashed: true, hash: string];

/** LMDB takes keys of up to 1,978 bytes; the rest is for the kind and the encoding of the pair. */
const maxPlainKeyBytes = 1_900;

/** NUL separates the parts of a key inside LMDB, and a lone surrogate would not survive UTF-8. */
const unsafe = /[\0\ud800-\udfff]/;

const isPlain = (key: string): boolean =>
  key.length <= maxPlainKeyBytes &&
  (key.length * 3 <= maxPlainKeyBytes || Buffer.byteLength(key) <= maxPlainKeyBytes) &&
  !unsafe.test(key);

/** App ids have no length limit, so any key of any length has an entry key. */
export function entryKey(kind: string, key: string): RecordEntryKey {
  return isPlain(key)
    ? [kind, key]
    : [kind, true, createHash('sha256').update(JSON.stringify(key)).digest('base64url')];
}

/** `<format>\n<json>`; behind a hashed key the key itself stands between the two, as a JSON string on a line of its own. */
export function entryValue(entry: RecordEntryKey, key: string, format: number, json: string): string {
  return entry.length === 2 ? `${format}\n${json}` : `${format}\n${JSON.stringify(key)}\n${json}`;
}

/** The inverse of `entryKey` and `entryValue`. */
export function recordOf(entry: RecordEntryKey, value: string): EncodedRecord {
  const kind = entry[0] as RecordKind;
  const formatEnd = value.indexOf('\n');
  const format = Number(value.slice(0, formatEnd));
  if (entry.length === 2) return { kind, key: entry[1], format, json: value.slice(formatEnd + 1) };
  const keyEnd = value.indexOf('\n', formatEnd + 1);
  const key = JSON.parse(value.slice(formatEnd + 1, keyEnd)) as string;
  return { kind, key, format, json: value.slice(keyEnd + 1) };
}
