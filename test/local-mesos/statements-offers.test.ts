/** mesos-v1 §7.1, M-32 to M-48, M-86 and M-87: offers, filters, and what an ACCEPT leaves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { frameworkInfo, type MesosClient, taskFor } from '../support/mesos-client.ts';
import { client, cluster, subscribed } from './cluster-fixture.ts';
import { cameOf, cpus, fence, mem, portsOf, scalarOf, until, untilConnected } from './statement-helpers.ts';

const byHand = { settings: { ticksByItself: false, offersFreedAtOnce: false } };

describe('offers', () => {
  it('M-32: come at once after a subscription, a REVIVE and the arrival of an agent', async () => {
    // Without a tick nothing but these three can bring them.
    const mesos = await cluster({ ...byHand, agentsComeLater: true });
    const scheduler = await subscribed(mesos);
    mesos.registerAgents();
    const offers = await scheduler.nextOffers();
    await scheduler.decline(offers, 3600);
    await scheduler.call('REVIVE');
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    const other = await subscribed(mesos);
    expect(await other.nextOffers()).toHaveLength(1);
  });

  it('M-33: hold all of an agent that may be allocated, and nobody else has any of it until it is released', async () => {
    const mesos = await cluster(byHand);
    const first = await subscribed(mesos);
    const [offer] = await first.nextOffers();
    expect([scalarOf(offer!, 'cpus'), scalarOf(offer!, 'mem'), scalarOf(offer!, 'disk')]).toEqual([4, 4096, 10_000]);
    const second = await subscribed(mesos);
    mesos.master.tick();
    expect(await cameOf(second, 'OFFERS')).toEqual([]);
    await first.decline([offer!], 3600);
    mesos.master.tick();
    expect(scalarOf((await second.nextOffers())[0]!, 'cpus')).toBe(4);
  });

  it('M-34: name address, host, agent, framework and attributes, and no id is given twice', async () => {
    const scheduler = await subscribed(await cluster({ agents: 3 }));
    const ids = new Set<string>();
    for (let round = 0; round < 3; round++) {
      let seen = 0;
      while (seen < 3) {
        const offers = await scheduler.nextOffers();
        for (const offer of offers) {
          expect(offer).toMatchObject({
            framework_id: { value: scheduler.frameworkId },
            hostname: expect.stringMatching(/^127\.0\.0\.\d$/),
            url: { address: { ip: offer.hostname } },
            attributes: [{ name: 'rack' }, { name: 'zone' }],
          });
          expect(offer.agent_id.value).not.toBe('');
          ids.add(offer.id.value);
          seen++;
        }
        await scheduler.decline(offers, 0);
      }
    }
    expect(ids.size).toBe(9);
  });

  it('M-36: show a role in each resource, but none to frameworks that refine reservations', async () => {
    const resources = 'cpus:3;cpus(dev):1;mem:1024';
    const old = await subscribed(await cluster({ resources }), { user: 'root', name: 'old', role: 'dev' });
    const roles = (await old.nextOffers())[0]!.resources.map(({ name, role }) => `${name} ${role}`);
    expect(roles.sort()).toEqual(['cpus *', 'cpus dev', 'disk *', 'mem *', 'ports *']);
    const refining = await subscribed(await cluster({ resources }), frameworkInfo({ roles: ['dev'] }));
    for (const resource of (await refining.nextOffers())[0]!.resources) expect(resource).not.toHaveProperty('role');
  });

  it('M-40: are brought back neither by a REVIVE of a foreign role nor by one that names a foreign role too', async () => {
    const mesos = await cluster(byHand);
    const scheduler = await subscribed(mesos);
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    await scheduler.call('SUPPRESS');
    for (const roles of [['nope'], ['*', 'nope']]) await scheduler.call('REVIVE', { revive: { roles } });
    mesos.master.tick();
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    await scheduler.call('REVIVE', { revive: { roles: ['*'] } });
    expect(await scheduler.nextOffers()).toHaveLength(1);
  });

  it('M-86: are without the ports of running tasks, which come back with the end of the task', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const ports = { name: 'ports', type: 'RANGES' as const, ranges: { range: [{ begin: 31_005, end: 31_006 }] } };
    await scheduler.launch([offer!], [taskFor(offer!, 't.1', { resources: [cpus(0.1), ports] })], 0);
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    const [rest] = await scheduler.nextOffers();
    expect(portsOf(rest!)).toEqual([
      { begin: 31_000, end: 31_004 },
      { begin: 31_007, end: 32_000 },
    ]);
    await scheduler.decline([rest!], 0);
    mesos.simulation!.command('t.1', 'TASK_FINISHED');
    for (;;) {
      const [next] = await scheduler.nextOffers();
      if (scalarOf(next!, 'cpus') === 4) {
        expect(portsOf(next!)).toEqual([{ begin: 31_000, end: 32_000 }]);
        break;
      }
      await scheduler.decline([next!], 0);
    }
  });

  it('M-87: are exact: ten launches of 0.1 cpus on one cpu leave none', async () => {
    const mesos = await cluster({ resources: 'cpus:1;mem:1000' });
    const scheduler = await subscribed(mesos);
    for (let i = 0; i < 10; i++) {
      const [offer] = await scheduler.nextOffers();
      expect(scalarOf(offer!, 'cpus')).toBe((10 - i) / 10);
      await scheduler.launch([offer!], [taskFor(offer!, `t.${i}`, { resources: [cpus(0.1), mem(10)] })], 0);
    }
    const [last] = await scheduler.nextOffers();
    expect([scalarOf(last!, 'cpus'), scalarOf(last!, 'mem')]).toEqual([undefined, 900]);
    await scheduler.launch([last!], [taskFor(last!, 't.10', { resources: [cpus(0.001)] })], 0);
    expect((await scheduler.nextStatus('t.10')).state).toBe('TASK_ERROR');
  });
});

describe('a filter', () => {
  let mesos: LocalMesos;
  let scheduler: MesosClient;
  let now = Date.now();

  // The clock stands still unless `pass` moves it; timers go on, and the allocation runs by hand.
  beforeEach(async () => {
    now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now });
    mesos = await cluster(byHand);
    scheduler = await subscribed(mesos);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const pass = (seconds: number): void => {
    now += seconds * 1000;
    vi.setSystemTime(now);
    mesos.master.tick();
  };

  it('M-37: of a DECLINE without filters lasts five seconds, for this framework and role only', async () => {
    await scheduler.decline(await scheduler.nextOffers());
    pass(4.9);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    const other = await subscribed(mesos);
    const offers = await other.nextOffers();
    await other.decline(offers, 3600);
    pass(0.2);
    expect(await scheduler.nextOffers()).toHaveLength(1);
  });

  it('M-38: of 0 s does not last to the next run, of less than 0 lasts 5 s, and of ages a year', async () => {
    await scheduler.decline(await scheduler.nextOffers(), 0);
    pass(0);
    await scheduler.decline(await scheduler.nextOffers(), -1);
    pass(4.9);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    pass(0.2);
    const day = 86_400;
    expect((await scheduler.decline(await scheduler.nextOffers(), 1e12)).status).toBe(202);
    pass(364 * day);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    pass(2 * day);
    expect(await scheduler.nextOffers()).toHaveLength(1);
  });

  it('M-39: holds back what was refused and less, not more', async () => {
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')], 3600);
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    // Equal.
    pass(10);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    // Less: another framework takes a part of it.
    const other = await subscribed(mesos);
    const [rest] = await other.nextOffers();
    await other.launch([rest!], [taskFor(rest!, 'other.1')], 3600);
    pass(10);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    // More: its own task ends, and the other one's.
    mesos.simulation!.command('t.1', 'TASK_FINISHED');
    mesos.simulation!.command('other.1', 'TASK_FINISHED');
    await other.acknowledge(await other.nextStatus('other.1'));
    pass(10);
    expect(scalarOf((await scheduler.nextOffers())[0]!, 'cpus')).toBe(4);
  });

  it('M-43: of an ACCEPT without filters keeps the rest back for five seconds', async () => {
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')]);
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    pass(4.9);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    pass(0.2);
    expect(scalarOf((await scheduler.nextOffers())[0]!, 'cpus')).toBe(3.9);
  });

  it('M-44: comes of an ACCEPT with no operation or no task, as of a DECLINE', async () => {
    for (const operations of [[], [{ type: 'LAUNCH', launch: { task_infos: [] } }]]) {
      const [offer] = await scheduler.nextOffers();
      const accept = { offer_ids: [offer!.id], operations, filters: { refuse_seconds: 30 } };
      expect((await scheduler.call('ACCEPT', { accept })).status).toBe(202);
      pass(29);
      expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
      pass(2);
    }
    expect(scalarOf((await scheduler.nextOffers())[0]!, 'cpus')).toBe(4);
    expect(scheduler.untaken()).toEqual([]);
  });

  it('M-47: is left by no offer of an ACCEPT that fails for another', async () => {
    const [offer] = await scheduler.nextOffers();
    const bad = { ...offer!, id: { value: 'no-such-offer' } };
    await scheduler.launch([offer!, bad], [taskFor(offer!, 'a.1'), taskFor(offer!, 'b.1')], 3600);
    for (const id of ['a.1', 'b.1']) {
      expect(await scheduler.nextStatus(id)).toMatchObject({
        state: 'TASK_DROPPED',
        message: 'Task launched with invalid offers: Offer no-such-offer is no longer valid',
      });
    }
    pass(0);
    expect(scalarOf((await scheduler.nextOffers())[0]!, 'cpus')).toBe(4);
    expect(mesos.simulation!.size).toBe(0);
  });

  it('M-40: ends when its role is no longer suppressed by a new subscription or UPDATE_FRAMEWORK', async () => {
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    const id = { value: scheduler.frameworkId };
    const update = (suppressed_roles: readonly string[]) =>
      scheduler.call('UPDATE_FRAMEWORK', {
        update_framework: { framework_info: frameworkInfo({ id }), suppressed_roles },
      });
    await update(['*']);
    pass(10);
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    await update([]);
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    await scheduler.call('SUPPRESS');
    const again = client(mesos);
    await again.connect(frameworkInfo({ id }));
    expect(await again.nextOffers()).toHaveLength(1);
  });
});

describe('an offer', () => {
  it('M-45: cannot be used twice', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'a.1')]);
    await scheduler.launch([offer!], [taskFor(offer!, 'b.1')]);
    expect(await scheduler.nextStatus('b.1')).toMatchObject({
      state: 'TASK_DROPPED',
      source: 'SOURCE_MASTER',
      reason: 'REASON_INVALID_OFFERS',
    });
    expect((await scheduler.nextStatus('a.1')).state).toBe('TASK_RUNNING');
  });

  it('M-46: of another role cannot be accepted together with it', async () => {
    const scheduler = await subscribed(
      await cluster({ resources: 'cpus(a):1;mem(a):512;cpus(b):1;mem(b):512' }),
      frameworkInfo({ roles: ['a', 'b'] }),
    );
    const offers = [...(await scheduler.nextOffers())];
    while (offers.length < 2) offers.push(...(await scheduler.nextOffers()));
    await scheduler.launch(offers, [taskFor(offers[0]!, 't.1')]);
    const status = await scheduler.nextStatus('t.1');
    expect(status).toMatchObject({ state: 'TASK_DROPPED', reason: 'REASON_INVALID_OFFERS' });
    expect(status.message).toMatch(
      /^Task launched with invalid offers: Aggregated offers must be allocated to the same role\. /,
    );
  });

  it('M-41: that is held survives SUPPRESS: no RESCIND, and it can be accepted', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await scheduler.call('SUPPRESS');
    expect(await cameOf(scheduler, 'RESCIND')).toEqual([]);
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')]);
    await until(scheduler, 't.1', 'TASK_RUNNING');
  });

  it('M-42: is void after a disconnect, without a RESCIND', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    scheduler.close();
    await untilConnected(mesos.url, 0);
    const again = await subscribed(mesos, frameworkInfo({ id: { value: scheduler.frameworkId } }));
    await again.launch([offer!], [taskFor(offer!, 't.1')]);
    expect((await again.nextStatus('t.1')).message).toContain('is no longer valid');
    await fence(again);
    expect(again.untaken().filter(({ type }) => type === 'RESCIND')).toEqual([]);
  });
});
