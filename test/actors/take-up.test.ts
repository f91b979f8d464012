/** Between the load of a store and the last of its actors: Mesos is asked early, and nothing is judged that is not known. */
import { describe, expect, it } from 'vitest';
import type { MesosEvent } from '../../src/actors/ports.ts';
import type { InstanceMessage } from '../../src/actors/protocol.ts';
import { LateRef, maxWaiting } from '../../src/actors/stored-instance.ts';
import { instancesPerSlice, TakeUp } from '../../src/actors/take-up.ts';
import type { AppId, InstanceId } from '../../src/core/ids.ts';
import type { TaskStatus } from '../../src/core/mesos/types.ts';
import { createWorld, putOf, type World } from '../support/world.ts';

const waiting = (world: World): number => world.metrics.gauged('debug.apps.waiting-for-take-up') ?? -1;

/** Many apps of two, all running. */
async function manyApps(apps: number): Promise<World> {
  const world = await createWorld({ agents: 20 });
  await world.change(Array.from({ length: apps }, (_, i) => putOf(`/app${i}`, { instances: 2 })));
  await world.advance(5_000);
  expect(world.mesos.alive()).toHaveLength(2 * apps);
  return world;
}

interface Hooks {
  /** Called as the scheduler asks for the connection, with a way to give it news at once. */
  readonly started?: (tell: (event: MesosEvent) => void) => void;
  readonly reconciled?: (taskIds: readonly string[]) => void;
}

function hookLink(world: World, { started, reconciled }: Hooks): void {
  const create = world.mesos.createLink.bind(world.mesos);
  world.mesos.createLink = (mayCall) => {
    const real = create(mayCall);
    return {
      ...real,
      start: (id, listener) => {
        real.start(id, listener);
        started?.(listener);
      },
      reconcile: (tasks) => {
        reconciled?.(tasks.map((t) => t.taskId));
        real.reconcile(tasks);
      },
    };
  };
}

const statusOf = (taskId: string, agentId: string, state: TaskStatus['state'], uuid?: string): MesosEvent => ({
  type: 'statusUpdate',
  status: {
    task_id: { value: taskId },
    agent_id: { value: agentId },
    state,
    ...(uuid === undefined ? {} : { uuid, source: 'SOURCE_EXECUTOR' }),
  } as TaskStatus,
});

