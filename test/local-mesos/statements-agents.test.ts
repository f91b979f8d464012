/** mesos-v1 §7.1: frameworks and agents that go and come back, maintenance, reservations and operations with ids. */
import { describe, expect, it } from 'vitest';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import type { Agent } from '../../src/local-mesos/master/model.ts';
import { frameworkInfo, json, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { client, cluster, subscribed } from './cluster-fixture.ts';
import { cameOf, fence, get, scalarOf, untilConnected } from './statement-helpers.ts';

const unaware = frameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }] });
const byHand = { settings: { ticksByItself: false } };

const agentOf = (mesos: LocalMesos, number = 1): Agent => [...mesos.master.state.agents.values()][number - 1]!;

/** A framework that runs one task and has no offers. */
async function running(mesos: LocalMesos, taskId: string, info: object = frameworkInfo()): Promise<MesosClient> {
  const scheduler = await subscribed(mesos, info);
  const [offer] = await scheduler.nextOffers();
  await scheduler.call('SUPPRESS');
  await scheduler.launch([offer!], [taskFor(offer!, taskId)], 3600);
  await scheduler.acknowledge(await scheduler.nextStatus(taskId));
  return scheduler;
}

describe('the failover timer', () => {
  it('M-28: of an earlier disconnect never fires after a new subscription', async () => {
    const mesos = await cluster();
    const info = frameworkInfo({ failover_timeout: 0.3 });
    const scheduler = await running(mesos, 't.1', info);
    scheduler.close();
    await untilConnected(mesos.url, 0);
    const again = await subscribed(mesos, { ...info, id: { value: scheduler.frameworkId } });
    // A framework that went at the same time and did not come back is removed by its timer; this one is not.
    const other = await subscribed(mesos, info);
    other.close();
    for (;;) {
      const { completed_frameworks } = (await get(`${mesos.url}/frameworks`)) as { completed_frameworks: unknown[] };
      if (completed_frameworks.length > 0) break;
    }
    await again.reconcile({ taskId: 't.1' });
    expect((await again.nextStatus('t.1')).state).toBe('TASK_RUNNING');
    expect(mesos.simulation!.size).toBe(1);
  });
});

describe('a new subscription', () => {
  it('M-31: shows another role and web address in /frameworks', async () => {
    const mesos = await cluster();
    const old = await subscribed(mesos, { ...unaware, capabilities: [], roles: [], role: 'a' });
    const id = { value: old.frameworkId };
    const changed = { ...unaware, capabilities: [], roles: [], id, role: 'b', webui_url: 'http://localhost/ui' };
    await subscribed(mesos, changed);
    expect((await get(`${mesos.url}/frameworks`))['frameworks']).toMatchObject([
      { role: 'b', webui_url: 'http://localhost/ui', user: 'root' },
    ]);
  });
});

