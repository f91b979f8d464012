import { describe, expect, it } from 'vitest';
import { launchesPerPass } from '../../src/actors/offer-cycle.ts';
import { createWorld, putOf } from '../support/world.ts';

describe('Launching', () => {
  it('starts what a PUT asks for and ends the deployment', async () => {
    const world = await createWorld();
    const answer = await world.put('/web', { instances: 3 });
    expect(answer.ok).toBe(true);
    expect(world.running('/web')).toHaveLength(3);
    expect(world.tasksOf('/web')).toHaveLength(3);
    expect(world.deploymentIds()).toEqual([]);
    world.expectSane();
  });

  it('makes many instances in several passes, so that the first are launched before the last are made', async () => {
    const world = await createWorld({ agents: 0 });
    for (let i = 0; i < 4; i++) world.mesos.addAgent({ cpus: 1_000, mem: 1_000_000 });
    await world.put('/web', { instances: 2_000, cpus: 0.1, mem: 1, portDefinitions: [] });
    await world.advance(5_000);
    expect(world.running('/web')).toHaveLength(2_000);
    expect(world.instances('/web')).toHaveLength(2_000);
    const accepted = world.mesos.callsOf('accept').map(({ ids }) => ids.length);
    expect(accepted.reduce((sum, each) => sum + each, 0)).toBe(2_000);
    expect(Math.max(...accepted)).toBeLessThanOrEqual(500);
    world.expectSane();
  });

  it('makes no more than so many launches in a turn, however many apps wait', async () => {
    const world = await createWorld({ agents: 0 });
    for (let i = 0; i < 4; i++) world.mesos.addAgent({ cpus: 1_000, mem: 1_000_000 });
    const apps = Array.from({ length: 8 }, (_, n) => `/many-${n}`);
    await world.request(apps.map((id) => putOf(id, { instances: 400, cpus: 0.1, mem: 1, portDefinitions: [] })));
    await world.advance(5_000);
    for (const id of apps) expect(world.running(id)).toHaveLength(400);
    const accepted = world.mesos.callsOf('accept').map(({ ids }) => ids.length);
    expect(accepted.reduce((sum, each) => sum + each, 0)).toBe(3_200);
    expect(Math.max(...accepted)).toBeLessThanOrEqual(launchesPerPass);
    world.expectSane();
  });

  it('tells nobody of a change before it is durable', async () => {
    const world = await createWorld();
    world.store.hold();
    const before = world.events.length;
    let answered = false;
    const answer = world.request([putOf('/web')]).then((result) => {
      answered = true;
      return result;
    });
    await world.settle();
    expect(answered).toBe(false);
    expect(world.events).toHaveLength(before);
    expect(world.read.app('/web')).toBeUndefined();
    world.store.release();
    await world.settle();
    expect((await answer).ok).toBe(true);
    expect(world.read.app('/web')).toBeDefined();
  });

  it('sends no ACCEPT before the instances are durable, and no acknowledgement before the status is', async () => {
    const world = await createWorld();
    world.store.hold();
    void world.request([putOf('/web')]);
    for (let batches = 0; batches < 200; batches++) {
      await world.settle();
      // What is durable but unanswered may be in the store already; what Mesos heard of must have been answered.
      const known = new Set(world.instances('/web').flatMap((i) => i.tasks.map((t) => t.id as string)));
      for (const { ids } of world.mesos.callsOf('accept')) for (const id of ids) expect(known).toContain(id);
      const shown = world.instances('/web')[0]?.condition;
      if (world.mesos.callsOf('acknowledge').length > 0) expect(shown).not.toBe('Provisioned');
      if (world.store.unanswered() === 0) break;
      world.store.release(1);
    }
    expect(world.mesos.callsOf('accept')).toHaveLength(1);
    expect(world.mesos.callsOf('acknowledge')).toHaveLength(2);
    expect(world.running('/web')).toHaveLength(1);
  });

  it('acknowledges each status once it is stored, and Mesos stops repeating it', async () => {
    const world = await createWorld();
    await world.put('/web');
    await world.advance(60_000);
    expect(world.mesos.callsOf('acknowledge')).toHaveLength(2);
  });

  it('puts an instance that was matched in a session that broke back into the queue without a failure', async () => {
    const world = await createWorld();
    world.store.hold();
    void world.request([putOf('/web')]);
    for (let i = 0; i < 100 && world.stored('instance').every((r) => !r.json?.includes('Provisioned')); i++) {
      await world.settle();
      world.store.release(1);
    }
    world.mesos.disconnect();
    await world.settle();
    world.store.release();
    await world.settle();
    expect(world.mesos.callsOf('accept')).toHaveLength(0);
    expect(world.instances('/web').map((i) => i.condition)).toEqual(['Scheduled']);
    world.mesos.reconnect();
    await world.advance(1_000);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([2]);
    expect(world.read.lastTaskFailure('/web')).toBeUndefined();
    world.expectSane();
  });

  it('does not launch on an offer that was rescinded before the launch was durable', async () => {
    const world = await createWorld({ agents: 1 });
    world.store.hold();
    void world.request([putOf('/web')]);
    for (let i = 0; i < 100 && world.stored('instance').every((r) => !r.json?.includes('Provisioned')); i++) {
      await world.settle();
      world.store.release(1);
    }
    const [agent] = world.mesos.agents;
    if (!agent) throw new Error('no agent');
    world.mesos.partition(agent);
    await world.settle();
    world.store.release();
    await world.settle();
    expect(world.mesos.callsOf('accept')).toHaveLength(0);
    expect(world.instances('/web').map((i) => i.condition)).toEqual(['Scheduled']);
    world.mesos.rejoin(agent);
    await world.advance(10_000);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([2]);
    expect(world.read.lastTaskFailure('/web')).toBeUndefined();
    world.expectSane();
  });

  it('asks Mesos about the tasks of an ACCEPT that failed, and launches them again without a failure', async () => {
    const world = await createWorld();
    world.mesos.failsNextAccept = true;
    await world.put('/web');
    await world.advance(1_000);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([2]);
    expect(world.read.lastTaskFailure('/web')).toBeUndefined();
    expect(world.mesos.callsOf('reconcile').some((c) => c.ids.length === 1)).toBe(true);
    world.expectSane();
  });

  it('takes an ACCEPT that Mesos found wrong for a failure of its tasks: with backoff and a reason', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web', { backoffSeconds: 20 });
    const [task] = world.mesos.alive();
    world.mesos.tasks.delete(task?.id as string);
    const reason = 'status 400: Failed to convert JSON into Call protobuf';
    world.mesos.launchTo = () => 'running';
    world.mesos.tell({ type: 'acceptRefused', taskIds: [task?.id as string], reason });
    await world.settle();
    expect(world.read.lastTaskFailure('/web')).toMatchObject({
      state: 'TASK_ERROR',
      message: `Mesos refused the launch: ${reason}`,
    });
    await world.advance(19_000);
    expect(world.running('/web')).toEqual([]);
    await world.advance(2_000);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([2]);
    world.expectSane();
  });

  it('accepts what is left of an offer when one of its instances was forgotten while it was matched', async () => {
    // The two meet in the inbox of the instance in one of these orders.
    for (const turns of [-4, -3, -2, -1, -0.5, 0, 1, 2, 3, 4]) {
      const world = await createWorld({ agents: 0 });
      await world.put('/web', { instances: 5 });
      const instances = world.instances('/web').slice(0, 2);
      const kill = () =>
        void world.control.kill({ instances: instances.map((i) => i.id), scale: false, wipe: true, force: false });
      const offer = () => {
        world.mesos.addAgent();
        world.mesos.pump();
      };
      const [first, second] = turns < 0 ? [kill, offer] : [offer, kill];
      first();
      for (let i = 0; i < Math.floor(Math.abs(turns)); i++) await new Promise((resolve) => setImmediate(resolve));
      second();
      await world.advance(5_000);
      expect([turns, world.running('/web').length, world.tasksOf('/web').length]).toEqual([turns, 5, 5]);
      expect(world.metrics.gauged('debug.offers.held')).toBe(0);
      world.expectSane();
    }
  });
});

