import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readChildRecords, writeChildRecord } from '../../../src/local-mesos/process/child-records.ts';
import { killLeftovers } from '../../../src/local-mesos/process/leftovers.ts';
import { startTicksOf } from '../../../src/local-mesos/process/process-table.ts';
import { lives } from './harness.ts';

let workDir: string;
const started: ChildProcess[] = [];
beforeEach(async () => {
  workDir = await realpath(await mkdtemp(join(tmpdir(), 'leftovers-')));
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(workDir, { recursive: true, force: true });
});

function start(command: string, env: NodeJS.ProcessEnv = {}): ChildProcess & { pid: number } {
  const child = spawn('sh', ['-c', command], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], ...env },
  });
  started.push(child);
  return child as ChildProcess & { pid: number };
}

/** A program that runs tasks, prints the pids they print, and never ends by itself. */
const parentProgram = (workDirectory: string, commands: readonly string[]): string => `
  import { createProcessRunner } from ${JSON.stringify(pathToFileURL(join(process.cwd(), 'src/local-mesos/process/runner.ts')).href)};
  const runner = createProcessRunner({ workDir: ${JSON.stringify(workDirectory)} });
  for (const [index, value] of ${JSON.stringify(commands)}.entries()) {
    const id = 'task.' + index;
    const task = { name: id, task_id: { value: id }, agent_id: { value: 'S0' }, resources: [], command: { value } };
    runner.launch({ task, frameworkId: 'F', agentId: 'S0', hostname: 'localhost', user: '' }, (report) => {
      if (report.state === 'TASK_RUNNING') console.log('running ' + report.containerStatus.executor_pid);
    });
  }
  setInterval(() => {}, 1000);
`;

describe('killLeftovers', () => {
  it('ends everything that a runner killed with SIGKILL has left, daemons and stubborn ones included', async () => {
    const pidsFile = join(workDir, 'pids');
    const note = `echo $$ >> ${pidsFile}`;
    const script = join(workDir, 'parent.mts');
    await writeFile(
      script,
      parentProgram(workDir, [
        `${note}; sleep 1000`,
        `trap '' TERM; ${note}; while true; do sleep 0.05; done`,
        `(setsid sh -c '${note}; sleep 1000' &); (env -i sh -c '${note}; sleep 1000; true') & ${note}; sleep 1000`,
      ]),
    );
    const parent = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(parent);
    const lines = createInterface({ input: parent.stdout });
    let running = 0;
    for await (const line of lines) if (line.startsWith('running') && ++running === 3) break;
    const waiting = start(`until [ "$(wc -l < ${pidsFile})" -ge 5 ]; do sleep 0.02; done`);
    await new Promise((resolve) => waiting.once('exit', resolve));
    parent.kill('SIGKILL');
    await new Promise((resolve) => parent.once('exit', resolve));
    const pids = (await readFile(pidsFile, 'utf8')).trim().split('\n').map(Number);
    expect(pids).toHaveLength(5);
    for (const pid of pids) expect(await lives(pid)).toBe(true);
    const { killed, left } = await killLeftovers(workDir);
    expect(killed).toBeGreaterThanOrEqual(5);
    expect(left).toBe(0);
    for (const pid of pids) expect(await lives(pid)).toBe(false);
    expect(await readdir(workDir)).not.toContain('children');
  });

  it('finds a process without a record by the sandbox in its environment, but not one of a neighbouring directory', async () => {
    const sandbox = join(workDir, 'slaves/S/frameworks/F/executors/E/runs/R');
    const ours = start('exec sleep 1000', { MESOS_DIRECTORY: sandbox });
    const neighbour = start('exec sleep 1000', { MESOS_DIRECTORY: sandbox.replace(workDir, `${workDir}2`) });
    expect(await killLeftovers(workDir)).toEqual({ killed: 1, left: 0 });
    expect(await lives(ours.pid)).toBe(false);
    expect(await lives(neighbour.pid)).toBe(true);
  });

  it('leaves a process alone whose pid is in a record with another start time', async () => {
    const stranger = start('exec sleep 1000');
    const startTicks = String(Number(startTicksOf(stranger.pid)) - 1);
    writeChildRecord(workDir, 'gone', { pid: stranger.pid, startTicks, taskId: 't', sandbox: '/s' });
    expect(await killLeftovers(workDir)).toEqual({ killed: 0, left: 0 });
    expect(await lives(stranger.pid)).toBe(true);
    expect(await readChildRecords(workDir)).toEqual([]);
  });

  it('does not take records that it cannot read for none', async () => {
    await mkdir(join(workDir, 'children', 'one.json'), { recursive: true });
    const path = join(workDir, 'children', 'one.json');
    await expect(readChildRecords(workDir)).rejects.toThrow(`${path} cannot be read: `);
    await expect(killLeftovers(workDir)).rejects.toThrow(`${path} cannot be read: `);
    await rm(join(workDir, 'children'), { recursive: true });
    await writeFile(join(workDir, 'children'), '');
    await expect(killLeftovers(workDir)).rejects.toThrow('children cannot be read: ');
  });

  it('ends a process that is in a record with its start time', async () => {
    const ours = start('exec sleep 1000');
    const startTicks = startTicksOf(ours.pid) as string;
    writeChildRecord(workDir, 'ours', { pid: ours.pid, startTicks, taskId: 't', sandbox: '/s' });
    expect(await killLeftovers(workDir)).toEqual({ killed: 1, left: 0 });
    expect(await lives(ours.pid)).toBe(false);
  });

  it('passes over records that were cut off or make no sense', async () => {
    await mkdir(join(workDir, 'children'));
    await writeFile(join(workDir, 'children', 'a.json'), '{"pid": 12');
    await writeFile(
      join(workDir, 'children', 'b.json'),
      '{"pid": -1, "startTicks": "1", "sandbox": "/", "bootId": "x"}',
    );
    expect(await killLeftovers(workDir)).toEqual({ killed: 0, left: 0 });
  });

  it('has nothing to do for a directory that does not exist', async () => {
    expect(await killLeftovers(join(workDir, 'nothing'))).toEqual({ killed: 0, left: 0 });
  });
});
