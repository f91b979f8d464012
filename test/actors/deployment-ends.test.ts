import { describe, expect, it } from 'vitest';
import type { DeploymentLimits, FinishedDeployment } from '../../src/core/deploy/plan-types.ts';
import { waitingReasons } from '../../src/core/deploy/waiting.ts';
import type { AppId } from '../../src/core/ids.ts';
import { createWorld, putOf, type World } from '../support/world.ts';

const healthChecks = [
  {
    protocol: 'HTTP',
    path: '/',
    gracePeriodSeconds: 300,
    intervalSeconds: 2,
    timeoutSeconds: 1,
    maxConsecutiveFailures: 3,
  },
] as const;

/** A PUT whose deployment has limits. */
async function put(world: World, id: string, update: object, limits: DeploymentLimits, force = false): Promise<string> {
  const answer = world.control.changeApps([putOf(id, update)], { force, limits });
  await world.settle();
  const result = await answer;
  if (!result.ok) throw new Error(result.error.message);
  return result.value.deploymentId;
}

const ended = (world: World, id: string): FinishedDeployment | undefined => world.read.finishedDeployment(id);

const reasonsOf = (world: World, id: string): readonly string[] => {
  const deployment = world.read.deployment(id);
  if (!deployment) throw new Error('not running');
  const { appAt, instancesOf, readinessOf } = world.read;
  const facts = { appAt, instancesOf, readinessOf, notBeforeMs: () => undefined, nowMs: world.clock.now() };
  return waitingReasons(deployment, world.read.pendingOf(id), facts);
};

/** Old tasks are healthy, new ones are not. */
async function stuckUpgrade(world: World, limits: DeploymentLimits, instances = 3) {
  await world.put('/web', { instances, healthChecks });
  await world.advance(5_000);
  const old = world.tasksOf('/web');
  world.prober.answer = ({ port }) => {
    const owner = world.mesos.alive().find((t) => t.ports.includes(port));
    return { type: 'answered', status: owner && old.includes(owner.id) ? 200 : 500 };
  };
  const id = await put(world, '/web', { instances, healthChecks, cmd: 'sleep 2' }, limits);
  return { old, id };
}

