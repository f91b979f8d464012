/** Several frameworks at once: sharing, roles below roles, suppressing and reviving single roles, filters of their own. */
import { describe, expect, it } from 'vitest';
import type { Offer } from '../../src/core/mesos/types.ts';
import { frameworkInfo, type MesosClient, taskFor } from '../support/mesos-client.ts';
import { client, cluster, subscribed } from './cluster-fixture.ts';
import { cameOf, cpus, fence, get, mem, scalarOf, until } from './statement-helpers.ts';

const byHand = { settings: { ticksByItself: false, offersFreedAtOnce: false } };

/** Answers every offer at once: launches one task on it while some are wanted, declines it otherwise. */
function greedy(scheduler: MesosClient, name: string, wanted: number, size = 1): { readonly running: () => number } {
  let launched = 0;
  // The last ones may meet a cluster that is closed already.
  const sent = (call: Promise<unknown>): void => void call.catch(() => {});
  scheduler.listen((event) => {
    if (event.type === 'UPDATE' && event.update!.status.uuid !== undefined) {
      sent(scheduler.acknowledge(event.update!.status));
    }
    for (const offer of event.offers?.offers ?? []) {
      if (launched < wanted && (scalarOf(offer, 'cpus') ?? 0) >= size) {
        const resources = [cpus(size), mem(32)];
        sent(scheduler.launch([offer], [taskFor(offer, `${name}.${launched++}`, { resources })], 0));
      } else sent(scheduler.decline([offer], 0));
    }
  });
  return { running: () => launched };
}

