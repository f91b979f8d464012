/**
 * Events are stored a few hundred to an entry, not one by one: a launch causes several, and each entry costs the main thread
 * about a microsecond. The entry's key is the number of its first event.
 */
import type { EncodedEvent } from '../../core/journal/batch.ts';
import type { EventChunk } from '../../core/journal/retention.ts';

/** A reader who wants one event decodes a whole chunk, so a chunk must stay small. */
const eventsPerChunk = 256;

/** `<epoch ms> <type>:<length> <type>:<length> …\n`, then the JSON texts without separators; lengths are in UTF-16 units. */
function encodeChunk(events: readonly EncodedEvent[], atMs: number): string {
  let head = String(atMs);
  let body = '';
  for (const { type, json } of events) {
    head += ` ${type}:${json.length}`;
    body += json;
  }
  return `${head}\n${body}`;
}

/** What retention must know about a chunk, without its events. */
export function describeChunk(first: number, value: string): EventChunk {
  const head = value.slice(0, value.indexOf('\n')).split(' ');
  return { first, count: head.length - 1, atMs: Number(head[0]) };
}

/** The inverse of `encodeChunk`. */
export function decodeChunk(value: string): readonly EncodedEvent[] {
  const headEnd = value.indexOf('\n');
  let at = headEnd + 1;
  return value
    .slice(0, headEnd)
    .split(' ')
    .slice(1)
    .map((item) => {
      const colon = item.lastIndexOf(':');
      const end = at + Number(item.slice(colon + 1));
      const event = { type: item.slice(0, colon), json: value.slice(at, end) };
      at = end;
      return event;
    });
}

/** Cuts a batch's events into entries: [number of the first event, value]. */
export function* chunksOf(
  firstEvent: number,
  events: readonly EncodedEvent[],
  atMs: number,
): Generator<readonly [first: number, value: string]> {
  for (let from = 0; from < events.length; from += eventsPerChunk) {
    yield [firstEvent + from, encodeChunk(events.slice(from, from + eventsPerChunk), atMs)];
  }
}
