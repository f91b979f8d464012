import { describe, expect, it } from 'vitest';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { Instance } from '../../src/core/instance/instance.ts';
import { createWorld, type World, type WorldOptions } from '../support/world.ts';

const check = {
  protocol: 'HTTP',
  path: '/',
  gracePeriodSeconds: 60,
  intervalSeconds: 2,
  timeoutSeconds: 1,
  maxConsecutiveFailures: 2,
} as const;
const app: AppUpdate = { instances: 3, healthChecks: [check], replaceBeforeKill: true };

const placeOf = (i: Instance | undefined): string => `${i?.agent?.host}:${i?.tasks[0]?.hostPorts[0]}`;
const wellOf = (world: World): readonly Instance[] => world.running('/web').filter(({ healthy }) => healthy === true);
const kills = (world: World): number => world.mesos.callsOf('kill').length;

/** Three healthy instances; from now on the first one fails, and new ones do what `fresh` says. */
async function withSick(fresh: 'well' | 'sick', more: AppUpdate = {}, options: WorldOptions = {}) {
  const world = await createWorld(options);
  await world.put('/web', { ...app, ...more });
  await world.advance(10_000);
  const [sick, ...others] = world.running('/web');
  const well = new Set(others.map(placeOf));
  world.prober.answer = ({ host, port }) => {
    const place = `${host}:${port}`;
    const isWell = well.has(place) || (fresh === 'well' && place !== placeOf(sick));
    return isWell ? { type: 'answered', status: 200 } : { type: 'failed', cause: 'refused' };
  };
  return { world, sick: sick as Instance };
}

describe('replaceBeforeKill', () => {
  it('keeps an unhealthy instance until another one is healthy in its place', async () => {
    const { world, sick } = await withSick('sick');
    await world.advance(40_000);
    expect(kills(world)).toBe(0);
    expect(world.running('/web').map(({ id }) => id)).toContain(sick.id);
    expect(world.instances('/web')).toHaveLength(4);
    expect(world.eventsOf('unhealthy_instance_kill_event')).toEqual([]);
    world.prober.answer = ({ host, port }) =>
      `${host}:${port}` === placeOf(sick) ? { type: 'failed', cause: 'refused' } : { type: 'answered', status: 200 };
    await world.advance(5_000);
    expect(wellOf(world)).toHaveLength(3);
    expect(world.instances('/web')).toHaveLength(3);
    expect(world.read.instance(sick.id)).toBeUndefined();
    expect(world.eventsOf('unhealthy_instance_kill_event')).toMatchObject([
      { instanceId: sick.id, taskId: sick.tasks[0]?.id, reason: 'refused' },
    ]);
    expect(world.read.lastTaskFailure('/web')).toMatchObject({ state: 'TASK_KILLED', taskId: sick.tasks[0]?.id });
    world.expectSane();
  });

  it('lets it live if it recovers first, and gives the other one back', async () => {
    const { world, sick } = await withSick('sick');
    await world.advance(20_000);
    expect(world.instances('/web')).toHaveLength(4);
    world.prober.answer = ({ host, port }) =>
      `${host}:${port}` === placeOf(sick) ? { type: 'answered', status: 200 } : undefined;
    await world.advance(10_000);
    expect(world.instances('/web')).toHaveLength(3);
    expect(world.read.instance(sick.id)).toMatchObject({ healthy: true });
    expect(world.eventsOf('unhealthy_instance_kill_event')).toEqual([]);
  });

  it('goes on after a crash of the server, and kills no sooner', async () => {
    const { world, sick } = await withSick('sick');
    await world.advance(20_000);
    await world.restart();
    await world.advance(20_000);
    expect(kills(world)).toBe(0);
    expect(world.instances('/web')).toHaveLength(4);
    world.prober.answer = ({ host, port }) =>
      `${host}:${port}` === placeOf(sick) ? { type: 'failed', cause: 'refused' } : { type: 'answered', status: 200 };
    await world.advance(10_000);
    expect(wellOf(world)).toHaveLength(3);
    expect(world.instances('/web')).toHaveLength(3);
    expect(world.read.instance(sick.id)).toBeUndefined();
  });

  it('leaves it alone while there is no room for another one', async () => {
    const { world, sick } = await withSick('well', { cpus: 64 });
    await world.advance(120_000);
    expect(kills(world)).toBe(0);
    expect(world.running('/web').map(({ id }) => id)).toContain(sick.id);
    expect(world.read.queue()).toHaveLength(1);
    world.mesos.addAgent();
    await world.advance(20_000);
    expect(wellOf(world)).toHaveLength(3);
    expect(world.read.instance(sick.id)).toBeUndefined();
  });

  it('replaces one after another where the upgrade strategy gives no room for more', async () => {
    const upgradeStrategy = { minimumHealthCapacity: 1, maximumOverCapacity: 0 };
    const { world } = await withSick('well', { upgradeStrategy });
    const old = new Set(world.running('/web').map(placeOf));
    let most = 0;
    world.prober.answer = ({ host, port }) => {
      most = Math.max(most, world.instances('/web').filter(({ goal }) => goal === 'Running').length);
      return old.has(`${host}:${port}`) ? { type: 'failed', cause: 'refused' } : { type: 'answered', status: 200 };
    };
    await world.advance(60_000);
    expect(most).toBe(4);
    expect(wellOf(world)).toHaveLength(3);
    expect(world.eventsOf('unhealthy_instance_kill_event')).toHaveLength(3);
  });

  it('does not protect one that never was well', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'failed', cause: 'refused' });
    await world.put('/web', { ...app, instances: 1, healthChecks: [{ ...check, gracePeriodSeconds: 0 }] });
    await world.advance(9_000);
    expect(kills(world)).toBe(1);
    expect(world.instances('/web')).toHaveLength(1);
  });

  it('changes nothing about a rolling upgrade', async () => {
    const { world } = await withSick('well');
    await world.advance(1_000);
    await world.put('/web', { ...app, cmd: 'sleep 2000' });
    await world.advance(60_000);
    expect(world.deploymentIds()).toEqual([]);
    expect(wellOf(world)).toHaveLength(3);
    expect(world.instances('/web')).toHaveLength(3);
  });
});
