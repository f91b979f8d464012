import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Resource, TaskInfo } from '../../../src/core/mesos/types.ts';
import { persistentVolumePath, planContainer, staysInside } from '../../../src/local-mesos/process/container-plan.ts';
import { type Bench, openBench } from './harness.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const plan = (container: unknown, resources: readonly Resource[] = []) =>
  planContainer(
    { name: 't', task_id: { value: 't' }, agent_id: { value: 'S' }, resources, container } as TaskInfo,
    '/w',
  );

describe('planning a container', () => {
  it.each([
    [
      'a volume outside the sandbox',
      { volumes: [{ mode: 'RW', container_path: '/data', host_path: '/srv' }] },
      'container image',
    ],
    [
      'a volume that climbs',
      { volumes: [{ mode: 'RW', container_path: '../x', host_path: '/srv' }] },
      'container image',
    ],
    [
      'a Docker volume',
      { volumes: [{ container_path: 'x', source: { type: 'DOCKER_VOLUME' } }] },
      'needs a container engine',
    ],
    ['a relative host path', { volumes: [{ container_path: 'x', host_path: 'y' }] }, 'needs a container engine'],
    ['a container network', { network_infos: [{ name: 'dcos' }] }, "cannot join the network 'dcos'"],
    ['an appc image', { mesos: { image: { type: 'APPC', appc: {} } } }, 'appc'],
    ['a Docker container without image', { type: 'DOCKER' }, 'docker.image'],
  ])('refuses %s with a sentence that says why', (_what, container, why) => {
    const outcome = plan({ type: 'MESOS', ...container });
    expect(outcome).toMatchObject({ ok: false, error: expect.stringContaining(why) });
  });

  it('takes a MESOS container without an image as a plain process', () => {
    expect(plan({ type: 'MESOS' })).toEqual({ ok: true, value: { image: undefined, volumes: [], notes: [] } });
  });

  it('has nothing to do for a volume that is in its place already', () => {
    const volumes = [{ mode: 'RW', container_path: '/srv/data/', host_path: '/srv/data/' }];
    expect(plan({ type: 'MESOS', volumes })).toMatchObject({ ok: true, value: { volumes: [] } });
  });

  it.each(['', '.', './', '/', '/a', '..', 'a/..', 'a/../../b', 'a\0b'])(
    'knows that %j does not stay inside',
    (path) => {
      expect(staysInside(path)).toBe(false);
    },
  );
});

describe('volumes of a plain process', () => {
  it('are links to the host path, and a read-only one says that it is not', async () => {
    const host = join(bench.workDir, 'host');
    await mkdir(host);
    await writeFile(join(host, 'in'), 'from host');
    const container = { type: 'MESOS', volumes: [{ mode: 'RO', container_path: 'a/data', host_path: host }] };
    const task = bench.run('vol', 'cat a/data/in; echo out > a/data/out', { container });
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED' });
    expect(await task.file('stdout')).toBe('from host');
    expect(await readFile(join(host, 'out'), 'utf8')).toBe('out\n');
    expect(await task.file('stderr')).toContain("Volume 'a/data' is not read-only");
  });

  it('outlive the task when they are persistent', async () => {
    const resources: readonly Resource[] = [
      {
        name: 'disk',
        type: 'SCALAR',
        scalar: { value: 10 },
        reservations: [{ type: 'DYNAMIC', role: 'db' }],
        disk: { persistence: { id: 'v1' }, volume: { mode: 'RW', container_path: 'store' } },
      },
    ];
    await bench.run('p1', 'echo kept > store/file', { resources }).end();
    const second = bench.run('p2', 'cat store/file', { resources });
    await second.end();
    expect(await second.file('stdout')).toBe('kept\n');
    expect(await readFile(join(persistentVolumePath(bench.workDir, 'db', 'v1'), 'file'), 'utf8')).toBe('kept\n');
  });

  it('survive the deletion of old sandboxes', async () => {
    const small = await openBench({ keepSandboxes: 0 });
    const host = join(bench.workDir, 'precious');
    await mkdir(host);
    await writeFile(join(host, 'file'), 'precious');
    const container = { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'data', host_path: host }] };
    await small.run('vol', 'true', { container }).end();
    await small.runner.shutdown();
    expect(small.runner.sandbox('vol')).toBeUndefined();
    expect(await readFile(join(host, 'file'), 'utf8')).toBe('precious');
    await small.close();
  });
});
