/** What the reads of the local cluster say, where no recording shows it. The source of each rule stands beside it. */
import { describe, expect, it } from 'vitest';
import { err } from '../../src/core/result.ts';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { client, cluster, follow, subscribed } from '../local-mesos/cluster-fixture.ts';
import { frameworkInfo, json, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { Shapes } from './support/answer-shape.ts';

const get = async (url: string) => JSON.parse((await send(url)).body);
const ask = async (url: string, type: string) =>
  JSON.parse((await send(`${url}/api/v1`, { headers: json, body: { type } })).body)[type.toLowerCase()];
const agentOf = (mesos: LocalMesos) => [...mesos.master.state.agents.values()][0]!;

/** Launches a task on the next offer, and waits until it runs. */
async function run(scheduler: MesosClient, id: string, change: object = {}): Promise<void> {
  const [offer] = await scheduler.nextOffers();
  await scheduler.launch([offer!], [taskFor(offer!, id, change)], 0);
  for (;;) {
    const status = await scheduler.nextStatus(id);
    if (status.uuid !== undefined) await scheduler.acknowledge(status);
    if (status.state === 'TASK_RUNNING') return;
    expect(status.state).toMatch(/STAGING|STARTING/);
  }
}

describe('messages that a framework has sent', () => {
  // stout's and asV1Protobuf's conversion: known fields, lists with something in them, and every default.
  it('are written with their defaults, and without what is unknown or empty', async () => {
    const mesos = await cluster();
    const info = {
      user: 'root',
      name: 'n',
      id: { value: '' },
      labels: { labels: [] },
      of_the_future: 1,
      capabilities: [{ type: 'NEW' }],
    };
    const scheduler = await subscribed(mesos, info);
    await run(scheduler, 'a', {
      labels: { labels: [] },
      discovery: { visibility: 'CLUSTER', ports: { ports: [] }, of_the_future: 1 },
      container: {
        type: 'DOCKER',
        volumes: [],
        docker: { image: 'i', port_mappings: [], parameters: [] },
        network_infos: [{ ip_addresses: [{}], groups: [] }],
      },
    });
    const container = {
      type: 'DOCKER',
      docker: { image: 'i', network: 'HOST', privileged: false },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4' }] }],
    };
    const discovery = { visibility: 'CLUSTER', ports: {} };
    const [framework] = (await get(`${mesos.url}/frameworks`)).frameworks;
    expect(framework.tasks).toMatchObject([{ labels: [] }]);
    expect([framework.tasks[0].container, framework.tasks[0].discovery]).toEqual([container, discovery]);
    expect([framework.labels, framework.capabilities, framework.role]).toEqual([[], ['UNKNOWN'], '*']);
    const [task] = (await ask(mesos.url, 'GET_TASKS')).tasks;
    expect([task.container, task.discovery, task.labels]).toEqual([container, discovery, {}]);
    const [{ framework_info }] = (await ask(mesos.url, 'GET_FRAMEWORKS')).frameworks;
    expect(framework_info).toEqual({
      user: 'root',
      name: 'n',
      id: { value: scheduler.frameworkId },
      failover_timeout: 0,
      checkpoint: false,
      labels: {},
      capabilities: [{}],
    });
  });

  // json(ExecutorInfo): a default executor has no command, and no role without resources of its own.
  it('are executors with the members that are set', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const resources = [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
      { name: 'disk', type: 'SCALAR', scalar: { value: 10 } },
    ];
    const executor = { type: 'DEFAULT', executor_id: { value: 'pod' }, resources };
    const launch_group = { executor, task_group: { tasks: [taskFor(offer!, 'member')] } };
    await scheduler.call('ACCEPT', {
      accept: { offer_ids: [offer!.id], operations: [{ type: 'LAUNCH_GROUP', launch_group }] },
    });
    await scheduler.nextStatus('member');
    const [framework] = (await get(`${mesos.url}/frameworks`)).frameworks;
    expect(framework.executors).toEqual([
      {
        executor_id: 'pod',
        name: '',
        framework_id: scheduler.frameworkId,
        command: { argv: [], uris: [] },
        resources: { cpus: 0.1, gpus: 0, mem: 32, disk: 10 },
        role: '*',
        type: 'DEFAULT',
        slave_id: agentOf(mesos).id,
      },
    ]);
    const [{ executor_info }] = (await ask(mesos.url, 'GET_EXECUTORS')).executors;
    const allocated = resources.map((resource) => ({ ...resource, allocation_info: { role: '*' } }));
    expect(executor_info).toEqual({
      ...executor,
      framework_id: { value: scheduler.frameworkId },
      resources: allocated,
    });
  });

  // RapidJSON with kWriteNanAndInfFlag: not JSON, so that strict readers fail on it.
  it('are limits, of which there may be none', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await run(scheduler, 'a', { limits: { cpus: { value: 2 }, mem: { value: 'Infinity' } } });
    for (const path of ['/tasks', '/state', '/slave(1)/state']) {
      expect((await send(mesos.url + path)).body).toContain('"limits":{"cpus":2,"mem":Infinity}');
    }
    for (const path of ['/api/v1', '/slave(1)/api/v1']) {
      const { body } = await send(mesos.url + path, { headers: json, body: { type: 'GET_TASKS' } });
      expect(body).toContain('"limits":{"cpus":{"value":2},"mem":{"value":Infinity}}');
    }
  });
});

