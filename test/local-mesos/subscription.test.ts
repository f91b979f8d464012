import { describe, expect, it } from 'vitest';
import { frameworkInfo, send, taskFor } from '../support/mesos-client.ts';
import { client, cluster, subscribed } from './cluster-fixture.ts';
import recorded from './events.fixture.json' with { type: 'json' };
import { shapeOf } from './shape.ts';

describe('a subscription', () => {
  it('M-7: starts with SUBSCRIBED, a HEARTBEAT and an offer of every agent, in the recorded shapes', async () => {
    const mesos = await cluster();
    const scheduler = client(mesos);
    const res = await scheduler.subscribe();
    expect(res.headers).toMatchObject({ 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    expect(res.headers['content-length']).toBeUndefined();
    expect(scheduler.streamId).toMatch(/^[0-9a-f-]{36}$/);
    const hello = await scheduler.next('SUBSCRIBED');
    expect(shapeOf(hello)).toEqual(shapeOf(recorded.subscribed));
    expect(hello.subscribed).toMatchObject({
      heartbeat_interval_seconds: 15,
      master_info: { ip: 16_777_343, port: mesos.port, address: { ip: '127.0.0.1' } },
    });
    expect(hello.subscribed!.framework_id.value).toMatch(/^[0-9a-f-]{36}-0000$/);
    expect(await scheduler.next('HEARTBEAT')).toEqual({ type: 'HEARTBEAT' });
    const offers = await scheduler.next('OFFERS');
    expect(shapeOf(offers)).toEqual(shapeOf(recorded.offers));
    expect(offers.offers!.offers[0]!.resources).toEqual(recorded.offers.offers.offers[0]!.resources);
    expect(offers.offers!.offers[0]!.attributes).toEqual(recorded.offers.offers.offers[0]!.attributes);
  });

  it('goes on with heartbeats at the announced interval', async () => {
    const scheduler = client(await cluster({ settings: { heartbeatMs: 20 } }));
    const hello = await scheduler.connect();
    expect(hello.subscribed!['heartbeat_interval_seconds']).toBe(0.02);
    for (let beat = 0; beat < 4; beat++) await scheduler.next('HEARTBEAT');
  });

  it('M-8: counts bytes, not characters, in the lengths of records', async () => {
    const scheduler = await subscribed(await cluster({ attributes: 'rack:größe→1' }));
    const [offer] = await scheduler.nextOffers();
    expect(offer!.attributes).toEqual([{ name: 'rack', type: 'TEXT', text: { value: 'größe→1' } }]);
    await scheduler.launch([offer!], [taskFor(offer!, 'ü.1')]);
    expect((await scheduler.nextStatus('ü.1')).state).toBe('TASK_RUNNING');
  });

  it('M-35: without MULTI_ROLE and RESERVATION_REFINEMENT shows roles in resources and no allocation_info', async () => {
    const scheduler = await subscribed(await cluster(), { user: 'root', name: 'old' });
    const [offer] = await scheduler.nextOffers();
    expect(offer).not.toHaveProperty('allocation_info');
    for (const resource of offer!.resources) {
      expect(resource.role).toBe('*');
      expect(resource).not.toHaveProperty('allocation_info');
    }
  });

  it('M-19: with an empty list of roles is never offered anything', async () => {
    const mesos = await cluster();
    const nobody = await subscribed(mesos, frameworkInfo({ roles: [] }));
    const other = await subscribed(mesos);
    await other.nextOffers();
    expect(nobody.untaken()).toEqual([]);
  });

  it('M-30: accepts a framework id that nobody ever issued', async () => {
    const scheduler = client(await cluster());
    await scheduler.connect(frameworkInfo({ id: { value: 'made-up-id-0001' } }));
    expect(scheduler.frameworkId).toBe('made-up-id-0001');
  });
});

describe('a second subscription with the same id', () => {
  it('M-14: wins: the old stream gets an ERROR and ends, its stream id and offers are void', async () => {
    const mesos = await cluster();
    const old = await subscribed(mesos);
    const [offer] = await old.nextOffers();
    const info = frameworkInfo({ id: { value: old.frameworkId } });
    const fresh = await subscribed(mesos, info);
    expect((await old.next('ERROR')).error).toEqual({ message: 'Framework failed over' });
    expect(await old.ended).toBe('eof');
    expect(fresh.frameworkId).toBe(old.frameworkId);
    expect(fresh.streamId).not.toBe(old.streamId);
    expect(await old.reconcile()).toMatchObject({
      status: 400,
      body: `The stream ID '${old.streamId}' included in this request didn't match the stream ID currently associated with framework ID ${old.frameworkId}`,
    });
    await fresh.launch([offer!], [taskFor(offer!, 'late.1')]);
    expect(await fresh.nextStatus('late.1')).toMatchObject({
      state: 'TASK_DROPPED',
      message: `Task launched with invalid offers: Offer ${offer!.id.value} is no longer valid`,
    });
    expect(old.untaken().filter(({ type }) => type === 'RESCIND')).toEqual([]);
  });

  it('M-31: takes a new name, roles and failover_timeout over, but neither user nor checkpoint', async () => {
    const mesos = await cluster();
    const old = await subscribed(mesos);
    const id = { value: old.frameworkId };
    const changes = { id, name: 'renamed', roles: ['dev'], user: 'nobody', checkpoint: false, failover_timeout: 7200 };
    const fresh = await subscribed(mesos, frameworkInfo(changes));
    expect((await fresh.nextOffers())[0]!.allocation_info).toEqual({ role: 'dev' });
    const { frameworks } = JSON.parse((await send(`${mesos.url}/frameworks`)).body);
    expect(frameworks).toMatchObject([
      { name: 'renamed', roles: ['dev'], user: 'root', checkpoint: true, failover_timeout: 7200, active: true },
    ]);
  });

  it('M-31: is refused when the principal changes', async () => {
    const mesos = await cluster();
    const old = await subscribed(mesos, frameworkInfo({ principal: 'one' }));
    const other = client(mesos);
    await other.subscribe(frameworkInfo({ id: { value: old.frameworkId }, principal: 'two' }));
    expect((await other.next('ERROR')).error!.message).toBe("Changing framework's principal is not allowed.");
    expect((await old.reconcile()).status).toBe(202);
  });
});

describe('a framework whose stream broke', () => {
  /** Resolves when the master has noticed that the client is gone. */
  const untilDisconnected = async (url: string): Promise<void> => {
    for (;;) {
      const figures = JSON.parse((await send(`${url}/metrics/snapshot`)).body) as Record<string, number>;
      if (figures['master/frameworks_connected'] === 0) return;
    }
  };

  it('M-11, M-27: gets 403 until it subscribes again, and then at once what it has missed; its tasks run on', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'stays.1'), taskFor(offer!, 'ends.1')]);
    for (const id of ['stays.1', 'ends.1']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    scheduler.close();
    await untilDisconnected(mesos.url);
    expect(await scheduler.reconcile()).toMatchObject({ status: 403, body: 'Framework is not subscribed' });
    mesos.simulation!.command('ends.1', 'TASK_FINISHED');
    const again = await subscribed(mesos, frameworkInfo({ id: { value: scheduler.frameworkId } }));
    expect((await again.nextStatus('ends.1')).state).toBe('TASK_FINISHED');
    await again.reconcile({ taskId: 'stays.1' });
    expect((await again.nextStatus('stays.1')).state).toBe('TASK_RUNNING');
  });

  it('M-42: loses its offers and filters', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await scheduler.decline(await scheduler.nextOffers(), 3600);
    scheduler.close();
    await untilDisconnected(mesos.url);
    const again = await subscribed(mesos, frameworkInfo({ id: { value: scheduler.frameworkId } }));
    expect(await again.nextOffers()).toHaveLength(1);
  });

  it('M-26: is removed with its tasks when its failover_timeout has passed, and at once when that is 0', async () => {
    for (const timeout of [0.05, 0]) {
      const mesos = await cluster();
      const scheduler = await subscribed(mesos, frameworkInfo({ failover_timeout: timeout }));
      const [offer] = await scheduler.nextOffers();
      await scheduler.launch([offer!], [taskFor(offer!, 't.1')]);
      await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
      const other = await subscribed(mesos);
      scheduler.close();
      let cpus = 0;
      while (cpus !== 4) {
        // All of the agent is free again as soon as the task is gone; until then the rest is offered and put back.
        const [rest] = await other.nextOffers();
        cpus = rest!.resources.find(({ name }) => name === 'cpus')!.scalar!.value;
        await other.decline([rest!], 0);
      }
      expect(mesos.simulation!.size).toBe(0);
      const again = client(mesos);
      await again.subscribe(frameworkInfo({ id: { value: scheduler.frameworkId } }));
      expect((await again.next('ERROR')).error!.message).toBe('Framework has been removed');
    }
  });
});
