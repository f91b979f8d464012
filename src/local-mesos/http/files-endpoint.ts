/** /files/*: the sandboxes of an agent's tasks, for people and tools (mesos-v1 §6.2, recording 12). */
import { createReadStream } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { userInfo } from 'node:os';
import { basename, extname, join, sep } from 'node:path';
import { sendJson, sendText } from './answers.ts';
import type { Endpoint } from './server.ts';

/** Most bytes of one answer of `read`: 16 pages. */
export const maxReadBytes = 64 * 1024;
/** Most entries of one answer of `browse`. */
const maxEntries = 10_000;

const types: Readonly<Record<string, string>> = {
  '.txt': 'text/plain',
  '.log': 'text/plain',
  '.html': 'text/html',
  '.htm': 'text/html',
  '.json': 'application/json',
  '.js': 'application/javascript',
  '.css': 'text/css',
  '.xml': 'text/xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.gif': 'image/gif',
  '.gz': 'application/x-gzip',
  '.zip': 'application/zip',
};

type Refusal = { readonly status: number; readonly text: string };
type Located = { readonly path: string } | Refusal;

const missing: Refusal = { status: 404, text: '' };

/** Everything below `root`, the agents' directories, and the virtual paths `/frameworks/…/runs/latest`. */
export function filesEndpoints(root: string): Readonly<Record<string, Endpoint>> {
  /** Only `download` says in words that there is no such file. */
  const read =
    (
      answer: (path: string, asked: string, url: URL, res: ServerResponse) => Promise<void>,
      missingText: string | undefined,
    ): Endpoint =>
    (_req, res, url) => {
      const asked = url.searchParams.get('path');
      if (asked === null || asked === '') {
        sendText(res, 400, "Expecting 'path=value' in query.\n");
        return;
      }
      locate(root, asked)
        .then(async (found) => {
          if ('status' in found) sendText(res, found.status, found.status === 404 ? missingText : found.text);
          else await answer(found.path, asked, url, res);
        })
        .catch((error: NodeJS.ErrnoException) => {
          if (res.headersSent) res.destroy();
          else if (error.code === 'ENOENT' || error.code === 'ENOTDIR') sendText(res, 404, missingText);
          else sendText(res, 500, `${error.message}\n`);
        });
    };
  return {
    '/files/browse': read(async (path, asked, url, res) => sendJson(res, await listing(path, asked), jsonp(url)), ''),
    '/files/read': read(readPart, ''),
    '/files/download': read(download, undefined),
    '/files/debug': (_req, res, url) => {
      attached(root).then(
        (paths) => sendJson(res, paths, jsonp(url)),
        (error: Error) => sendText(res, 500, `${error.message}\n`),
      );
    },
  };
}

const jsonp = (url: URL): string | undefined => url.searchParams.get('jsonp') ?? undefined;

/** The real path, which must lie below the root, links included. */
export async function locate(root: string, asked: string): Promise<Located> {
  const virtual = /^\/frameworks\/[^/]+\/executors\/[^/]+\/runs\//.test(asked);
  const candidates = virtual ? await belowAgents(root, asked) : [asked];
  for (const candidate of candidates) {
    // A file that cannot be reached is answered as one that is not there.
    const real = await realpath(candidate).catch(() => undefined);
    if (real === undefined) continue;
    if (real === root || real.startsWith(root + sep)) return { path: real };
    return { status: 400, text: `'${asked}' is inaccessible.\n` };
  }
  return missing;
}

/** No agent has made a directory before its first task. */
const belowAgents = async (root: string, path: string): Promise<readonly string[]> =>
  (await readdir(root).catch(() => [])).map((agent) => join(root, agent, path));

/** In order. What is no directory has nothing in it. */
async function namesIn(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return [];
    throw error;
  });
  return names.sort().slice(0, maxEntries);
}

async function listing(path: string, asked: string): Promise<readonly object[]> {
  const names = await namesIn(path);
  const entries = await Promise.all(
    names.map(async (name) => {
      // Tasks go on meanwhile: what has gone, and links to nowhere, are left out.
      const found = await stat(join(path, name)).catch(() => undefined);
      return found && fileInfo(join(asked, name), found);
    }),
  );
  return entries.filter((entry) => entry !== undefined);
}

type Stats = Awaited<ReturnType<typeof stat>>;

/** What LIST_FILES of the operator API says of a directory. */
export async function listFilesV1(path: string, asked: string): Promise<readonly object[]> {
  const names = await namesIn(path);
  const entries = await Promise.all(
    names.map(async (name) => {
      // As above.
      const found = await stat(join(path, name)).catch(() => undefined);
      if (found === undefined) return undefined;
      const { nlink, size, mtimeMs, mode, uid, gid } = found;
      return {
        path: join(asked, name),
        nlink,
        size,
        mtime: { nanoseconds: Math.floor(mtimeMs / 1000) * 1e9 },
        mode,
        uid: ownerName(uid),
        gid: ownerName(gid),
      };
    }),
  );
  return entries.filter((entry) => entry !== undefined);
}

