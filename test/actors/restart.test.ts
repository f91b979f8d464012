import { describe, expect, it } from 'vitest';
import { createWorld, putOf, World } from '../support/world.ts';

const definition = { instances: 3, upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 } };

/** An app of three in the middle of a rolling restart that stops at its step number `crashAt`, if it gets that far. */
async function rollingUntil(crashAt: number): Promise<{ world: World; hasCrashed: boolean }> {
  const world = await createWorld();
  await world.put('/web', definition);
  await world.advance(2_000);
  let steps = 0;
  world.onStep = () => ++steps < crashAt;
  void world.request([putOf('/web', { ...definition, cmd: 'sleep 2' })]);
  for (let i = 0; i < 100 && !world.isCrashed; i++) await world.advance(100);
  return { world, hasCrashed: world.isCrashed };
}

describe('A restart on the same journal', () => {
  // deviation(different): deployments under a new leader
  //   Marathon: are started anew
  //   here: go on at the step they had reached
  //   why: no second rolling upgrade
  it('at any point of a rolling restart carries the plan on and launches nothing twice', async () => {
    let points = 0;
    for (let crashAt = 1; crashAt < 500; crashAt++) {
      const { world, hasCrashed } = await rollingUntil(crashAt);
      if (!hasCrashed) break;
      points++;
      const isKnown = world.stored('deployment').length > 0 || world.stored('app')[0]?.json?.includes('sleep 2"');
      await world.restart();
      await world.advance(90_000);
      world.expectSane();
      expect([crashAt, world.deploymentIds()]).toEqual([crashAt, []]);
      expect([crashAt, world.running('/web').length]).toEqual([crashAt, 3]);
      expect(world.tasksOf('/web')).toEqual(
        world
          .running('/web')
          .map((i) => i.tasks[0]?.id as string)
          .sort(),
      );
      expect(world.read.app('/web')?.cmd).toBe(isKnown ? 'sleep 2' : 'sleep 1000');
      const { version } = world.read.app('/web') ?? {};
      if (isKnown) for (const instance of world.running('/web')) expect(instance.version).toBe(version);
      expect(world.read.lastTaskFailure('/web')).toBeUndefined();
    }
    expect(points).toBeGreaterThan(30);
  });

  it('knows every task, kills none, and launches none', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 5 });
    await world.put('/api', { instances: 5 });
    await world.advance(5_000);
    const tasks = [...world.tasksOf('/web'), ...world.tasksOf('/api')];
    const launched = world.mesos.launched.size;
    for (let i = 0; i < 3; i++) {
      await world.restart();
      await world.advance(20_000);
    }
    expect([...world.tasksOf('/web'), ...world.tasksOf('/api')]).toEqual(tasks);
    expect(world.mesos.launched.size).toBe(launched);
    expect(world.mesos.callsOf('kill')).toEqual([]);
  });

  it('connects to Mesos only when every stored task is known, however many there are', async () => {
    const world = await createWorld({ agents: 20 });
    await world.change(Array.from({ length: 200 }, (_, i) => putOf(`/app${i}`, { instances: 2 })));
    await world.advance(5_000);
    expect(world.mesos.alive()).toHaveLength(400);
    // The connection is there, with news of all tasks, as soon as the scheduler asks for it.
    const link = world.mesos.createLink.bind(world.mesos);
    world.mesos.createLink = (mayCall) => {
      const real = link(mayCall);
      return {
        ...real,
        start: (id, listener) => {
          real.start(id, listener);
          for (const task of world.mesos.alive()) {
            const status = { task_id: { value: task.id }, agent_id: { value: task.agent.id }, state: task.state };
            listener({ type: 'statusUpdate', status });
          }
        },
      };
    };
    await world.restart();
    await world.advance(5_000);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(world.mesos.alive()).toHaveLength(400);
  });

  it('launches instances that were stored as provisioned and never sent, without a failure or a delay', async () => {
    const world = await createWorld();
    world.onStep = (what) => what === 'commit';
    void world.request([putOf('/web', { backoffSeconds: 1_000 })]);
    await world.advance(1_000);
    expect(world.isCrashed).toBe(true);
    await world.restart();
    void world.request([putOf('/web', { backoffSeconds: 1_000 })]);
    world.onStep = undefined;
    await world.advance(3_000);
    expect(world.running('/web')).toHaveLength(1);
    expect(world.read.lastTaskFailure('/web')).toBeUndefined();
  });

  it('kills again what was sentenced and still lives', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    world.mesos.losesKills = true;
    await world.scale('/web', 1);
    world.crash();
    world.mesos.losesKills = false;
    await world.restart();
    await world.advance(1_000);
    expect(world.tasksOf('/web')).toHaveLength(1);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('repeats updates that were not acknowledged, to no other effect', async () => {
    const world = await createWorld();
    world.mesos.losesAcknowledgements = true;
    await world.put('/web');
    await world.restart();
    world.mesos.losesAcknowledgements = false;
    await world.advance(30_000);
    expect(world.running('/web')).toHaveLength(1);
    expect([...world.mesos.tasks.values()].every((t) => t.updates.length === 0)).toBe(true);
  });
});