describe('frameworks together', () => {
  it('may use the same task ids, and each hears of and kills its own', async () => {
    for (const simulate of [true, false]) {
      const mesos = await cluster({ simulate });
      const one = await subscribed(mesos);
      const [offer] = await one.nextOffers();
      await one.launch([offer!], [taskFor(offer!, 'same.1')], 3600);
      await one.acknowledge(await until(one, 'same.1', 'TASK_RUNNING'));
      const two = await subscribed(mesos);
      const [rest] = await two.nextOffers();
      await two.launch([rest!], [taskFor(rest!, 'same.1')], 3600);
      await two.acknowledge(await until(two, 'same.1', 'TASK_RUNNING'));
      await two.kill('same.1');
      await two.acknowledge(await until(two, 'same.1', 'TASK_KILLED'));
      await one.reconcile({ taskId: 'same.1' });
      expect((await one.nextStatus('same.1')).state).toBe('TASK_RUNNING');
      await one.kill('same.1');
      await until(one, 'same.1', 'TASK_KILLED');
    }
  });

  it('that all want everything each get the same, whoever came first', async () => {
    const mesos = await cluster({ agents: 6, settings: { allocationMs: 20 } });
    const users: { readonly running: () => number }[] = [];
    const schedulers: MesosClient[] = [];
    for (const name of ['a', 'b', 'c']) {
      const scheduler = client(mesos);
      await scheduler.connect(frameworkInfo({ name, roles: [name] }), { suppressed_roles: [name] });
      users.push(greedy(scheduler, name, 1000));
      schedulers.push(scheduler);
    }
    await Promise.all(schedulers.map((scheduler) => scheduler.call('REVIVE')));
    for (;;) {
      const { slaves } = (await get(`${mesos.url}/slaves`)) as { slaves: { used_resources: { cpus: number } }[] };
      if (slaves.reduce((sum, { used_resources }) => sum + used_resources.cpus, 0) === 24) break;
    }
    const shares = users.map(({ running }) => running());
    expect(shares.reduce((sum, count) => sum + count, 0)).toBe(24);
    // The first one had a moment alone, in which it took a cpu of each agent; a fair share is eight.
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(6);
  });

  it('are offered in turn what all of them decline', async () => {
    const mesos = await cluster(byHand);
    const all: MesosClient[] = [];
    for (const name of ['a', 'b', 'c']) {
      const scheduler = client(mesos);
      await scheduler.connect(frameworkInfo({ name, roles: [name] }), { suppressed_roles: [name] });
      await scheduler.call('REVIVE');
      all.push(scheduler);
    }
    const had = [0, 0, 0];
    for (let round = 0; round < 9; round++) {
      for (const [i, scheduler] of all.entries()) {
        for (const { offers } of await cameOf(scheduler, 'OFFERS')) {
          had[i]!++;
          await scheduler.next('OFFERS');
          await scheduler.decline(offers!.offers, 0);
        }
      }
      mesos.master.tick();
    }
    expect(had).toEqual([3, 3, 3]);
  });

  it('level out: what ends goes to the one that has less, until both have the same', async () => {
    const mesos = await cluster({ ...byHand, resources: 'cpus:8;mem:256;disk:0' });
    const rich = await subscribed(mesos, frameworkInfo({ name: 'rich', roles: ['rich'] }));
    const [all] = await rich.nextOffers();
    const resources = [cpus(1), mem(32)];
    const tasks = Array.from({ length: 8 }, (_, i) => taskFor(all!, `rich.${i}`, { resources }));
    await rich.launch([all!], tasks, 0);
    for (const { task_id } of tasks) await rich.acknowledge(await rich.nextStatus(task_id.value));
    const poor = await subscribed(mesos, frameworkInfo({ name: 'poor', roles: ['poor'] }));
    for (let i = 0; i < 5; i++) {
      mesos.simulation!.command(`rich.${i}`, 'TASK_FINISHED');
      await rich.acknowledge(await rich.nextStatus(`rich.${i}`));
      mesos.master.tick();
      // After four turns each has four; when one more ends, the other is the one that has more.
      const [offer] = await (i < 4 ? poor : rich).nextOffers();
      if (i < 4) {
        await poor.launch([offer!], [taskFor(offer!, `poor.${i}`, { resources })], 0);
        await poor.acknowledge(await poor.nextStatus(`poor.${i}`));
      }
    }
    for (const one of [rich, poor]) expect(await cameOf(one, 'OFFERS')).toEqual([]);
  });

  it('see of a hierarchical role what is reserved for it and for the roles above it', async () => {
    const mesos = await cluster({ ...byHand, resources: 'cpus:1;cpus(eng):1;cpus(eng/web):1;cpus(ops):1;mem:1000' });
    const web = await subscribed(mesos, frameworkInfo({ roles: ['eng/web'] }));
    const rolesIn = (offer: Offer): string[] =>
      offer.resources
        .filter(({ name }) => name === 'cpus')
        .map(({ reservations }) => reservations?.at(-1)?.role ?? '*')
        .sort();
    const [offer] = await web.nextOffers();
    expect(rolesIn(offer!)).toEqual(['*', 'eng', 'eng/web']);
    await web.decline([offer!], 3600);
    const eng = await subscribed(mesos, frameworkInfo({ roles: ['eng'] }));
    expect(rolesIn((await eng.nextOffers())[0]!)).toEqual(['*', 'eng']);
  });

  it('share by the whole of a tree: children of one role count together', async () => {
    const mesos = await cluster({ ...byHand, agents: 3 });
    const first = await subscribed(mesos, frameworkInfo({ name: 'a/x', roles: ['a/x'] }));
    const [held, spare, third] = await first.nextOffers();
    await first.launch([held!], [taskFor(held!, 'ax.1', { resources: [cpus(4), mem(4096)] })], 3600);
    await first.acknowledge(await first.nextStatus('ax.1'));
    // A sibling that has nothing itself, and a stranger: the tree `a` holds more already.
    const sibling = await subscribed(mesos, frameworkInfo({ name: 'a/y', roles: ['a/y'] }));
    const stranger = await subscribed(mesos, frameworkInfo({ name: 'b', roles: ['b'] }));
    await first.decline([spare!], 3600);
    mesos.master.tick();
    expect((await stranger.nextOffers()).map(({ agent_id }) => agent_id)).toContainEqual(spare!.agent_id);
    // Now the stranger holds a whole agent too, of three: the next goes to the sibling or to it, but never to nobody.
    await first.decline([third!], 3600);
    mesos.master.tick();
    const theirs = [...(await cameOf(sibling, 'OFFERS')), ...(await cameOf(stranger, 'OFFERS'))];
    expect(theirs).toHaveLength(1);
  });

  it('suppress and revive one role and go on with another', async () => {
    const mesos = await cluster({ ...byHand, agents: 1 });
    const scheduler = await subscribed(mesos, frameworkInfo({ roles: ['a', 'b'] }));
    const [offer] = await scheduler.nextOffers();
    await scheduler.call('SUPPRESS', { suppress: { roles: ['a'] } });
    await scheduler.decline([offer!], 0);
    for (let round = 0; round < 3; round++) {
      mesos.master.tick();
      const offers = await scheduler.nextOffers();
      expect(offers.map(({ allocation_info }) => allocation_info!.role)).toEqual(['b']);
      await scheduler.decline(offers, 0);
    }
    mesos.master.tick();
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    // The filter of the one role says nothing about the other.
    await scheduler.call('REVIVE', { revive: { roles: ['a'] } });
    const [revived] = await scheduler.nextOffers();
    expect(revived!.allocation_info).toEqual({ role: 'a' });
    await scheduler.decline([revived!], 3600);
    mesos.master.tick();
    expect(await cameOf(scheduler, 'OFFERS')).toEqual([]);
    await scheduler.call('REVIVE');
    expect(await scheduler.nextOffers()).toHaveLength(1);
  });

  it('are offered nothing smaller than they asked for by role', async () => {
    const mesos = await cluster({ ...byHand, agents: 1 });
    const enough = (value: number) => ({ quantities: { cpus: { value } } });
    const filters = (value: number) => ({ a: { min_allocatable_resources: { quantities: [enough(value)] } } });
    const picky = await subscribed(mesos, { ...frameworkInfo({ roles: ['a'] }), offer_filters: filters(4) });
    const [offer] = await picky.nextOffers();
    await picky.launch([offer!], [taskFor(offer!, 't.1')], 0);
    await picky.acknowledge(await picky.nextStatus('t.1'));
    mesos.master.tick();
    expect(await cameOf(picky, 'OFFERS')).toEqual([]);
    const id = { value: picky.frameworkId };
    await picky.call('UPDATE_FRAMEWORK', {
      update_framework: { framework_info: { ...frameworkInfo({ id, roles: ['a'] }), offer_filters: filters(3) } },
    });
    expect(scalarOf((await picky.nextOffers())[0]!, 'cpus')).toBe(3.9);
  });

  it('keep their roles apart: an offer of one role cannot be used for a task of another', async () => {
    const mesos = await cluster(byHand);
    const scheduler = await subscribed(mesos, frameworkInfo({ roles: ['a', 'b'] }));
    const [offer] = await scheduler.nextOffers();
    const other = offer!.allocation_info!.role === 'a' ? 'b' : 'a';
    const resources = [cpus(1), mem(32)].map((one) => ({ ...one, allocation_info: { role: other } }));
    await scheduler.launch([offer!], [taskFor(offer!, 't.1', { resources })], 0);
    expect((await scheduler.nextStatus('t.1')).state).toBe('TASK_ERROR');
    await fence(scheduler);
    expect(mesos.simulation!.size).toBe(0);
  });
});
