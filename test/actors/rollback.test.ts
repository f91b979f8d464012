import { describe, expect, it } from 'vitest';
import { createWorld } from '../support/world.ts';

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

describe('The way back from a deployment', () => {
  // deviation(different): rollback of a deployment
  //   Marathon: every task is replaced
  //   here: tasks that still run what it goes back to stay
  //   why: no harm to what was well
  it('never touches healthy tasks of the configuration before', async () => {
    const world = await createWorld();
    const definition = {
      instances: 4,
      healthChecks,
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0.5 },
    };
    await world.put('/web', definition);
    await world.advance(5_000);
    const old = world.tasksOf('/web');
    world.prober.answer = ({ port }) => {
      const owner = world.mesos.alive().find((t) => t.ports.includes(port));
      return { type: 'answered', status: owner && old.includes(owner.id) ? 200 : 500 };
    };
    await world.put('/web', { ...definition, cmd: 'sleep 2' });
    await world.advance(10_000);
    const left = world.tasksOf('/web').filter((t) => old.includes(t));
    expect(left).toHaveLength(2);
    void world.control.cancelDeployment(world.deploymentIds()[0] as string, { force: false });
    await world.advance(1_000);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(60_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(world.tasksOf('/web')).toEqual(expect.arrayContaining(left));
    expect(world.running('/web').map((i) => world.read.appAt('/web', i.version)?.cmd)).toEqual(
      Array(4).fill('sleep 1000'),
    );
    // A later change of metadata keeps them; one of the configuration does not.
    await world.put('/web', { ...definition, labels: { a: 'b' } });
    await world.advance(10_000);
    expect(world.tasksOf('/web')).toEqual(expect.arrayContaining(left));
    await world.put('/web', { ...definition, cmd: 'sleep 3' });
    await world.advance(60_000);
    expect(world.tasksOf('/web').some((t) => left.includes(t))).toBe(false);
    world.expectSane();
  });
});
