/**
 * Unpacks archives into a sandbox. Every archive is listed first, by readers of our own, and refused as a whole when one entry
 * could land or point outside; then the system's tools unpack it as the task's user.
 */
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { lchown, lstat, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { err, ok, type Result } from '../../core/result.ts';
import { type ArchiveEntry, checkEntries } from './archive-entries.ts';
import { atMost } from './download.ts';
import { basicEnvironment } from './environment.ts';
import type { SystemUser } from './system-user.ts';
import { listTar } from './tar-listing.ts';
import { runTool } from './tool.ts';
import { listZip } from './zip-listing.ts';

type Compression = 'none' | 'gzip' | 'bzip2' | 'xz';
export type ArchiveKind =
  | { readonly format: 'tar'; readonly compression: Compression }
  | { readonly format: 'zip' }
  | { readonly format: 'gzip' };

export interface Extraction {
  readonly path: string;
  readonly kind: ArchiveKind;
  readonly into: string;
  readonly user: SystemUser | undefined;
  readonly signal: AbortSignal;
}

/** The contents of one archive may have at most this many bytes. */
const maxExtractedBytes = 8 * 1024 ** 3;

const suffixes: readonly (readonly [RegExp, ArchiveKind])[] = [
  [/\.tar$/, { format: 'tar', compression: 'none' }],
  [/\.(tgz|tar\.gz)$/, { format: 'tar', compression: 'gzip' }],
  [/\.(tbz2|tar\.bz2)$/, { format: 'tar', compression: 'bzip2' }],
  [/\.(txz|tar\.xz)$/, { format: 'tar', compression: 'xz' }],
  [/\.zip$/, { format: 'zip' }],
  [/\.gz$/, { format: 'gzip' }],
];

/** What a file is by its suffix, the only thing Mesos looks at; undefined means that it is not unpacked. */
export function archiveKindOf(name: string): ArchiveKind | undefined {
  return suffixes.find(([suffix]) => suffix.test(name))?.[1];
}

/** Unpacks an archive below `into`; the archive itself stays. The error says which entry was refused or which tool is missing. */
export async function extractArchive(extraction: Extraction): Promise<Result<void, string>> {
  const { kind, path, into, user, signal } = extraction;
  if (kind.format === 'gzip') return gunzip(extraction);
  const listed = await list(extraction).catch((error: Error) => err(error.message));
  if (!listed.ok) return listed;
  const refused = checkEntries(listed.value, maxExtractedBytes) ?? (await throughLink(listed.value, into));
  if (refused !== undefined) return err(refused);
  // The tools work in the sandbox: their user may not be allowed to pass through the directories above it.
  const scene = { sandbox: into, user, signal };
  if (kind.format === 'zip') return runTool('unzip', ['-o', '-q', `./${relative(into, path)}`], scene);
  const input = openTar(path, kind.compression, signal);
  return runTool('tar', ['-x', '-f', '-', '--no-same-owner'], scene, input);
}

function list({ kind, path, signal }: Extraction): Promise<Result<readonly ArchiveEntry[], string>> {
  return kind.format === 'tar' ? listTar(openTar(path, kind.compression, signal), maxExtractedBytes) : listZip(path);
}

/** Links of an earlier archive are in the sandbox already; nothing may be written through one of them. */
async function throughLink(entries: readonly ArchiveEntry[], into: string): Promise<string | undefined> {
  const known = new Set(['.']);
  for (const entry of entries) {
    for (let parent = dirname(entry.path); !known.has(parent); parent = dirname(parent)) {
      known.add(parent);
      // Where nothing can be looked at, nothing can be written through either.
      const present = await lstat(join(into, parent)).catch(() => undefined);
      if (present?.isSymbolicLink()) return `the entry '${entry.path}' would be written through a link`;
    }
  }
  return undefined;
}

/** The tar stream itself; bzip2 and xz are undone by the programs of that name. */
function openTar(path: string, compression: Compression, signal: AbortSignal): Readable {
  const file = createReadStream(path, { signal });
  if (compression === 'none') return file;
  if (compression === 'gzip') {
    const plain = createGunzip();
    file.once('error', (error) => plain.destroy(error));
    plain.once('close', () => file.destroy());
    return file.pipe(plain);
  }
  const child = spawn(compression, ['-d', '-c'], {
    env: basicEnvironment(),
    signal,
    killSignal: 'SIGKILL',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const output = child.stdout;
  child.once('error', (error: NodeJS.ErrnoException) => {
    const text = error.code === 'ENOENT' ? `the program '${compression}' is not installed` : error.message;
    output.destroy(new Error(text));
  });
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) output.destroy(new Error(`${compression} could not read it`));
  });
  child.stdin.on('error', () => {
    // The program's own end tells more than that its input was closed.
  });
  output.once('close', () => {
    file.destroy();
    child.kill('SIGKILL');
  });
  file.once('error', (error) => output.destroy(error));
  file.pipe(child.stdin);
  return output;
}

async function gunzip({ path, user, signal }: Extraction): Promise<Result<void, string>> {
  const plain = path.replace(/\.gz$/, '');
  try {
    // Mostly there is nothing yet; whatever else is wrong with it is met by the writing.
    if ((await lstat(plain).catch(() => undefined))?.isSymbolicLink())
      return err('a link stands where it would be written');
    await pipeline(createReadStream(path), createGunzip(), atMost(maxExtractedBytes), createWriteStream(plain), {
      signal,
    });
    if (user !== undefined) await lchown(plain, user.uid, user.gid);
    return ok(undefined);
  } catch (error) {
    await rm(plain, { force: true });
    return err((error as Error).message);
  }
}
