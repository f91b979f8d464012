/**
 * What the local cluster answers to reads, member by member, against the table in `support/mesos-answers.ts`. Recordings are replayed
 * elsewhere; this holds for what no recording shows.
 */
import { describe, expect, it } from 'vitest';
import type { Offer } from '../../src/core/mesos/types.ts';
import { err } from '../../src/core/result.ts';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { cluster, subscribed } from '../local-mesos/cluster-fixture.ts';
import { frameworkInfo, json, send, taskFor } from '../support/mesos-client.ts';
import { Shapes } from './support/answer-shape.ts';
import { oldTables } from './support/mesos-answers.ts';
import { v1Tables } from './support/mesos-answers-v1.ts';

const shapes = new Shapes();

const read = async (url: string): Promise<unknown> => {
  const { status, body } = await send(url);
  expect([url, status]).toEqual([url, 200]);
  return JSON.parse(body);
};

const ask = async (url: string, type: string, body: object = {}): Promise<unknown> => {
  const answer = await send(url, { headers: json, body: { type, [type.toLowerCase()]: body } });
  expect([type, answer.status]).toEqual([type, 200]);
  const told = JSON.parse(answer.body) as Record<string, unknown>;
  expect(Object.keys(told).filter((name) => name !== 'type' && name !== type.toLowerCase())).toEqual([]);
  expect(told['type']).toBe(type);
  return told[type.toLowerCase()];
};

const masterReads: readonly (readonly [path: string, kind: string])[] = [
  ['/state', 'State'],
  ['/master/state', 'State'],
  ['/state-summary', 'Summary'],
  ['/slaves', 'Slaves'],
  ['/frameworks', 'Frameworks'],
  ['/tasks', 'Tasks'],
  ['/roles', 'Roles'],
  ['/quota', 'Empty'],
  ['/weights', 'any[]'],
  ['/flags', 'Flags'],
  ['/version', 'Version'],
  ['/metrics/snapshot', 'number{}'],
  ['/system/stats.json', 'number{}'],
  ['/maintenance/schedule', 'Schedule'],
  ['/maintenance/status', 'ClusterStatus'],
];

const agentReads: readonly (readonly [path: string, kind: string])[] = [
  ['/state', 'AgentState'],
  ['/flags', 'Flags'],
  ['/containers', 'Container[]'],
  ['/monitor/statistics', 'Statistics[]'],
  ['/metrics/snapshot', 'number{}'],
];

const masterCalls: readonly (readonly [type: string, kind: string])[] = [
  ['GET_HEALTH', 'GetHealth'],
  ['GET_FLAGS', 'GetFlags'],
  ['GET_VERSION', 'GetVersion'],
  ['GET_METRICS', 'GetMetrics'],
  ['GET_LOGGING_LEVEL', 'GetLoggingLevel'],
  ['GET_STATE', 'GetState'],
  ['GET_AGENTS', 'GetAgents'],
  ['GET_FRAMEWORKS', 'GetFrameworks'],
  ['GET_EXECUTORS', 'GetExecutors'],
  ['GET_OPERATIONS', 'Empty'],
  ['GET_TASKS', 'GetTasks'],
  ['GET_ROLES', 'GetRoles'],
  ['GET_MASTER', 'GetMaster'],
  ['GET_QUOTA', 'GetQuota'],
  ['GET_MAINTENANCE_SCHEDULE', 'GetSchedule'],
  ['GET_MAINTENANCE_STATUS', 'GetStatus'],
];

const agentCalls: readonly (readonly [type: string, kind: string])[] = [
  ['GET_HEALTH', 'GetHealth'],
  ['GET_FLAGS', 'GetFlags'],
  ['GET_VERSION', 'GetVersion'],
  ['GET_METRICS', 'GetMetrics'],
  ['GET_LOGGING_LEVEL', 'GetLoggingLevel'],
  ['GET_STATE', 'AgentGetState'],
  ['GET_CONTAINERS', 'GetContainers'],
  ['GET_FRAMEWORKS', 'AgentGetFrameworks'],
  ['GET_EXECUTORS', 'AgentGetExecutors'],
  ['GET_OPERATIONS', 'Empty'],
  ['GET_TASKS', 'AgentGetTasks'],
  ['GET_AGENT', 'GetAgent'],
  ['GET_RESOURCE_PROVIDERS', 'Empty'],
];

