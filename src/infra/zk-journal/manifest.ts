/** The manifest: which chunks make up the snapshot, and where the journal goes on from it (design §5.7). */
import type { WrittenFormats } from '../../core/journal/formats.ts';
import type { EventChunk } from '../../core/journal/retention.ts';
import { StoreUnusable } from '../../core/journal/store-errors.ts';

/** How nodes are laid out; a store of another layout must not be touched. */
const layout = 1;

export interface ChunkRef {
  readonly id: string;
  readonly parts: number;
}

export interface Manifest {
  readonly generation: string;
  readonly formats: WrittenFormats;
  /** The first journal entry that is not wholly in the snapshot. Later ones may be in it too: they are absolute. */
  readonly entry: number;
  /** As they were before that entry. */
  readonly nextBatch: number;
  readonly nextEvent: number;
  /** The oldest event that readers may still ask for. */
  readonly firstEvent: number;
  readonly records: readonly ChunkRef[];
  /** Oldest first, without gaps up to `nextEvent`. */
  readonly events: readonly (ChunkRef & EventChunk)[];
}

export const firstManifest = (generation: string): Manifest => ({
  generation,
  formats: {},
  entry: 1,
  nextBatch: 1,
  nextEvent: 1,
  firstEvent: 1,
  records: [],
  events: [],
});

export const encodeManifest = (manifest: Manifest): Buffer => Buffer.from(JSON.stringify({ layout, ...manifest }));

/** Throws `StoreUnusable` for what this version cannot read. */
export function decodeManifest(data: Buffer): Manifest {
  let parsed: (Manifest & { readonly layout?: unknown }) | null;
  try {
    parsed = JSON.parse(data.toString()) as (Manifest & { readonly layout?: unknown }) | null;
  } catch (error) {
    throw new StoreUnusable('the store is damaged: its manifest is no JSON', { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw new StoreUnusable('the store is damaged: its manifest is empty');
  const { layout: found, ...manifest } = parsed;
  if (found === layout) return manifest;
  throw new StoreUnusable(
    `the store has layout ${JSON.stringify(found)}, but this version knows only layout ${layout}`,
  );
}
