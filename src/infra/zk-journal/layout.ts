/** Where things lie below the path of `--zk`, and how large they may be (design §5.2–5.7). */

export const statePath = '/state';
/** Its version is the epoch. Never deleted. */
export const epochPath = '/state/epoch';
/** Names the snapshot and the first journal entry behind it. */
export const manifestPath = '/state/manifest';
export const journalPath = '/state/journal';
export const snapshotPath = '/state/snapshot';
export const eventsPath = '/state/events';

/** Entries count from 1; entry 0 is laid with the tree, so that the first one has a predecessor. */
export const entryPath = (entry: number): string => `${journalPath}/${String(entry).padStart(10, '0')}`;

/** One node of a chunk, which is cut into `parts` nodes. */
export const chunkPath = (folder: string, id: string, part: number): string => `${folder}/${id}.${part}`;

/** The chunk that a node belongs to. */
export const chunkOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));

/** A batch up to this size is one entry (design §5.6). */
export const wholeEntryBytes = 64 * 1024;
/** Parts of a larger one, and of chunks. No node is ever larger than this and a short header. */
export const partBytes = 256 * 1024;

/** Cuts bytes into parts; at least one. */
export function cut(bytes: Buffer, size: number = partBytes): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0; from === 0 || from < bytes.length; from += size) parts.push(bytes.subarray(from, from + size));
  return parts;
}
