/** Where the API's `backup=` and `restore=` parameters point to (rest-api §6A.2). */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { err, ok, type Result } from '../core/result.ts';

const supported = 'supported is file:///absolute/path, a file on the machine of the server that leads next';

/** The path of a `file:` URI; the error is one line for the caller (422). */
export function parseBackupUri(text: string): Result<string, string> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return err(`${shown(text)} is not a URI: ${supported}`);
  if (scheme !== 'file') return err(`${scheme}: is not supported: ${supported}`);
  // The URL parser would make absolute paths of relative ones.
  if (!/^file:(\/\/[^/\\?#]*)?\//i.test(text)) return err(`${shown(text)} is not absolute: ${supported}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return err(`${shown(text)} is not a URI: ${supported}`);
  if (url.host !== '') return err(`${shown(text)} names another machine: ${supported}`);
  if (url.search !== '' || url.hash !== '') return err(`${shown(text)} has parameters, which file: does not take`);
  const path = pathOf(url);
  if (path === undefined) return err(`${shown(text)} is not a path: ${supported}`);
  if (path.endsWith('/') || isDirectory(path))
    return err(`${shown(text)} is a directory: give the name of a file in it`);
  return ok(path);
}

/** Undefined for an encoded slash, a NUL, or bytes that are no UTF-8. */
function pathOf(url: URL): string | undefined {
  try {
    const path = fileURLToPath(url);
    return path.includes('\0') ? undefined : path;
  } catch {
    return undefined;
  }
}

/** What cannot be looked at is told when it is opened. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Not the whole of a text that may be anything, nor what a password may be in. */
const shown = (text: string): string => JSON.stringify(text.replace(/\/\/[^/@]*@/, '//').slice(0, 200));