/** All mistakes of all reads of a cluster. */
async function mistakesOf({ url, master }: LocalMesos): Promise<readonly string[]> {
  const found: string[] = [];
  const check = (kind: string, value: unknown, from: string): void => {
    found.push(...shapes.mistakes(kind, value).map((mistake) => `${from} ${mistake}`));
  };
  for (const [path, kind] of masterReads) check(kind, await read(url + path), path);
  for (const [type, kind] of masterCalls) check(kind, await ask(`${url}/api/v1`, type), type);
  for (const { number } of master.state.agents.values()) {
    const agent = `${url}/slave(${number})`;
    for (const [path, kind] of agentReads) check(kind, await read(agent + path), `/slave(${number})${path}`);
    for (const [type, kind] of agentCalls) check(kind, await ask(`${agent}/api/v1`, type), `agent ${type}`);
  }
  return found;
}

const cpus = (value: number, role?: string) => ({
  name: 'cpus',
  type: 'SCALAR' as const,
  scalar: { value },
  ...(role === undefined ? {} : { reservations: [{ type: 'STATIC' as const, role }] }),
});
const mem = (value: number) => ({ name: 'mem', type: 'SCALAR' as const, scalar: { value } });
const labels = { labels: [{ key: 'k', value: 'v' }, { key: 'bare' }] };

/** A task of which everything is set that reads show. */
const fullTask = {
  resources: [cpus(0.5), mem(64)],
  limits: { cpus: { value: 2 }, mem: { value: 128 } },
  command: { shell: true, value: 'sleep 1000', user: 'nobody' },
  labels,
  discovery: { visibility: 'CLUSTER', name: 'web', ports: { ports: [{ number: 80, name: 'http', labels }] } },
  container: {
    type: 'MESOS',
    volumes: [{ mode: 'RW', container_path: 'data', source: { type: 'SANDBOX_PATH', sandbox_path: { path: 'x' } } }],
    network_infos: [{ ip_addresses: [{}], labels, port_mappings: [] }],
    mesos: {},
  },
  health_check: { type: 'HTTP', http: { port: 80, path: '/' } },
  kill_policy: { grace_period: { nanoseconds: 1e9 } },
};

const executor = {
  type: 'CUSTOM',
  executor_id: { value: 'own' },
  name: 'Own executor',
  source: 'tests',
  labels,
  resources: [cpus(0.1), mem(32)],
  command: {
    shell: false,
    value: './run',
    arguments: ['run', '-v'],
    environment: { variables: [{ name: 'A', value: 'b' }] },
    uris: [{ value: 'http://127.0.0.1/x' }],
  },
};

const busyInfo = {
  user: 'root',
  name: 'busy',
  failover_timeout: 3600,
  checkpoint: true,
  hostname: 'localhost',
  principal: 'p',
  webui_url: 'http://localhost',
  roles: ['*', 'dev/web'],
  labels,
  offer_filters: { '*': { min_allocatable_resources: { quantities: [{ quantities: { cpus: { value: 0.1 } } }] } } },
  capabilities: ['PARTITION_AWARE', 'MULTI_ROLE', 'RESERVATION_REFINEMENT', 'REGION_AWARE', 'OF_THE_FUTURE'].map(
    (type) => ({
      type,
    }),
  ),
};