describe('A fenced store', () => {
  it('ends the subtree: what was not released never happens, and all is rebuilt from the store', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    const tasks = world.tasksOf('/web');
    const accepts = world.mesos.callsOf('accept').length;
    const before = world.events.length;
    world.store.fence();
    const answer = world.request([putOf('/lost')]);
    await world.settle();
    expect(world.read.cluster().elected).toBe(false);
    expect(world.mesos.isConnected).toBe(false);
    expect(world.mesos.callsOf('accept')).toHaveLength(accepts);
    expect(world.events).toHaveLength(before);
    await world.advance(15_000);
    expect(await answer).toMatchObject({ ok: false, error: { status: 503 } });
    expect(world.read.cluster().elected).toBe(true);
    expect(world.read.app('/lost')).toBeUndefined();
    expect(world.tasksOf('/web')).toEqual(tasks);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect((await world.put('/next')).ok).toBe(true);
    await world.advance(1_000);
    expect(world.running('/next')).toHaveLength(1);
  });

  it('that fails is tried again, with pauses', async () => {
    const world = await createWorld();
    await world.put('/web');
    for (let i = 0; i < 3; i++) {
      world.store.failNext('disk full');
      void world.scale('/web', i);
      await world.advance(40_000);
    }
    expect(world.read.cluster().elected).toBe(true);
    await world.scale('/web', 4, true);
    await world.advance(5_000);
    expect(world.running('/web')).toHaveLength(4);
  });

  it('that cannot be opened ends the start with its reason', async () => {
    const world = new World();
    world.breakStore('no such disk');
    await expect(world.start()).rejects.toThrow('no such disk');
  });
});

describe('A journal that cannot take a write', () => {
  it('leads to a rebuild from the store, since the working state is ahead of it for ever', async () => {
    const world = await createWorld({ journalInboxLimit: 10 });
    await world.put('/web', { instances: 2 });
    expect(world.metrics.counted('leadership.rebuilds')).toBe(0);
    void world.scale('/web', 100, true);
    await world.settle();
    expect(world.metrics.counted('leadership.rebuilds')).toBe(1);
    expect(world.read.cluster().elected).toBe(false);
  });
});

describe('Reconciliation in a running session', () => {
  it('does not ask about tasks whose launch is still on its way', async () => {
    const world = await createWorld({ settings: { reconciliationIntervalMs: 5_000 } });
    await world.advance(4_000);
    world.store.hold();
    void world.request([putOf('/web')]);
    for (let i = 0; i < 100 && world.stored('instance').every((r) => !r.json?.includes('Provisioned')); i++) {
      await world.settle();
      if (world.stored('instance').some((r) => r.json?.includes('Provisioned'))) break;
      world.store.release(1);
    }
    await world.advance(2_000);
    world.store.release();
    await world.advance(5_000);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([1]);
    expect(world.mesos.launched.size).toBe(1);
  });
});
