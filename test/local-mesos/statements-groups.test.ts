/** mesos-v1 §7.1, M-83, and what §5.3 says of task groups and the default executor. */
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Offer, Resource, TaskInfo } from '../../src/core/mesos/types.ts';
import { frameworkInfo, json, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import { cameOf, cpus, fence, get, mem, scalarOf, until } from './statement-helpers.ts';

const disk: Resource = { name: 'disk', type: 'SCALAR', scalar: { value: 10 } };
const shell = (value: string) => ({ shell: true, value });
const executorOf = (id: string, change: object = {}) => ({
  type: 'DEFAULT',
  executor_id: { value: id },
  resources: [cpus(0.1), mem(32), disk],
  ...change,
});

function launchGroup(scheduler: MesosClient, offer: Offer, executor: object, tasks: readonly TaskInfo[], refuse = 0) {
  return scheduler.call('ACCEPT', {
    accept: {
      offer_ids: [offer.id],
      operations: [{ type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks } } }],
      filters: { refuse_seconds: refuse },
    },
  });
}

/** All updates of some tasks until each has ended, acknowledged. */
async function endsOf(scheduler: MesosClient, ids: readonly string[]): Promise<Record<string, string[]>> {
  const states: Record<string, string[]> = Object.fromEntries(ids.map((id) => [id, []]));
  const open = new Set(ids);
  while (open.size > 0) {
    const status = await scheduler.nextStatus();
    await scheduler.acknowledge(status);
    const id = status.task_id.value;
    states[id]!.push(status.state);
    if (/FINISHED|FAILED|KILLED|DROPPED|ERROR|LOST/.test(status.state)) open.delete(id);
  }
  return states;
}