describe('A deployment with a deadline', () => {
  it('is over in time without noticing it', async () => {
    const world = await createWorld();
    const id = await put(world, '/web', { instances: 2 }, { deadlineSeconds: 60, onFailure: 'rollback' });
    await world.advance(120_000);
    expect(ended(world, id)).toMatchObject({ result: 'succeeded' });
    expect(world.running('/web')).toHaveLength(2);
  });

  it('that passes keeps everything as it is, and says what it was waiting for', async () => {
    const world = await createWorld();
    const { old, id } = await stuckUpgrade(world, { deadlineSeconds: 60, onFailure: 'keep' });
    await world.advance(59_000);
    expect(world.deploymentIds()).toEqual([id]);
    expect(reasonsOf(world, id)).toEqual(['waits for 3 of 3 instances of /web to be healthy']);
    await world.advance(1_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(ended(world, id)).toMatchObject({
      result: 'failed',
      reason: 'the deadline of 60 s has passed: waits for 3 of 3 instances of /web to be healthy',
    });
    expect(world.read.app('/web')?.cmd).toBe('sleep 2');
    await world.advance(60_000);
    expect(world.tasksOf('/web')).toEqual(expect.arrayContaining([...old]));
    expect(world.eventsOf('deployment_step_failure')).toHaveLength(1);
    expect(world.eventsOf('deployment_failed')).toMatchObject([{ id, reason: expect.stringContaining('deadline') }]);
    world.expectSane();
  });

  it('that passes rolls back, and the healthy old tasks are the ones that stay', async () => {
    const world = await createWorld();
    const { old, id } = await stuckUpgrade(world, { deadlineSeconds: 60, onFailure: 'rollback' });
    let leastOld = old.length;
    for (let i = 0; i < 120; i++) {
      await world.advance(1_000);
      leastOld = Math.min(leastOld, world.tasksOf('/web').filter((t) => old.includes(t)).length);
    }
    expect(leastOld).toBe(old.length);
    expect(world.tasksOf('/web')).toEqual(old);
    expect(world.read.app('/web')?.cmd).toBe('sleep 1000');
    expect(world.deploymentIds()).toEqual([]);
    const over = ended(world, id);
    expect(over).toMatchObject({ result: 'rolledBack', reason: expect.stringContaining('deadline of 60 s') });
    expect(ended(world, over?.successor ?? '')).toMatchObject({ result: 'succeeded' });
    expect(world.eventsOf('deployment_failed').map((e) => e['id'])).toEqual([id]);
    world.expectSane();
  });

  it('that passes removes a new app whose creation is rolled back', async () => {
    const world = await createWorld();
    const id = await put(world, '/web', { cpus: 1_000 }, { deadlineSeconds: 10, onFailure: 'rollback' });
    await world.advance(20_000);
    expect(ended(world, id)).toMatchObject({
      result: 'rolledBack',
      reason: 'the deadline of 10 s has passed: waits for an offer for 1 of 1 instances of /web',
    });
    expect(world.read.app('/web')).toBeUndefined();
    expect(world.stored('instance')).toEqual([]);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('that passes pauses with its locks, until somebody lets it go on', async () => {
    const world = await createWorld();
    const { old, id } = await stuckUpgrade(world, { deadlineSeconds: 60, onFailure: 'pause' });
    await world.advance(61_000);
    expect(world.deploymentIds()).toEqual([id]);
    expect(reasonsOf(world, id)[0]).toMatch(/^is paused: the deadline of 60 s has passed/);
    expect(await world.put('/web', { cmd: 'sleep 3' })).toMatchObject({ ok: false, error: { status: 409 } });
    await world.restart();
    await world.advance(60_000);
    expect(world.deploymentIds()).toEqual([id]);
    expect(world.tasksOf('/web')).toEqual(old);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toEqual(old);
    const answer = world.control.continueDeployment(id, undefined);
    await world.advance(50_000);
    expect((await answer).ok).toBe(true);
    expect(ended(world, id)).toMatchObject({ result: 'succeeded' });
    expect(world.running('/web')).toHaveLength(3);
    expect(world.tasksOf('/web').some((t) => old.includes(t))).toBe(false);
    world.expectSane();
  });

  it('that is paused is still stopped, rolled back, or taken over', async () => {
    for (const way of ['stop', 'back', 'force'] as const) {
      const world = await createWorld();
      const { old, id } = await stuckUpgrade(world, { deadlineSeconds: 10, onFailure: 'pause' });
      await world.advance(20_000);
      if (way === 'stop') void world.control.cancelDeployment(id, { force: true });
      else if (way === 'back') void world.control.cancelDeployment(id, { force: false });
      else void world.put('/web', { instances: 3, healthChecks, cmd: 'sleep 3' }, true);
      await world.advance(60_000);
      const result = { stop: 'cancelled', back: 'rolledBack', force: 'cancelled' }[way];
      expect(ended(world, id)).toMatchObject({ result });
      if (way === 'back') expect(world.tasksOf('/web')).toEqual(old);
      world.expectSane();
    }
  });

  it('counts from its start, whoever leads meanwhile', async () => {
    const world = await createWorld();
    const { id } = await stuckUpgrade(world, { deadlineSeconds: 60, onFailure: 'keep' });
    await world.advance(40_000);
    await world.restart();
    await world.advance(19_000);
    expect(world.deploymentIds()).toEqual([id]);
    await world.advance(1_000);
    expect(ended(world, id)).toMatchObject({ result: 'failed' });
  });

  it('that passed while nobody led is given up at once', async () => {
    const world = await createWorld();
    const { id } = await stuckUpgrade(world, { deadlineSeconds: 60, onFailure: 'keep' });
    world.crash();
    await world.advance(600_000);
    await world.restart();
    await world.advance(1);
    expect(ended(world, id)).toMatchObject({ result: 'failed' });
  });

  it('can be left alone by a pause only while it is paused', async () => {
    const world = await createWorld();
    const id = await put(world, '/web', { cpus: 1_000 }, { deadlineSeconds: 60, onFailure: 'pause' });
    const running = world.control.continueDeployment(id, undefined);
    const unknown = world.control.continueDeployment('x', undefined);
    await world.settle();
    expect(await running).toMatchObject({ ok: false, error: { status: 422 } });
    expect(await unknown).toMatchObject({ ok: false, error: { status: 404 } });
  });
});

describe('A deployment with a number of launches', () => {
  async function fail(world: World): Promise<void> {
    for (const task of world.tasksOf('/web')) world.mesos.move(task, 'TASK_FAILED');
    await world.settle();
  }

  it('is given up when one instance has failed so often', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'answered', status: 500 });
    const app = { healthChecks, backoffSeconds: 1, backoffFactor: 1 };
    const id = await put(world, '/web', app, { maxLaunchAttempts: 3, onFailure: 'rollback' });
    for (let launch = 1; launch <= 3; launch++) {
      await world.advance(5_000);
      expect(world.tasksOf('/web')).toHaveLength(1);
      expect(world.read.deployment(id)).toBeDefined();
      await fail(world);
    }
    expect(ended(world, id)).toMatchObject({
      result: 'rolledBack',
      reason: expect.stringMatching(/^instance web\.\S+ of \/web did not get ready in 3 launches$/),
    });
    await world.advance(10_000);
    expect(world.read.app('/web')).toBeUndefined();
  });

  it('counts the launches under all leaders', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'answered', status: 500 });
    const id = await put(world, '/web', { healthChecks }, { maxLaunchAttempts: 2, onFailure: 'keep' });
    await world.advance(5_000);
    await fail(world);
    await world.restart();
    await world.advance(10_000);
    expect(world.read.deployment(id)).toBeDefined();
    await fail(world);
    expect(ended(world, id)).toMatchObject({ result: 'failed' });
  });

  it('is what a kill with scale may make too', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    await world.advance(1_000);
    world.mesos.losesKills = true;
    const limits = { deadlineSeconds: 10, onFailure: 'keep' } as const;
    const instances = world.instances('/web').slice(0, 1);
    const kill = { instances: instances.map((i) => i.id), scale: true, wipe: false, force: false, limits };
    const answer = world.control.kill(kill);
    await world.settle();
    const result = await answer;
    const id = result.ok && result.value.type === 'deployment' ? result.value.result.deploymentId : '';
    expect(world.read.deployment(id)?.limits).toEqual(limits);
    await world.advance(10_000);
    expect(ended(world, id)).toMatchObject({
      result: 'failed',
      reason: 'the deadline of 10 s has passed: waits for 1 instance of /web to end',
    });
  });

  it('does not blame an instance for its agent, nor one that was there before', async () => {
    const world = await createWorld({ agents: 2 });
    await world.put('/web', { instances: 1 });
    await world.advance(1_000);
    const [before] = world.tasksOf('/web');
    world.prober.answer = () => ({ type: 'answered', status: 500 });
    const scale = world.control.changeApps([{ type: 'scale', id: '/web' as AppId, instances: 2, sentenced: [] }], {
      force: false,
      limits: { maxLaunchAttempts: 1, onFailure: 'keep' },
    });
    world.mesos.move(before as string, 'TASK_FAILED');
    await world.settle();
    const answer = await scale;
    await world.advance(5_000);
    expect(answer.ok && ended(world, answer.value.deploymentId)).toMatchObject({ result: 'succeeded' });
    const id = await put(world, '/other', { healthChecks }, { maxLaunchAttempts: 1, onFailure: 'keep' });
    await world.advance(5_000);
    world.mesos.move(world.tasksOf('/other')[0] as string, 'TASK_GONE');
    await world.advance(5_000);
    expect(world.read.deployment(id)).toBeDefined();
  });
});

