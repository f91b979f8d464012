/** Tasks in cgroups and containers that survive their cluster, and are taken up by another one on the same directory. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import { err } from '../../src/core/result.ts';
import type { LocalMesos, LocalMesosOptions } from '../../src/local-mesos/cluster.ts';
import { engineFinder } from '../../src/local-mesos/process/engine-finder.ts';
import { cgroupPlace, hasCgroups } from '../support/cgroups.ts';
import { eventually } from '../support/eventually.ts';
import { frameworkInfo, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { hasPodman, openPodman, type Podman } from '../support/podman.ts';
import { client, cluster, workDir } from './cluster-fixture.ts';

const real = (dir: string, more: Partial<LocalMesosOptions>): Promise<LocalMesos> =>
  cluster({
    workDir: dir,
    simulate: false,
    recover: true,
    engine: async () => err('no engine in this test'),
    ...more,
  });

async function until(scheduler: MesosClient, state: string): Promise<TaskStatus> {
  for (;;) {
    const status = await scheduler.nextStatus('kept');
    await scheduler.acknowledge(status);
    if (status.state === state) return status;
    if (/FAILED|FINISHED|ERROR|DROPPED/.test(status.state)) throw new Error(`${status.state}: ${status.message}`);
  }
}

interface Running {
  readonly scheduler: MesosClient;
  readonly containerId: string;
  readonly pid: number;
  readonly sandbox: string;
}

async function run(on: LocalMesos, command: string, change: Partial<TaskInfo> = {}): Promise<Running> {
  const scheduler = client(on);
  await scheduler.connect(frameworkInfo());
  const [offer] = await scheduler.nextOffers();
  await scheduler.launch([offer!], [taskFor(offer!, 'kept', { command: { shell: true, value: command }, ...change })]);
  const { container_status: status } = await until(scheduler, 'TASK_RUNNING');
  const sandbox = on.master.state.agents.get(offer!.agent_id.value)!.runner.sandbox('kept')!;
  const { value: containerId } = status!['container_id'] as { value: string };
  return { scheduler, containerId, pid: status!['executor_pid'] as number, sandbox };
}

async function again(on: LocalMesos, before: MesosClient): Promise<MesosClient> {
  const scheduler = client(on);
  await scheduler.connect(frameworkInfo({ id: { value: before.frameworkId } }));
  return scheduler;
}

const limited: Partial<LocalMesosOptions> = { isolation: 'cgroups', ...cgroupPlace };
/** Waits for a file in its sandbox, and then does something. */
const onWord = (what: string): string => `while [ ! -e go ]; do sleep 0.1; done; ${what}`;

/** Where a cluster makes the cgroups of its tasks. */
async function cgroupsOf(on: LocalMesos): Promise<string> {
  const state = JSON.parse((await send(`${on.url}/slave(1)/state`)).body) as { isolation: string };
  return /below (\S+)$/.exec(state.isolation)?.[1] ?? '';
}

describe.skipIf(!hasCgroups)('what is adopted in a cgroup', () => {
  it('stays there under the next cluster, ends with the status of its program, and its cgroup goes', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir, limited);
    const place = await cgroupsOf(first);
    const { scheduler, containerId, pid, sandbox } = await run(first, onWord('exit 7'));
    await first.leave();
    expect(await readdir(place)).toContain(containerId);
    // Whatever the next one does with tasks of its own.
    const second = await real(dir, { isolation: 'none' });
    const next = await again(second, scheduler);
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(containerId);
    writeFileSync(join(sandbox, 'go'), '');
    expect(await until(next, 'TASK_FAILED')).toMatchObject({ message: 'Command exited with status 7' });
    await eventually('its cgroup is gone', () => !existsSync(join(place, containerId)));
    await second.close();
    // The one that all tasks shared is found at the next start, by name.
    await (await real(dir, { isolation: 'none' })).close();
    expect(existsSync(place)).toBe(false);
  });

  it('is held to its memory by the cluster that has taken it up', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir, limited);
    const greedy = `${process.execPath} -e 'const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1))'`;
    const { scheduler, sandbox } = await run(first, onWord(`${greedy}; sleep 1000`));
    await first.leave();
    const second = await real(dir, limited);
    const next = await again(second, scheduler);
    writeFileSync(join(sandbox, 'go'), '');
    expect(await until(next, 'TASK_FAILED')).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      limitation: { resources: [{ name: 'mem', scalar: { value: 32 } }] },
    });
  });
});

