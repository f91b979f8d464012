import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lockWorkDir } from '../../src/local-mesos/work-dir-lock.ts';
import { workDir } from './cluster-fixture.ts';

const modulePath = fileURLToPath(new URL('../../src/local-mesos/work-dir-lock.ts', import.meta.url));

/** Takes the lock again and again, and tells of every time that it found another owner's mark. Some die as owners. */
const rival = `
  const { closeSync, openSync, unlinkSync } = await import('node:fs');
  const [path, dir, rounds, end] = process.argv.slice(1);
  const { lockWorkDir } = await import(path);
  const mark = dir + '/owner';
  let owned = 0;
  for (let round = 0; round < Number(rounds) || owned === 0 || end === 'die'; round++) {
    const lock = await lockWorkDir(dir);
    if (!lock.ok) {
      if (!lock.error.startsWith('another local cluster')) console.log(lock.error);
      continue;
    }
    owned++;
    try {
      closeSync(openSync(mark, 'wx'));
      // Long enough for others to look.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      unlinkSync(mark);
    } catch (error) {
      console.log('two owners: ' + error.message);
    }
    if (end === 'die' && round >= Number(rounds) / 2) process.kill(process.pid, 'SIGKILL');
    await lock.value.release();
  }
  console.log('done');
`;

async function compete(dir: string, rounds: number, end: 'leave' | 'die'): Promise<readonly string[]> {
  const args = ['--import', 'tsx', '--input-type=module', '-e', rival, modulePath, dir, String(rounds), end];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return said.trim().split('\n');
}

describe('the lock of a work directory', () => {
  it('is held by one at a time and free again after its release', async () => {
    const dir = await workDir();
    const first = await lockWorkDir(dir);
    expect(await lockWorkDir(dir)).toMatchObject({ ok: false, error: `another local cluster is running on ${dir}` });
    if (first.ok) await first.value.release();
    const second = await lockWorkDir(dir);
    expect(second.ok).toBe(true);
    if (second.ok) await second.value.release();
  });

  it('holds under another name of the directory too', async () => {
    const dir = await workDir();
    const alias = join(await workDir(), 'alias');
    await symlink(dir, alias);
    const lock = await lockWorkDir(dir);
    expect((await lockWorkDir(alias)).ok).toBe(false);
    if (lock.ok) await lock.value.release();
  });

  it('works in a directory whose path is longer than a socket address', async () => {
    const dir = join(await workDir(), 'd'.repeat(60), 'e'.repeat(60));
    await mkdir(dir, { recursive: true });
    const lock = await lockWorkDir(dir);
    expect(lock.ok).toBe(true);
    expect((await lockWorkDir(dir)).ok).toBe(false);
    if (lock.ok) await lock.value.release();
    const again = await lockWorkDir(dir);
    expect(again.ok).toBe(true);
    if (again.ok) await again.value.release();
  });

  it('goes to one of several who want it at the same time', async () => {
    const dir = await workDir();
    const locks = await Promise.all([1, 2, 3, 4].map(() => lockWorkDir(dir)));
    expect(locks.filter(({ ok }) => ok)).toHaveLength(1);
    for (const lock of locks) if (lock.ok) await lock.value.release();
  });

  it('has one owner at most, however many processes take it, give it back and die as its owners', async () => {
    const dir = await workDir();
    const rivals = [1, 2, 3, 4].map(() => compete(dir, 200, 'leave'));
    const dying = [1, 2, 3].map(() => compete(dir, 100, 'die'));
    expect(await Promise.all(rivals)).toEqual(rivals.map(() => ['done']));
    expect(await Promise.all(dying)).toEqual(dying.map(() => ['']));
    const last = await lockWorkDir(dir);
    expect(last.ok).toBe(true);
    const left = await readdir(dir);
    expect(left.filter((name) => !/^lock\.\d+\.sock$/.test(name))).toEqual([]);
    expect(left.length).toBeLessThanOrEqual(2);
    if (last.ok) await last.value.release();
  });

  it('is that of a version before this one too, which had one name for all owners', async () => {
    const dir = await workDir();
    const before = createServer().listen(join(dir, 'lock.sock'));
    await once(before, 'listening');
    expect((await lockWorkDir(dir)).ok).toBe(false);
    await new Promise((resolve) => before.close(resolve));
    const lock = await lockWorkDir(dir);
    expect(lock.ok).toBe(true);
    if (lock.ok) await lock.value.release();
  });

  it('is not fooled by a socket that others hold elsewhere', async () => {
    const dir = await workDir();
    const other = createServer().listen(join(dir, 'other.sock'));
    const lock = await lockWorkDir(dir);
    expect(lock.ok).toBe(true);
    if (lock.ok) await lock.value.release();
    other.close();
  });
});
