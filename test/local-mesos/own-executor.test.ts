/** Executors that a framework brings along, under the v1 executor API (mesos-v1 §1.1, §3.6, §4.8). */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Offer, TaskInfo } from '../../src/core/mesos/types.ts';
import { frameworkInfo, json, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import { cpus, get, mem, scalarOf, until } from './statement-helpers.ts';

const program = fileURLToPath(new URL('own-executor.mjs', import.meta.url));
const executorOf = (id: string, manner = '', change: object = {}) => ({
  executor_id: { value: id },
  command: { shell: true, value: `exec ${process.execPath} ${program} ${manner}` },
  resources: [cpus(0.5), mem(64)],
  ...change,
});

/** A task for an executor; it has no command of its own. */
function taskWith(offer: Offer, id: string, executor: object, change: Partial<TaskInfo> = {}): TaskInfo {
  const { command: _none, ...task } = taskFor(offer, id, change);
  return { ...task, executor };
}

async function ready(simulate = false) {
  const mesos = await cluster({ simulate });
  const scheduler = await subscribed(mesos);
  const [offer] = await scheduler.nextOffers();
  return { mesos, scheduler, offer: offer! };
}

async function free(scheduler: MesosClient, wanted: number): Promise<Offer> {
  for (;;) {
    const [offer] = await scheduler.nextOffers();
    if (scalarOf(offer!, 'cpus') === wanted) return offer!;
    await scheduler.decline([offer!], 0);
  }
}

describe('an executor of the framework', () => {
  it('gets its tasks, reports on them, kills them, exchanges messages and ends on SHUTDOWN', async () => {
    const { mesos, scheduler, offer } = await ready();
    const data = Buffer.from('größe').toString('base64');
    await scheduler.launch([offer], [taskWith(offer, 't.1', executorOf('own'), { data } as Partial<TaskInfo>)], 0);
    const running = await scheduler.nextStatus('t.1');
    expect(running).toMatchObject({
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      executor_id: { value: 'own' },
      message: 'größe',
      data,
      labels: { labels: [{ key: 'ready', value: 'yes' }] },
    });
    await scheduler.acknowledge(running);
    // Data is for the scheduler alone; labels are for everybody (Master::updateTask, json(TaskStatus)).
    const { tasks } = (await get(`${mesos.url}/tasks`)) as never as { tasks: { statuses: object[] }[] };
    expect(tasks[0]!.statuses).toMatchObject([{ state: 'TASK_RUNNING', labels: [{ key: 'ready', value: 'yes' }] }]);
    expect(JSON.stringify(tasks)).not.toContain(data);
    const rest = await free(scheduler, 3.4);
    expect(rest.executor_ids).toEqual([{ value: 'own' }]);
    // A second task of the same executor costs what it needs itself.
    await scheduler.launch([rest], [taskWith(rest, 't.2', executorOf('own'))], 0);
    await scheduler.acknowledge(await scheduler.nextStatus('t.2'));
    await free(scheduler, 3.3);
    const ids = { agent_id: offer.agent_id, executor_id: { value: 'own' } };
    await scheduler.call('MESSAGE', { message: { ...ids, data } });
    expect((await scheduler.next('MESSAGE'))['message']).toEqual({ ...ids, data });
    await scheduler.kill('t.1');
    const killed = await scheduler.nextStatus('t.1');
    expect(killed).toMatchObject({ state: 'TASK_KILLED', message: 'as you wish' });
    await scheduler.acknowledge(killed);
    const state = await get(`${mesos.url}/slave(1)/state`);
    const [{ executors }] = state['frameworks'] as [{ executors: { id: string; directory: string }[] }];
    expect(executors).toMatchObject([{ id: 'own', directory: expect.stringContaining('/executors/own/runs/') }]);
    // It has one container, however many tasks it runs.
    const containers = (await get(`${mesos.url}/slave(1)/containers`)) as unknown as {
      container_id: string;
      status: { executor_pid: number };
    }[];
    expect(containers).toMatchObject([
      {
        container_id: (running.container_status!['container_id'] as { value: string }).value,
        executor_id: 'own',
        statistics: { cpus_soft_limit: 0.6, mem_rss_bytes: expect.any(Number) },
      },
    ]);
    expect(process.kill(containers[0]!.status.executor_pid, 0)).toBe(true);
    await scheduler.call('SHUTDOWN', { shutdown: ids });
    expect((await scheduler.next('FAILURE')).failure).toEqual({ ...ids, status: 0 });
    expect(await scheduler.nextStatus('t.2')).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'Executor terminated',
    });
  });

  it('that exits takes its tasks along, with the status it exits with', async () => {
    const { scheduler, offer } = await ready();
    await scheduler.launch([offer], [taskWith(offer, 'crash.1', executorOf('own'))], 0);
    await scheduler.acknowledge(await until(scheduler, 'crash.1', 'TASK_RUNNING'));
    expect((await scheduler.next('FAILURE')).failure).toEqual({
      agent_id: offer.agent_id,
      executor_id: { value: 'own' },
      status: 3 << 8,
    });
    const failed = await scheduler.nextStatus('crash.1');
    expect(failed).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED' });
    await scheduler.acknowledge(failed);
  });

  it('that does not obey SHUTDOWN is killed after its grace', async () => {
    const { scheduler, offer } = await ready();
    const executor = executorOf('own', 'stubborn', { shutdown_grace_period: { nanoseconds: 200_000_000 } });
    await scheduler.launch([offer], [taskWith(offer, 't.1', executor)], 0);
    await scheduler.acknowledge(await until(scheduler, 't.1', 'TASK_RUNNING'));
    const ids = { agent_id: offer.agent_id, executor_id: { value: 'own' } };
    await scheduler.call('SHUTDOWN', { shutdown: ids });
    expect((await scheduler.next('FAILURE')).failure).toMatchObject({ executor_id: { value: 'own' } });
    expect((await scheduler.nextStatus('t.1')).state).toBe('TASK_FAILED');
  });

  it('that does not subscribe in time is ended, and its tasks fail', async () => {
    // By then it has long been started, which its end tells.
    const mesos = await cluster({ simulate: false, settings: { executorRegistrationMs: 5_000 } });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const mute = executorOf('own', '', { command: { shell: true, value: 'exec sleep 1000' } });
    await scheduler.launch([offer!], [taskWith(offer!, 't.1', mute)], 3600);
    expect(await scheduler.nextStatus('t.1')).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
      message: 'Executor did not register within 5000ms',
    });
    const { failure } = await scheduler.next('FAILURE');
    expect(failure!.executor_id).toEqual({ value: 'own' });
    // SIGTERM or the SIGKILL right behind it.
    expect([15, 9]).toContain((failure as { status?: number }).status);
  });

  const refusals: readonly [string, object, string][] = [
    ['no command', { command: undefined }, "'ExecutorInfo.command' must be set"],
    [
      'no command, and its type',
      { command: undefined, type: 'CUSTOM' },
      "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
    ],
    ['the type DEFAULT', { type: 'DEFAULT' }, "'ExecutorInfo.type' must be 'CUSTOM'"],
    ['an invalid id', { executor_id: { value: 'a/b' } }, "'a/b' contains invalid characters"],
    [
      'more than is offered',
      { resources: [cpus(4)] },
      'Total resources cpus(allocated: *):4.1; mem(allocated: *):32 required by task and its executor is more than available ports(allocated: *):[31000-32000]; cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000',
    ],
  ];
  it.each(refusals)('is refused with %s', async (_what, change, message) => {
    const { scheduler, offer } = await ready(true);
    await scheduler.launch([offer], [taskWith(offer, 't.1', executorOf('own', '', change))]);
    expect(await scheduler.nextStatus('t.1')).toMatchObject({
      state: 'TASK_ERROR',
      reason: 'REASON_TASK_INVALID',
      message,
    });
  });

  it('is simulated on simulated agents', async () => {
    const { mesos, scheduler, offer } = await ready(true);
    await scheduler.launch([offer], [taskWith(offer, 't.1', executorOf('own'))], 0);
    const running = await scheduler.nextStatus('t.1');
    expect(running).toMatchObject({ state: 'TASK_RUNNING', executor_id: { value: 'own' } });
    await scheduler.acknowledge(running);
    mesos.simulation!.command('t.1', 'TASK_FINISHED');
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    expect((await scheduler.next('FAILURE')).failure).toMatchObject({ executor_id: { value: 'own' }, status: 0 });
    await free(scheduler, 4);
  });
});