describe('Offers', () => {
  it('are declined with the filter while nobody waits, and asked for again when somebody does', async () => {
    const world = await createWorld();
    expect(world.mesos.callsOf('decline').map((c) => c.seconds)).toEqual([120]);
    const revives = world.mesos.callsOf('revive').length;
    const answer = await world.put('/web');
    expect(answer.ok).toBe(true);
    expect(world.mesos.callsOf('revive').length).toBe(revives + 1);
    expect(world.running('/web')).toHaveLength(1);
  });

  it('are asked for at once, once more a second later, and no more once some have come', async () => {
    const world = await createWorld({ agents: 0 });
    await world.advance(10_000);
    const before = world.mesos.callsOf('revive').length;
    const startMs = world.clock.now();
    await world.put('/web', { cpus: 1_000 });
    world.mesos.addAgent();
    await world.advance(60_000);
    const times = world.mesos
      .callsOf('revive')
      .slice(before)
      .map((c) => c.atMs - startMs);
    expect(times).toEqual([0, 1_000]);
  });

  it('are asked for again and again, ever more rarely, while none come: each call may have been lost', async () => {
    const world = await createWorld({ agents: 0 });
    await world.advance(10_000);
    const before = world.mesos.callsOf('revive').length;
    const startMs = world.clock.now();
    await world.put('/web');
    await world.advance(240_000);
    const times = world.mesos
      .callsOf('revive')
      .slice(before)
      .map((c) => (c.atMs - startMs) / 1_000);
    expect(times).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
  });

  it('are asked for at most once in the throttle, and a new want does not wait for the repetition', async () => {
    const world = await createWorld({ agents: 0 });
    await world.advance(10_000);
    const before = world.mesos.callsOf('revive').length;
    const startMs = world.clock.now();
    for (let i = 0; i < 10; i++) await world.put(`/web${i}`);
    await world.advance(99);
    const calls = () =>
      world.mesos
        .callsOf('revive')
        .slice(before)
        .map((c) => c.atMs - startMs);
    expect(calls()).toEqual([0]);
    await world.advance(1);
    expect(calls()).toEqual([0, 100]);
  });

  it('are suppressed once nobody waits any more', async () => {
    const world = await createWorld();
    await world.put('/web');
    await world.advance(5_000);
    const last = world.mesos.calls.filter((c) => c.type === 'revive' || c.type === 'suppress').at(-1);
    expect(last?.type).toBe('suppress');
  });

  it('are asked for when a back-off ends', async () => {
    const world = await createWorld();
    await world.put('/web', { backoffSeconds: 20 });
    await world.advance(5_000);
    world.mesos.move(world.tasksOf('/web')[0] as string, 'TASK_FAILED');
    await world.advance(19_999);
    expect(world.running('/web')).toEqual([]);
    const before = world.mesos.callsOf('revive').length;
    await world.advance(1);
    expect(world.mesos.callsOf('revive').length).toBe(before + 1);
    expect(world.running('/web')).toHaveLength(1);
  });

  it('are asked for and suppressed role by role', async () => {
    const world = await createWorld({ agents: 1 });
    await world.advance(5_000);
    const before = world.mesos.calls.length;
    const asked = () =>
      world.mesos.calls
        .slice(before)
        .filter(({ type }) => type === 'revive' || type === 'suppress')
        .map(({ type, ids }) => `${type} ${ids}`);
    await world.put('/dev/web', { role: 'dev', cpus: 1_000 });
    await world.put('/web');
    await world.advance(5_000);
    expect(world.running('/web')).toHaveLength(1);
    expect(asked()).toEqual(['revive dev', 'revive *', 'suppress *', 'revive dev']);
    await world.put('/dev/web', { role: 'dev', cpus: 1 }, true);
    await world.advance(5_000);
    expect(world.running('/dev/web').map(({ role }) => role)).toEqual(['dev']);
    expect(asked().at(-1)).toBe('suppress dev');
    world.expectSane();
  });

  it('that are held die with their session and are never used', async () => {
    const world = await createWorld({ agents: 40 });
    void world.request([putOf('/web', { instances: 200, cpus: 10, portDefinitions: [] })]);
    await world.orchestrator.runtime.idle();
    world.mesos.pump(2);
    world.mesos.disconnect();
    await world.settle();
    expect(world.metrics.gauged('debug.offers.held')).toBe(0);
    world.mesos.reconnect();
    await world.advance(10_000);
    expect(world.running('/web')).toHaveLength(200);
    world.expectSane();
  });

  it('leave a reason in the queue when they do not fit', async () => {
    const world = await createWorld();
    await world.put('/big', { cpus: 1_000 });
    const [entry] = world.read.queue();
    expect(entry?.app.id).toBe('/big');
    expect(entry?.count).toBe(1);
    expect(entry?.launchAttempt).toEqual({ InsufficientCpus: 3 });
    expect(entry?.lastRefusals.map((r) => r.offer.agent_id.value).sort()).toEqual(['S0', 'S1', 'S2']);
    expect(entry?.processedOffersCount).toBe(3);
    expect(entry?.unusedOffersCount).toBe(3);
  });

  it('leave the queue empty once everything runs', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 4 });
    expect(world.read.queue()).toEqual([]);
  });
});