describe('a task group', () => {
  it('M-83: is refused as a whole for one invalid member', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod'), [taskFor(offer!, 'good'), taskFor(offer!, 'b/d')]);
    for (const id of ['good', 'b/d']) {
      const status = await scheduler.nextStatus(id);
      expect(status).toMatchObject({
        state: 'TASK_ERROR',
        source: 'SOURCE_MASTER',
        reason: 'REASON_TASK_GROUP_INVALID',
        message: "Task 'b/d' is invalid: 'b/d' contains invalid characters",
      });
      expect(status).not.toHaveProperty('uuid');
    }
    expect(scalarOf((await scheduler.nextOffers())[0]!, 'cpus')).toBe(4);
  });

  it('M-83: kills the rest when one member exits with another status than 0', async () => {
    const mesos = await cluster({ simulate: false });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod'), [
      taskFor(offer!, 'fails', { command: shell('exit 3') }),
      taskFor(offer!, 'goes.along', { command: shell('sleep 1000') }),
    ]);
    const states = await endsOf(scheduler, ['fails', 'goes.along']);
    expect(states['fails']).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    expect(states['goes.along']!.at(-1)).toBe('TASK_KILLED');
    expect((await scheduler.next('FAILURE')).failure).toEqual({
      agent_id: offer!.agent_id,
      executor_id: { value: 'pod' },
      status: 0,
    });
  });

  it('M-83: goes on when one member exits with 0, and with several groups in one executor', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod'), [taskFor(offer!, 'a.1'), taskFor(offer!, 'a.2')]);
    for (const id of ['a.1', 'a.2']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    const [rest] = await scheduler.nextOffers();
    // Two tasks and their executor.
    expect([scalarOf(rest!, 'cpus'), scalarOf(rest!, 'mem'), scalarOf(rest!, 'disk')]).toEqual([3.7, 4000, 9990]);
    expect(rest!.executor_ids).toEqual([{ value: 'pod' }]);
    await launchGroup(scheduler, rest!, executorOf('pod'), [taskFor(rest!, 'b.1')], 3600);
    await scheduler.acknowledge(await scheduler.nextStatus('b.1'));
    mesos.simulation!.command('a.1', 'TASK_FINISHED');
    mesos.simulation!.command('b.1', 'TASK_FAILED');
    await scheduler.acknowledge(await scheduler.nextStatus('a.1'));
    await scheduler.acknowledge(await scheduler.nextStatus('b.1'));
    await scheduler.reconcile({ taskId: 'a.2' });
    expect(await scheduler.nextStatus('a.2')).toMatchObject({
      state: 'TASK_RUNNING',
      executor_id: { value: 'pod' },
    });
    expect(await cameOf(scheduler, 'FAILURE')).toEqual([]);
    await scheduler.kill('a.2');
    await scheduler.acknowledge(await until(scheduler, 'a.2', 'TASK_KILLED'));
    await scheduler.next('FAILURE');
    await scheduler.call('REVIVE');
    for (;;) {
      const [next] = await scheduler.nextOffers();
      if (scalarOf(next!, 'cpus') === 4) break;
      await scheduler.decline([next!], 0);
    }
  });

  it('that is killed before it starts says so of every member', async () => {
    const mesos = await cluster({ simulation: { behaviour: { runningDelayMs: 3_600_000 } } });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod'), [taskFor(offer!, 'a'), taskFor(offer!, 'b')]);
    await scheduler.kill('a');
    for (const id of ['a', 'b']) {
      expect(await scheduler.nextStatus(id)).toMatchObject({
        state: 'TASK_KILLED',
        source: 'SOURCE_AGENT',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
        message: 'A task within the task group was killed before delivery to the executor',
      });
    }
  });

  const refusals: readonly [string, object, string][] = [
    ['no type', { type: undefined }, "'ExecutorInfo.type' must be set"],
    ['a command', { command: shell('true') }, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"],
    [
      'less cpus than it needs',
      { resources: [cpus(0.001), mem(32), disk] },
      "Executor 'pod' uses less CPUs (0.001) than the minimum required (0.01)",
    ],
    [
      'less memory than it needs',
      { resources: [cpus(0.1), mem(1), disk] },
      "Executor 'pod' uses less memory (1MB) than the minimum required (32MB)",
    ],
    ['no disk', { resources: [cpus(0.1), mem(32)] }, "Executor 'pod' uses no disk"],
    [
      'more than is offered',
      { resources: [cpus(3.95), mem(32), disk] },
      'Total resources cpus(allocated: *):4.05; mem(allocated: *):64; disk(allocated: *):10 required by task group and its executor are more than available ports(allocated: *):[31000-32000]; cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000',
    ],
  ];
  it.each(refusals)('is refused when its executor has %s', async (_what, change, message) => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod', change), [taskFor(offer!, 't.1')]);
    expect(await scheduler.nextStatus('t.1')).toMatchObject({ state: 'TASK_ERROR', message });
  });

  const sharing = (share_cgroups: boolean) => ({ container: { type: 'MESOS', linux_info: { share_cgroups } } });
  const members: readonly [string, Partial<TaskInfo>, string][] = [
    [
      'a limit in the cgroups of its executor',
      { limits: { mem: { value: 64 } } },
      "Task 'b' is invalid: Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.",
    ],
    [
      'a health check in a network of its own',
      {
        health_check: { type: 'TCP', tcp: { port: 80 } },
        container: { type: 'MESOS', network_infos: [{ name: 'n' }] },
      },
      "Task 'b' is invalid: HTTP and TCP health checks are not supported for nested containers not joining parent's network",
    ],
    [
      'an image of Docker',
      { container: { type: 'DOCKER', docker: { image: 'i' } } },
      "Task 'b' is invalid: Docker ContainerInfo is not supported on the task",
    ],
    [
      'another executor',
      { executor: executorOf('other') },
      "The `ExecutorInfo` of task 'b' is different from executor 'pod'",
    ],
    [
      'cgroups of its own, and another one has none',
      sharing(false),
      "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor",
    ],
  ];
  it.each(members)('is refused when a task has %s', async (_what, change, message) => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod'), [taskFor(offer!, 'a'), taskFor(offer!, 'b', change)]);
    for (const id of ['a', 'b']) {
      expect(await scheduler.nextStatus(id)).toMatchObject({
        state: 'TASK_ERROR',
        reason: 'REASON_TASK_GROUP_INVALID',
        message,
      });
    }
  });

  it('is refused when an executor of that id is another one', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('pod'), [taskFor(offer!, 'a')]);
    await scheduler.acknowledge(await scheduler.nextStatus('a'));
    const [rest] = await scheduler.nextOffers();
    await launchGroup(scheduler, rest!, executorOf('pod', { name: 'other' }), [taskFor(rest!, 'b')]);
    expect((await scheduler.nextStatus('b')).message).toMatch(/^ExecutorInfo is not compatible with existing/);
  });
});

