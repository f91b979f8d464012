/**
 * Keeps a second process off a work directory: a Unix socket in it, on which the owner listens. The kernel closes it with the
 * owner, however that dies; what stays behind then is a file nobody listens on, which the next owner replaces.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, realpath, stat, unlink } from 'node:fs/promises';
import { connect, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';

const lockName = 'lock.sock';
/** What fits into a socket address, without the final zero (unix(7): 108 bytes on Linux, 104 elsewhere). */
const maxSocketPathBytes = 103;

export interface WorkDirLock {
  readonly release: () => Promise<void>;
}

/** The error is one sentence for the user. */
export async function lockWorkDir(workDir: string): Promise<Result<WorkDirLock, string>> {
  const { path, close } = await socketPath(await realpath(workDir));
  const taken = err(`another local cluster is running on ${workDir}`);
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = await inode(path);
    if (before !== undefined) {
      if (await isListening(path)) {
        await close();
        return taken;
      }
      // Only the very file that was found dead is removed, not one that a quicker starter has put in its place.
      if ((await inode(path)) === before) await unlink(path).catch(() => undefined);
    }
    const server = await listen(path);
    if (server instanceof Server) {
      return ok({
        release: async () => {
          await new Promise<void>((resolve) => server.close(() => resolve()));
          await close();
        },
      });
    }
    if (server !== 'EADDRINUSE') {
      await close();
      return err(`cannot lock ${workDir}: ${server}`);
    }
  }
  await close();
  return taken;
}

/** A path that is short enough: through an open descriptor where the system has them, otherwise named by a digest. */
async function socketPath(dir: string): Promise<{ path: string; close: () => Promise<void> }> {
  const plain = join(dir, lockName);
  if (Buffer.byteLength(plain) <= maxSocketPathBytes) return { path: plain, close: async () => {} };
  const handle = await open(dir);
  const short = `/proc/self/fd/${handle.fd}`;
  if (existsSync(short)) return { path: join(short, lockName), close: () => handle.close() };
  await handle.close();
  const digest = createHash('sha256').update(dir).digest('hex').slice(0, 24);
  return { path: join(tmpdir(), `ultramarathon-${digest}.sock`), close: async () => {} };
}

async function inode(path: string): Promise<number | undefined> {
  return stat(path).then(
    (stats) => stats.ino,
    () => undefined,
  );
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // A full backlog means a busy owner; everything else means that nobody is there.
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

/** The server, or the code of the error. */
function listen(path: string): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(path, () => resolve(server));
    server.unref();
  });
}
