/** What agents and master remember over a restart of the cluster, with tasks or without: ids, reservations, volumes, drains, maintenance. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Offer, Resource } from '../../src/core/mesos/types.ts';
import type { LocalMesos, LocalMesosOptions } from '../../src/local-mesos/cluster.ts';
import { startLocalMesos } from '../../src/local-mesos/cluster.ts';
import type { Log } from '../../src/local-mesos/master/model.ts';
import { eventually } from '../support/eventually.ts';
import { frameworkInfo, json, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { client, cluster, subscribed, workDir } from './cluster-fixture.ts';

const info = frameworkInfo({ roles: ['dev'], principal: 'probe' });
const reservations = [{ type: 'DYNAMIC', role: 'dev', principal: 'probe' }];
const reserved = (name: string, value: number, more: object = {}): Resource =>
  ({ name, type: 'SCALAR', scalar: { value }, reservations, ...more }) as Resource;
const volume = reserved('disk', 64, {
  disk: { persistence: { id: 'v1', principal: 'probe' }, volume: { container_path: 'data', mode: 'RW' } },
});

const kinds = [
  ['simulated agents', { simulate: true }],
  ['real agents', { simulate: false }],
  ['real agents with --recover', { simulate: false, recover: true }],
] as const;

/** Reserves cpus and disk and makes a volume; the offers of everything that there is then. */
async function reserveAll(scheduler: MesosClient): Promise<void> {
  const [offer] = await scheduler.nextOffers();
  const operations = [
    { type: 'RESERVE', reserve: { resources: [reserved('cpus', 1), reserved('disk', 64)] } },
    { type: 'CREATE', create: { volumes: [volume] } },
  ];
  await scheduler.call('ACCEPT', {
    accept: { offer_ids: [offer!.id], operations, filters: { refuse_seconds: 0 } },
  });
  await offered(scheduler, hasVolume);
}

const hasVolume = (resource: Resource): boolean => resource.disk?.persistence?.id === 'v1';

/** Waits until a resource is on offer, and gives the offer. */
async function offered(scheduler: MesosClient, fits: (resource: Resource) => boolean): Promise<Offer> {
  for (;;) {
    const offers = await scheduler.nextOffers();
    const found = offers.find(({ resources }) => resources.some(fits));
    if (found !== undefined) return found;
    await scheduler.decline(offers, 0);
  }
}

const ask = (on: LocalMesos, type: string, body: object) =>
  send(`${on.url}/api/v1`, { headers: json, body: { type, [type.toLowerCase()]: body } });
const read = async (on: LocalMesos, path: string) => JSON.parse((await send(`${on.url}${path}`)).body);
const idsOf = (on: LocalMesos): readonly string[] => [...on.master.state.agents.keys()];

async function again(on: LocalMesos, options: Partial<LocalMesosOptions>): Promise<LocalMesos> {
  await on.close();
  return cluster(options);
}

