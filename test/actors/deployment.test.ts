import { describe, expect, it } from 'vitest';
import type { AppId } from '../../src/core/ids.ts';
import { createWorld, putOf, type World } from '../support/world.ts';

const healthChecks = [
  {
    protocol: 'HTTP',
    path: '/',
    gracePeriodSeconds: 5,
    intervalSeconds: 2,
    timeoutSeconds: 1,
    maxConsecutiveFailures: 3,
  },
] as const;

/** Watches the app at every change of its tasks while `run` goes on, and gives the extremes. */
async function watch(world: World, id: string, steps: number, stepMs = 100) {
  let most = 0;
  let leastReady = Number.POSITIVE_INFINITY;
  for (let i = 0; i < steps && world.deploymentIds().length > 0; i++) {
    most = Math.max(most, world.tasksOf(id).length);
    leastReady = Math.min(leastReady, world.running(id).filter((x) => x.healthy === true).length);
    await world.advance(stepMs);
  }
  return { most, leastReady };
}

describe('Scaling', () => {
  it('up adds exactly what is missing, and down kills exactly the surplus, the youngest first', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    const first = world.tasksOf('/web');
    await world.advance(5_000);
    await world.scale('/web', 5);
    await world.advance(1_000);
    expect(world.tasksOf('/web')).toHaveLength(5);
    await world.scale('/web', 2);
    await world.advance(1_000);
    expect(world.tasksOf('/web')).toEqual(first);
    world.expectSane();
  });

  it('down takes those that do not run before those that do', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/web', { instances: 2, cpus: 30, killSelection: 'OLDEST_FIRST' });
    const running = world.tasksOf('/web');
    await world.advance(1_000);
    await world.scale('/web', 4);
    expect(world.tasksOf('/web')).toEqual(running);
    await world.scale('/web', 2, true);
    await world.advance(1_000);
    expect(world.tasksOf('/web')).toEqual(running);
    expect(world.instances('/web')).toHaveLength(2);
    expect(world.read.queue()).toEqual([]);
  });

  it('with a kill takes the named instances and lowers the count in one deployment', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 4 });
    const victims = world
      .instances('/web')
      .slice(1, 3)
      .map((i) => i.id);
    const answer = world.control.kill({ instances: victims, scale: true, wipe: false, force: false });
    await world.settle();
    expect((await answer).ok).toBe(true);
    await world.advance(1_000);
    expect(world.read.app('/web')?.instances).toBe(2);
    expect(world.running('/web').map((i) => i.id)).toHaveLength(2);
    for (const victim of victims) expect(world.read.instance(victim)).toBeUndefined();
    expect(world.eventsOf('deployment_success')).toHaveLength(2);
  });

  it('an app of 1,000 instances costs one pass for each burst of news, not one for each instance', async () => {
    const world = await createWorld({ agents: 20 });
    await world.put('/web', { instances: 1, portDefinitions: [] });
    const before = world.orchestrator.runtime.stats().handled;
    await world.scale('/web', 1_000);
    await world.advance(5_000);
    expect(world.running('/web')).toHaveLength(1_000);
    const perInstance = (world.orchestrator.runtime.stats().handled - before) / 1_000;
    expect(perInstance).toBeLessThan(25);
    world.expectSane();
  });
});

describe('Deleting', () => {
  it('stops everything and forgets every record of the app', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 3 });
    await world.put('/web', { instances: 3, cmd: 'sleep 2' });
    await world.advance(10_000);
    world.mesos.move(world.tasksOf('/web')[0] as string, 'TASK_FAILED');
    await world.advance(10_000);
    await world.delete('/web');
    await world.advance(10_000);
    expect(world.tasksOf('/web')).toEqual([]);
    expect(world.read.app('/web')).toBeUndefined();
    for (const kind of ['app', 'instance', 'deployment', 'deploymentProgress', 'taskFailure']) {
      expect(world.stored(kind).map((r) => r.key)).toEqual([]);
    }
    expect(world.eventsOf('app_terminated_event')).toHaveLength(1);
  });

  it('does not wait for an agent that is out of reach, and kills what returns with it', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/web', { unreachableStrategy: 'disabled' });
    const agent = world.mesos.agents[0] as never;
    world.mesos.partition(agent);
    await world.settle();
    await world.delete('/web');
    await world.advance(1_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(world.stored('instance')).toEqual([]);
    world.mesos.rejoin(agent);
    await world.advance(1_000);
    expect(world.mesos.alive()).toEqual([]);
    world.expectSane();
  });

  it('and creating again at once ends with the new app alone', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    world.mesos.losesKills = true;
    await world.delete('/web');
    await world.put('/web', { instances: 3 }, true);
    world.mesos.losesKills = false;
    await world.advance(60_000);
    expect(world.running('/web')).toHaveLength(3);
    expect(world.tasksOf('/web')).toHaveLength(3);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('that is cancelled by force still ends the app and leaves no record', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    world.mesos.losesKills = true;
    await world.delete('/web');
    const [id] = world.deploymentIds();
    void world.control.cancelDeployment(id as string, { force: true });
    await world.settle();
    world.mesos.losesKills = false;
    await world.advance(60_000);
    expect(world.tasksOf('/web')).toEqual([]);
    expect(world.stored('instance')).toEqual([]);
  });
});

