/** mesos-v1 §7.1, M-29 and M-57 to M-78 where they speak of real tasks: processes, signals, exit codes, health, files. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Offer, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import { frameworkInfo, type MesosClient, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import { cameOf, cpus, get, mem, scalarOf, until } from './statement-helpers.ts';

const seconds = (count: number) => ({ nanoseconds: count * 1_000_000_000 });
const shell = (value: string) => ({ shell: true, value });

/** A cluster of processes with one subscribed framework and its offer. */
async function ready(settings: object = {}, info: object = frameworkInfo()) {
  const mesos = await cluster({ simulate: false, settings });
  const scheduler = await subscribed(mesos, info);
  const [offer] = await scheduler.nextOffers();
  const sandboxOf = (id: string): string => mesos.master.state.agents.get(offer!.agent_id.value)!.runner.sandbox(id)!;
  return { mesos, scheduler, offer: offer!, sandboxOf };
}

/** Launches one command and gives its updates up to the last one, all acknowledged. */
async function statusesOf(
  scheduler: MesosClient,
  offer: Offer,
  change: Partial<TaskInfo>,
): Promise<readonly TaskStatus[]> {
  await scheduler.launch([offer], [taskFor(offer, 't.1', change)], 3600);
  const all: TaskStatus[] = [];
  for (;;) {
    const status = await scheduler.nextStatus('t.1');
    all.push(status);
    await scheduler.acknowledge(status);
    if (/FINISHED|FAILED|KILLED|LOST|DROPPED|ERROR/.test(status.state)) return all;
  }
}

/** Resolves when a file of a sandbox is there. */
async function untilFile(path: string): Promise<void> {
  while (!existsSync(path)) await delay(20);
}

