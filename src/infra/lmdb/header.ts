/** The one entry that says where a store stands; rewritten in every transaction. */
import type { WrittenFormats } from '../../core/journal/formats.ts';

export interface Header {
  /** 0 until the first leader has taken the store. */
  readonly epoch: number;
  /** Batches and events count from 1. */
  readonly nextBatch: number;
  readonly nextEvent: number;
  /** Empty until the first leader has taken the store. */
  readonly generation: string;
  readonly formats: WrittenFormats;
}

export const emptyHeader: Header = { epoch: 0, nextBatch: 1, nextEvent: 1, generation: '', formats: {} };

/**
 * How databases and entries are laid out; a store of another layout must not be touched. 2: chunks of events may be compressed, which programs
 * that know only 1 would take for damage. What layout 1 wrote is read as it is, and the next commit makes it 2.
 */
const layout = 2;
const readableLayouts: readonly unknown[] = [1, layout];

export const encodeHeader = (header: Header): string => JSON.stringify({ layout, ...header });

/** The header, or one line that says why this store cannot be used. */
export function decodeHeader(text: string): Header | string {
  const { layout: found, ...header } = JSON.parse(text) as Header & { readonly layout: unknown };
  if (readableLayouts.includes(found)) return header;
  return `the store has layout ${JSON.stringify(found)}, but this version knows only layout ${layout}`;
}