describe('an agent that cannot be reached', () => {
  // updateTask, removeTask: the state of its tasks is what the master has told of them.
  it.each([
    ['TASK_UNREACHABLE', frameworkInfo()],
    ['TASK_LOST', frameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }] })],
  ])('has tasks that are %s wherever they are listed, but in its own words', async (state, info) => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos, info);
    await run(scheduler, 'a');
    mesos.master.lifecycle.lose(agentOf(mesos));
    await scheduler.nextStatus('a');
    const shown = [
      (await get(`${mesos.url}/tasks`)).tasks,
      (await get(`${mesos.url}/state`)).frameworks[0].unreachable_tasks,
      (await ask(mesos.url, 'GET_TASKS')).unreachable_tasks,
    ];
    for (const tasks of shown) expect(tasks).toMatchObject([{ state }]);
    expect((await get(`${mesos.url}/state-summary`)).frameworks).toMatchObject([{ [state]: 1, TASK_RUNNING: 0 }]);
    const [{ executors }] = (await get(`${mesos.url}/slave(1)/state`)).frameworks;
    expect(executors[0].tasks).toMatchObject([{ state: 'TASK_RUNNING' }]);
  });

  // _const_slaves_active, _const_slaves_inactive.
  it('is not counted among those that are there, of which those without offers are inactive', async () => {
    const mesos = await cluster({ agents: 4 });
    const [first, second, third] = [...mesos.master.state.agents.values()];
    mesos.master.lifecycle.lose(first!);
    mesos.master.lifecycle.disconnect(second!);
    mesos.master.lifecycle.deactivate(third!);
    expect(await get(`${mesos.url}/state`)).toMatchObject({
      activated_slaves: 1,
      deactivated_slaves: 2,
      unreachable_slaves: 1,
    });
  });
});

describe('roles', () => {
  // Master::knownRoles, RoleResourceBreakdown: the roles above are listed too, and have what those below have.
  it('hold what the roles below them hold', async () => {
    const mesos = await cluster({ resources: 'cpus(dev):1;cpus:4;mem:4096;disk:1000;ports:[31000-31100]' });
    const scheduler = await subscribed(mesos, frameworkInfo({ roles: ['dev/web/blue'] }));
    const reservations = [{ type: 'STATIC', role: 'dev' }];
    const cpus = { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, reservations };
    await run(scheduler, 'a', { resources: [cpus, { name: 'mem', type: 'SCALAR', scalar: { value: 32 } }] });
    const { roles } = await get(`${mesos.url}/roles`);
    expect(roles.map(({ name }: { name: string }) => name)).toEqual(['dev', 'dev/web', 'dev/web/blue']);
    for (const role of roles) expect(role.allocated).toEqual({ cpus: 0.1, mem: 32 });
    expect(roles.map(({ frameworks }: { frameworks: string[] }) => frameworks.length)).toEqual([0, 0, 1]);
    expect(roles.map(({ reserved }: { reserved: object }) => reserved)).toEqual([{ cpus: 1 }, {}, {}]);
    // The reserved cpu counts once, and as a whole.
    expect(roles[0].quota.consumed).toEqual({ cpus: 1, mem: 32 });
    expect(roles[1].quota.consumed).toEqual({ cpus: 0.1, mem: 32 });
    expect((await ask(mesos.url, 'GET_ROLES')).roles).toHaveLength(3);
  });
});

