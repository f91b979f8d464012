import { describe, expect, it } from 'vitest';
import type { AppId } from '../../src/core/ids.ts';
import { createWorld, type World } from '../support/world.ts';

const only = (world: World, id = '/web'): string => world.tasksOf(id)[0] as string;

/** Milliseconds until the app has a running task again. */
async function timeToRun(world: World, id: string, mostMs: number): Promise<number> {
  const startMs = world.clock.now();
  while (world.running(id).length === 0 && world.clock.now() - startMs < mostMs) await world.advance(10);
  return world.clock.now() - startMs;
}

describe('A task that ends', () => {
  it('by failing is launched again as the next incarnation, after delays that grow', async () => {
    const world = await createWorld();
    await world.put('/web', { backoffSeconds: 2, backoffFactor: 2 });
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      world.mesos.move(only(world), 'TASK_FAILED', { message: 'boom' });
      await world.settle();
      delays.push(await timeToRun(world, '/web', 60_000));
    }
    expect(delays).toEqual([2_000, 4_000, 8_000, 16_000]);
    expect(only(world)).toMatch(/\._app\.5$/);
    expect(world.read.lastTaskFailure('/web')).toMatchObject({ state: 'TASK_FAILED', message: 'boom' });
    world.expectSane();
  });

  it('by being killed is launched again at once and blames nobody', async () => {
    const world = await createWorld();
    await world.put('/web');
    const [instance] = world.running('/web');
    await world.control.kill({ instances: [instance?.id as never], scale: false, wipe: false, force: false });
    await world.settle();
    await world.advance(200);
    expect(world.running('/web').map((i) => [i.id, i.incarnation])).toEqual([[instance?.id, 2]]);
    expect(world.read.lastTaskFailure('/web')).toBeUndefined();
  });

  it('by finishing counts as a failure, but leaves no failure record', async () => {
    const world = await createWorld();
    await world.put('/web', { backoffSeconds: 3 });
    world.mesos.move(only(world), 'TASK_FINISHED');
    await world.settle();
    expect(await timeToRun(world, '/web', 60_000)).toBe(3_000);
    expect(world.read.lastTaskFailure('/web')).toBeUndefined();
  });

  it('by draining its agent grows no delay', async () => {
    const world = await createWorld();
    await world.put('/web', { backoffSeconds: 30 });
    world.mesos.move(only(world), 'TASK_GONE_BY_OPERATOR', { reason: 'REASON_AGENT_DRAINING' });
    await world.settle();
    expect(await timeToRun(world, '/web', 60_000)).toBeLessThan(1_000);
  });

  it('by draining its agent ends the delay of earlier failures', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2, backoffSeconds: 100 });
    const [failing, drained] = world.tasksOf('/web');
    world.mesos.move(failing as string, 'TASK_FAILED');
    await world.advance(1_000);
    expect(world.running('/web')).toHaveLength(1);
    world.mesos.move(drained as string, 'TASK_KILLED', { reason: 'REASON_AGENT_DRAINING' });
    await world.advance(1_000);
    expect(world.running('/web')).toHaveLength(2);
  });

  it('waits no longer once its delay is reset', async () => {
    const world = await createWorld();
    await world.put('/web', { backoffSeconds: 100 });
    await world.advance(2_000);
    world.mesos.move(only(world), 'TASK_FAILED');
    await world.settle();
    const [entry] = world.read.queue();
    expect(entry?.notBeforeMs).toBe(world.clock.now() + 100_000);
    const answer = world.control.resetDelay('/web' as AppId);
    await world.settle();
    expect((await answer).ok).toBe(true);
    await world.advance(200);
    expect(world.running('/web')).toHaveLength(1);
    const again = world.control.resetDelay('/web' as AppId);
    await world.settle();
    expect(await again).toMatchObject({ ok: false, error: { status: 404 } });
  });

  it('of an older version does not slow down the new one', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2, backoffSeconds: 100 });
    const old = world.tasksOf('/web');
    world.mesos.launchTo = () => 'staging';
    await world.put('/web', { instances: 2, backoffSeconds: 100, cmd: 'sleep 2000' });
    for (const id of old) world.mesos.move(id, 'TASK_FAILED');
    await world.settle();
    world.mesos.launchTo = () => 'running';
    for (const id of world.tasksOf('/web')) world.mesos.move(id, 'TASK_RUNNING');
    await world.advance(2_000);
    expect(world.running('/web')).toHaveLength(2);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('is killed and launched again when it never leaves staging (V24)', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web');
    world.mesos.inject({
      task_id: { value: only(world) },
      state: 'TASK_STAGING',
      agent_id: { value: 'S0' },
      reason: 'REASON_RECONCILIATION',
    });
    await world.advance(299_000);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    world.mesos.launchTo = () => 'running';
    await world.advance(7_000);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([2]);
  });

  it('may take its time from the launch on, however many states it passes', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web');
    await world.advance(200_000);
    world.mesos.move(only(world), 'TASK_STARTING');
    await world.advance(99_000);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    world.mesos.launchTo = () => 'running';
    await world.advance(7_000);
    expect(world.mesos.callsOf('kill')).toHaveLength(1);
    expect(world.running('/web').map((i) => i.incarnation)).toEqual([2]);
  });

  it('is not overdue because somebody sets the clock, forward or back', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web');
    world.clock.jump(600_000);
    world.mesos.move(only(world), 'TASK_STARTING');
    await world.advance(280_000);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    world.clock.jump(-3_600_000);
    await world.advance(30_000);
    expect(world.mesos.callsOf('kill')).toHaveLength(1);
  });

  it('is not killed for what Mesos could not tell while it was away', async () => {
    const world = await createWorld();
    world.mesos.launchTo = () => 'staging';
    await world.put('/web');
    const task = only(world);
    world.mesos.disconnect();
    world.mesos.move(task, 'TASK_RUNNING');
    await world.advance(400_000);
    world.mesos.reconnect();
    await world.advance(60_000);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(world.running('/web').map((i) => i.tasks[0]?.id)).toEqual([task]);
  });
});

