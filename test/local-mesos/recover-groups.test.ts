/** Groups of tasks that survive their cluster: real processes, taken up with their executor by another cluster on the same directory. */
import { readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Resource, TaskStatus } from '../../src/core/mesos/types.ts';
import { err } from '../../src/core/result.ts';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { frameworkInfo, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { again, client, cluster, strays, until, workDir } from './cluster-fixture.ts';
import { lives } from './process/harness.ts';
import { cpus, mem, scalarOf } from './statement-helpers.ts';

const real = (dir: string): Promise<LocalMesos> =>
  cluster({ workDir: dir, simulate: false, recover: true, engine: async () => err('no engine in this test') });

const disk: Resource = { name: 'disk', type: 'SCALAR', scalar: { value: 10 } };
const executor = { type: 'DEFAULT', executor_id: { value: 'pod' }, resources: [cpus(0.1), mem(32), disk] };

interface Pod {
  readonly scheduler: MesosClient;
  readonly pids: ReadonlyMap<string, number>;
  /** The last update of each task. */
  readonly statuses: ReadonlyMap<string, TaskStatus>;
}

/** Launches a group of these commands by task id, and acknowledges each as far as running. */
async function pod(on: LocalMesos, commands: Readonly<Record<string, string>>, info = frameworkInfo()): Promise<Pod> {
  const scheduler = client(on);
  await scheduler.connect(info);
  return launchGroup(on, scheduler, commands);
}

async function launchGroup(
  on: LocalMesos,
  scheduler: MesosClient,
  commands: Readonly<Record<string, string>>,
): Promise<Pod> {
  const [offer] = await scheduler.nextOffers();
  const tasks = Object.entries(commands).map(([id, value]) => taskFor(offer!, id, { command: { shell: true, value } }));
  await scheduler.call('ACCEPT', {
    accept: {
      offer_ids: [offer!.id],
      operations: [{ type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks } } }],
      filters: { refuse_seconds: 0 },
    },
  });
  const pids = new Map<string, number>();
  const statuses = new Map<string, TaskStatus>();
  for (const id of Object.keys(commands)) {
    const status = await until(scheduler, id, 'TASK_RUNNING');
    statuses.set(id, status);
    for (const task of on.master.state.frameworks.get(scheduler.frameworkId)!.tasks.values()) {
      const pid = task.statuses.findLast(({ containerStatus }) => containerStatus?.['executor_pid'])?.containerStatus;
      if (task.id === id && pid !== undefined) pids.set(id, pid['executor_pid'] as number);
    }
    strays.add(pids.get(id)!);
  }
  return { scheduler, pids, statuses };
}

const nothingLeft = (dir: string) =>
  eventually('nothing is kept of it', async () => {
    const records = await readdir(join(dir, 'children')).catch((): string[] => []);
    return records.length === 0;
  });