describe('a command task', () => {
  it('M-64: reports TASK_STARTING and TASK_RUNNING as an executor of its own name', async () => {
    const { scheduler, offer } = await ready();
    const [starting, running] = await statusesOf(scheduler, offer, { command: shell('true') });
    expect([starting!.state, running!.state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    for (const status of [starting, running]) {
      expect(status).toMatchObject({
        source: 'SOURCE_EXECUTOR',
        agent_id: offer.agent_id,
        executor_id: { value: 't.1' },
        uuid: expect.stringMatching(/^.{22}==$/),
        container_status: {
          container_id: { value: expect.any(String) },
          network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
        },
      });
    }
  });

  const endings = [
    ['exit 0', 'TASK_FINISHED', 'Command exited with status 0'],
    ['exit 3', 'TASK_FAILED', 'Command exited with status 3'],
    ['kill -KILL $$', 'TASK_FAILED', 'Command terminated with signal Killed'],
  ] as const;
  it.each(endings)('M-65: "%s" ends as %s', async (command, state, message) => {
    const { scheduler, offer } = await ready();
    const last = (await statusesOf(scheduler, offer, { command: shell(command) })).at(-1)!;
    expect(last).toMatchObject({ state, message, source: 'SOURCE_EXECUTOR' });
    expect(last).not.toHaveProperty('reason');
  });

  it('M-78: whose files cannot be fetched fails before it starts', async () => {
    const { scheduler, offer } = await ready();
    const command = { ...shell('true'), uris: [{ value: '/no/such/file' }] };
    const statuses = await statusesOf(scheduler, offer, { command });
    expect(statuses).toHaveLength(1);
    expect(statuses[0]).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    });
    expect(statuses[0]!.message).toMatch(/^Failed to launch container: Failed to fetch all URIs for container '/);
  });

  it('M-77: is healthy at the first success, unhealthy at each failure after the grace, and then killed', async () => {
    const { scheduler, offer } = await ready();
    // Healthy until the file is gone, which the command sees to.
    const statuses = await statusesOf(scheduler, offer, {
      command: shell('touch well; while [ ! -e seen ]; do sleep 0.05; done; rm well; sleep 1000'),
      health_check: {
        type: 'COMMAND',
        command: shell('test -e well && touch seen'),
        delay_seconds: 0,
        interval_seconds: 0.1,
        timeout_seconds: 10,
        grace_period_seconds: 5,
        consecutive_failures: 3,
      },
    });
    const seen = statuses.map(({ state, healthy }) => [state, healthy]);
    expect(seen).toEqual([
      ['TASK_STARTING', undefined],
      ['TASK_RUNNING', undefined],
      ['TASK_RUNNING', true],
      ['TASK_RUNNING', false],
      ['TASK_RUNNING', false],
      ['TASK_RUNNING', false],
      ['TASK_KILLED', false],
    ]);
    expect(statuses[3]!.reason).toBe('REASON_TASK_HEALTH_CHECK_STATUS_UPDATED');
    expect(statuses.at(-1)).not.toHaveProperty('reason');
  });
});

describe('KILL', () => {
  const stubborn = `trap '' TERM; (trap '' TERM; touch child; sleep 1000) & touch parent; wait; wait`;

  it('M-66: sends SIGTERM to the whole tree, and SIGKILL after the grace', async () => {
    const { scheduler, offer, sandboxOf } = await ready();
    const command = shell(`sh -c 'trap "echo child >> terms; exit" TERM; touch up; while :; do sleep 0.05; done' &
      trap 'echo parent >> terms' TERM; wait; wait; while :; do sleep 0.05; done`);
    await scheduler.launch([offer], [taskFor(offer, 't.1', { command, kill_policy: { grace_period: seconds(0.5) } })]);
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    await until(scheduler, 't.1', 'TASK_RUNNING').then((status) => scheduler.acknowledge(status));
    await untilFile(join(sandboxOf('t.1'), 'up'));
    await scheduler.kill('t.1');
    const killedAt = performance.now();
    const killing = await scheduler.nextStatus('t.1');
    expect([killing.state, killing.source]).toEqual(['TASK_KILLING', 'SOURCE_EXECUTOR']);
    await scheduler.acknowledge(killing);
    const killed = await scheduler.nextStatus('t.1');
    expect(killed).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Killed' });
    expect(performance.now() - killedAt).toBeGreaterThanOrEqual(400);
    const terms = readFileSync(join(sandboxOf('t.1'), 'terms'), 'utf8')
      .trim()
      .split('\n')
      .sort();
    expect(terms).toEqual(['child', 'parent']);
  });

  it('M-66: without the capability there is no TASK_KILLING, and an exit with 0 is TASK_KILLED', async () => {
    const info = frameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }] });
    const { scheduler, offer, sandboxOf } = await ready({}, info);
    const command = shell(`trap 'exit 0' TERM; touch up; while :; do sleep 0.05; done`);
    await scheduler.launch([offer], [taskFor(offer, 't.1', { command })]);
    await scheduler.acknowledge(await until(scheduler, 't.1', 'TASK_RUNNING'));
    await untilFile(join(sandboxOf('t.1'), 'up'));
    await scheduler.kill('t.1');
    expect(await scheduler.nextStatus('t.1')).toMatchObject({
      state: 'TASK_KILLED',
      message: 'Command exited with status 0',
    });
  });

  it('M-67: a second one may shorten the grace, and a longer one changes nothing', async () => {
    // Only agents with --http_command_executor look at the policy of a KILL (recording 02c).
    const { scheduler, offer, sandboxOf } = await ready({ httpCommandExecutor: true });
    const kill = (id: string, grace: number) =>
      scheduler.call('KILL', { kill: { task_id: { value: id }, kill_policy: { grace_period: seconds(grace) } } });
    const ids = ['shortened', 'prolonged'];
    await scheduler.launch(
      [offer],
      ids.map((id) => taskFor(offer, id, { command: shell(stubborn) })),
    );
    for (const id of ids) {
      await scheduler.acknowledge(await until(scheduler, id, 'TASK_RUNNING'));
      for (const name of ['parent', 'child']) await untilFile(join(sandboxOf(id), name));
    }
    const startedAt = performance.now();
    await kill('shortened', 3600);
    await kill('shortened', 0.3);
    await kill('prolonged', 0.3);
    await kill('prolonged', 3600);
    for (const id of ids) expect((await until(scheduler, id, 'TASK_KILLED')).message).toContain('signal Killed');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(250);
  });
});