describe('A deployment that is over', () => {
  it('stays readable with its times, across restarts', async () => {
    const world = await createWorld();
    const answer = await world.change([putOf('/front', { dependencies: ['/back'] }), putOf('/back')]);
    await world.advance(1_000);
    const id = answer.ok ? answer.value.deploymentId : '';
    const over = ended(world, id);
    expect(over).toMatchObject({ result: 'succeeded', deployment: { id, currentStep: 3 } });
    const times = [...(over?.deployment.stepStartedAtMs ?? []), over?.endedAtMs];
    expect(times).toHaveLength(4);
    expect(times).toEqual(times.toSorted());
    await world.restart();
    expect(ended(world, id)).toEqual(over);
    expect(world.read.deployment(id)).toBeUndefined();
  });

  it('is told from one that changed nothing only by its plan', async () => {
    const world = await createWorld();
    await world.put('/web');
    const answer = await world.put('/web');
    const id = answer.ok ? answer.value.deploymentId : '';
    expect(ended(world, id)).toMatchObject({ result: 'succeeded', deployment: { steps: [], affected: [] } });
    expect(world.stored('deployment').filter((r) => r.json !== undefined)).toEqual([]);
  });

  it('names who took its place, and what a user did', async () => {
    const world = await createWorld();
    await world.put('/web', { cpus: 1_000 });
    const [first] = world.deploymentIds();
    await world.put('/web', { cpus: 2_000 }, true);
    const [second] = world.deploymentIds();
    expect(ended(world, first ?? '')).toMatchObject({ result: 'cancelled', successor: second });
    void world.control.cancelDeployment(second ?? '', { force: true });
    await world.settle();
    expect(ended(world, second ?? '')).toMatchObject({ result: 'cancelled', reason: 'Stopped by a user' });
    expect(world.eventsOf('deployment_failed').map((e) => e['reason'])).toEqual(
      Array(2).fill('The upgrade has been cancelled'),
    );
  });

  it('makes way when there are too many', async () => {
    const world = await createWorld();
    const ids: string[] = [];
    for (let i = 0; i < 1_010; i++) {
      const answer = await world.put('/web', { instances: 0, labels: { i: String(i) } });
      if (answer.ok) ids.push(answer.value.deploymentId);
    }
    expect(world.stored('finishedDeployment').filter((r) => r.json !== undefined)).toHaveLength(1_000);
    expect(ended(world, ids[9] ?? '')).toBeUndefined();
    expect(ended(world, ids[10] ?? '')).toBeDefined();
    await world.restart();
    await world.put('/web', { instances: 0, labels: { i: 'last' } });
    expect(ended(world, ids[10] ?? '')).toBeUndefined();
    expect(ended(world, ids[11] ?? '')).toBeDefined();
  });
});

describe('restart=true (design §8)', () => {
  it('replaces tasks for a change of metadata, and for nothing less', async () => {
    const world = await createWorld();
    await world.put('/web', { instances: 2 });
    await world.advance(1_000);
    const old = world.tasksOf('/web');
    const same = world.control.changeApps([putOf('/web', { instances: 2 })], { force: false, restart: true });
    await world.advance(10_000);
    expect((await same).ok).toBe(true);
    expect(world.tasksOf('/web')).toEqual(old);
    const labelled = { instances: 2, labels: { a: 'b' } };
    void world.control.changeApps([putOf('/web', labelled)], { force: false, restart: true });
    await world.advance(10_000);
    expect(world.tasksOf('/web')).toHaveLength(2);
    expect(world.tasksOf('/web').some((t) => old.includes(t))).toBe(false);
    const app = world.read.app('/web');
    expect(app?.versionInfo).toEqual({ lastScalingAt: app?.version, lastConfigChangeAt: app?.version });
  });
});
