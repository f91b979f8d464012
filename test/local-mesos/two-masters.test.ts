/** Several masters of one directory, one of which a real ZooKeeper lets lead; the recorded wire of that is in test/contract/transcripts. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LocalMesos, type LocalMesosOptions, startLocalMesos } from '../../src/local-mesos/cluster.ts';
import { parseZkUrl } from '../../src/local-mesos/election/zk-url.ts';
import { eventually } from '../support/eventually.ts';
import { frameworkInfo, MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../support/zookeeper.ts';
import { openTestSession } from '../support/zookeeper-session.ts';
import { workDir } from './cluster-fixture.ts';
import { lives } from './process/harness.ts';

let ensemble: Ensemble;
let path = 0;
const open: LocalMesos[] = [];

beforeAll(async () => {
  if (!zooKeeperMissing) ensemble = await startEnsemble(1);
});
afterEach(async () => {
  // The followers first, so that nobody takes anything up.
  for (const one of open.splice(0).sort((a, b) => Number(a.registered()) - Number(b.registered()))) await one.close();
});
afterAll(() => ensemble?.close());

/** A way to start masters that stand for the same election. */
async function election(): Promise<{ url: string; start: (more?: Partial<LocalMesosOptions>) => Promise<LocalMesos> }> {
  const dir = await workDir();
  const url = ensemble.url(`/mesos-${path++}`);
  const start = async (more: Partial<LocalMesosOptions> = {}): Promise<LocalMesos> => {
    const one = await startLocalMesos({
      port: 0,
      agents: 2,
      simulate: false,
      workDir: dir,
      zk: url,
      zkSessionTimeoutMs: 4_000,
      resources: 'cpus:2;mem:512;disk:100;ports:[31000-31100]',
      settings: { allocationMs: 40, retryMs: 500 },
      ...more,
    });
    open.push(one);
    return one;
  };
  return { url, start };
}

const leads = (one: LocalMesos) => eventually('it leads', async () => one.registered());
const follows = (one: LocalMesos) =>
  eventually('it follows', async () => one.master.state.leadership.kind === 'following');

async function launch(on: LocalMesos, id: string) {
  const scheduler = new MesosClient(on.url);
  await scheduler.connect();
  const [offer] = await scheduler.nextOffers();
  await scheduler.launch([offer!], [taskFor(offer!, id, { command: { shell: true, value: 'exec sleep 1000' } })]);
  const status = await scheduler.nextStatus(id);
  return { scheduler, status, pid: status.container_status!['executor_pid'] as number };
}

async function again(on: LocalMesos, before: MesosClient): Promise<MesosClient> {
  const next = new MesosClient(on.url);
  await next.connect(frameworkInfo({ id: { value: before.frameworkId } }));
  return next;
}