describe('Tasks that nobody knows', () => {
  it('are killed if alive, and acknowledged', async () => {
    const world = await createWorld();
    world.mesos.addStray('web.instance-00000000-0000-1000-8000-000000000000._app.1');
    await world.settle();
    expect(world.mesos.alive()).toEqual([]);
    expect(world.mesos.tasks.size).toBe(0);
    expect(world.eventsOf('unknown_instance_terminated_event')).toHaveLength(1);
  });

  it('are killed for ever until they are gone', async () => {
    const world = await createWorld();
    world.mesos.losesKills = true;
    world.mesos.addStray('stray');
    await world.advance(95_000);
    expect(world.mesos.callsOf('kill').length).toBe(4);
    world.mesos.losesKills = false;
    await world.advance(30_000);
    expect(world.mesos.alive()).toEqual([]);
  });
});

describe('Kills', () => {
  it('are repeated every 30 s and after each reconnect until confirmed', async () => {
    const world = await createWorld();
    await world.put('/web');
    world.mesos.losesKills = true;
    await world.scale('/web', 0);
    expect(world.mesos.callsOf('kill')).toHaveLength(1);
    await world.advance(30_000);
    expect(world.mesos.callsOf('kill')).toHaveLength(2);
    world.mesos.disconnect();
    await world.settle();
    world.mesos.reconnect();
    await world.settle();
    expect(world.mesos.callsOf('kill')).toHaveLength(3);
    world.mesos.losesKills = false;
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toEqual([]);
    expect(world.deploymentIds()).toEqual([]);
    const sent = world.mesos.callsOf('kill').length;
    await world.advance(120_000);
    expect(world.mesos.callsOf('kill')).toHaveLength(sent);
  });

  it('go out at most as many at once as the chunk allows', async () => {
    const world = await createWorld({ settings: { killChunkSize: 4 } });
    await world.put('/web', { instances: 10 });
    world.mesos.losesKills = true;
    await world.scale('/web', 0);
    expect(world.mesos.callsOf('kill')).toHaveLength(4);
    expect(world.metrics.gauged('instances.inflight-kills')).toBe(4);
    expect(world.metrics.gauged('instances.waiting-kills')).toBe(6);
    world.mesos.losesKills = false;
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toEqual([]);
    expect(world.metrics.gauged('instances.waiting-kills')).toBe(0);
    world.expectSane();
  });

  it('are repeated 30 s after their own last call, whatever others do', async () => {
    const world = await createWorld();
    await world.put('/a');
    await world.put('/b');
    world.mesos.losesKills = true;
    await world.scale('/a', 0);
    await world.advance(20_000);
    await world.scale('/b', 0);
    await world.advance(60_000);
    const at = world.mesos.callsOf('kill').map(({ atMs }) => atMs);
    expect(at.map((ms) => ms - at[0]!)).toEqual([0, 20_000, 30_000, 50_000, 60_000, 80_000]);
  });

  it('V121: of 250, a hundred go out, the same hundred again after 30 s, and the rest waits', async () => {
    const world = await createWorld({ agents: 5 });
    await world.put('/web', { instances: 250, cpus: 0.001, mem: 1 });
    expect(world.tasksOf('/web')).toHaveLength(250);
    world.mesos.losesKills = true;
    await world.scale('/web', 0);
    const killed = () => world.mesos.callsOf('kill').map((call) => call.ids[0]);
    expect(killed()).toHaveLength(100);
    expect(new Set(killed()).size).toBe(100);
    await world.advance(30_000);
    expect(killed()).toHaveLength(200);
    expect(killed().slice(100)).toEqual(killed().slice(0, 100));
    world.mesos.losesKills = false;
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toEqual([]);
    expect(killed()).toHaveLength(450);
    world.expectSane();
  });

  it('are no longer waited for when the agent is lost, so that others get their turn', async () => {
    const world = await createWorld({ agents: 1, settings: { killChunkSize: 1 } });
    await world.put('/gone', { unreachableStrategy: 'disabled' });
    world.mesos.addAgent();
    world.mesos.losesKills = true;
    await world.scale('/gone', 0);
    world.mesos.partition(world.mesos.agents[0] as never);
    world.mesos.losesKills = false;
    await world.put('/web');
    await world.scale('/web', 0);
    await world.settle();
    expect(world.tasksOf('/web')).toEqual([]);
  });

  it('of wiped instances are repeated too', async () => {
    const world = await createWorld();
    await world.put('/web');
    const [task] = world.tasksOf('/web');
    const [instance] = world.instances('/web');
    world.mesos.losesKills = true;
    void world.control.kill({ instances: [instance?.id as never], scale: false, wipe: true, force: false });
    await world.settle();
    expect(world.read.instance(instance?.id as string)).toBeUndefined();
    world.mesos.losesKills = false;
    await world.advance(31_000);
    expect(world.tasksOf('/web')).not.toContain(task);
    expect(world.running('/web')).toHaveLength(1);
  });
});

