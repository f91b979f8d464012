/** Tasks that were given up while their agent was away, and whose agent comes to another master: nobody tells of them unasked. */
import { describe, expect, it } from 'vitest';
import type { FakeAgent } from '../support/fake-mesos-resources.ts';
import { createWorld, type World } from '../support/world.ts';

/** The question for everything there is comes much later. */
const settings = { reconciliationIntervalMs: 1e9 };
const web = { unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 } };

/** A task that was given up, and its agent, which is away. */
async function givenUp(): Promise<{ world: World; task: string; agent: FakeAgent }> {
  const world = await createWorld({ settings });
  await world.put('/web', web);
  const [task = ''] = world.tasksOf('/web');
  const agent = world.mesos.tasks.get(task)!.agent;
  world.mesos.partition(agent);
  await world.advance(5_000);
  expect(world.running('/web')).toHaveLength(1);
  expect(world.tasksOf('/web')).toHaveLength(2);
  return { world, task, agent };
}

const strays = (world: World): readonly string[] =>
  world.store
    .records()
    .filter(({ kind, key, json }) => kind === 'meta' && key.startsWith('stray/') && json !== undefined)
    .map(({ key }) => key);

const questions = (world: World, task: string): number =>
  world.mesos.callsOf('reconcile').filter(({ ids }) => ids.includes(task)).length;

describe('a task that was given up', () => {
  it('is killed when its agent comes to a new master', async () => {
    const { world, task, agent } = await givenUp();
    expect(strays(world)).toEqual([`stray/${task}`]);
    world.mesos.failover();
    await world.advance(100_000);
    expect(world.tasksOf('/web')).toContain(task);
    world.mesos.register(agent);
    await world.advance(15_000);
    expect(world.tasksOf('/web')).not.toContain(task);
    expect(world.running('/web')).toHaveLength(1);
    expect(strays(world)).toEqual([]);
    world.expectSane();
  });

  it('is killed even if nothing is free on its agent, so that no offer tells of it', async () => {
    const { world, task, agent } = await givenUp();
    world.mesos.failover();
    await world.advance(1_000);
    Object.assign(agent, { cpus: 0 });
    world.mesos.register(agent);
    await world.advance(15_000);
    expect(world.tasksOf('/web')).not.toContain(task);
  });

  it('is known to the server that leads next', async () => {
    const { world, task, agent } = await givenUp();
    world.crash();
    world.mesos.failover();
    await world.restart();
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toContain(task);
    world.mesos.register(agent);
    await world.advance(15_000);
    expect(world.tasksOf('/web')).not.toContain(task);
    expect(strays(world)).toEqual([]);
  });

  it('is asked for ever more rarely, makes no noise, and is forgotten in the end', async () => {
    const { world, task } = await givenUp();
    world.mesos.failover();
    const before = world.events.length;
    await world.advance(600_000);
    const inTenMinutes = questions(world, task);
    expect(inTenMinutes).toBeGreaterThan(30);
    expect(inTenMinutes).toBeLessThan(60);
    const said = world.events.slice(before).filter((event) => JSON.stringify(event).includes(task));
    expect(said).toEqual([]);
    await world.advance(3_600_000);
    expect(strays(world)).toEqual([]);
    const asked = questions(world, task);
    expect(asked - inTenMinutes).toBeLessThan(60);
    await world.advance(600_000);
    expect(questions(world, task)).toBe(asked);
    expect(world.metrics.counted('instances.strays.expired')).toBe(1);
  });

  it('and is known to be over is not asked for', async () => {
    const { world, task, agent } = await givenUp();
    world.mesos.move(task, 'TASK_FAILED');
    world.mesos.rejoin(agent);
    await world.advance(1_000);
    expect(strays(world)).toEqual([]);
    const asked = questions(world, task);
    await world.advance(600_000);
    expect(questions(world, task)).toBe(asked);
  });
});

describe('an unknown task', () => {
  it('that goes out of sight before it is killed is not forgotten', async () => {
    const world = await createWorld({ settings });
    const [agent] = world.mesos.agents;
    world.mesos.losesKills = true;
    world.mesos.addStray('other.instance-1._app.1');
    await world.advance(1_000);
    world.mesos.partition(agent!);
    await world.advance(1_000);
    expect(strays(world)).toEqual(['stray/other.instance-1._app.1']);
    world.mesos.losesKills = false;
    world.mesos.failover();
    await world.advance(20_000);
    world.mesos.register(agent!);
    await world.advance(60_000);
    expect(world.mesos.alive()).toEqual([]);
    expect(strays(world)).toEqual([]);
  });
});

describe('a task that Mesos does not know', () => {
  it('is replaced, and killed if it turns up', async () => {
    const world = await createWorld({ settings });
    await world.put('/web', web);
    const [task = ''] = world.tasksOf('/web');
    const { agent } = world.mesos.tasks.get(task)!;
    // A master without memory: the agent is away, and it has never heard of it.
    agent.isReachable = false;
    world.mesos.failover();
    await world.advance(5_000);
    expect(world.running('/web')).toHaveLength(1);
    expect(strays(world)).toEqual([`stray/${task}`]);
    world.mesos.register(agent);
    await world.advance(2_000);
    expect(world.tasksOf('/web')).toHaveLength(1);
    expect(world.tasksOf('/web')).not.toContain(task);
    expect(strays(world)).toEqual([]);
    world.expectSane();
  });
});
