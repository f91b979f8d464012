/** Limits of plain processes: what is written for the kernel, and what the kernel then does, where this machine has cgroups. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { valuesV1, valuesV2, weightOf } from '../../../src/local-mesos/process/cgroups/control-files.ts';
import { findHierarchy } from '../../../src/local-mesos/process/cgroups/hierarchy.ts';
import {
  type Isolation,
  type IsolationOptions,
  openIsolation,
} from '../../../src/local-mesos/process/cgroups/isolation.ts';
import { memoryLimitation } from '../../../src/local-mesos/process/cgroups/memory-limit.ts';
import { limitsOf, type TaskLimits } from '../../../src/local-mesos/process/task-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { type Bench, openBench, untilFileHas } from './harness.ts';

const mount = (root: string, point: string, type: string, options: string): string =>
  `31 23 0:28 ${root} ${point} rw,relatime shared:9 - ${type} cgroup rw,${options}`;
const hybrid = [
  mount('/', '/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'cpu,cpuacct'),
  mount('/', '/sys/fs/cgroup/memory', 'cgroup', 'memory'),
  mount('/', '/sys/fs/cgroup/unified', 'cgroup2', ''),
  '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
].join('\n');
const unified = mount('/', '/sys/fs/cgroup', 'cgroup2', 'nsdelegate');

const limits = (more: Partial<TaskLimits> = {}): TaskLimits => ({
  cpuShares: 512,
  cpuLimit: 0.5,
  cpuIsLimited: false,
  memMiB: 64,
  memLimitMiB: 64,
  ...more,
});

describe('finding the cgroup of this process', () => {
  it('takes version 1 where that has the controllers', () => {
    const own = '4:memory:/user/me\n1:cpu,cpuacct:/user/me\n0::/user.slice';
    expect(findHierarchy(hybrid, own, undefined)).toEqual({
      ok: true,
      value: { version: 1, memory: '/sys/fs/cgroup/memory/user/me', cpu: '/sys/fs/cgroup/cpu,cpuacct/user/me' },
    });
  });

  it('takes version 2 elsewhere, and a path with a colon as it is', () => {
    expect(findHierarchy(unified, '0::/a:b/c', undefined)).toEqual({
      ok: true,
      value: { version: 2, unified: '/sys/fs/cgroup/a:b/c' },
    });
  });

  it('sees that a container has only a part of the hierarchy', () => {
    const inside = mount('/docker/abc', '/sys/fs/cgroup', 'cgroup2', '');
    expect(findHierarchy(inside, '0::/docker/abc/x', undefined)).toMatchObject({
      value: { unified: '/sys/fs/cgroup/x' },
    });
  });

  it('takes the root that is wanted', () => {
    expect(findHierarchy(hybrid, '', 'mesos')).toMatchObject({ value: { memory: '/sys/fs/cgroup/memory/mesos' } });
  });

  it('says that there is none', () => {
    expect(findHierarchy('22 1 8:1 / / rw - ext4 /dev/sda1 rw', '', undefined)).toEqual({
      ok: false,
      error: 'no cgroups for memory and cpu are mounted',
    });
  });
});

describe('what is written for the kernel', () => {
  const files = (values: readonly { file: string; value: string }[]): Record<string, string> =>
    Object.fromEntries(values.map(({ file, value }) => [file, value]));

  it('is, in version 1, what Mesos writes', () => {
    expect(files(valuesV1(limits(), false))).toEqual({
      'memory.soft_limit_in_bytes': '67108864',
      'memory.limit_in_bytes': '67108864',
      'cpu.shares': '512',
    });
    expect(files(valuesV1(limits({ cpuLimit: 0.001 }), true))).toMatchObject({
      'cpu.cfs_period_us': '100000',
      'cpu.cfs_quota_us': '1000',
    });
  });

  it('is the same in the words of version 2', () => {
    expect(files(valuesV2(limits(), false))).toEqual({
      'memory.max': '67108864',
      'memory.oom.group': '1',
      'cpu.weight': '20',
    });
    expect(
      files(valuesV2(limits({ cpuIsLimited: true, cpuLimit: 2, memLimitMiB: Number.POSITIVE_INFINITY }), false)),
    ).toEqual({
      'memory.max': 'max',
      'memory.oom.group': '1',
      'cpu.weight': '20',
      'cpu.max': '200000 100000',
    });
  });

  it('is never less than 32 MiB', () => {
    expect(files(valuesV1(limits({ memMiB: 1, memLimitMiB: 1 }), false))['memory.limit_in_bytes']).toBe('33554432');
  });

  it.each([
    [2, 1],
    [1_024, 39],
    [262_144, 10_000],
    [1_000_000, 10_000],
  ])('%i shares are the weight %i', (shares, weight) => {
    expect(weightOf(shares)).toBe(weight);
  });

  it('follows the limits of the task before its requests', () => {
    const resources = [
      { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.5 } },
      { name: 'mem', type: 'SCALAR' as const, scalar: { value: 64 } },
    ];
    expect(limitsOf({ resources })).toEqual(limits());
    const infinite = 'Infinity' as unknown as number;
    expect(limitsOf({ resources, limits: { cpus: { value: 2 }, mem: { value: infinite } } })).toEqual(
      limits({ cpuLimit: 2, cpuIsLimited: true, memLimitMiB: Number.POSITIVE_INFINITY }),
    );
  });
});

describe('cgroups of version 2, on a directory that stands for them', () => {
  let top: string;
  beforeEach(async () => {
    top = await mkdtemp(join(tmpdir(), 'cgroups-'));
    writeFileSync(join(top, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
    writeFileSync(join(top, 'cgroup.procs'), '');
  });
  afterEach(() => rm(top, { recursive: true, force: true }));

  const open = (more: Partial<IsolationOptions> = {}) =>
    openIsolation({
      wish: 'cgroups',
      hardCpuLimit: false,
      workDir: top,
      tables: { mountInfo: mount('/', top, 'cgroup2', ''), ownCgroups: '0::/' },
      ...more,
    });
  const nameOf = async (): Promise<string> =>
    (await readdir(top)).find((name) => name.startsWith('ultramarathon-')) ?? '';

  it('get their controllers, their limits and their process, and tell of memory', async () => {
    const opened = await open();
    if (!opened.ok) throw new Error(opened.error);
    expect(opened.value.description).toContain('enforced by cgroups (version 2)');
    const cgroup = opened.value.cgroupFor?.('t', limits());
    const directory = join(top, await nameOf(), 't');
    expect(readFileSync(join(top, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu +memory');
    expect(readFileSync(join(directory, '..', 'cgroup.subtree_control'), 'utf8')).toBe('+cpu +memory');
    expect(readFileSync(join(directory, 'memory.max'), 'utf8')).toBe('67108864');
    cgroup?.enter(4711);
    expect(readFileSync(join(directory, 'cgroup.procs'), 'utf8')).toBe('4711');
    expect(cgroup && memoryLimitation(cgroup, limits())).toBeUndefined();
    writeFileSync(join(directory, 'memory.events'), 'low 0\noom 3\noom_kill 2\noom_group_kill 1\n');
    writeFileSync(join(directory, 'memory.peak'), '67100000\n');
    writeFileSync(join(directory, 'memory.stat'), 'anon 1\nfile 2\n');
    expect(cgroup && memoryLimitation(cgroup, limits())).toEqual({
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: 'Memory limit exceeded: Requested: 64MB Maximum Used: 64MB\n\nMEMORY STATISTICS: \nanon 1\nfile 2\n',
      limitation: { resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 64 } }] },
    });
  });

  it('are refused with a reason where a controller is missing, and done without where that is wished', async () => {
    writeFileSync(join(top, 'cgroup.controllers'), 'cpuset hugetlb\n');
    expect(await open()).toEqual({ ok: false, error: `the cgroup ${top} has no controller for cpu and memory` });
    const auto = await open({ wish: 'auto' });
    expect(auto).toMatchObject({
      ok: true,
      value: {
        name: 'posix/cpu,posix/mem',
        cgroupFor: undefined,
        description: `CPU and memory limits of tasks are not enforced: the cgroup ${top} has no controller for cpu and memory`,
      },
    });
  });

  it('are not even looked for where none are wished', async () => {
    const none = await open({ wish: 'none' });
    expect(none).toMatchObject({ ok: true, value: { cgroupFor: undefined } });
    expect(await nameOf()).toBe('');
  });
});

/** With version 2 the top is the one place where processes do not stand in the way. */
const root = existsSync('/sys/fs/cgroup/memory') ? {} : { root: '/' };
/** Where these tests can write: as root on a machine with version 1 or a version 2 that is ours. */
const probe = await openIsolation({
  wish: 'cgroups',
  ...root,
  hardCpuLimit: false,
  workDir: await mkdtemp(join(tmpdir(), 'cgroups-probe-')),
});
if (probe.ok) await probe.value.close();

