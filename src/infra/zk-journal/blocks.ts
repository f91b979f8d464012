/** Records and events as lines of text, compressed outside of this thread. */
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';
import type { EncodedEvent, EncodedRecord, RecordKind } from '../../core/journal/batch.ts';
import { StoreUnusable } from '../../core/journal/store-errors.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Below this, compression costs more than it saves. */
const compressFromBytes = 2_048;
/** No block of ours becomes so large; what claims to is damaged. */
const maxBlockBytes = 512 * 1024 * 1024;

export type Codec = 'raw' | 'deflate';

export interface Block {
  readonly codec: Codec;
  readonly bytes: Buffer;
}

/** A line for each record: `<kind> <format> <key as JSON>`, and unless it is a delete a tab and the record's JSON. */
export function recordLine({ kind, format, key, json }: EncodedRecord): string {
  const head = `${kind} ${format} ${JSON.stringify(key)}`;
  if (json === undefined) return `${head}\n`;
  // JSON may hold line ends between its tokens; ours never does.
  return `${head}\t${json.includes('\n') ? JSON.stringify(JSON.parse(json)) : json}\n`;
}

/** The inverse of `recordLine`, for any number of them. Throws `StoreUnusable` for what is no record. */
export function* recordsOf(text: string): Generator<EncodedRecord> {
  for (const line of linesOf(text)) {
    const afterKind = line.indexOf(' ');
    const afterFormat = line.indexOf(' ', afterKind + 1);
    const tab = line.indexOf('\t');
    const format = Number(line.slice(afterKind + 1, afterFormat));
    const key: unknown = parsed(line.slice(afterFormat + 1, tab < 0 ? undefined : tab));
    if (afterKind <= 0 || afterFormat < 0 || !Number.isSafeInteger(format) || typeof key !== 'string') {
      throw new StoreUnusable('the store is damaged: a line is no record');
    }
    const kind = line.slice(0, afterKind) as RecordKind;
    yield { kind, key, format, json: tab < 0 ? undefined : line.slice(tab + 1) };
  }
}

/** A line for each event: its type, a tab, its JSON. */
export const eventLine = ({ type, json }: EncodedEvent): string =>
  `${type}\t${json.includes('\n') ? JSON.stringify(JSON.parse(json)) : json}\n`;

/** The inverse of `eventLine`, for any number of them. */
export function eventsOf(text: string): readonly EncodedEvent[] {
  return [...linesOf(text)].map((line) => {
    const tab = line.indexOf('\t');
    return { type: line.slice(0, tab), json: line.slice(tab + 1) };
  });
}

/** Rejects for what could not be read back. */
export async function compress(text: string | Buffer): Promise<Block> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  if (bytes.length > maxBlockBytes) throw new Error(`${bytes.length} bytes are over the limit of ${maxBlockBytes}`);
  if (bytes.length < compressFromBytes) return { codec: 'raw', bytes };
  return { codec: 'deflate', bytes: await deflate(bytes, { level: constants.Z_BEST_SPEED }) };
}

/** Throws `StoreUnusable` if the bytes are not what was written. */
export async function expand({ codec, bytes }: Block): Promise<Buffer> {
  if (codec === 'raw') return bytes;
  try {
    return await inflate(bytes, { maxOutputLength: maxBlockBytes });
  } catch (error) {
    throw new StoreUnusable('the store is damaged: a block cannot be read', { cause: error });
  }
}

function* linesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    if (end < 0) throw new StoreUnusable('the store is damaged: a line has no end');
    yield text.slice(from, end);
    from = end + 1;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
