/** Directories that an operator names. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Creates a directory and those above it that are missing, with `mode`. Throws if that cannot be, or if something else is there. Level
 * by level, since `recursive` of Node 20 goes round for ever where a parent is there and takes no directory, as in /proc.
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !isThere(at); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory, { mode });
    } catch (error) {
      // Somebody else was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  if (!statSync(path).isDirectory()) throw new Error(`${path} is not a directory`);
}

/** Throws where it cannot be told. */
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
