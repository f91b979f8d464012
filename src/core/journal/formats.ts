/** Which record formats a program can read. */
import { readableFormats } from './migrations.ts';

/** Highest format ever written, by kind. Kept in a store's header, so that opening need not read every record. */
export type WrittenFormats = Readonly<Record<string, number>>;

const readable = readableFormats();

/**
 * One line that says why this program must not touch a store, or undefined if it may: a record of a newer format would be
 * misread, and one of an unknown kind would be lost.
 */
export function unreadableFormat(
  written: WrittenFormats,
  known: Readonly<Record<string, number>> = readable,
): string | undefined {
  for (const [kind, format] of Object.entries(written)) {
    const newest = Object.hasOwn(known, kind) ? known[kind] : undefined;
    if (newest === undefined) return `the store holds records of kind "${kind}", which this version does not know`;
    if (format > newest)
      return `the store holds "${kind}" records of format ${format}, but this version knows only up to ${newest}`;
  }
  return undefined;
}

/** `written` with the formats of some more records; the same object if nothing is new. */
export function withFormats(
  written: WrittenFormats,
  records: readonly { readonly kind: string; readonly format: number }[],
): WrittenFormats {
  let result = written;
  for (const { kind, format } of records) {
    const highest = Object.hasOwn(result, kind) ? result[kind] : undefined;
    if (highest === undefined || highest < format) result = { ...result, [kind]: format };
  }
  return result;
}