describe('TEARDOWN', () => {
  it('M-29: ends the stream, sends SIGTERM and then SIGKILL, says nothing of the tasks and lists the framework', async () => {
    const { mesos, scheduler, offer, sandboxOf } = await ready();
    const meek = `trap 'echo term > heard; exit' TERM; touch up; while :; do sleep 0.05; done`;
    const deaf = `trap 'echo term > heard' TERM; touch up; while :; do sleep 0.05; done`;
    const policy = { kill_policy: { grace_period: seconds(0.4) } };
    await scheduler.launch(
      [offer],
      [taskFor(offer, 'meek', { command: shell(meek) }), taskFor(offer, 'deaf', { command: shell(deaf), ...policy })],
    );
    const boxes = new Map<string, string>();
    const pids: number[] = [];
    for (const id of ['meek', 'deaf']) {
      const status = await until(scheduler, id, 'TASK_RUNNING');
      await scheduler.acknowledge(status);
      pids.push((status.container_status as unknown as { executor_pid: number }).executor_pid);
      boxes.set(id, sandboxOf(id));
      await untilFile(join(boxes.get(id)!, 'up'));
    }
    expect((await scheduler.call('TEARDOWN')).status).toBe(202);
    expect(await scheduler.ended).toBe('eof');
    for (const box of boxes.values()) await untilFile(join(box, 'heard'));
    while (pids.some((pid) => existsSync(`/proc/${pid}`))) await delay(20);
    expect(scheduler.untaken().filter(({ type }) => type === 'UPDATE')).toEqual([]);
    const { completed_frameworks } = await get(`${mesos.url}/state`);
    expect(completed_frameworks).toMatchObject([
      { id: scheduler.frameworkId, completed_tasks: [{ state: 'TASK_KILLED' }, { state: 'TASK_KILLED' }] },
    ]);
  });
});

describe('a persistent volume', () => {
  it('M-57: is made, used and offered again in one ACCEPT, and keeps its data', async () => {
    const mesos = await cluster({ simulate: false });
    const scheduler = await subscribed(mesos, frameworkInfo({ roles: ['dev'] }));
    const [offer] = await scheduler.nextOffers();
    const reservations = [{ type: 'DYNAMIC' as const, role: 'dev' }];
    const reserved = { name: 'disk', type: 'SCALAR' as const, scalar: { value: 64 }, reservations };
    const disk = { persistence: { id: 'v1' }, volume: { mode: 'RW', container_path: 'data' } };
    const volume = { ...reserved, disk };
    const writing = taskFor(offer!, 'w.1', {
      resources: [cpus(0.1), mem(32), volume],
      command: shell('echo kept > data/file'),
    });
    await scheduler.call('ACCEPT', {
      accept: {
        offer_ids: [offer!.id],
        operations: [
          { type: 'RESERVE', reserve: { resources: [reserved] } },
          { type: 'CREATE', create: { volumes: [volume] } },
          { type: 'LAUNCH', launch: { task_infos: [writing] } },
        ],
        filters: { refuse_seconds: 0 },
      },
    });
    await scheduler.acknowledge(await until(scheduler, 'w.1', 'TASK_FINISHED'));
    const again = await withVolume(scheduler);
    expect(again.resources.find((one) => one.disk?.persistence?.id === 'v1')).toMatchObject({
      scalar: { value: 64 },
      disk,
      reservations,
    });
    const reading = taskFor(again, 'r.1', {
      resources: [cpus(0.1), mem(32), volume],
      command: shell('test "$(cat data/file)" = kept'),
    });
    await scheduler.launch([again], [reading], 3600);
    await until(scheduler, 'r.1', 'TASK_FINISHED');
    expect(await cameOf(scheduler, 'UPDATE_OPERATION_STATUS')).toEqual([]);
  });
});

/** The next offer that holds a volume and enough else; others are declined. */
async function withVolume(scheduler: MesosClient): Promise<Offer> {
  for (;;) {
    const offers = await scheduler.nextOffers();
    for (const offer of offers) {
      const hasVolume = offer.resources.some(({ disk }) => disk?.persistence !== undefined);
      if (hasVolume && (scalarOf(offer, 'cpus') ?? 0) >= 4) return offer;
    }
    await scheduler.decline(offers, 0);
  }
}
