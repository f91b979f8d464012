/**
 * The lock of a data directory: a listening unix socket in it. The kernel gives it up when its holder dies, however it dies; the
 * file that stays behind refuses connections and is taken over.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';
import { makeDirectory } from './make-directory.ts';

export interface DataDirectory {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  /** Gives the lock up. */
  readonly release: () => Promise<void>;
}

const lockName = 'server.lock.sock';
/** Longest path that fits into a socket address on Linux, macOS and the BSDs. */
const maxSocketPathBytes = 103;
/** A holder that is frozen accepts connections but does not say who it is. */
const holderAnswerMs = 500;
/** Others may be taking the same lock at this moment; each is done within milliseconds. */
const maxAttempts = 20;
/** Whoever holds the guard may be frozen. */
const guardWaitMs = 1_000;

/**
 * Creates `directory` (mode 0700) if it is missing and locks it until `release` or the end of the process. The error is one line
 * for the operator: another live process holds it, or it cannot be used.
 */
export async function lockDataDirectory(directory: string): Promise<Result<DataDirectory, string>> {
  try {
    makeDirectory(directory, 0o700);
    const path = realpathSync(directory);
    const address = socketAddress(path);
    const taken = await takeLock(path, address.name);
    if (taken.ok) return ok({ path, release: () => close(taken.value).finally(address.release) });
    address.release();
    return taken;
  } catch (error) {
    return err(`cannot use the data directory ${directory}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A path that is too long is reached through an open handle of the directory, which gives it a short name. */
function socketAddress(path: string): { readonly name: string; readonly release: () => void } {
  const plain = join(path, lockName);
  if (Buffer.byteLength(plain) <= maxSocketPathBytes) return { name: plain, release: () => {} };
  const handle = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  return { name: `/proc/self/fd/${handle}/${lockName}`, release: () => closeSync(handle) };
}

async function takeLock(path: string, address: string): Promise<Result<Server, string>> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const guard = await takeGuard(path);
    if (guard === undefined) continue;
    try {
      const server = await listen(address);
      if (server !== undefined) return ok(server);
      const holder = await holderOf(address);
      if (holder !== undefined) return err(`the data directory ${path} is in use by ${holder}`);
      rmSync(address, { force: true });
      const successor = await listen(address);
      if (successor !== undefined) return ok(successor);
    } finally {
      await guard.release();
    }
  }
  return err(`the data directory ${path} is being locked by other processes`);
}

interface Guard {
  readonly release: () => Promise<void>;
}

/**
 * Without a guard two processes could find the same stale lock: the second would remove the fresh socket of the first, also one that
 * has its name and does not listen yet. The guard is a name that lives and dies with its holder (Linux only). Undefined once a
 * holder that was met here has left, or was waited for in vain.
 */
async function takeGuard(path: string): Promise<Guard | undefined> {
  if (process.platform !== 'linux') return { release: async () => {} };
  const name = `\0ultramarathon-lock-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  const waiting = new Set<Socket>();
  const guard = await listen(name, (socket) => {
    waiting.add(socket.on('error', () => socket.destroy()).on('close', () => waiting.delete(socket)));
  });
  if (guard !== undefined) {
    const release = (): Promise<void> => {
      const closed = close(guard);
      for (const socket of waiting) socket.destroy();
      return closed;
    };
    return { release };
  }
  await new Promise<void>((resolve) => {
    const socket = connect(name).on('error', () => {});
    socket.setTimeout(guardWaitMs, () => socket.destroy());
    socket.on('close', () => resolve()).resume();
  });
  return undefined;
}

const sayWhoWeAre = (socket: Socket): void => {
  socket.on('error', () => socket.destroy()).end(`${process.pid}\n`);
};

/** Listens and tells everybody who connects the id of this process, unless told otherwise. Undefined if the address is taken. */
function listen(address: string, onConnection = sayWhoWeAre): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ path: address, exclusive: true }, () => resolve(server.unref()));
  });
}

/**
 * Who listens there, in words; undefined if nobody does. Only a refusal says that: who has waited in vain may have come to nothing
 * itself meanwhile, and then the end of the wait is seen before the connection is.
 */
function holderOf(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let isRefused = false;
    let said = '';
    const socket = connect(address);
    socket.setTimeout(holderAnswerMs, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1', 0, 20);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      isRefused = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
    });
    socket.on('close', () => {
      if (isRefused) resolve(undefined);
      else resolve(/^\d+\n/.test(said) ? `process ${said.trim()}` : 'another process');
    });
  });
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
