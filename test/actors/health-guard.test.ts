import { describe, expect, it } from 'vitest';
import { longestOpenMs } from '../../src/core/health/breaker.ts';
import { defaultKillBudget } from '../../src/core/health/kill-budget.ts';
import { createWorld, type World, type WorldOptions } from '../support/world.ts';

const check = {
  protocol: 'HTTP',
  path: '/',
  gracePeriodSeconds: 5,
  intervalSeconds: 2,
  timeoutSeconds: 1,
  maxConsecutiveFailures: 2,
} as const;

/** A healthy app of so many instances, spread over enough agents. */
async function healthyWorld(instances: number, options: WorldOptions = {}): Promise<World> {
  const world = await createWorld({ agents: 4, ...options });
  await world.put('/web', { instances, healthChecks: [check], cpus: 0.01, mem: 1 });
  await world.advance(10_000);
  expect(world.running('/web').filter(({ healthy }) => healthy)).toHaveLength(instances);
  return world;
}

/** From now on these tasks fail, wherever they run. */
function failWhere(world: World, isSick: (taskId: string) => boolean): void {
  const sick = new Set(
    world.instances('/web').flatMap(({ agent, tasks }) => {
      const [task] = tasks;
      return task && isSick(task.id) ? [`${agent?.host}:${task.hostPorts[0]}`] : [];
    }),
  );
  world.prober.answer = ({ host, port }) =>
    sick.has(`${host}:${port}`) ? { type: 'failed', cause: 'refused' } : { type: 'answered', status: 200 };
}

function failSome(world: World, count: number): void {
  const sick = new Set(
    world
      .running('/web')
      .slice(0, count)
      .map(({ tasks }) => tasks[0]?.id as string),
  );
  failWhere(world, (taskId) => sick.has(taskId));
}

const failAll = (world: World): void => {
  world.prober.answer = () => ({ type: 'failed', cause: 'refused' });
};
const healAll = (world: World): void => {
  world.prober.answer = () => ({ type: 'answered', status: 200 });
};
const killsOf = (world: World): number => world.eventsOf('unhealthy_instance_kill_event').length;