async function busyCluster() {
  const mesos = await cluster({
    agents: 4,
    resources: 'cpus(dev):1;cpus:4;mem:4096;disk:1000;ports:[31000-31100];gadgets:{a,b}',
    attributes: 'rack:r1;level:3;slots:[1-5]',
    domains: 'here/a|here/b|away/x|here/a',
    masterDomain: 'here/a',
  });
  const agents = [...mesos.master.state.agents.values()];
  const scheduler = await subscribed(mesos, busyInfo);
  const offers = new Map<string, Offer>();
  while (offers.size < agents.length)
    for (const one of await scheduler.nextOffers()) if (one.resources.length > 1) offers.set(one.agent_id.value, one);
  const offerOf = (number: number) => offers.get(agents[number - 1]!.id);
  const [first, second, third] = [1, 2, 3].map(offerOf);
  const own = { ...taskFor(first!, 'own.1'), executor } as object;
  const { command: _none, ...withoutCommand } = own as { readonly command?: unknown };
  const tasks = [
    taskFor(first!, 'full', fullTask as object),
    withoutCommand,
    taskFor(first!, 'done'),
    taskFor(first!, 'over'),
  ];
  await scheduler.launch([first!], tasks as never, 3600);
  await scheduler.launch([second!], [taskFor(second!, 'away')], 3600);
  await scheduler.launch([third!], [taskFor(third!, 'drained')], 3600);
  for (const id of ['full', 'own.1', 'done', 'over', 'away', 'drained']) {
    for (;;) {
      const status = await scheduler.nextStatus(id);
      await scheduler.acknowledge(status);
      if (status.state === 'TASK_RUNNING') break;
    }
  }
  for (const id of ['done', 'over']) mesos.simulation!.command(id, 'TASK_FINISHED');
  await scheduler.acknowledge(await scheduler.nextStatus('done'));
  await scheduler.nextStatus('over');
  return { mesos, scheduler, agents };
}