describe('a restart of the cluster', () => {
  it.each(kinds)('keeps reservations and volumes with their files: %s', async (_, kind) => {
    const dir = await realpath(await workDir());
    const options = { ...kind, workDir: dir };
    const first = await cluster(options);
    const scheduler = await subscribed(first, info);
    await reserveAll(scheduler);
    const files = join(dir, 'volumes', 'roles', 'dev', 'v1');
    if (!kind.simulate) {
      await mkdir(files, { recursive: true });
      await writeFile(join(files, 'precious'), 'data');
    }
    const before = (await read(first, '/slaves')).slaves[0].reserved_resources_full;
    expect(before.dev).toHaveLength(2);
    const second = await again(first, options);
    expect((await read(second, '/slaves')).slaves[0].reserved_resources_full).toEqual(before);
    const next = client(second);
    await next.connect({ ...info, id: { value: scheduler.frameworkId } });
    const offer = await offered(next, hasVolume);
    const sum = (name: string) =>
      offer.resources.filter((one) => one.name === name).reduce((all, one) => all + (one.scalar?.value ?? 0), 0);
    // Reserved and free together are what the flags say.
    expect([sum('cpus'), sum('disk')]).toEqual([4, 10_000]);
    if (kind.simulate) return;
    const task = taskFor(offer, 'reader', {
      resources: [reserved('cpus', 0.1), volume],
      command: { shell: true, value: 'test "$(cat data/precious)" = data' },
    });
    await next.launch([offer], [task]);
    for (let state = ''; state !== 'TASK_FINISHED'; ) {
      const status = await next.nextStatus('reader');
      state = status.state;
      expect(state).not.toBe('TASK_FAILED');
      await next.acknowledge(status);
    }
    const rest = await offered(next, hasVolume);
    const operations = [{ type: 'DESTROY', destroy: { volumes: [volume] } }];
    await next.call('ACCEPT', { accept: { offer_ids: [rest.id], operations } });
    await eventually('the files are gone', async () => !existsSync(files));
  });

  it('keeps more reserved than the flags now offer, and says so', async () => {
    const dir = await workDir();
    const first = await cluster({ workDir: dir });
    await reserveAll(await subscribed(first, info));
    await first.close();
    const said: string[] = [];
    const log: Log = { info: () => {}, warn: (message) => said.push(message) };
    const second = await cluster({ workDir: dir, log, resources: 'cpus:0.5;mem:64;disk:10;ports:[31000-31009]' });
    expect(said).toEqual([
      'agent 1 keeps reserved cpus that its flags no longer offer',
      'agent 1 keeps reserved disk that its flags no longer offer',
    ]);
    expect((await read(second, '/slaves')).slaves[0]).toMatchObject({
      reserved_resources: { dev: { cpus: 1, disk: 64 } },
      unreserved_resources: { cpus: 0, disk: 0, mem: 64 },
    });
  });

  it('keeps a drain and a deactivation: nothing is offered, until the agents are reactivated', async () => {
    const options = { workDir: await workDir(), agents: 3 };
    const first = await cluster(options);
    const [drained, asleep, awake] = idsOf(first);
    await ask(first, 'DRAIN_AGENT', { agent_id: { value: drained }, max_grace_period: { seconds: 2 } });
    await ask(first, 'DEACTIVATE_AGENT', { agent_id: { value: asleep } });
    const before = JSON.parse((await ask(first, 'GET_AGENTS', {})).body).get_agents.agents[0];
    const second = await again(first, options);
    const after = JSON.parse((await ask(second, 'GET_AGENTS', {})).body).get_agents.agents[0];
    expect(after.drain_info).toEqual(before.drain_info);
    expect(after.estimated_drain_start_time).toEqual(before.estimated_drain_start_time);
    const scheduler = await subscribed(second);
    expect((await scheduler.nextOffers()).map(({ agent_id }) => agent_id.value)).toEqual([awake]);
    for (const id of [drained, asleep]) {
      await ask(second, 'REACTIVATE_AGENT', { agent_id: { value: id } });
      expect((await scheduler.nextOffers()).map(({ agent_id }) => agent_id.value)).toEqual([id]);
    }
    const third = await again(second, options);
    expect((await (await subscribed(third)).nextOffers()).length).toBe(3);
  });

  it('keeps ids by number when one in the middle is gone, and never takes the gone one back', async () => {
    const options = { workDir: await workDir(), agents: 3 };
    const first = await cluster(options);
    const [one, gone, three] = idsOf(first);
    await ask(first, 'MARK_AGENT_GONE', { agent_id: { value: gone } });
    const second = await again(first, options);
    const byNumber = [...second.master.state.agents.values()].sort((a, b) => a.number - b.number);
    const [same, fresh, alsoSame] = byNumber.map(({ id }) => id);
    expect([same, alsoSame]).toEqual([one, three]);
    expect([one, gone, three]).not.toContain(fresh);
    const scheduler = await subscribed(second);
    await scheduler.reconcile({ taskId: 'its', agentId: gone! });
    expect((await scheduler.nextStatus('its')).state).toBe('TASK_GONE_BY_OPERATOR');
  });

  it('keeps the maintenance schedule, and agents away whose machine is down', async () => {
    const options = { workDir: await workDir(), agents: 2 };
    const first = await cluster(options);
    const [down, planned] = idsOf(first);
    const machine = (ip: string) => ({ hostname: ip, ip });
    const window = {
      machine_ids: [machine('127.0.0.1'), machine('127.0.0.2')],
      unavailability: {
        start: { nanoseconds: 1_443_830_400_000_000_000 },
        duration: { nanoseconds: 3_600_000_000_000 },
      },
    };
    await ask(first, 'UPDATE_MAINTENANCE_SCHEDULE', { schedule: { windows: [window] } });
    await ask(first, 'START_MAINTENANCE', { machines: [machine('127.0.0.1')] });
    const status = await read(first, '/maintenance/status');
    const second = await again(first, options);
    expect(idsOf(second)).toEqual([planned]);
    expect(await read(second, '/maintenance/status')).toEqual(status);
    const [offer] = await (await subscribed(second)).nextOffers();
    expect(offer).toMatchObject({ agent_id: { value: planned }, unavailability: window.unavailability });
    await ask(second, 'STOP_MAINTENANCE', { machines: [machine('127.0.0.1')] });
    const third = await again(second, options);
    expect(idsOf(third)).toEqual([down, planned]);
  });

  it('repeats the success of an operation until it is acknowledged, under the same uuid', async () => {
    const options = { workDir: await workDir(), settings: { allocationMs: 40, retryMs: 200 } };
    const first = await cluster(options);
    const scheduler = await subscribed(first, info);
    const [offer] = await scheduler.nextOffers();
    const reserve = { type: 'RESERVE', id: { value: 'op-1' }, reserve: { resources: [reserved('cpus', 1)] } };
    await scheduler.call('ACCEPT', { accept: { offer_ids: [offer!.id], operations: [reserve] } });
    const statusOf = async (on: MesosClient) =>
      ((await on.next('UPDATE_OPERATION_STATUS'))['update_operation_status'] as { status: Record<string, unknown> })
        .status;
    const told = await statusOf(scheduler);
    const second = await again(first, options);
    const next = client(second);
    await next.connect({ ...info, id: { value: scheduler.frameworkId } });
    expect(await statusOf(next)).toEqual(told);
    await next.call('ACKNOWLEDGE_OPERATION_STATUS', {
      acknowledge_operation_status: {
        agent_id: offer!.agent_id,
        uuid: (told['uuid'] as { value: string }).value,
        operation_id: { value: 'op-1' },
      },
    });
    await (await again(second, options)).close();
    const kept = JSON.parse(await readFile(join(options.workDir, 'registry.json'), 'utf8'));
    expect(kept.operations).toEqual([]);
  });

  it('knows removed frameworks, and reads the registry of versions that kept ids alone', async () => {
    const dir = await workDir();
    await writeFile(
      join(dir, 'registry.json'),
      JSON.stringify({ agents: ['old-S0', 'old-S1'], removed: ['old-0007'] }),
    );
    const mesos = await cluster({ workDir: dir, agents: 2 });
    expect(idsOf(mesos)).toEqual(['old-S0', 'old-S1']);
    const scheduler = client(mesos);
    await scheduler.subscribe(frameworkInfo({ id: { value: 'old-0007' } }));
    expect((await scheduler.next('ERROR')).error?.message).toBe('Framework has been removed');
  });

  it('puts a registry that it cannot read aside with a warning, and refuses it when work shall go on', async () => {
    const dir = await workDir();
    const path = join(dir, 'registry.json');
    for (const text of [
      '{"agents": ["a',
      '[]',
      '{"version":9,"agents":[]}',
      '{"version":2,"agents":[{"number":"1"}]}',
    ]) {
      await writeFile(path, text);
      const options = { port: 0, agents: 1, simulate: false, workDir: dir, recover: true } as const;
      await expect(startLocalMesos(options)).rejects.toThrow(
        `${path} cannot be read: move it away, or start without --recover`,
      );
      const said: string[] = [];
      const log: Log = { info: () => {}, warn: (message) => said.push(message) };
      await (await cluster({ workDir: dir, log })).close();
      expect(said).toEqual([
        `${path} cannot be read and begins anew: ids and reservations are lost; the old one is ${path}.unreadable`,
      ]);
      expect(await readFile(`${path}.unreadable`, 'utf8')).toBe(text);
    }
  });
});
