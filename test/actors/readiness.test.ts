import { describe, expect, it } from 'vitest';
import type { ProbeRequest } from '../../src/actors/ports.ts';
import type { AppId } from '../../src/core/ids.ts';
import { createWorld, putOf, type World } from '../support/world.ts';

const readinessChecks = [
  {
    name: 'warm',
    protocol: 'HTTP',
    path: '/ready',
    portName: 'main',
    intervalSeconds: 5,
    timeoutSeconds: 2,
    httpStatusCodesForReady: [200, 204],
    preserveLastResponse: true,
  },
] as const;
const portDefinitions = [{ port: 0, protocol: 'tcp', name: 'main' }] as const;
const app = { instances: 3, readinessChecks, portDefinitions } as const;

/** Tasks whose readiness check says yes. */
function answerFor(world: World, isReady: (taskId: string) => boolean): void {
  world.prober.answer = ({ port, path }: ProbeRequest) => {
    if (path !== '/ready') return { type: 'answered', status: 200 };
    const owner = world.mesos.alive().find((t) => t.ports.includes(port));
    return owner && isReady(owner.id)
      ? { type: 'answered', status: 204, contentType: 'text/plain', body: 'warm' }
      : { type: 'answered', status: 503, contentType: 'text/plain', body: 'cold' };
  };
}

const asked = (world: World) => world.prober.asked.filter((p) => p.path === '/ready').length;

