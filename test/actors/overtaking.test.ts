/** Kills and launches that cross each other: nothing is told to Mesos before what it follows from is stored, and nothing runs twice. */
import { describe, expect, it } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

const killCalls = (world: World): readonly string[] => world.mesos.callsOf('kill').map((c) => c.ids[0] as string);

describe('A kill', () => {
  it('of a task that begins to run after it was sentenced waits until the sentence is stored', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web', { instances: 1 });
    const [task] = world.mesos.alive();
    world.store.hold();
    void world.request([{ type: 'scale', id: '/web' as never, instances: 0, sentenced: [] }], true);
    await world.settle();
    world.mesos.move(task?.id as string, 'TASK_RUNNING');
    await world.settle();
    expect(killCalls(world)).toEqual([]);
    world.store.release();
    await world.settle();
    expect(killCalls(world)).toContain(task?.id);
  });

  it('of a task whose instance was just forgotten waits until that is stored', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 1 });
    await world.advance(1_000);
    const [task] = world.mesos.alive();
    world.store.hold();
    world.mesos.partition(task?.agent as never);
    await world.settle();
    world.mesos.rejoin(task?.agent as never);
    await world.settle();
    expect(killCalls(world)).toEqual([]);
    world.store.release();
    await world.settle();
    expect(killCalls(world)).toContain(task?.id);
  });

  it('reaches at once what returns in staging after it was sentenced', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    const unreachableStrategy = { inactiveAfterSeconds: 100, expungeAfterSeconds: 600 };
    await world.put('/web', { instances: 1, unreachableStrategy });
    const [task] = world.mesos.alive();
    world.mesos.partition(task?.agent as never);
    await world.settle();
    await world.scale('/web', 0, true);
    world.mesos.rejoin(task?.agent as never);
    await world.advance(10_000);
    expect(world.mesos.alive()).toEqual([]);
  });

  it('is sent again when news come that the task lives, and otherwise every 30 s from its last call', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 1 });
    const [task] = world.mesos.alive();
    world.mesos.losesKills = true;
    await world.scale('/web', 0, true);
    const startMs = world.clock.now();
    await world.advance(4_000);
    world.mesos.move(task?.id as string, 'TASK_RUNNING');
    await world.advance(36_000);
    const times = world.mesos.callsOf('kill').map((c) => (c.atMs - startMs) / 1_000);
    expect(times.slice(0, 2)).toEqual([0, 4]);
    for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] as number)).toBeLessThanOrEqual(30);
    expect(times.at(-1)).toBeGreaterThan(30);
  });
});

describe('A launch', () => {
  it('that is killed before it is out is called off, and does not run beside its successor', async () => {
    const world = await createWorld({ agents: 0 });
    await world.put('/web', { instances: 1 });
    const [instance] = world.instances('/web');
    world.store.hold();
    world.mesos.addAgent();
    await world.settle();
    // Matched, and neither stored nor sent: Mesos does not know the task yet, and says so.
    void world.control.kill({ instances: instance ? [instance.id] : [], scale: false, wipe: false, force: false });
    await world.settle();
    expect(killCalls(world)).toEqual([`${instance?.id}._app.1`]);
    world.store.release();
    await world.advance(60_000);
    expect([...world.mesos.launched]).toEqual([`${instance?.id}._app.2`]);
    expect(world.running('/web')).toHaveLength(1);
    world.expectSane();
  });

  it('that Mesos has lost without a word is given up in the end, and made again', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web', { instances: 1 });
    const [lost] = world.mesos.alive();
    world.mesos.tasks.delete(lost?.id as string);
    world.mesos.launchTo = () => 'running';
    await world.advance(310_000);
    expect(world.running('/web')).toHaveLength(1);
    expect(world.mesos.launched.size).toBe(2);
  });
});

describe('Offers whose answer got lost', () => {
  it('are declined, since they may be ours still', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 1 });
    const before = world.mesos.callsOf('decline').length;
    world.mesos.tell({ type: 'offersInDoubt', offerIds: ['O77'] });
    await world.settle();
    expect(world.mesos.callsOf('decline').slice(before)).toEqual([
      expect.objectContaining({ ids: ['O77'], seconds: 0 }),
    ]);
  });
});