/** What READ_FILE says: the size of the file, and a part of it in base64, so that any bytes come as they are. Undefined: a directory. */
export async function readFileV1(path: string, offset: number, length: number): Promise<object | undefined> {
  const file = await open(path, 'r');
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) return undefined;
    const { size } = stats;
    const wanted = Math.max(0, Math.min(length, maxReadBytes, size - offset));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
    return { size, data: buffer.toString('base64', 0, bytesRead) };
  } finally {
    await file.close();
  }
}

/** All runs that can be looked into, under their own and their virtual paths; at most `maxEntries` of each. */
async function attached(root: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  // Directories come and go under it; and files may lie among them.
  const below = async (path: string): Promise<readonly string[]> => (await readdir(path).catch(() => [])).sort();
  let left = maxEntries;
  for (const agent of await below(root)) {
    for (const framework of await below(join(root, agent, 'frameworks'))) {
      const executors = join(root, agent, 'frameworks', framework, 'executors');
      for (const executor of await below(executors)) {
        const runs = join(executors, executor, 'runs');
        // The run that it led to has been tidied away.
        const latest = await realpath(join(runs, 'latest')).catch(() => undefined);
        for (const run of await below(runs)) {
          if (run === 'latest' || left-- <= 0) continue;
          out[join(runs, run)] = join(runs, run);
        }
        if (latest === undefined) continue;
        out[join(runs, 'latest')] = latest;
        out[`/frameworks/${framework}/executors/${executor}/runs/latest`] = latest;
      }
    }
  }
  return out;
}

function fileInfo(path: string, found: Stats): object {
  return {
    gid: ownerName(Number(found.gid)),
    mode: modeText(Number(found.mode)),
    mtime: Math.floor(Number(found.mtimeMs) / 1000),
    nlink: Number(found.nlink),
    path,
    size: Number(found.size),
    uid: ownerName(Number(found.uid)),
  };
}

/** Our own name and root's; others stay numbers. */
function ownerName(id: number): string {
  if (id === 0) return 'root';
  const own = userInfo();
  return own.uid === id ? own.username : String(id);
}

const kinds: ReadonlyMap<number, string> = new Map([
  [0o040_000, 'd'],
  [0o020_000, 'c'],
  [0o060_000, 'b'],
  [0o010_000, 'p'],
  [0o120_000, 'l'],
  [0o140_000, 's'],
]);

function modeText(mode: number): string {
  const kind = kinds.get(mode & 0o170_000) ?? '-';
  const bits = [...'rwxrwxrwx'].map((letter, i) => ((mode & (0o400 >> i)) === 0 ? '-' : letter));
  return kind + bits.join('');
}

/** A number in the query; undefined when there is none, a text when it is none. */
function numberIn(url: URL, name: string): number | string | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  if (!/^-?\d+$/.test(text)) return `Failed to parse ${name}: Failed to convert '${text}' to number.\n`;
  return Number(text);
}

async function readPart(path: string, _asked: string, url: URL, res: ServerResponse): Promise<void> {
  const offset = numberIn(url, 'offset') ?? -1;
  const length = numberIn(url, 'length') ?? -1;
  if (typeof offset === 'string' || typeof length === 'string') {
    sendText(res, 400, typeof offset === 'string' ? offset : String(length));
    return;
  }
  if (offset < -1 || length < -1) {
    const name = offset < -1 ? 'offset' : 'length';
    sendText(res, 400, `Negative ${name} provided: ${name === 'offset' ? offset : length}.\n`);
    return;
  }
  const file = await open(path, 'r');
  try {
    const { size, isDirectory } = await file
      .stat()
      .then((found) => ({ size: found.size, isDirectory: found.isDirectory() }));
    if (isDirectory) {
      sendText(res, 400, 'Cannot read a directory.\n');
      return;
    }
    if (offset === -1) {
      sendJson(res, { data: '', offset: size }, jsonp(url));
      return;
    }
    const wanted = Math.max(0, Math.min(length === -1 ? maxReadBytes : length, maxReadBytes, size - offset));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
    sendJson(res, { data: buffer.toString('utf8', 0, bytesRead), offset }, jsonp(url));
  } finally {
    await file.close();
  }
}

async function download(path: string, _asked: string, _url: URL, res: ServerResponse): Promise<void> {
  const found = await stat(path);
  if (found.isDirectory()) {
    sendText(res, 400, 'Cannot download a directory.\n');
    return;
  }
  res.writeHead(200, {
    'Content-Type': types[extname(path)] ?? 'application/octet-stream',
    'Content-Length': found.size,
    'Content-Disposition': `attachment; filename=${basename(path).replace(/[^\w.-]/g, '_')}`,
  });
  // What is written meanwhile is left out: the length has been promised.
  createReadStream(path, { end: Math.max(0, found.size - 1) })
    .on('error', () => res.destroy())
    .pipe(res);
}