describe('an agent', () => {
  for (const aware of [true, false]) {
    it(`M-73: that is silent for too long is lost ${aware ? 'with' : 'without'} PARTITION_AWARE`, async () => {
      const mesos = await cluster({ settings: { agentTimeoutMs: 150, allocationMs: 20 } });
      const scheduler = await running(mesos, 't.1', aware ? frameworkInfo() : unaware);
      await scheduler.call('REVIVE');
      const [held] = await scheduler.nextOffers();
      const silentAt = performance.now();
      mesos.master.lifecycle.freeze(agentOf(mesos));
      const status = await scheduler.nextStatus('t.1');
      expect(performance.now() - silentAt).toBeGreaterThanOrEqual(149);
      expect(status).toMatchObject({
        state: aware ? 'TASK_UNREACHABLE' : 'TASK_LOST',
        source: 'SOURCE_MASTER',
        reason: 'REASON_AGENT_REMOVED',
        unreachable_time: { nanoseconds: expect.any(Number) },
      });
      expect(status).not.toHaveProperty('uuid');
      expect((await scheduler.next('RESCIND')).rescind!.offer_id).toEqual(held!.id);
      expect((await scheduler.next('FAILURE')).failure).toEqual({ agent_id: held!.agent_id });
    });

    it(`M-75: marked gone ${aware ? 'with' : 'without'} PARTITION_AWARE never comes back under its id`, async () => {
      const mesos = await cluster({ ...byHand, agents: 2 });
      const scheduler = await running(mesos, 't.1', aware ? frameworkInfo() : unaware);
      const agent = [...mesos.master.state.agents.values()].find((one) => one.tasks.size > 0)!;
      const mark = { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: agent.id } } };
      expect((await send(`${mesos.url}/api/v1`, { headers: json, body: mark })).status).toBe(200);
      expect(await scheduler.nextStatus('t.1')).toMatchObject({
        state: aware ? 'TASK_GONE_BY_OPERATOR' : 'TASK_LOST',
        reason: aware ? 'REASON_AGENT_REMOVED_BY_OPERATOR' : 'REASON_AGENT_REMOVED',
        message: 'Agent has been marked gone',
      });
      // To say it again is right, and changes nothing.
      expect((await send(`${mesos.url}/api/v1`, { headers: json, body: mark })).status).toBe(200);
      // Whatever the agent tries, it is not taken back.
      mesos.master.lifecycle.comeBack(agent);
      mesos.master.lifecycle.thaw(agent);
      await scheduler.call('REVIVE');
      const offers = (await cameOf(scheduler, 'OFFERS')).flatMap(({ offers: some }) => some!.offers);
      expect(offers.map(({ agent_id }) => agent_id.value)).not.toContain(agent.id);
      expect((await get(`${mesos.url}/slaves`))['slaves']).toHaveLength(1);
      await scheduler.reconcile({ taskId: 't.1', agentId: agent.id });
      expect((await scheduler.nextStatus('t.1')).state).toBe(aware ? 'TASK_GONE_BY_OPERATOR' : 'TASK_LOST');
    });
  }

  it('M-71: that a new master waits for leaves questions about unknown tasks unanswered', async () => {
    const mesos = await cluster();
    const scheduler = await running(mesos, 't.1');
    mesos.master.failOver('11111111-2222-4333-8444-555555555555');
    const again = await subscribed(mesos, frameworkInfo({ id: { value: scheduler.frameworkId } }));
    await again.reconcile({ taskId: 'ghost' });
    await again.reconcile({ taskId: 'ghost', agentId: agentOf(mesos).id });
    mesos.master.agentsBack();
    await fence(again);
    expect(again.untaken().filter(({ update }) => update?.status.task_id.value === 'ghost')).toEqual([]);
  });

  it('M-82: in a maintenance schedule is offered anew with what is planned, asked back, and removed when it is down', async () => {
    const mesos = await cluster({ ...byHand, agents: 2 });
    const post = (path: string, body: unknown) => send(mesos.url + path, { headers: json, body });
    const scheduler = await subscribed(mesos);
    const offers = await scheduler.nextOffers();
    const [first, second] = offers;
    await scheduler.launch([first!], [taskFor(first!, 't.1')], 3600);
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    const bystander = await subscribed(mesos, frameworkInfo({ roles: [] }));
    const machine = { hostname: first!.hostname, ip: first!.hostname };
    const planned = { hostname: second!.hostname, ip: second!.hostname };
    const unavailability = { start: { nanoseconds: 1_900_000_000_000_000_000 }, duration: { nanoseconds: 3.6e12 } };
    const schedule = { windows: [{ machine_ids: [machine, planned], unavailability }] };
    expect((await post('/maintenance/schedule', schedule)).status).toBe(200);
    expect((await scheduler.next('RESCIND')).rescind!.offer_id).toEqual(second!.id);
    const [anew] = await scheduler.nextOffers();
    expect(anew!.unavailability).toEqual(unavailability);
    const asked = (await scheduler.next('INVERSE_OFFERS'))['inverse_offers'] as {
      inverse_offers: { agent_id: object }[];
    };
    expect(asked.inverse_offers.map(({ agent_id }) => agent_id)).toEqual([first!.agent_id, second!.agent_id]);
    expect(asked.inverse_offers[0]).toMatchObject({ unavailability, framework_id: { value: scheduler.frameworkId } });
    await fence(bystander);
    expect(bystander.untaken()).toEqual([]);
    expect((await post('/machine/down', [machine])).status).toBe(200);
    expect(await scheduler.nextStatus('t.1')).toMatchObject({
      state: 'TASK_LOST',
      reason: 'REASON_AGENT_REMOVED',
      message: `Agent ${first!.hostname} removed: Operator initiated 'Machine DOWN'`,
    });
    expect((await scheduler.next('FAILURE')).failure).toEqual({ agent_id: first!.agent_id });
    expect((await get(`${mesos.url}/slaves`))['slaves']).toHaveLength(1);
  });
});