describe("the operator's stream", () => {
  // Master::_subscribe, sendFrameworkUpdates, updateTask, __registerSlave.
  it('tells of frameworks with their connection, and of each change of theirs, in the form of the reads', async () => {
    const mesos = await cluster({ agents: 0, agentsComeLater: true });
    const next = follow(mesos);
    const shapes = new Shapes();
    const { get_state: state } = (await next('SUBSCRIBED'))['subscribed'] as never as { get_state: object };
    expect(shapes.mistakes('GetState', state)).toEqual([]);
    await next('HEARTBEAT');
    const scheduler = await subscribed(mesos);
    const { framework: added } = (await next('FRAMEWORK_ADDED'))['framework_added'] as never as { framework: object };
    expect(added).toMatchObject({ active: true, connected: true, recovered: false });
    const info = frameworkInfo({ id: { value: scheduler.frameworkId }, name: 'renamed' });
    await scheduler.call('UPDATE_FRAMEWORK', { update_framework: { framework_info: info } });
    const { framework: updated } = (await next('FRAMEWORK_UPDATED'))['framework_updated'] as never as {
      framework: object;
    };
    expect(updated).toMatchObject({ framework_info: { name: 'renamed' } });
    expect([added, updated].flatMap((framework) => shapes.mistakes('V1Framework', framework))).toEqual([]);
    // An id that this master has never given: one that was there before it.
    const other = client(mesos);
    await other.subscribe(frameworkInfo({ id: { value: 'from-elsewhere' } }));
    const { framework: recovered } = (await next('FRAMEWORK_ADDED'))['framework_added'] as never as {
      framework: object;
    };
    expect(recovered).toMatchObject({ connected: false, recovered: true });
    expect(recovered).not.toHaveProperty('registered_time');
    await next('FRAMEWORK_UPDATED');
  });

  it('tells of an update in the same state only if it is about health or a check', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await run(scheduler, 'a');
    const next = follow(mesos);
    await next('SUBSCRIBED');
    mesos.simulation!.command('a', 'TASK_RUNNING', 'nothing new');
    await scheduler.acknowledge(await scheduler.nextStatus('a'));
    mesos.simulation!.command('a', 'TASK_RUNNING', 'healthy', 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED');
    await scheduler.acknowledge(await scheduler.nextStatus('a'));
    const { status } = (await next('TASK_UPDATED'))['task_updated'] as never as { status: object };
    expect(status).toMatchObject({ message: 'healthy' });
    // Of the two the reads show the last.
    expect((await get(`${mesos.url}/tasks`)).tasks[0].statuses).toHaveLength(1);
  });
});

describe('the address of an agent', () => {
  const real = { simulate: false, engine: async () => err('no engine here') } as const;

  it('answers for the agent, as its port does with Mesos, and under /master for the master', async () => {
    const mesos = await cluster({ ...real, agents: 2 });
    const [first, second] = [...mesos.master.state.agents.values()];
    const at = (ip: string, path: string) => `http://${ip}:${mesos.port}${path}`;
    expect(await get(at(second!.ip, '/state'))).toMatchObject({ id: second!.id, attributes: { rack: 'r1' } });
    expect((await get(at(second!.ip, '/master/state'))).slaves).toHaveLength(2);
    expect(await get(at(second!.ip, '/monitor/statistics'))).toEqual([]);
    expect(await get(at(first!.ip, '/containers'))).toEqual([]);
    expect((await get(at(second!.ip, '/metrics/snapshot')))['slave/registered']).toBe(1);
    expect((await get(at(first!.ip, '/metrics/snapshot')))['master/elected']).toBe(1);
    expect((await get(at(first!.ip, '/state'))).slaves).toHaveLength(2);
    const call = { headers: json, body: { type: 'GET_AGENT' } };
    const answer = JSON.parse((await send(at(second!.ip, '/api/v1'), call)).body);
    expect(answer.get_agent.agent_info.id).toEqual({ value: second!.id });
    expect((await send(at(second!.ip, '/health'))).status).toBe(200);
  });
});