describe.skipIf(!hasPodman)('what is adopted in a container', () => {
  const image = 'busybox-of-the-test';
  let podman: Podman;
  let own: string | undefined;
  beforeAll(() => {
    podman = openPodman();
    podman.buildBusybox(image, ['RUN ["/bin/busybox", "--install", "-s", "/bin"]']);
    own = process.env['CONTAINERS_CONF'];
    process.env['CONTAINERS_CONF'] = podman.env['CONTAINERS_CONF'];
  });
  afterAll(() => {
    podman.close();
    if (own === undefined) delete process.env['CONTAINERS_CONF'];
    else process.env['CONTAINERS_CONF'] = own;
  });

  const engine = () => engineFinder({ program: 'podman', options: podman.options })();
  const inImage: Partial<TaskInfo> = { container: { type: 'DOCKER', docker: { image, network: 'HOST' } } };

  it('goes on, is seen and ended through the engine that it was started with, and is removed', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir, { engine });
    const { scheduler, containerId } = await run(first, 'trap "exit 9" TERM; while :; do sleep 0.1; done', inImage);
    await first.leave();
    expect(podman.containers()).toEqual([`mesos-${containerId}`]);
    // It has no engine of its own: that of the task is named by its record.
    const second = await real(dir, {});
    const next = await again(second, scheduler);
    await next.reconcile({ taskId: 'kept' });
    expect(await next.nextStatus('kept')).toMatchObject({ state: 'TASK_RUNNING' });
    expect(podman.containers()).toEqual([`mesos-${containerId}`]);
    // What its client uses is not what it uses.
    const [seen] = JSON.parse((await send(`${second.url}/slave(1)/containers`)).body);
    expect(seen).toMatchObject({ container_id: containerId, statistics: { mem_limit_bytes: 64 * 1024 ** 2 } });
    expect(seen.statistics).not.toHaveProperty('mem_rss_bytes');
    await next.kill('kept');
    expect(await until(next, 'TASK_KILLED')).toMatchObject({ message: 'Container exited with status 9' });
    expect(podman.containers()).toEqual([]);
  });

  it('is checked again, and its end while nobody looked is known', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir, { engine });
    const check = {
      type: 'COMMAND',
      command: { shell: true, value: 'test ! -e /mnt/mesos/sandbox/sick' },
      interval_seconds: 0.2,
    };
    const health = {
      ...check,
      delay_seconds: 0,
      grace_period_seconds: 0,
      timeout_seconds: 20,
      consecutive_failures: 9,
    };
    const change = { ...inImage, health_check: health } as Partial<TaskInfo>;
    const running = await run(first, onWord('exit 3').replace('go', '$MESOS_SANDBOX/go'), change);
    await first.leave();
    const second = await real(dir, { engine });
    const next = await again(second, running.scheduler);
    writeFileSync(join(running.sandbox, 'sick'), '');
    for (;;) {
      const status = await next.nextStatus('kept');
      if (status.uuid !== undefined) await next.acknowledge(status);
      if (status.healthy === false) break;
    }
    await second.leave();
    writeFileSync(join(running.sandbox, 'go'), '');
    await eventually('the client has ended', () => !existsSync(`/proc/${running.pid}`));
    const third = await real(dir, { engine });
    const last = await again(third, next);
    expect(await until(last, 'TASK_FAILED')).toMatchObject({ message: 'Container exited with status 3' });
    expect(podman.containers()).toEqual([]);
  });
});
