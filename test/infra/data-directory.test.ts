import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataDirectory, lockDataDirectory } from '../../src/infra/data-directory.ts';

const modulePath = fileURLToPath(new URL('../../src/infra/data-directory.ts', import.meta.url));
const program = `
  const { lockDataDirectory } = await import(process.argv[1]);
  const locked = await lockDataDirectory(process.argv[2]);
  console.log(locked.ok ? 'locked' : locked.error);
  if (locked.ok) setInterval(() => {}, 1_000_000);
`;

describe.each([
  ['a short path', 'data'],
  ['a path longer than a socket address', join('x'.repeat(100), 'y'.repeat(100), 'data')],
])('the lock of a data directory with %s', (_, name) => {
  let root: string;
  let directory: string;
  let children: ChildProcess[];
  let held: DataDirectory[];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lock-'));
    directory = join(root, name);
    children = [];
    held = [];
  });
  afterEach(async () => {
    for (const child of children) await killed(child);
    for (const lock of held) await lock.release();
    await rm(root, { recursive: true });
  });

  const lock = async (path = directory): Promise<string> => {
    const locked = await lockDataDirectory(path);
    if (locked.ok) held.push(locked.value);
    return locked.ok ? 'locked' : locked.error;
  };
  const inChild = async (path = directory): Promise<{ child: ChildProcess; said: string }> => {
    const args = ['--import', 'tsx', '--input-type=module', '-e', program, modulePath, path];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [chunk] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [Buffer];
    return { child, said: chunk.toString().trim() };
  };
  const killed = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };

  it('creates the directory for its owner alone', async () => {
    expect(await lock()).toBe('locked');
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('says so, and does not go round for ever, where the system takes no directory', async () => {
    const { said } = await inChild(join('/proc', name));
    expect(said).toMatch(/^cannot use the data directory \/proc\/[^\n]*: ENOENT[^\n]*$/);
  });

  it('keeps a second one out until it is released, with one line that says who holds it', async () => {
    expect(await lock()).toBe('locked');
    const refusal = await lock();
    expect(refusal).toMatch(/^the data directory [^\n]* is in use by process \d+$/);
    expect(refusal).toContain(String(process.pid));
    await held.pop()?.release();
    expect(await lock()).toBe('locked');
  });

  it('sees through symbolic links', async () => {
    expect(await lock()).toBe('locked');
    await symlink(directory, join(root, 'link'));
    expect(await lock(join(root, 'link'))).toMatch(/in use by process/);
  });

  it('keeps out another process, and is taken over once that was killed', async () => {
    const { child, said } = await inChild();
    expect(said).toBe('locked');
    expect(await lock()).toMatch(new RegExp(`in use by process ${child.pid}$`));
    await killed(child);
    expect(await lock()).toBe('locked');
    expect((await inChild()).said).toMatch(new RegExp(`in use by process ${process.pid}$`));
  });

  it('is kept by a process that is frozen', async () => {
    const { child } = await inChild();
    child.kill('SIGSTOP');
    expect(await lock()).toMatch(/is in use by another process$/);
  });

  it('is kept by a living process also where whoever asks comes to nothing for seconds', async () => {
    const { child } = await inChild();
    const asked = lock();
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let turn = 0; turn < 6; turn++) {
      // Longer than an answer is waited for: the wait is over before anything else is looked at.
      Atomics.wait(pause, 0, 0, 600);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await asked).toMatch(new RegExp(`is in use by (another process|process ${child.pid})$`));
  });

  it('goes to exactly one of many who find a stale one at the same time', async () => {
    await killed((await inChild()).child);
    const results = await Promise.all(Array.from({ length: 12 }, () => lock()));
    expect(results.filter((result) => result === 'locked').length).toBe(1);
    expect(results.filter((result) => /in use by process|being locked/.test(result)).length).toBe(11);
  });

  it('refuses with one line where no directory can be', async () => {
    await writeFile(join(root, 'file'), '');
    expect(await lock(join(root, 'file', 'data'))).toMatch(/^cannot use the data directory [^\n]*: [^\n]*$/);
  });
});