describe('Rolling restarts', () => {
  for (const [instances, minimumHealthCapacity, maximumOverCapacity] of [
    [4, 1, 1],
    [4, 1, 0],
    [4, 0.5, 0],
    [5, 0.6, 0.4],
    [1, 1, 0],
    [3, 0, 0],
  ] as const) {
    it(`of ${instances} keep to minimum ${minimumHealthCapacity} and over ${maximumOverCapacity}`, async () => {
      const world = await createWorld();
      const upgradeStrategy = { minimumHealthCapacity, maximumOverCapacity };
      const definition = { instances, upgradeStrategy, healthChecks };
      await world.put('/web', definition);
      await world.advance(5_000);
      expect(world.deploymentIds()).toEqual([]);
      const old = world.tasksOf('/web');
      await world.put('/web', { ...definition, cmd: 'sleep 2000' });
      const { most, leastReady } = await watch(world, '/web', 2_000);
      expect(world.deploymentIds()).toEqual([]);
      const minimum = Math.ceil(instances * minimumHealthCapacity);
      const maximum = Math.trunc(instances * (1 + maximumOverCapacity));
      expect(leastReady).toBeGreaterThanOrEqual(minimum);
      expect(most).toBeLessThanOrEqual(Math.max(maximum, minimum === maximum ? maximum + 1 : 0));
      expect(world.running('/web')).toHaveLength(instances);
      for (const task of old) expect(world.tasksOf('/web')).not.toContain(task);
      world.expectSane();
    });
  }

  it('wait for health, and never touch the old ones while the new ones are sick', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 3, healthChecks });
    await world.advance(5_000);
    const old = world.tasksOf('/web');
    world.prober.answer = ({ port }) => {
      const owner = world.mesos.alive().find((t) => t.ports.includes(port));
      return { type: 'answered', status: owner && old.includes(owner.id) ? 200 : 500 };
    };
    await world.put('/web', { instances: 3, healthChecks, cmd: 'sleep 2' });
    await world.advance(120_000);
    expect(world.tasksOf('/web')).toEqual(expect.arrayContaining([...old]));
    expect(world.deploymentIds()).toHaveLength(1);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(120_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(world.tasksOf('/web').some((t) => old.includes(t))).toBe(false);
  });

  // deviation(different): change of labels, dependencies, upgrade strategy, back-off, kill selection, unreachable strategy, readiness checks
  //   Marathon: restarts every task
  //   here: new `version`, no new tasks; running ones keep their labels and environment until they are replaced;
  //     `?restart=true` asks for the old way
  //   why: an outage for a label
  it('do not happen for a change of metadata, which still makes a version', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    const tasks = world.tasksOf('/web');
    const version = world.read.app('/web')?.version;
    await world.advance(1_000);
    await world.put('/web', { instances: 2, labels: { a: 'b' } });
    await world.advance(5_000);
    expect(world.tasksOf('/web')).toEqual(tasks);
    expect(world.read.app('/web')?.version).not.toBe(version);
    expect(world.read.appVersions('/web')).toHaveLength(2);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('can be asked for without a change', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    const tasks = world.tasksOf('/web');
    await world.advance(1_000);
    await world.change([{ type: 'restart', id: '/web' as AppId }]);
    await world.advance(10_000);
    expect(world.running('/web')).toHaveLength(2);
    expect(world.tasksOf('/web').some((t) => tasks.includes(t))).toBe(false);
  });
});