describe('The circuit breaker of health kills', () => {
  // deviation(different): kills for failed health checks
  //   Marathon: all that fail, at once
  //   here: at most `--health_kills_per_minute` (200) in all and `--health_kills_per_app` (20 % of its instances, at
  //     least 5) of one app in a minute; none while more than 30 % of at least 20 once-healthy tasks begin to fail
  //     within 30 s, or this server lags (`--health_kill_breaker`;
  //     [operations](operations.md#many-failed-health-checks-at-once))
  //   why: a broken network must not end everything
  it('opens when a mass of healthy tasks begins to fail: nobody is killed, one alarm tells of it, and it closes by itself', async () => {
    const world = await healthyWorld(24);
    failAll(world);
    await world.advance(120_000);
    expect(world.eventsOf('failed_health_check_event').length).toBeGreaterThan(24 * 3);
    expect(killsOf(world)).toBe(0);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(world.eventsOf('alarm_event')).toMatchObject([
      { alarm: 'healthKillsSuspended', state: 'raised', reason: 'massFailure', details: { tasks: 24 } },
    ]);
    expect(world.metrics.gauged('health-checks.kills.suspended')).toBe(1);
    expect(world.metrics.gauged('health-checks.kills.waiting')).toBe(24);
    expect(world.metrics.counted('health-checks.kills.suspensions')).toBe(1);
    healAll(world);
    await world.advance(10_000);
    expect(world.eventsOf('alarm_event').map((e) => e['state'])).toEqual(['raised', 'cleared']);
    expect(world.metrics.gauged('health-checks.kills.suspended')).toBe(0);
    expect(world.metrics.gauged('health-checks.kills.waiting')).toBe(0);
    expect(killsOf(world)).toBe(0);
    world.expectSane();
  });

  it('stays closed for a part of them: those are killed and replaced', async () => {
    const world = await healthyWorld(24);
    failSome(world, 7);
    await world.advance(90_000);
    expect(world.eventsOf('alarm_event')).toEqual([]);
    expect(killsOf(world)).toBe(7);
    expect(world.running('/web')).toHaveLength(24);
  });

  it('stays closed for few tasks, as in Marathon', async () => {
    const world = await healthyWorld(5);
    failAll(world);
    await world.advance(9_000);
    expect(world.eventsOf('alarm_event')).toEqual([]);
    expect(killsOf(world)).toBe(5);
  });

  it('never counts an app whose new version is being deployed', async () => {
    const world = await healthyWorld(24);
    world.prober.answer = () => ({ type: 'answered', status: 500 });
    await world.put('/web', { instances: 24, healthChecks: [check], cpus: 0.01, mem: 1, cmd: 'sleep 2000' });
    await world.advance(60_000);
    expect(world.deploymentIds()).toHaveLength(1);
    expect(world.eventsOf('alarm_event')).toEqual([]);
    expect(killsOf(world)).toBeGreaterThan(0);
  });

  it('never counts tasks that are to die, however long that takes', async () => {
    const world = await healthyWorld(48);
    world.mesos.losesKills = true;
    await world.scale('/web', 24);
    const ids = world.instances('/web').flatMap(({ id, goal }) => (goal === 'Running' ? [id] : []));
    expect(ids).toHaveLength(24);
    void world.control.kill({ instances: ids.slice(0, 16), scale: false, wipe: false, force: false });
    await world.settle();
    const spared = new Set(ids.slice(16).map((id) => world.read.instance(id)!.tasks[0]!.id));
    failWhere(world, (taskId) => !spared.has(taskId as never));
    await world.advance(25_000);
    expect(world.eventsOf('failed_health_check_event').length).toBeGreaterThan(100);
    expect(world.eventsOf('alarm_event')).toEqual([]);
  });

  it('gives way in the end, at the pace of the budget', async () => {
    const world = await healthyWorld(24);
    failAll(world);
    await world.advance(longestOpenMs);
    expect(killsOf(world)).toBe(0);
    await world.advance(20_000);
    expect(world.eventsOf('alarm_event').map((e) => e['state'])).toEqual(['raised', 'cleared']);
    expect(killsOf(world)).toBeGreaterThanOrEqual(5);
    expect(killsOf(world)).toBeLessThanOrEqual(7);
  });

  it('can be switched off', async () => {
    const settings = { healthKills: { hasBreaker: false, budget: defaultKillBudget } };
    const world = await healthyWorld(24, { settings });
    failAll(world);
    await world.advance(9_000);
    expect(world.eventsOf('alarm_event')).toEqual([]);
    expect(killsOf(world)).toBe(5);
  });
});

describe('The budget of health kills', () => {
  const withBudget = (perMinute: number, perAppShare: number) => ({
    settings: { healthKills: { hasBreaker: false, budget: { perMinute, perAppShare } } },
  });

  it('kills an app in parts, one task after another', async () => {
    const world = await healthyWorld(30, withBudget(200, 0.2));
    failAll(world);
    await world.advance(9_000);
    expect(killsOf(world)).toBe(6);
    // Another one every ten seconds; who was replaced is in its grace period, and then waits behind the others.
    await world.advance(30_000);
    expect(killsOf(world)).toBe(9);
    const killed = world.eventsOf('unhealthy_instance_kill_event').map((e) => e['taskId']);
    expect(new Set(killed).size).toBe(killed.length);
    expect(world.mesos.callsOf('kill')).toHaveLength(9);
  });

  it('bounds the kills over all apps', async () => {
    const world = await createWorld({ agents: 4, ...withBudget(4, 1) });
    for (const id of ['/a', '/b', '/c']) {
      await world.put(id, { instances: 3, healthChecks: [check], cpus: 0.01, mem: 1 });
    }
    await world.advance(10_000);
    failAll(world);
    await world.advance(9_000);
    expect(killsOf(world)).toBe(4);
    expect(world.metrics.gauged('health-checks.kills.waiting')).toBe(5);
    await world.advance(16_000);
    expect(killsOf(world)).toBe(5);
  });

  it('spares who recovers while it waits', async () => {
    const world = await healthyWorld(20, withBudget(2, 1));
    failAll(world);
    await world.advance(9_000);
    expect(killsOf(world)).toBe(2);
    healAll(world);
    await world.advance(300_000);
    expect(killsOf(world)).toBe(2);
    expect(world.metrics.gauged('health-checks.kills.waiting')).toBe(0);
  });

  it('has no limit where it is told so', async () => {
    const world = await healthyWorld(24, withBudget(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));
    failAll(world);
    await world.advance(9_000);
    expect(killsOf(world)).toBe(24);
  });
});