describe.skipIf(!probe.ok)('a task in a cgroup of this machine', () => {
  let bench: Bench;
  let isolation: Isolation;
  beforeEach(async () => {
    const outer = await mkdtemp(join(tmpdir(), 'cgroups-work-'));
    const opened = await openIsolation({ wish: 'cgroups', ...root, hardCpuLimit: true, workDir: outer });
    if (!opened.ok) throw new Error(opened.error);
    isolation = opened.value;
    bench = await openBench({ isolation });
  });
  afterEach(async () => {
    await bench.close();
    await isolation.close();
  });

  const directory = (): string => /below (\S+)$/.exec(isolation.description)?.[1] ?? '';
  const needs = (mem: number): Partial<TaskInfo> => ({
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: mem } },
    ],
  });

  it('is in it from its first instruction on, with all its children, and leaves nothing behind', async () => {
    const task = bench.run('in', 'cat /proc/self/cgroup; (sleep 1000 &) ; sleep 0.1; cat /proc/$$/cgroup', needs(64));
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED', message: 'Command exited with status 0' });
    const name = directory().split('/').at(-1) ?? '';
    const lines = (await task.file('stdout')).split('\n').filter((line) => line.includes(name));
    // The child's and the shell's own, each for memory and cpu, or once for both.
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(await subdirectories(directory())).toEqual([]);
  });

  it('is limited by what it asked for, whoever it runs as', async () => {
    const isRoot = process.getuid?.() === 0;
    const command = { shell: true, value: 'id -un; sleep 1000', ...(isRoot ? { user: 'nobody' } : {}) };
    const task = bench.run('who', '', { ...needs(64), command });
    await untilFileHas(task, 'stdout', isRoot ? 'nobody' : '\n');
    const [id = ''] = await subdirectories(directory());
    const limit = ['memory.limit_in_bytes', 'memory.max'].map((name) => join(directory(), id, name)).find(existsSync);
    expect(readFileSync(limit ?? '', 'utf8').trim()).toBe(String(64 << 20));
    bench.runner.kill('who', false);
    await task.end();
  });

  it('runs what it is told as if there were no gate', async () => {
    const list = { command: { shell: false, value: '/bin/echo', arguments: ['/bin/echo', 'a b', '$x'] } };
    const task = bench.run('args', '', { ...needs(64), ...list });
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED' });
    expect(await task.file('stdout')).toBe('a b $x\n');
    const lost = { command: { shell: false, value: '/no/such', arguments: ['/no/such'] } };
    const failed = bench.run('lost', '', { ...needs(64), ...lost });
    expect(await failed.end()).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 1' });
    expect(await failed.file('stderr')).toContain("Failed to execute '/no/such'");
  });

  it('fails for want of memory as Mesos words it, even if only a child was ended', async () => {
    const greedy = `${process.execPath} -e 'const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1))'`;
    const task = bench.run('oom', `${greedy}; echo ended; sleep 1000`, needs(64));
    const end = await task.end();
    expect(end).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      limitation: { resources: [{ name: 'mem', scalar: { value: 64 } }] },
    });
    expect(end.message).toMatch(
      /^Memory limit exceeded: Requested: 64MB Maximum Used: \d+MB\n\nMEMORY STATISTICS: \n\w+ \d+/,
    );
    expect(await subdirectories(directory())).toEqual([]);
  });

  it('that is killed is reported as killed', async () => {
    const task = bench.run('kill', 'echo up; sleep 1000', needs(64));
    await untilFileHas(task, 'stdout', 'up');
    bench.runner.kill('kill', false);
    expect(await task.end()).toMatchObject({
      state: 'TASK_KILLED',
      message: 'Command terminated with signal Terminated',
    });
  });

  it('leaves an empty cgroup to the next start when everything of ours was killed', async () => {
    const outer = await mkdtemp(join(tmpdir(), 'cgroups-work-'));
    const first = await openIsolation({ wish: 'cgroups', ...root, hardCpuLimit: false, workDir: outer });
    if (!first.ok) throw new Error(first.error);
    first.value.cgroupFor?.('left', limits());
    const place = /below (\S+)$/.exec(first.value.description)?.[1] ?? '';
    expect(existsSync(join(place, 'left'))).toBe(true);
    expect(await openIsolation({ wish: 'none', hardCpuLimit: false, workDir: outer })).toMatchObject({ ok: true });
    await eventually('the cgroup is gone', () => !existsSync(place));
  });
});

async function subdirectories(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