describe.skipIf(zooKeeperMissing)('two masters', () => {
  it('hand over agents, tasks and unacknowledged updates when the leader is killed, and the killed one may come back', async () => {
    const { start } = await election();
    const first = await start();
    await leads(first);
    const second = await start();
    await follows(second);
    const { scheduler, status, pid } = await launch(first, 'kept');
    const redirect = await send(`${second.url}/master/state`);
    const elected = async ({ url }: LocalMesos) =>
      JSON.parse((await send(`${url}/metrics/snapshot`)).body)['master/elected'];
    expect([await elected(first), await elected(second)]).toEqual([1, 0]);
    expect(redirect).toMatchObject({ status: 307, headers: { location: `//127.0.0.1:${first.port}/master/state` } });
    await first.leave('vanish');
    expect(await scheduler.ended).toBe('broken');
    await leads(second);
    const next = await again(second, scheduler);
    // Nobody has acknowledged it at the first master.
    const repeated = await next.nextStatus('kept');
    expect(repeated).toMatchObject({ state: 'TASK_STARTING', uuid: status.uuid });
    await next.acknowledge(repeated);
    expect((await next.nextStatus('kept')).state).toBe('TASK_RUNNING');
    expect(await lives(pid)).toBe(true);
    const offers = await next.nextOffers();
    const agents = [...second.master.state.agents.keys()];
    expect(agents).toEqual([...first.master.state.agents.keys()]);
    await next.launch([offers[0]!], [taskFor(offers[0]!, 'new')]);
    expect((await next.nextStatus('new')).state).toBe('TASK_STARTING');
    const third = await start();
    await follows(third);
    expect((await send(`${third.url}/redirect`)).headers['location']).toBe(`//127.0.0.1:${second.port}`);
    next.close();
  });

  it('a leader that loses the election stops leading; until it lets go of the agents its successor is silent about tasks', async () => {
    const { start, url } = await election();
    const first = await start();
    await leads(first);
    const second = await start();
    await follows(second);
    const { scheduler, pid } = await launch(first, 'held');
    const session = await openTestSession(url);
    const [leader] = (await session.children('/')).toSorted();
    await session.remove(`/${leader}`, 'any');
    await session.close();
    expect(await first.failed).toBe('lost the election: another master may lead by now');
    expect((await send(`${first.url}/master/state`)).body).toBe('No leader elected');
    await eventually('the other one leads', async () => second.master.state.leadership.kind === 'leading');
    // The first one still has the agents: they have not registered with the second.
    const next = await again(second, scheduler);
    await next.reconcile({ taskId: 'held' });
    await next.reconcile();
    await delay(500);
    expect(next.untaken()).toEqual([]);
    await first.leave('vanish');
    await leads(second);
    await next.reconcile({ taskId: 'held' });
    for (let state = ''; state !== 'TASK_RUNNING'; ) {
      const status = await next.nextStatus('held');
      state = status.state;
      if (status.uuid !== undefined) await next.acknowledge(status);
    }
    expect(await lives(pid)).toBe(true);
    next.close();
  });

  it('a leader that hears nothing of ZooKeeper for its session time-out gives up the lead and leaves its tasks alone', async () => {
    const { start } = await election();
    const one = await start({ zkSessionTimeoutMs: 2_000 });
    await leads(one);
    const { pid } = await launch(one, 'alone');
    const [member] = ensemble.members;
    member!.freeze();
    try {
      expect(await one.failed).toMatch(/^lost the election/);
    } finally {
      member!.thaw();
    }
    await one.leave('vanish');
    expect(await lives(pid)).toBe(true);
    const next = await start();
    await leads(next);
    expect([...next.master.state.frameworks.values()].flatMap(({ tasks }) => [...tasks.keys()])).toEqual(['alone']);
  });

  it('without a ZooKeeper there is no leader: 503, and health 200', async () => {
    const { start } = await election();
    const one = await start({ zk: 'zk://127.0.0.1:1/mesos' });
    for (const target of ['/master/state', '/redirect', '/api/v1/scheduler']) {
      expect(await send(`${one.url}${target}`)).toMatchObject({ status: 503, body: 'No leader elected' });
    }
    expect((await send(`${one.url}/health`)).status).toBe(200);
  });

  it('a successor that cannot read what was left says why, and does not pretend to have it', async () => {
    const { start } = await election();
    const dir = await workDir();
    await writeFile(`${dir}/registry.json`, '{');
    const one = await start({ workDir: dir });
    expect(await one.failed).toBe(`${dir}/registry.json cannot be read: move it away, or start without --recover`);
    expect(one.registered()).toBe(false);
  });
});

describe('the address of an election', () => {
  it('is read as Mesos reads it', () => {
    expect(parseZkUrl('zk://u:p@a:1,b/mesos/x/')).toEqual({
      ok: true,
      value: { hosts: ['a:1', 'b:2181'], path: '/mesos/x', credentials: 'u:p' },
    });
  });

  it.each([
    'zk://a:1',
    'zk://a:1/',
    'http://a/b',
    'zk:///b',
    'zk://u:secret@/b',
    'zk://a:0/b',
    'zk://a:x/b',
    'zk://a/b/../c',
  ])('is refused in one line that tells no password: %s', (text) => {
    const parsed = parseZkUrl(text);
    expect(parsed.ok ? '' : parsed.error).toMatch(/^zk: .+$/);
    expect(parsed.ok ? '' : parsed.error).not.toContain('secret');
  });
});
