/** Users of this machine by name, and whether a task may run as one of them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { err, ok, type Result } from '../../core/result.ts';

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);

/**
 * Whom a task runs as: undefined for the user this program runs as, so that nothing needs to be switched. The error is the end
 * of a sentence, worded as Mesos words it for an unknown name.
 */
export async function resolveUser(name: string | undefined): Promise<Result<SystemUser | undefined, string>> {
  if (name === undefined || name === '' || name === currentUserName()) return ok(undefined);
  const user = await findUser(name);
  if (user === undefined) return err(`No such user '${name}'`);
  const ownUid = process.getuid?.();
  if (user.uid === ownUid) return ok(undefined);
  if (ownUid !== 0)
    return err(`Only root may run tasks as another user, and this program runs as '${currentUserName()}'`);
  return ok(user);
}

function currentUserName(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user database, as in some containers.
    return String(process.getuid?.() ?? '');
  }
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  // Not every system has it; then all users are such as only a service knows.
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const line of passwd.split('\n')) {
    const [login, , uid, gid] = line.split(':');
    if (login === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return findElsewhere(name);
}

/** Users that only a directory service knows; `id` takes a number for a uid, which Mesos does not. */
async function findElsewhere(name: string): Promise<SystemUser | undefined> {
  if (!/^[A-Za-z_][A-Za-z0-9_.@\\-]*$/.test(name)) return undefined;
  try {
    const uid = await run('id', ['-u', '--', name]);
    const gid = await run('id', ['-g', '--', name]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    // `id` fails for whom it does not know, and so does its absence: the task is told that there is no such user.
    return undefined;
  }
}
