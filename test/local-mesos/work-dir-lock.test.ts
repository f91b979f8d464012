import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockWorkDir } from '../../src/local-mesos/work-dir-lock.ts';
import { workDir } from './cluster-fixture.ts';

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

  it('is not fooled by a socket that others hold elsewhere', async () => {
    const dir = await workDir();
    const other = createServer().listen(join(dir, 'other.sock'));
    const lock = await lockWorkDir(dir);
    expect(lock.ok).toBe(true);
    if (lock.ok) await lock.value.release();
    other.close();
  });
});