describe('the default executor', () => {
  it('nests sandboxes in its own, which members share as a volume, and shows in every view', async () => {
    const mesos = await cluster({ simulate: false });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const volume = { type: 'SANDBOX_PATH', sandbox_path: { type: 'PARENT', path: 'shared' } };
    const container = { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'vol', source: volume }] };
    const write = 'env > vol/env; sleep 1000';
    await launchGroup(scheduler, offer!, executorOf('pod'), [
      taskFor(offer!, 'writes', { command: shell(write), container }),
      taskFor(offer!, 'reads', { command: shell('until test -s vol/env; do sleep 0.05; done'), container }),
    ]);
    const running = await until(scheduler, 'writes', 'TASK_RUNNING');
    await scheduler.acknowledge(running);
    const nested = (
      running.container_status as unknown as { container_id: { value: string; parent: { value: string } } }
    ).container_id;
    await scheduler.acknowledge(await until(scheduler, 'reads', 'TASK_FINISHED'));

    const state = await get(`${mesos.url}/slave(1)/state`);
    const [agentView] = state['frameworks'] as { executors: { directory: string }[] }[];
    expect(agentView!.executors).toMatchObject([{ id: 'pod', type: 'DEFAULT', container: nested.parent.value }]);
    const { directory } = agentView!.executors[0]!;
    const own = realpathSync(join(directory, 'tasks', 'writes'));
    expect(own).toBe(realpathSync(join(directory, 'containers', nested.value)));
    const env = readFileSync(join(directory, 'shared', 'env'), 'utf8');
    expect(env).toContain('MESOS_EXECUTOR_ID=pod\n');
    expect(env).toContain('MESOS_CONTAINER_IP=127.0.0.1\n');
    expect(env).toContain(`MESOS_SANDBOX=${own}\n`);

    const { frameworks } = (await get(`${mesos.url}/state`)) as { frameworks: object[] };
    expect(frameworks).toMatchObject([
      {
        executors: [{ executor_id: 'pod', type: 'DEFAULT', slave_id: offer!.agent_id.value }],
        tasks: [{ id: 'writes', executor_id: 'pod' }],
        used_resources: { cpus: 0.2, mem: 64, disk: 10 },
      },
    ]);
    const ask = { headers: json, body: { type: 'GET_EXECUTORS' } };
    expect(JSON.parse((await send(`${mesos.url}/api/v1`, ask)).body)).toMatchObject({
      get_executors: { executors: [{ executor_info: { executor_id: { value: 'pod' } }, agent_id: offer!.agent_id }] },
    });
  });

  it('heeds the kill policy of a KILL', async () => {
    const mesos = await cluster({ simulate: false });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const command = shell(`trap '' TERM; echo up; while :; do sleep 0.05; done`);
    const kill_policy = { grace_period: { nanoseconds: 3600e9 } };
    await launchGroup(scheduler, offer!, executorOf('pod'), [taskFor(offer!, 'deaf', { command, kill_policy })]);
    await scheduler.acknowledge(await until(scheduler, 'deaf', 'TASK_RUNNING'));
    const policy = { grace_period: { nanoseconds: 100_000_000 } };
    await scheduler.call('KILL', { kill: { task_id: { value: 'deaf' }, kill_policy: policy } });
    expect((await until(scheduler, 'deaf', 'TASK_KILLED')).message).toMatch(/^Command terminated with signal/);
  });

  it('ends with its tasks on SHUTDOWN, and without a word on TEARDOWN', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await launchGroup(scheduler, offer!, executorOf('one'), [taskFor(offer!, 'a')]);
    await scheduler.acknowledge(await scheduler.nextStatus('a'));
    const ids = { agent_id: offer!.agent_id, executor_id: { value: 'one' } };
    await scheduler.call('SHUTDOWN', { shutdown: ids });
    await scheduler.acknowledge(await until(scheduler, 'a', 'TASK_KILLED'));
    expect((await scheduler.next('FAILURE')).failure).toEqual({ ...ids, status: 0 });
    const [rest] = await scheduler.nextOffers();
    await launchGroup(scheduler, rest!, executorOf('two'), [taskFor(rest!, 'b')], 3600);
    await scheduler.acknowledge(await scheduler.nextStatus('b'));
    await scheduler.call('TEARDOWN');
    expect(await scheduler.ended).toBe('eof');
    expect(scheduler.untaken().filter(({ type }) => type !== 'OFFERS')).toEqual([]);
    expect(mesos.simulation!.size).toBe(0);
    const other = await subscribed(mesos, frameworkInfo({ name: 'other' }));
    await fence(other);
    let free = 0;
    while (free !== 4) {
      const [next] = await other.nextOffers();
      free = scalarOf(next!, 'cpus') ?? 0;
      if (free !== 4) await other.decline([next!], 0);
    }
  });
});
