/**
 * Keeps a second process off a work directory: a Unix socket in it, on which the owner listens. The kernel closes it with the
 * owner, however that dies; what stays behind then is a name that refuses connections.
 *
 * Nobody may ever take a living owner for a dead one, so each owner has a name of its own, `lock.N.sock`, one number higher than the dead one
 * that it found:
 *
 * - The name is given by link(2), which fails if it is there, to a socket that listens already: who finds a name can connect, or its owner
 *   is dead. Of all who found the same dead owner one gets the next number.
 * - The highest name is never removed, not even by a release. Names further down are removed late: who has read the directory before may
 *   get one of them again, and sees, since it reads once more, that there is a higher one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readdir, realpath, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';

/** What fits into a socket address, without the final zero (unix(7): 108 bytes on Linux, 104 elsewhere). */
const maxSocketPathBytes = 103;
const longestSuffix = 24;
/** Each attempt but the last failed because somebody else went ahead. */
const maxAttempts = 50;
/** Names that stay besides that of the owner: a directory that is read while the lock changes hands once shows one of the two. */
const namesBefore = 1;

export interface WorkDirLock {
  readonly release: () => Promise<void>;
}

/** The error is one sentence for the user. */
export async function lockWorkDir(workDir: string): Promise<Result<WorkDirLock, string>> {
  const names = await Names.in(await realpath(workDir));
  try {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const newest = Math.max(0, ...(await names.numbers()));
      if ((await isHeld(names.path(newest))) || (await isHeld(names.path(0)))) break;
      const server = await take(names, newest + 1);
      if (server === undefined) continue;
      const release = async (): Promise<void> => {
        await closed(server);
        await names.close();
      };
      return ok({ release });
    }
  } catch (error) {
    await names.close();
    return err(`cannot lock ${workDir}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  await names.close();
  return err(`another local cluster is running on ${workDir}`);
}

/** A listening socket of this name and of no higher one; undefined if somebody else went ahead. */
async function take(names: Names, number: number): Promise<Server | undefined> {
  const fresh = names.fresh();
  const server = await listening(fresh);
  try {
    await link(fresh, names.path(number));
    await removed(fresh);
    const numbers = await names.numbers();
    if (Math.max(...numbers) === number) {
      const old = numbers.filter((other) => other < number - namesBefore).map((other) => names.path(other));
      for (const path of [...old, ...(await names.leftovers())]) await removed(path);
      return server;
    }
    await removed(names.path(number));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The name is taken; or an owner tidied up, and took what was to be linked for a leftover.
    if (code !== 'EEXIST' && code !== 'ENOENT') {
      await closed(server);
      throw error;
    }
  }
  await closed(server);
  return undefined;
}

/** Where the names are: in the directory, through an open descriptor if its path is too long, or elsewhere under a digest of it. */
class Names {
  readonly #dir: string;
  readonly #prefix: string;
  readonly close: () => Promise<void>;

  private constructor(dir: string, prefix: string, close = async (): Promise<void> => {}) {
    this.#dir = dir;
    this.#prefix = prefix;
    this.close = close;
  }

  static async in(dir: string): Promise<Names> {
    if (Buffer.byteLength(dir) + longestSuffix <= maxSocketPathBytes) return new Names(dir, 'lock.');
    const handle = await open(dir);
    const short = `/proc/self/fd/${handle.fd}`;
    if (existsSync(short)) return new Names(short, 'lock.', () => handle.close());
    await handle.close();
    const digest = createHash('sha256').update(dir).digest('hex').slice(0, 24);
    return new Names(tmpdir(), `ultramarathon-${digest}.`);
  }

  /** 0 is the name that versions before this one use, and give up by removing it. */
  path(number: number): string {
    return join(this.#dir, number === 0 ? `${this.#prefix}sock` : `${this.#prefix}${number}.sock`);
  }

  fresh(): string {
    return join(this.#dir, `${this.#prefix}${randomBytes(6).toString('hex')}.new`);
  }

  async numbers(): Promise<readonly number[]> {
    const rests = await this.#rests();
    return rests.flatMap((rest) => (/^[1-9]\d{0,14}\.sock$/.test(rest) ? [Number.parseInt(rest, 10)] : []));
  }

  /** Of those who died between listening and the name, or are about to give up. */
  async leftovers(): Promise<readonly string[]> {
    const rests = await this.#rests();
    return rests.filter((rest) => /^[0-9a-f]{12}\.new$/.test(rest)).map((rest) => join(this.#dir, this.#prefix + rest));
  }

  async #rests(): Promise<readonly string[]> {
    const entries = await readdir(this.#dir);
    return entries.flatMap((entry) => (entry.startsWith(this.#prefix) ? [entry.slice(this.#prefix.length)] : []));
  }
}

/** True for a name on which somebody listens. Throws what says neither. */
function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A full backlog means a busy owner; a reset, that somebody listened and has just left: the next one to ask finds nobody.
      if (error.code === 'EAGAIN' || error.code === 'ECONNRESET') resolve(true);
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

function listening(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', reject);
    server.listen(path, () => resolve(server));
    server.unref();
  });
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

/** Others may have removed it as well. */
async function removed(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
