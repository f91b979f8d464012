/** Which entries of an archive may be unpacked: nothing may land or point outside of where it is unpacked. */
import { posix } from 'node:path';

export interface ArchiveEntry {
  /** As the archive has it. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  /** Target of a link. */
  readonly target: string | undefined;
  readonly bytes: number;
}

/** An archive may have at most this many entries. */
export const maxArchiveEntries = 200_000;

/**
 * Why an archive must not be unpacked, or undefined. Refused are absolute paths, `..`, links whose target leaves the directory,
 * links that use `..` behind another name (that name may be a link itself), entries below a link of the same archive, devices
 * and pipes, and contents beyond the limits. With these rules every link lies where its path says, and so its target does.
 */
export function checkEntries(entries: readonly ArchiveEntry[], maxBytes: number): string | undefined {
  if (entries.length > maxArchiveEntries) return `it has more than ${maxArchiveEntries} entries`;
  const links = new Set<string>();
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.bytes;
    if (bytes > maxBytes) return `its contents are larger than ${maxBytes} bytes`;
    const complaint = checkEntry(entry, links);
    if (complaint !== undefined) return `the entry '${entry.path}' ${complaint}`;
    if (entry.kind === 'symlink') links.add(normal(entry.path));
  }
  return undefined;
}

function checkEntry(entry: ArchiveEntry, links: ReadonlySet<string>): string | undefined {
  if (leaves(entry.path)) return 'is absolute or contains ..';
  if (entry.path.includes('\0') || entry.path.includes('\\')) return 'has a name that is not portable';
  if (entry.kind === 'other') return 'is neither file, directory nor link';
  const path = normal(entry.path);
  for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
    if (links.has(parent)) return `lies below the link '${parent}'`;
  }
  // Unpacking over a link of the same archive would write to where it points.
  if (links.has(path) && entry.kind !== 'symlink') return 'takes the place of a link';
  if (entry.kind === 'hardlink' && (entry.target === undefined || leaves(entry.target))) return 'is a link to outside';
  if (entry.kind === 'symlink' && pointsOutside(path, entry.target)) return 'is a link to outside';
  return undefined;
}

function pointsOutside(path: string, target: string | undefined): boolean {
  if (target === undefined || target === '' || target.startsWith('/')) return true;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  let climbs = 0;
  while (parts[climbs] === '..') climbs++;
  if (parts.slice(climbs).includes('..')) return true;
  return climbs > path.split('/').length - 1;
}

function leaves(path: string): boolean {
  return path === '' || path.startsWith('/') || path.split('/').includes('..');
}

function normal(path: string): string {
  return posix.normalize(path).replace(/\/$/, '');
}
