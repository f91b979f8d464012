import { describe, expect, it } from 'vitest';
import type { Offer } from '../../src/core/mesos/types.ts';
import { frameworkInfo, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import recorded from './events.fixture.json' with { type: 'json' };
import { shapeOf } from './shape.ts';

const amount = (offer: Offer, name: string): number | undefined =>
  offer.resources.find((resource) => resource.name === name)?.scalar?.value;
const ports = (offer: Offer) => offer.resources.find(({ name }) => name === 'ports')?.ranges?.range;

describe('offers', () => {
  it('name a whole agent each, with its own id, address and host name', async () => {
    const scheduler = await subscribed(await cluster({ agents: 3 }));
    const offers = await scheduler.nextOffers();
    expect(offers.map(({ hostname }) => hostname)).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    expect(new Set(offers.map(({ agent_id }) => agent_id.value)).size).toBe(3);
    expect(offers[1]!.url).toMatchObject({ scheme: 'http', address: { ip: '127.0.0.2' }, path: '/slave(2)' });
  });

  it('come back at the first tick after refuse_seconds, at the next tick when that is 0', async () => {
    const scheduler = await subscribed(await cluster({ settings: { allocationMs: 100 } }));
    const first = await scheduler.nextOffers();
    await scheduler.decline(first, 0);
    const second = await scheduler.nextOffers();
    expect(second[0]!.id.value).not.toBe(first[0]!.id.value);
    const declinedAt = performance.now();
    await scheduler.decline(second, 0.4);
    await scheduler.nextOffers();
    expect(performance.now() - declinedAt).toBeGreaterThanOrEqual(395);
  });

  it('of a declined agent go to another framework meanwhile', async () => {
    const mesos = await cluster();
    const one = await subscribed(mesos);
    const offers = await one.nextOffers();
    const two = await subscribed(mesos);
    await one.decline(offers);
    expect((await two.nextOffers())[0]!.agent_id).toEqual(offers[0]!.agent_id);
    expect(one.untaken()).toEqual([]);
  });

  it('M-40: come at once after REVIVE, which ends filters', async () => {
    const scheduler = await subscribed(await cluster({ settings: { allocationMs: 3_600_000 } }));
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    await scheduler.call('REVIVE');
    expect(await scheduler.nextOffers()).toHaveLength(1);
  });

  it('M-41: stay valid after SUPPRESS, and no new ones come until REVIVE', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.call('SUPPRESS');
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')], 0);
    expect((await scheduler.nextStatus('t.1')).state).toBe('TASK_RUNNING');
    // Another framework gets the remainder at a tick, at which the suppressed one has been passed over.
    const other = await subscribed(mesos);
    await other.decline(await other.nextOffers(), 3600);
    expect(scheduler.untaken()).toEqual([]);
    await scheduler.call('REVIVE', { revive: { roles: ['*'] } });
    expect(amount((await scheduler.nextOffers())[0]!, 'cpus')).toBe(3.9);
  });

  it('M-40: are not touched by REVIVE and SUPPRESS for a role the framework has not', async () => {
    const scheduler = await subscribed(await cluster());
    const offers = await scheduler.nextOffers();
    await scheduler.call('SUPPRESS', { suppress: { roles: ['nope'] } });
    await scheduler.decline(offers, 0);
    expect(await scheduler.nextOffers()).toHaveLength(1);
  });

  it('hold what a task has left over, without the ports and in exact thousandths', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    const resources = [
      { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR' as const, scalar: { value: 32 } },
    ];
    const tasks = Array.from({ length: 30 }, (_, i) => taskFor(offer!, `t.${i}`, { resources }));
    const withPort = { name: 'ports', type: 'RANGES' as const, ranges: { range: [{ begin: 31_005, end: 31_005 }] } };
    tasks[0] = { ...tasks[0]!, resources: [...resources, withPort] };
    await scheduler.launch([offer!], tasks, 0);
    const [rest] = await scheduler.nextOffers();
    expect(amount(rest!, 'cpus')).toBe(1);
    expect(ports(rest!)).toEqual([
      { begin: 31_000, end: 31_004 },
      { begin: 31_006, end: 32_000 },
    ]);
  });

  it('M-62: bring freed resources at once, by themselves while the rest is held; both serve one ACCEPT', async () => {
    const mesos = await cluster({ settings: { allocationMs: 200 } });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'a.1')], 0);
    await scheduler.acknowledge(await scheduler.nextStatus('a.1'));
    const [rest] = await scheduler.nextOffers();
    mesos.simulation!.command('a.1', 'TASK_FINISHED');
    const [freed] = await scheduler.nextOffers();
    expect([amount(freed!, 'cpus'), amount(freed!, 'mem'), ports(freed!)]).toEqual([0.1, 32, undefined]);
    const everything = [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 4 } }];
    await scheduler.launch([rest!, freed!], [taskFor(rest!, 'b.1', { resources: everything })]);
    expect((await scheduler.nextStatus('b.1')).state).toBe('TASK_RUNNING');
  });

  it('M-39: are larger than what was declined when a task of that agent ends, in spite of the filter', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'a.1')], 3600);
    await scheduler.acknowledge(await scheduler.nextStatus('a.1'));
    mesos.simulation!.command('a.1', 'TASK_FINISHED');
    expect(amount((await scheduler.nextOffers())[0]!, 'cpus')).toBe(4);
  });

  it('M-48: that nobody answers are rescinded after the offer timeout and made anew', async () => {
    const scheduler = await subscribed(await cluster({ settings: { offerTimeoutMs: 60 } }));
    const [offer] = await scheduler.nextOffers();
    const rescind = await scheduler.next('RESCIND');
    expect(shapeOf(rescind)).toEqual(shapeOf(recorded.rescind));
    expect(rescind.rescind!.offer_id).toEqual(offer!.id);
    await scheduler.launch([offer!], [taskFor(offer!, 'late.1')]);
    expect((await scheduler.nextStatus('late.1')).state).toBe('TASK_DROPPED');
    expect((await scheduler.nextOffers())[0]!.id).not.toEqual(offer!.id);
  });

  it('show reserved resources to their role only', async () => {
    const mesos = await cluster({ resources: 'cpus:3;cpus(dev):1;mem:1024;disk:1000;ports:[31000-31100]' });
    const dev = await subscribed(mesos, frameworkInfo({ roles: ['dev'] }));
    const [offer] = await dev.nextOffers();
    const cpus = offer!.resources.filter(({ name }) => name === 'cpus');
    expect(cpus).toEqual([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 3 }, allocation_info: { role: 'dev' } },
      {
        name: 'cpus',
        type: 'SCALAR',
        scalar: { value: 1 },
        allocation_info: { role: 'dev' },
        reservations: [{ type: 'STATIC', role: 'dev' }],
      },
    ]);
    await dev.decline([offer!], 3600);
    const other = await subscribed(mesos);
    expect((await other.nextOffers())[0]!.resources.filter(({ name }) => name === 'cpus')).toHaveLength(1);
  });

  it('M-55: of agents with gpus go to frameworks with GPU_RESOURCES only', async () => {
    const mesos = await cluster({ resources: 'cpus:4;mem:1024;gpus:2' });
    const blind = await subscribed(mesos);
    const seeing = await subscribed(
      mesos,
      frameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }, { type: 'GPU_RESOURCES' }] }),
    );
    expect(amount((await seeing.nextOffers())[0]!, 'gpus')).toBe(2);
    expect(blind.untaken()).toEqual([]);
  });

  it('go first to the framework that holds less', async () => {
    const mesos = await cluster({ agents: 2 });
    const rich = await subscribed(mesos);
    const [held, free] = await rich.nextOffers();
    const poor = await subscribed(mesos);
    await rich.decline([free!], 0);
    expect((await poor.nextOffers())[0]!.agent_id).toEqual(free!.agent_id);
    await rich.decline([held!], 3600);
    expect(rich.untaken()).toEqual([]);
  });
});
