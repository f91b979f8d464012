/**
 * The lines of a backup file: the header, then one line for each record. They hold nothing of the store that they come from, so a
 * backup of one kind of store can be restored into another.
 */
import { err, ok, type Result } from '../result.ts';
import type { EncodedRecord, RecordKind } from './batch.ts';

export interface BackupHeader {
  /** Version of the program that wrote it. */
  readonly program: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Generation and next event number of the store when it was read. Told to people; a restore begins a new generation. */
  readonly generation: string;
  readonly nextEvent: number;
}

const magic = 'ultramarathon';
/** Changes when the lines or the blocks around them do; records have formats of their own. */
const fileFormat = 1;

/** The first line, without its end. */
export const encodeBackupHeader = (header: BackupHeader): string =>
  JSON.stringify({ backupOf: magic, fileFormat, ...header });

/** The inverse; the error says in a few words what is wrong. */
export function decodeBackupHeader(line: string): Result<BackupHeader, string> {
  const parsed = parseJson(line);
  const header = (parsed.ok ? parsed.value : undefined) as (Record<string, unknown> & BackupHeader) | null | undefined;
  if (typeof header !== 'object' || header === null || header['backupOf'] !== magic) return err('it is not a backup');
  const { fileFormat: found, program, createdAt, generation, nextEvent } = header;
  if (found !== fileFormat)
    return err(`it has file format ${JSON.stringify(found)}, but this version knows only ${fileFormat}`);
  if (typeof program !== 'string' || typeof createdAt !== 'string' || typeof generation !== 'string')
    return err('it is damaged: its header is incomplete');
  if (!Number.isSafeInteger(nextEvent)) return err('it is damaged: its header is incomplete');
  return ok({ program, createdAt, generation, nextEvent });
}

/** `<kind> <format> <key as JSON>`, a tab, and the record's own JSON, which a JSON string cannot be mistaken for. */
export function encodeBackupRecord({ kind, key, format, json }: EncodedRecord & { readonly json: string }): string {
  // Line ends and lone surrogates are possible outside of what this program writes, and would not survive.
  const isSafe = !json.includes('\n') && !/\p{Surrogate}/u.test(json);
  return `${kind} ${format} ${JSON.stringify(key)}\t${isSafe ? json : JSON.stringify(JSON.parse(json))}`;
}

/** The inverse of `encodeBackupRecord`. Whether this program knows kind and format is not looked at. */
export function decodeBackupRecord(line: string): Result<EncodedRecord, string> {
  const tab = line.indexOf('\t');
  const head = /^([A-Za-z]{1,64}) ([1-9]\d{0,8}) (".*")$/s.exec(line.slice(0, Math.max(0, tab)));
  const [, kind, format, keyText] = head ?? [];
  const key = keyText === undefined ? undefined : parseJson(keyText);
  const json = line.slice(tab + 1);
  if (kind === undefined || !key?.ok || typeof key.value !== 'string') return err('it is damaged: a line is no record');
  if (!parseJson(json).ok) return err(`it is damaged: the ${kind} record ${JSON.stringify(key.value)} is no JSON`);
  return ok({ kind: kind as RecordKind, key: key.value, format: Number(format), json });
}

function parseJson(text: string): Result<unknown, undefined> {
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    return err(undefined);
  }
}