describe('the figures of an agent', () => {
  /** Those of a real one (recording 12) that are left out, and why. */
  const leftOut: readonly (readonly [string, string])[] = [
    ['containerizer/', 'figures of parts of Mesos'],
    ['gc/', 'figures of parts of Mesos'],
    ['resource_provider_manager/', 'there are none'],
    ['slave/container_launch_errors', 'told as updates of tasks'],
    ['slave/executor_directory_max_allowed_age_secs', 'directories go by their number'],
    ['slave/executors_preempted', 'nothing is revocable'],
    ['slave/executors_terminating', 'executors end with their last task'],
    ['slave/invalid_framework_messages', 'not counted'],
    ['slave/valid_framework_messages', 'not counted'],
    ['slave/invalid_status_updates', 'the master counts them'],
    ['slave/recovery_errors', 'a cluster that cannot be recovered does not start'],
    ['slave/recovery_time_secs', 'a cluster that cannot be recovered does not start'],
  ];

  it('have the names of a real one, and count what ran there', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    for (const id of ['a', 'b']) await run(scheduler, id);
    mesos.simulation!.command('b', 'TASK_FAILED');
    await scheduler.acknowledge(await scheduler.nextStatus('b'));
    const figures = await get(`${mesos.url}/slave(1)/metrics/snapshot`);
    const missing = recordedFigures.filter((name) => !(name in figures));
    expect(missing.filter((name) => !leftOut.some(([start]) => name.startsWith(start)))).toEqual([]);
    expect(leftOut.filter(([start]) => !missing.some((name) => name.startsWith(start)))).toEqual([]);
    expect(Object.keys(figures).filter((name) => !recordedFigures.includes(name))).toEqual([]);
    expect(figures).toMatchObject({
      'slave/tasks_running': 1,
      'slave/tasks_failed': 1,
      'slave/executors_running': 1,
      'slave/executors_terminated': 1,
      'slave/frameworks_active': 1,
      'slave/registered': 1,
      'slave/cpus_total': 4,
      // Of the task and of its executor.
      'slave/cpus_used': 0.2,
      'slave/cpus_percent': 0.05,
    });
    const { metrics } = JSON.parse(
      (await send(`${mesos.url}/slave(1)/api/v1`, { headers: json, body: { type: 'GET_METRICS', get_metrics: {} } }))
        .body,
    ).get_metrics;
    expect(metrics.map(({ name }: { name: string }) => name).sort()).toEqual(Object.keys(figures).sort());
  });
});

const recordedFigures: readonly string[] = Object.entries({
  'containerizer/fetcher': 'cache_size_total_bytes cache_size_used_bytes task_fetches_failed task_fetches_succeeded',
  'containerizer/mesos': 'container_destroy_errors',
  'containerizer/mesos/provisioner/bind': 'remove_rootfs_errors',
  'containerizer/mesos/provisioner': 'remove_container_errors',
  gc: 'path_removals_failed path_removals_pending path_removals_succeeded',
  'resource_provider_manager/events': 'disconnect subscribe',
  resource_provider_manager: 'subscribed',
  slave:
    'container_launch_errors cpus_percent cpus_revocable_percent cpus_revocable_total cpus_revocable_used cpus_total cpus_used disk_percent disk_revocable_percent disk_revocable_total disk_revocable_used disk_total disk_used executor_directory_max_allowed_age_secs executors_preempted executors_registering executors_running executors_terminated executors_terminating frameworks_active gpus_percent gpus_revocable_percent gpus_revocable_total gpus_revocable_used gpus_total gpus_used invalid_framework_messages invalid_status_updates mem_percent mem_revocable_percent mem_revocable_total mem_revocable_used mem_total mem_used recovery_errors recovery_time_secs registered tasks_failed tasks_finished tasks_gone tasks_killed tasks_killing tasks_lost tasks_running tasks_staging tasks_starting uptime_secs valid_framework_messages valid_status_updates',
  system: 'cpus_total load_15min load_1min load_5min mem_free_bytes mem_total_bytes',
}).flatMap(([group, names]) => names.split(' ').map((name) => `${group}/${name}`));