describe('Readiness checks (behaviour §4.5)', () => {
  it('hold a deployment until every instance that it started is ready, and stop then', async () => {
    const world = await createWorld();
    answerFor(world, () => false);
    await world.put('/web', app);
    await world.advance(12_000);
    expect(world.running('/web')).toHaveLength(3);
    expect(world.deploymentIds()).toHaveLength(1);
    // At once, and then one interval after each answer.
    expect(asked(world)).toBe(9);
    const [first] = world.running('/web');
    expect([...world.read.readinessOf('/web')][0]).toEqual({
      name: 'warm',
      taskId: first?.id,
      ready: false,
      lastResponse: { status: 503, contentType: 'text/plain', body: 'cold' },
    });
    answerFor(world, () => true);
    await world.advance(5_000);
    expect(world.deploymentIds()).toEqual([]);
    expect([...world.read.readinessOf('/web')]).toEqual([]);
    const before = asked(world);
    await world.advance(60_000);
    expect(asked(world)).toBe(before);
    world.expectSane();
  });

  it('are not put to an instance again that is ready, nor to those that were there before', async () => {
    const world = await createWorld();
    answerFor(world, () => true);
    await world.put('/web', app);
    await world.advance(1_000);
    expect(world.deploymentIds()).toEqual([]);
    const old = world.tasksOf('/web');
    let cold = '';
    answerFor(world, (id) => !old.includes(id) && id !== cold);
    const before = asked(world);
    const answer = world.request([{ type: 'scale', id: '/web' as AppId, instances: 5, sentenced: [] }]);
    await world.settle();
    expect((await answer).ok).toBe(true);
    cold = world.tasksOf('/web').find((t) => !old.includes(t)) ?? '';
    await world.advance(30_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(asked(world)).toBe(before + 2);
  });

  it('count as not ready without an answer, which is kept as a 504', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'failed', cause: 'ECONNREFUSED' });
    await world.put('/web', app);
    await world.advance(1_000);
    expect([...world.read.readinessOf('/web')].map((r) => [r.ready, r.lastResponse])).toEqual(
      Array(3).fill([false, { status: 504, contentType: 'text/plain', body: 'ECONNREFUSED' }]),
    );
  });

  it('do not lose an interval to a task that is only starting', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'failed', cause: 'ECONNREFUSED' });
    await world.put('/web', app);
    await world.advance(350);
    answerFor(world, () => true);
    await world.advance(400);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('hold back a rolling upgrade: no old instance dies for a new one that is not ready', async () => {
    const world = await createWorld();
    answerFor(world, () => true);
    await world.put('/web', app);
    await world.advance(1_000);
    const old = world.tasksOf('/web');
    const warm = new Set<string>();
    answerFor(world, (id) => warm.has(id));
    await world.put('/web', { ...app, cmd: 'sleep 2' });
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toEqual(expect.arrayContaining([...old]));
    expect(world.tasksOf('/web')).toHaveLength(6);
    for (let n = 1; n <= 3; n++) {
      const next = world.tasksOf('/web').find((t) => !old.includes(t) && !warm.has(t));
      warm.add(next ?? '');
      await world.advance(10_000);
      expect(old.filter((t) => world.tasksOf('/web').includes(t))).toHaveLength(3 - n);
    }
    expect(world.deploymentIds()).toEqual([]);
    expect(world.tasksOf('/web')).toHaveLength(3);
    world.expectSane();
  });

  it('are put again by a new leader, which goes on where the deployment stood', async () => {
    const world = await createWorld();
    answerFor(world, () => false);
    await world.change([
      putOf('/back', { ...app, instances: 1 }),
      putOf('/front', { dependencies: ['/back'], instances: 1 }),
    ]);
    await world.advance(3_000);
    const tasks = world.tasksOf('/back');
    await world.restart();
    await world.advance(20_000);
    expect(world.tasksOf('/back')).toEqual(tasks);
    expect(world.tasksOf('/front')).toEqual([]);
    expect(world.deploymentIds()).toHaveLength(1);
    answerFor(world, () => true);
    await world.advance(6_000);
    expect(world.tasksOf('/front')).toHaveLength(1);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('hold back a rolling upgrade after a change of the leader too', async () => {
    const world = await createWorld();
    answerFor(world, () => true);
    await world.put('/web', app);
    await world.advance(1_000);
    const old = world.tasksOf('/web');
    answerFor(world, () => false);
    await world.put('/web', { ...app, cmd: 'sleep 2' });
    await world.advance(2_000);
    await world.restart();
    await world.advance(30_000);
    expect(world.tasksOf('/web')).toEqual(expect.arrayContaining([...old]));
    expect(world.deploymentIds()).toHaveLength(1);
    answerFor(world, () => true);
    await world.advance(60_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(world.tasksOf('/web').some((t) => old.includes(t))).toBe(false);
  });

  it('begin anew for the next task of an instance that dies before it is ready', async () => {
    const world = await createWorld();
    answerFor(world, () => false);
    await world.put('/web', { ...app, instances: 1 });
    await world.advance(1_000);
    const [first] = world.tasksOf('/web');
    answerFor(world, (id) => id !== first);
    world.mesos.move(first as string, 'TASK_FAILED');
    await world.settle();
    expect(world.deploymentIds()).toHaveLength(1);
    await world.advance(60_000);
    expect(world.tasksOf('/web')).toHaveLength(1);
    expect(world.tasksOf('/web')).not.toContain(first);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('wait together with health checks for both', async () => {
    const world = await createWorld();
    const healthChecks = [{ protocol: 'HTTP', path: '/health', intervalSeconds: 2, timeoutSeconds: 1 }] as const;
    let health = 503;
    let warm = 503;
    world.prober.answer = ({ path }) => ({ type: 'answered', status: path === '/health' ? health : warm });
    await world.put('/web', { ...app, healthChecks });
    await world.advance(10_000);
    health = 200;
    await world.advance(20_000);
    expect(world.deploymentIds()).toHaveLength(1);
    warm = 200;
    await world.advance(5_000);
    expect(world.deploymentIds()).toEqual([]);
  });

  it('of a deployment that is cancelled are not asked any more', async () => {
    const world = await createWorld();
    answerFor(world, () => false);
    await world.put('/web', app);
    await world.advance(1_000);
    void world.control.cancelDeployment(world.deploymentIds()[0] as string, { force: true });
    await world.settle();
    const before = asked(world);
    await world.advance(60_000);
    expect(asked(world)).toBe(before);
    expect(world.running('/web')).toHaveLength(3);
  });
});