describe('the executor endpoint', () => {
  it('refuses strangers, and calls that are none', async () => {
    const mesos = await cluster({ simulate: false });
    const scheduler = await subscribed(mesos, frameworkInfo());
    const url = `${mesos.url}/api/v1/executor`;
    const ids = { framework_id: { value: scheduler.frameworkId }, executor_id: { value: 'nobody' } };
    for (const path of [url, `${mesos.url}/slave(1)/api/v1/executor`]) {
      expect(await send(path)).toMatchObject({ status: 405 });
    }
    expect((await send(url, { headers: json, body: { type: 'SUBSCRIBE' } })).status).toBe(400);
    expect(await send(url, { headers: json, body: { ...ids, type: 'UPDATE' } })).toMatchObject({
      status: 400,
      body: `Failed to validate executor::Call: Expecting 'update' to be present`,
    });
    expect(await send(url, { headers: json, body: { ...ids, type: 'SUBSCRIBE' } })).toMatchObject({
      status: 400,
      body: 'Executor cannot be found',
    });
    const stranger = { ...ids, framework_id: { value: 'no-such' } };
    expect(await send(url, { headers: json, body: { ...stranger, type: 'SUBSCRIBE' } })).toMatchObject({
      status: 400,
      body: 'Framework cannot be found',
    });
  });
});