describe('a group whose cluster is restarted', () => {
  it('goes on with its executor, in the same containers, and dies together as ever', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir);
    const { scheduler, pids, statuses } = await pod(first, { a: 'exec sleep 1000', b: 'exec sleep 1000' });
    await first.leave();
    for (const pid of pids.values()) expect(await lives(pid)).toBe(true);
    const second = await real(dir);
    const next = await again(second, scheduler);
    for (const id of ['a', 'b']) {
      await next.reconcile({ taskId: id });
      const status = await next.nextStatus(id);
      expect(status).toMatchObject({ state: 'TASK_RUNNING', executor_id: { value: 'pod' } });
      expect(status.container_status).toEqual(statuses.get(id)!.container_status);
    }
    // What the two and their executor hold is not offered; whoever wants may launch into the same executor.
    const [offer] = await next.nextOffers();
    expect(offer!.executor_ids).toEqual([{ value: 'pod' }]);
    expect(scalarOf(offer!, 'cpus')).toBe(3.7);
    expect(JSON.parse((await send(`${second.url}/frameworks`)).body).frameworks[0].executors).toMatchObject([
      { executor_id: 'pod', resources: { cpus: 0.1, mem: 32, disk: 10 } },
    ]);
    await next.kill('a');
    await until(next, 'a', 'TASK_KILLED');
    await until(next, 'b', 'TASK_KILLED');
    expect((await next.next('FAILURE')).failure).toMatchObject({ executor_id: { value: 'pod' }, status: 0 });
    for (const pid of pids.values()) expect(await lives(pid)).toBe(false);
    await nothingLeft(dir);
    expect([...second.master.state.agents.values()][0]!.executors.size).toBe(0);
  });

  it('is told of what ended meanwhile, which takes the others along', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir);
    const bad = 'until [ -e go ]; do sleep 0.05; done; exit 7';
    const { scheduler, pids, statuses } = await pod(first, { bad, other: 'exec sleep 1000' });
    const sandbox = first.master.state.agents.get(statuses.get('bad')!.agent_id!.value)!.runner.sandbox('bad')!;
    await first.leave('vanish');
    await writeFile(join(sandbox, 'go'), '');
    await eventually('it has ended', async () => !(await lives(pids.get('bad')!)));
    const second = await real(dir);
    const next = await again(second, scheduler);
    expect(await until(next, 'bad', 'TASK_FAILED')).toMatchObject({
      message: 'Command exited with status 7',
      executor_id: { value: 'pod' },
    });
    await until(next, 'other', 'TASK_KILLED');
    await next.next('FAILURE');
    expect(await lives(pids.get('other')!)).toBe(false);
    await nothingLeft(dir);
  });

  it('ends with it if the framework keeps no checkpoints', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir);
    const { pids } = await pod(first, { a: 'exec sleep 1000' }, frameworkInfo({ checkpoint: false }));
    await first.leave();
    expect(await lives(pids.get('a')!)).toBe(false);
    const second = await real(dir);
    await nothingLeft(dir);
    expect(
      [...second.master.state.agents.values()].map(({ tasks, executors }) => [tasks.size, executors.size]),
    ).toEqual([[0, 0]]);
  });

  it('is dropped if nothing tells of its processes, and its executor ends', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir);
    const { scheduler, pids } = await pod(first, { a: 'exec sleep 1000', b: 'exec sleep 1000' });
    await first.leave('vanish');
    for (const pid of pids.values()) process.kill(-pid, 'SIGKILL');
    await eventually('they are gone', async () => {
      const living = await Promise.all([...pids.values()].map(lives));
      return !living.includes(true);
    });
    await rm(join(dir, 'children'), { recursive: true });
    const second = await real(dir);
    const next = await again(second, scheduler);
    for (const id of ['a', 'b']) {
      expect(await until(next, id, 'TASK_DROPPED')).toMatchObject({
        source: 'SOURCE_AGENT',
        reason: 'REASON_RECONCILIATION',
      });
    }
    await next.next('FAILURE');
    expect([...second.master.state.agents.values()][0]!.executors.size).toBe(0);
  });

  it('goes on beside another group of the same executor, which has an end of its own', async () => {
    const dir = await realpath(await workDir());
    const first = await real(dir);
    const { scheduler, pids } = await pod(first, { a: 'exec sleep 1000', b: 'exec sleep 1000' });
    const more = await launchGroup(first, scheduler, { c: 'exec sleep 1000' });
    await first.leave();
    const second = await real(dir);
    const next = await again(second, scheduler);
    await next.kill('b');
    await until(next, 'b', 'TASK_KILLED');
    await until(next, 'a', 'TASK_KILLED');
    await next.reconcile({ taskId: 'c' });
    expect((await next.nextStatus('c')).state).toBe('TASK_RUNNING');
    expect(await lives(more.pids.get('c')!)).toBe(true);
    await next.kill('c');
    await until(next, 'c', 'TASK_KILLED');
    await next.next('FAILURE');
    for (const pid of [...pids.values(), ...more.pids.values()]) expect(await lives(pid)).toBe(false);
  });
});