describe('A leader that takes up what is stored', () => {
  it('asks Mesos for a session before the actors are there, and for its tasks when they are', async () => {
    const world = await manyApps(200);
    const atStart: number[] = [];
    const atQuestion: number[] = [];
    const asked = new Set<string>();
    hookLink(world, {
      started: () => atStart.push(waiting(world)),
      reconciled: (ids) => {
        atQuestion.push(waiting(world));
        for (const id of ids) asked.add(id);
      },
    });
    await world.restart();
    await world.advance(5_000);
    expect(atStart).toHaveLength(1);
    expect(atStart[0]).toBeGreaterThan(100);
    expect(Math.max(...atQuestion)).toBe(0);
    expect([...asked].sort()).toEqual(
      world.mesos
        .alive()
        .map((t) => t.id)
        .sort(),
    );
    expect(world.mesos.callsOf('kill')).toEqual([]);
  });

  it('gives news to instances whose actors are yet to come, in order, and loses none', async () => {
    const world = await manyApps(200);
    const launched = world.mesos.launched.size;
    const victims = ['/app3', '/app120', '/app199'].flatMap((id) => world.tasksOf(id).slice(0, 1));
    const agentOf = (id: string): string => world.mesos.tasks.get(id)?.agent.id ?? '';
    hookLink(world, {
      started: (tell) => {
        expect(waiting(world)).toBeGreaterThan(100);
        for (const id of victims) {
          tell(statusOf(id, agentOf(id), 'TASK_RUNNING'));
          tell(statusOf(id, agentOf(id), 'TASK_FAILED', `uuid-${id}`));
        }
      },
    });
    const before = world.events.length;
    await world.restart();
    const told = world.events.slice(before).filter((e) => e.eventType === 'status_update_event');
    for (const id of victims) {
      expect(told.filter((e) => e['taskId'] === id).map((e) => e['taskStatus'])).toEqual(['TASK_FAILED']);
    }
    await world.advance(5_000);
    expect(world.mesos.launched.size).toBe(launched + victims.length);
    for (const id of ['/app3', '/app120', '/app199', '/app7']) expect(world.running(id)).toHaveLength(2);
  });

  it('carries out what is asked of an app that has no actor yet, on all of its instances', async () => {
    const world = await manyApps(200);
    const [doomed] = world.instances('/app150');
    const [task] = doomed?.tasks ?? [];
    const answers: Promise<unknown>[] = [];
    hookLink(world, {
      started: () => {
        expect(waiting(world)).toBeGreaterThan(100);
        answers.push(
          world.request([{ type: 'scale', id: '/app199' as AppId, instances: 1, sentenced: [] }]),
          world.request([{ type: 'delete', id: '/app198' as AppId }]),
          world.control.kill({ instances: [doomed?.id as InstanceId], scale: false, wipe: false, force: false }),
        );
      },
    });
    const before = world.mesos.launched.size;
    await world.restart();
    await Promise.all(answers);
    await world.advance(5_000);
    expect(answers).toHaveLength(3);
    expect(world.running('/app199')).toHaveLength(1);
    expect(world.instances('/app198')).toEqual([]);
    expect(world.running('/app150')).toHaveLength(2);
    expect(world.tasksOf('/app150')).not.toContain(task?.id);
    expect(world.mesos.launched.size).toBe(before + 1);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('starts a new app before the last of many stored ones is taken up', async () => {
    const world = await manyApps(400);
    let atLaunch = -1;
    hookLink(world, {
      started: () => {
        void world.request([putOf('/new')]);
        // What follows the request may not wait for all apps: the order for the new one is given while they wait.
        world.onStep = (what) => {
          if (what === 'commit' && atLaunch < 0 && world.read.app('/new')) atLaunch = waiting(world);
          return true;
        };
      },
    });
    await world.restart();
    expect(atLaunch).toBeGreaterThan(0);
    await world.advance(5_000);
    expect(world.running('/new')).toHaveLength(1);
    expect(world.mesos.callsOf('kill')).toEqual([]);
  });
});

describe('The address of an instance without an actor', () => {
  const message = (reason: string): InstanceMessage => ({ type: 'killTask', reason });

  it('keeps messages in order, asks for the actor once, and gives them to it', () => {
    let wanted = 0;
    const address = new LateRef(() => wanted++);
    const got: InstanceMessage[] = [];
    expect([address.tell(message('1')), address.tell(message('2'))]).toEqual([true, true]);
    expect(wanted).toBe(1);
    address.resolve({ path: '/x', tell: (m) => got.push(m) > 0 });
    address.tell(message('3'));
    expect(got).toEqual([message('1'), message('2'), message('3')]);
    expect(wanted).toBe(1);
    expect(address.path).toBe('/x');
  });

  it('refuses what is beyond its limit', () => {
    const address = new LateRef(() => {});
    for (let i = 0; i < maxWaiting; i++) expect(address.tell(message(`${i}`))).toBe(true);
    expect(address.tell(message('more'))).toBe(false);
  });
});

describe('The apps that are yet to be taken up', () => {
  const app = (i: number): AppId => `/app${i}` as AppId;
  const instances = (count: number) => Array.from({ length: count }, () => ({}) as never);

  it('come in slices of few instances, each app once, with its order', () => {
    const takeUp = new TakeUp([
      [app(1), instances(instancesPerSlice - 1)],
      [app(2), instances(5 * instancesPerSlice)],
      [app(3), instances(1)],
    ]);
    const order = { mode: 'steady' } as never;
    takeUp.order(app(3), order);
    takeUp.order(app(4), order);
    expect(takeUp.next()).toEqual([app(1), app(2)]);
    expect(takeUp.take(app(1))).toMatchObject({ order: undefined });
    expect(takeUp.take(app(1))).toBeUndefined();
    expect(takeUp.next()).toEqual([app(2)]);
    takeUp.take(app(2));
    expect(takeUp.next()).toEqual([app(3), app(4)]);
    expect(takeUp.take(app(3))).toEqual({ instances: instances(1), order });
    expect(takeUp.take(app(4))).toEqual({ instances: [], order });
    expect([takeUp.size, takeUp.next()]).toEqual([0, []]);
  });
});