describe('Locks', () => {
  it('refuse a second change with the ids of those that hold the app, and force takes over (V86)', async () => {
    const world = await createWorld();
    await world.put('/web', { cpus: 1_000 });
    const [holder] = world.deploymentIds();
    const refused = await world.put('/web', { cpus: 0.1 });
    expect(refused).toMatchObject({ ok: false, error: { status: 409, deployments: [{ id: holder }] } });
    expect(world.eventsOf('group_change_failed')).toHaveLength(1);
    expect((await world.put('/other')).ok).toBe(true);
    expect((await world.put('/web', { cpus: 0.2 }, true)).ok).toBe(true);
    await world.advance(5_000);
    expect(world.eventsOf('deployment_failed').map((e) => e['id'])).toEqual([holder]);
    expect(world.running('/web')).toHaveLength(1);
    expect(world.deploymentIds()).toEqual([]);
    world.expectSane();
  });

  it('give a half-done upgrade to whoever takes the app over: a forced scale finishes it', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2, healthChecks });
    await world.advance(1_000);
    world.prober.answer = () => ({ type: 'answered', status: 503 });
    await world.put('/web', { instances: 2, healthChecks, cmd: 'sleep 2' });
    await world.advance(1_000);
    expect((await world.put('/web', { instances: 3, healthChecks, cmd: 'sleep 2' }, true)).ok).toBe(true);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(60_000);
    expect(world.deploymentIds()).toEqual([]);
    const config = world.read.app('/web')!.versionInfo.lastConfigChangeAt;
    expect(world.instances('/web').map((i) => i.version >= config)).toEqual([true, true, true]);
  });

  it('keep the sentence of a forced kill-and-scale that takes over an upgrade', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 3, healthChecks });
    await world.advance(1_000);
    world.prober.answer = () => ({ type: 'answered', status: 503 });
    await world.put('/web', { instances: 3, healthChecks, cmd: 'sleep 2' });
    await world.advance(1_000);
    const [victim] = world.instances('/web').map((i) => i.id);
    void world.control.kill({ instances: [victim!], scale: true, wipe: false, force: true });
    await world.advance(5_000);
    expect(world.instances('/web').map((i) => i.id)).not.toContain(victim);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(60_000);
    expect(world.running('/web')).toHaveLength(2);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('end with a cancellation that rolls back what the deployment changed', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    await world.advance(1_000);
    const tasks = world.tasksOf('/web');
    await world.put('/web', { instances: 2, cpus: 1_000 });
    const [id] = world.deploymentIds();
    const answer = world.control.cancelDeployment(id as string, { force: false });
    await world.settle();
    expect(await answer).toMatchObject({ ok: true });
    await world.advance(20_000);
    expect(world.read.app('/web')?.cpus).toBe(0.1);
    expect(world.running('/web')).toHaveLength(2);
    expect(world.instances('/web')).toHaveLength(2);
    expect(world.tasksOf('/web')).toEqual(tasks);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('remove an app whose creation is cancelled', async () => {
    const world = await createWorld();
    await world.put('/web', { cpus: 1_000 });
    const [id] = world.deploymentIds();
    void world.control.cancelDeployment(id as string, { force: false });
    await world.advance(5_000);
    expect(world.read.app('/web')).toBeUndefined();
    expect(world.stored('instance')).toEqual([]);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('end with a forced cancellation that leaves everything as it is', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    const tasks = world.tasksOf('/web');
    await world.advance(1_000);
    await world.put('/web', { instances: 2, cpus: 1_000 });
    const [id] = world.deploymentIds();
    const answer = world.control.cancelDeployment(id as string, { force: true });
    await world.advance(10_000);
    expect(await answer).toEqual({ ok: true, value: undefined });
    expect(world.deploymentIds()).toEqual([]);
    expect(world.read.app('/web')?.cpus).toBe(1_000);
    expect(world.tasksOf('/web')).toEqual(tasks);
  });

  it('are refused beyond the allowed number of deployments', async () => {
    const world = await createWorld({ settings: { maxRunningDeployments: 1 } });
    await world.put('/a', { cpus: 1_000 });
    expect(await world.put('/b')).toMatchObject({ ok: false, error: { status: 403 } });
  });
});

describe('A deployment', () => {
  it('is gone from the read model before its success is told', async () => {
    const world = await createWorld();
    const seen: unknown[] = [];
    world.orchestrator.events.attach({
      deliver: (events) => {
        for (const e of events) if (e.type === 'deployment_success') seen.push([...world.read.deployments()]);
      },
    });
    await world.put('/web');
    expect(seen).toEqual([[]]);
  });

  it('covers all changes of one request, or none of them', async () => {
    const world = await createWorld();
    const answer = await world.change([putOf('/a'), putOf('/b'), putOf('/c')]);
    expect(answer.ok && answer.value.apps.map((a) => a.id)).toEqual(['/a', '/b', '/c']);
    expect(world.eventsOf('deployment_success')).toHaveLength(1);
    const refused = await world.change([putOf('/d'), { type: 'delete', id: '/none' as AppId }]);
    expect(refused.ok).toBe(false);
    expect(world.read.app('/d')).toBeUndefined();
  });

  it('starts an app only when those it depends on are healthy', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'answered', status: 503 });
    await world.change([putOf('/front', { dependencies: ['/back'] }), putOf('/back', { healthChecks })]);
    await world.advance(4_000);
    expect(world.tasksOf('/back')).toHaveLength(1);
    expect(world.tasksOf('/front')).toEqual([]);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(4_000);
    expect(world.tasksOf('/front')).toHaveLength(1);
    expect(world.deploymentIds()).toEqual([]);
    expect(world.eventsOf('deployment_step_success').length).toBeGreaterThanOrEqual(2);
  });

  it('still waits for health after a restart', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'answered', status: 503 });
    await world.change([putOf('/front', { dependencies: ['/back'] }), putOf('/back', { healthChecks })]);
    await world.advance(4_000);
    await world.restart();
    await world.advance(1_000);
    expect(world.tasksOf('/front')).toEqual([]);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(4_000);
    expect(world.tasksOf('/front')).toHaveLength(1);
    expect(world.deploymentIds()).toEqual([]);
  });
});
