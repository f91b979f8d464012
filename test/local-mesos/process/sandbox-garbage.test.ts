import { mkdir, readdir, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FinishedSandboxes } from '../../../src/local-mesos/process/sandbox-garbage.ts';
import { workDir } from '../cluster-fixture.ts';

/** Makes a sandbox as an earlier run has left it, this many seconds ago. */
async function left(dir: string, agent: string, framework: string, run: string, ageSeconds: number): Promise<string> {
  const runs = join(dir, 'slaves', agent, 'frameworks', framework, 'executors', 'E', 'runs');
  await mkdir(join(runs, run), { recursive: true });
  const at = Date.now() / 1000 - ageSeconds;
  await utimes(join(runs, run), at, at);
  return runs;
}

it('Of what earlier runs have left the oldest sandboxes go', async () => {
  const dir = await workDir();
  const warned: string[] = [];
  let runs = '';
  for (const [name, age] of [
    ['a', 300],
    ['b', 200],
    ['c', 100],
  ] as const)
    runs = await left(dir, 'S', 'F', name, age);
  const sandboxes = new FinishedSandboxes(dir, 2, (detail, message) => warned.push(message + JSON.stringify(detail)));
  sandboxes.adoptEarlier('S');
  await sandboxes.settled();
  expect((await readdir(runs)).sort()).toEqual(['b', 'c']);
  expect(warned).toEqual([]);
});

it('Directories that cannot be read are told of: nothing in them would ever be deleted', async () => {
  const dir = await workDir();
  const warned: string[] = [];
  await mkdir(join(dir, 'slaves', 'S'), { recursive: true });
  await symlink('frameworks', join(dir, 'slaves', 'S', 'frameworks'));
  const sandboxes = new FinishedSandboxes(dir, 2, (detail, message) => warned.push(message + JSON.stringify(detail)));
  sandboxes.adoptEarlier('S');
  await sandboxes.settled();
  expect(warned).toEqual([expect.stringMatching(/^cannot delete old sandboxes.*ELOOP.*frameworks/)]);
});