describe('operations', () => {
  const reservations = [{ type: 'DYNAMIC' as const, role: 'dev' }];
  const reserved = { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 }, reservations };
  const accept = (scheduler: MesosClient, offer: { id: object }, operations: readonly object[]) =>
    scheduler.call('ACCEPT', { accept: { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } } });
  const dev = frameworkInfo({ roles: ['dev'] });

  it('M-56: RESERVE shows to the role only, and UNRESERVE undoes it', async () => {
    const mesos = await cluster(byHand);
    const scheduler = await subscribed(mesos, dev);
    const [offer] = await scheduler.nextOffers();
    await accept(scheduler, offer!, [{ type: 'RESERVE', reserve: { resources: [reserved] } }]);
    mesos.master.tick();
    const [with1] = await scheduler.nextOffers();
    const ofCpus = with1!.resources.filter(({ name }) => name === 'cpus');
    expect(ofCpus.map(({ scalar, reservations: of }) => [scalar!.value, of])).toEqual([
      [3, undefined],
      [1, reservations],
    ]);
    await scheduler.decline([with1!], 3600);
    const other = await subscribed(mesos);
    const [theirs] = await other.nextOffers();
    expect(scalarOf(theirs!, 'cpus')).toBe(3);
    await other.decline([theirs!], 3600);
    await other.call('SUPPRESS');
    await scheduler.call('REVIVE');
    const [back] = await scheduler.nextOffers();
    await accept(scheduler, back!, [{ type: 'UNRESERVE', unreserve: { resources: [reserved] } }]);
    mesos.master.tick();
    const [whole] = await scheduler.nextOffers();
    expect(whole!.resources.filter(({ name }) => name === 'cpus')).toMatchObject([{ scalar: { value: 4 } }]);
    expect(whole!.resources.some(({ reservations: of }) => of !== undefined)).toBe(false);
  });

  it('M-58: with an id are answered: an error once and without uuid, success until it is acknowledged', async () => {
    const mesos = await cluster({ settings: { retryMs: 40, retryMaxMs: 10_000 } });
    const scheduler = await subscribed(mesos, dev);
    const [offer] = await scheduler.nextOffers();
    const foreign = { ...reserved, reservations: [{ type: 'DYNAMIC', role: 'other' }] };
    await accept(scheduler, offer!, [
      { type: 'RESERVE', id: { value: 'bad' }, reserve: { resources: [foreign] } },
      { type: 'RESERVE', id: { value: 'good' }, reserve: { resources: [reserved] } },
    ]);
    const statusOf = async () =>
      ((await scheduler.next('UPDATE_OPERATION_STATUS'))['update_operation_status'] as { status: OperationStatus })
        .status;
    const bad = await statusOf();
    expect(bad).toMatchObject({ operation_id: { value: 'bad' }, state: 'OPERATION_ERROR' });
    expect(bad).not.toHaveProperty('uuid');
    const good = await statusOf();
    expect(good).toMatchObject({
      operation_id: { value: 'good' },
      state: 'OPERATION_FINISHED',
      uuid: { value: expect.stringMatching(/^.{22}==$/) },
      agent_id: offer!.agent_id,
    });
    expect(await statusOf()).toEqual(good);
    await scheduler.call('ACKNOWLEDGE_OPERATION_STATUS', {
      acknowledge_operation_status: {
        agent_id: good.agent_id,
        operation_id: good.operation_id,
        uuid: good.uuid!.value,
      },
    });
    await scheduler.call('RECONCILE_OPERATIONS', {
      reconcile_operations: { operations: [{ operation_id: good.operation_id, agent_id: good.agent_id }] },
    });
    // Repetitions that were on their way may come first; the answer has no uuid, and the last word is that it is over.
    for (;;) {
      const status = await statusOf();
      if (status.uuid === undefined) break;
    }
    expect(await cameOf(scheduler, 'UPDATE_OPERATION_STATUS')).toEqual([]);
  });

  it('M-59: may not have an id when they are launches', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    const id = { value: 'op.1' };
    await accept(scheduler, offer!, [{ type: 'LAUNCH', id, launch: { task_infos: [taskFor(offer!, 'one')] } }]);
    expect(await scheduler.nextStatus('one')).toMatchObject({
      state: 'TASK_ERROR',
      reason: 'REASON_TASK_INVALID',
      message: 'The `id` field cannot be set on LAUNCH operations',
    });
    const [next] = await scheduler.nextOffers();
    const executor = { type: 'DEFAULT', executor_id: { value: 'e' }, resources: taskFor(next!, 'x').resources };
    const task_group = { tasks: [taskFor(next!, 'two'), taskFor(next!, 'three')] };
    await accept(scheduler, next!, [{ type: 'LAUNCH_GROUP', id, launch_group: { executor, task_group } }]);
    for (const taskId of ['two', 'three']) {
      expect(await scheduler.nextStatus(taskId)).toMatchObject({
        state: 'TASK_ERROR',
        reason: 'REASON_TASK_GROUP_INVALID',
        message: 'The `id` field cannot be set on LAUNCH_GROUP operations',
      });
    }
    expect(await cameOf(scheduler, 'UPDATE_OPERATION_STATUS')).toEqual([]);
  });
});

interface OperationStatus {
  readonly operation_id: object;
  readonly agent_id: object;
  readonly uuid?: { readonly value: string };
}

describe('a framework id', () => {
  it('M-26: of a framework whose failover_timeout is 0 is refused at once after its stream broke', async () => {
    const mesos = await cluster();
    const scheduler = await running(mesos, 't.1', frameworkInfo({ failover_timeout: 0 }));
    scheduler.close();
    await untilConnected(mesos.url, 0);
    expect(mesos.simulation!.size).toBe(0);
    const again = client(mesos);
    await again.subscribe(frameworkInfo({ id: { value: scheduler.frameworkId } }));
    expect((await again.next('ERROR')).error!.message).toBe('Framework has been removed');
  });
});
