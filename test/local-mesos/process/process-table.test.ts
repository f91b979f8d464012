import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readProcessTable } from '../../../src/local-mesos/process/process-table.ts';

/** A PID namespace of its own, whose first process has its session and its group outside. */
const elsewhere = ['--pid', '--fork', '--mount-proc', '--kill-child'];
const mayUnshare = !(process.env['ULTRAMARATHON_TEST_MISSING'] ?? '').split(',').includes('pid-namespaces');

const module = pathToFileURL(join(process.cwd(), 'src/local-mesos/process/process-table.ts')).href;
const tellOwnEntry = `
  import { readProcessTable } from ${JSON.stringify(module)};
  const { session, group, sandbox } = (await readProcessTable()).get(process.pid);
  console.log(JSON.stringify({ session, group, sandbox }));
`;

describe('The process table', () => {
  it.skipIf(!mayUnshare)('tells the sandbox of a process whose session began outside of our PID namespace', () => {
    // As in a container that is entered, or a CI job: every process started there belongs to session 0.
    const tell = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', tellOwnEntry];
    const env = { PATH: process.env['PATH'], MESOS_DIRECTORY: '/a/sandbox' };
    const out = execFileSync('unshare', [...elsewhere, ...tell], { env, encoding: 'utf8' });
    expect(JSON.parse(out)).toEqual({ session: 0, group: 0, sandbox: '/a/sandbox' });
  });

  it('is complete also when there was no file descriptor to read it with: nobody is taken for dead', async () => {
    const program = `
      import { closeSync, openSync } from 'node:fs';
      import { isAlive, readProcessTable, startTicksOf } from ${JSON.stringify(module)};
      const own = { pid: process.pid, startTicks: startTicksOf(process.pid) };
      const held = [];
      try {
        for (;;) held.push(openSync('/dev/null'));
      } catch {}
      const alive = isAlive(own);
      const reading = readProcessTable();
      setTimeout(() => held.forEach(closeSync), 100);
      const table = await reading;
      console.log(JSON.stringify({ alive, own: table.get(own.pid)?.startTicks === own.startTicks, held: held.length > 0 }));
    `;
    const start = 'ulimit -n 256 && exec "$@"';
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', program];
    const out = execFileSync('sh', ['-c', start, 'sh', ...node], { encoding: 'utf8' });
    expect(JSON.parse(out)).toEqual({ alive: true, own: true, held: true });
  });

  it('tells no sandbox of the threads of the kernel', async () => {
    const ofKernel = [...(await readProcessTable()).values()].filter(({ pid, ppid }) => pid === 2 || ppid === 2);
    for (const { sandbox } of ofKernel) expect(sandbox).toBeUndefined();
  });
});