describe('every read', () => {
  it('has the members of Mesos for tasks, executors and frameworks of all kinds', async () => {
    const { mesos, scheduler } = await busyCluster();
    const old = await subscribed(mesos, { user: 'root', name: 'old', role: 'dev', failover_timeout: 3600 });
    const gone = await subscribed(mesos, frameworkInfo({ name: 'gone' }));
    expect(await mistakesOf(mesos)).toEqual([]);
    await gone.call('TEARDOWN');
    old.close();
    await scheduler.call('REVIVE');
    expect(await mistakesOf(mesos)).toEqual([]);
  });

  it('has them while agents drain, are away or are planned to be', async () => {
    const { mesos, scheduler, agents } = await busyCluster();
    const operator = `${mesos.url}/api/v1`;
    const unavailability = { start: { nanoseconds: 1_900_000_000_000_000_000 }, duration: { nanoseconds: 3.6e12 } };
    const windows = [{ machine_ids: [{ hostname: agents[0]!.hostname, ip: agents[0]!.ip }], unavailability }];
    const write = (type: string, body: object) =>
      send(operator, { headers: json, body: { type, [type.toLowerCase()]: body } });
    await write('UPDATE_MAINTENANCE_SCHEDULE', { schedule: { windows } });
    const { inverse_offers: asked } = (await scheduler.next('INVERSE_OFFERS')) as never as {
      inverse_offers: { inverse_offers: { id: object }[] };
    };
    await scheduler.call('DECLINE_INVERSE_OFFERS', {
      decline_inverse_offers: { inverse_offer_ids: asked.inverse_offers.map(({ id }) => id) },
    });
    mesos.master.lifecycle.lose(agents[1]!);
    const drained = { agent_id: { value: agents[2]!.id }, max_grace_period: { nanoseconds: 1e9 } };
    expect((await write('DRAIN_AGENT', { ...drained, mark_gone: false })).status).toBe(200);
    expect(await mistakesOf(mesos)).toEqual([]);
    await scheduler.nextStatus('away');
    const state = (await read(`${mesos.url}/slaves?slave_id=${agents[2]!.id}`)) as {
      slaves: { drain_info: { state: string; config: object } }[];
    };
    const config = { max_grace_period: { nanoseconds: 1e9 }, mark_gone: false };
    expect(state.slaves[0]!.drain_info).toMatchObject({ state: 'DRAINING', config });
    for (;;) {
      const status = await scheduler.nextStatus('drained');
      await scheduler.acknowledge(status);
      if (status.state === 'TASK_KILLED') break;
    }
    mesos.master.lifecycle.comeBack(agents[1]!);
    expect(await mistakesOf(mesos)).toEqual([]);
    const after = (await read(`${mesos.url}/slaves?slave_id=${agents[2]!.id}`)) as typeof state;
    expect(after.slaves[0]!.drain_info.state).toBe('DRAINED');
  });

  it('has them when another master has taken over, which lists agents and frameworks as they come back', async () => {
    const { mesos, scheduler, agents } = await busyCluster();
    mesos.master.failOver('11111111-2222-4333-8444-555555555555');
    expect(await mistakesOf(mesos)).toEqual([]);
    const during = (await read(`${mesos.url}/state`)) as Record<string, readonly object[]>;
    expect([during['slaves'], during['frameworks'], during['activated_slaves']]).toEqual([[], [], 0]);
    expect(during['recovered_slaves']).toHaveLength(agents.length);
    expect((await read(`${mesos.url}/tasks`)) as object).toEqual({ tasks: [] });
    mesos.master.agentsBack();
    expect(await mistakesOf(mesos)).toEqual([]);
    const known = (await read(`${mesos.url}/frameworks`)) as { frameworks: object[] };
    expect(known.frameworks).toMatchObject([{ recovered: true, connected: false, registered_time: 0 }]);
    await subscribed(mesos, { ...busyInfo, id: { value: scheduler.frameworkId } });
    expect(await mistakesOf(mesos)).toEqual([]);
    const again = (await read(`${mesos.url}/frameworks`)) as typeof known;
    expect(again.frameworks).toMatchObject([{ recovered: false, connected: true }]);
  });

  it('has them for processes with directories, and of an agent that has nothing to do', async () => {
    const mesos = await cluster({ simulate: false, agents: 2, engine: async () => err('no engine here') });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'run.1'), taskFor(offer!, 'run.2')]);
    const second = await scheduler.nextStatus('run.2');
    await scheduler.acknowledge(await scheduler.nextStatus('run.1'));
    await scheduler.acknowledge(second);
    expect(await mistakesOf(mesos)).toEqual([]);
  });

  /** Optional members that nothing here ever sets. */
  const never: Readonly<Record<string, string>> = {
    git_sha: 'the build is another one',
    git_branch: 'the build is another one',
    git_tag: 'the build is another one',
    cluster: 'a flag of Mesos that the local cluster has not',
    log_dir: 'a flag of Mesos that the local cluster has not',
    external_log_file: 'a flag of Mesos that the local cluster has not',
    pid: 'of frameworks of the old scheduler library',
    cgroup_info: 'the cgroups of tasks have numbers of no use to others',
    'Status.labels': 'of executors that frameworks bring along: own-executor.test.ts',
    'V1Status.labels': 'likewise',
    'V1Status.check_status': 'set for tasks with a check: recording 09',
    'V1Status.healthy': 'set for tasks with health checks: recording 09',
    'Status.healthy': 'set for tasks with health checks: recording 09',
    'V1Status.unreachable_time': 'of statuses the master makes only the state is kept',
    'V1Status.limitation': 'told in the update, and not kept',
    'ContainerId.parent': 'of tasks of groups: recording 10',
    'Agent.resource_providers': 'there are none',
    'V1Framework.inverse_offers': 'not listed',
    'FrameworkInfo.role': 'set by frameworks without MULTI_ROLE',
    'ClusterStatus.down_machines': 'recording 14',
    'Machine.ip': 'recording 14',
    'AgentFramework.role': 'as in the list of the master',
  };

  it('has each optional member in one of these states, or there is a reason', () => {
    const missing = Object.entries({ ...oldTables, ...v1Tables }).flatMap(([message, { members }]) =>
      Object.entries(members)
        .filter(([name, kind]) => kind.endsWith('?') && !shapes.seen.has(`${message}.${name}`))
        .map(([name]) => `${message}.${name}`),
    );
    const unexplained = missing.filter((at) => never[at] === undefined && never[at.replace(/.*\./, '')] === undefined);
    expect(unexplained).toEqual([]);
  });
});