describe('A state that a later Mesos has', () => {
  it('changes nothing, and is acknowledged', async () => {
    const world = await createWorld();
    await world.put('/web');
    const before = world.instances('/web');
    const [task = ''] = world.tasksOf('/web');
    for (const id of [task, 'other.instance-1._app.1']) {
      world.mesos.inject({ task_id: { value: id }, agent_id: { value: 'S0' }, state: 'TASK_NEW' as never, uuid: 'u' });
    }
    await world.advance(1_000);
    expect(world.instances('/web')).toEqual(before);
    expect(world.mesos.callsOf('acknowledge').filter(({ ids }) => ids[1] === 'u')).toHaveLength(2);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(world.eventsOf('unknown_instance_terminated_event')).toEqual([]);
  });
});

describe('A lost agent', () => {
  // deviation(different): unreachable tasks
  //   Marathon: looked at with reconciliation
  //   here: timers; never earlier than the strategy says
  //   why: a replacement is not late
  it('has its instances replaced at once with the default strategy, and the returning task is killed', async () => {
    const world = await createWorld();
    await world.put('/web');
    const [task] = world.tasksOf('/web');
    const agent = world.mesos.tasks.get(task as string)?.agent as never;
    world.mesos.partition(agent);
    await world.advance(1_000);
    expect(world.running('/web')).toHaveLength(1);
    expect(world.instances('/web')).toHaveLength(1);
    world.mesos.rejoin(agent);
    await world.advance(1_000);
    expect(world.tasksOf('/web')).not.toContain(task);
    expect(world.tasksOf('/web')).toHaveLength(1);
    world.expectSane();
  });

  it('has them replaced after inactiveAfter, forgotten after expungeAfter', async () => {
    const world = await createWorld();
    const unreachableStrategy = { inactiveAfterSeconds: 300, expungeAfterSeconds: 600 };
    await world.put('/web', { unreachableStrategy });
    const agent = world.mesos.tasks.get(only(world))?.agent as never;
    world.mesos.partition(agent);
    await world.advance(299_999);
    expect(world.instances('/web').map((i) => i.condition)).toEqual(['Unreachable']);
    await world.advance(1_000);
    expect(
      world
        .instances('/web')
        .map((i) => i.condition)
        .sort(),
    ).toEqual(['Running', 'UnreachableInactive']);
    await world.advance(298_000);
    expect(world.instances('/web')).toHaveLength(2);
    await world.advance(2_000);
    expect(world.instances('/web').map((i) => i.condition)).toEqual(['Running']);
  });

  it('forgets them in time even if the scheduler was restarted while they were inactive', async () => {
    const world = await createWorld({ settings: { reconciliationIntervalMs: 1e9 } });
    const unreachableStrategy = { inactiveAfterSeconds: 300, expungeAfterSeconds: 600 };
    await world.put('/web', { unreachableStrategy });
    world.mesos.partition(world.mesos.tasks.get(only(world))?.agent as never);
    await world.advance(400_000);
    await world.restart();
    await world.advance(201_000);
    expect(world.instances('/web').map((i) => i.condition)).toEqual(['Running']);
  });

  it('that returns after the replacement started leaves no surplus', async () => {
    const world = await createWorld();
    const unreachableStrategy = { inactiveAfterSeconds: 300, expungeAfterSeconds: 600 };
    await world.put('/web', { instances: 2, unreachableStrategy });
    const agent = world.mesos.tasks.get(only(world))?.agent as never;
    world.mesos.partition(agent);
    await world.advance(400_000);
    world.mesos.rejoin(agent);
    await world.advance(10_000);
    expect(world.running('/web')).toHaveLength(2);
    expect(world.tasksOf('/web')).toHaveLength(2);
    world.expectSane();
  });
});
