import { describe, expect, it } from 'vitest';
import type { InstanceId } from '../../src/core/ids.ts';
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

describe('Health checks run by the leader', () => {
  const check = healthChecks[0];

  it('are forgiven in the grace period, then kill after one failure more than allowed', async () => {
    const world = await createWorld();
    await world.put('/web', { healthChecks: [{ ...check, maxConsecutiveFailures: 2, gracePeriodSeconds: 20 }] });
    world.prober.answer = () => ({ type: 'failed', cause: 'refused' });
    await world.advance(100);
    const [task] = world.tasksOf('/web');
    await world.advance(19_000);
    expect(world.eventsOf('failed_health_check_event')).toEqual([]);
    await world.advance(10_000);
    expect(world.eventsOf('failed_health_check_event').length).toBeGreaterThanOrEqual(3);
    expect(world.eventsOf('unhealthy_instance_kill_event')[0]).toMatchObject({ taskId: task, reason: 'refused' });
    expect(world.read.lastTaskFailure('/web')).toMatchObject({ state: 'TASK_KILLED' });
    expect(world.tasksOf('/web')).not.toContain(task);
  });

  it('ask for a path with a leading slash, whatever the definition says (V117)', async () => {
    const world = await createWorld();
    await world.put('/web', { healthChecks: [{ ...check, path: 'foo' }] });
    await world.advance(1_000);
    expect(new Set(world.prober.asked.map((request) => request.path))).toEqual(new Set(['/foo']));
  });

  it('neither ask nor kill a task that is out of reach (V119)', async () => {
    const world = await createWorld();
    const unreachableStrategy = { inactiveAfterSeconds: 3_000, expungeAfterSeconds: 6_000 };
    await world.put('/web', { unreachableStrategy, healthChecks: [{ ...check, maxConsecutiveFailures: 1 }] });
    await world.advance(10_000);
    const [instance] = world.running('/web');
    world.prober.answer = () => ({ type: 'failed', cause: 'refused' });
    const agent = world.mesos.agents.find((one) => one.id === instance?.agent?.agentId);
    world.mesos.partition(agent!);
    await world.settle();
    const asked = world.prober.asked.length;
    await world.advance(60_000);
    expect(world.prober.asked.length).toBeLessThanOrEqual(asked + 1);
    expect(world.eventsOf('unhealthy_instance_kill_event')).toEqual([]);
    expect(world.mesos.callsOf('kill')).toEqual([]);
  });

  it('kill no sooner than the interval allows when there is no grace period', async () => {
    const world = await createWorld();
    world.prober.answer = () => ({ type: 'failed', cause: 'refused' });
    await world.put('/web', {
      healthChecks: [{ ...check, gracePeriodSeconds: 0, intervalSeconds: 10, maxConsecutiveFailures: 1 }],
    });
    await world.advance(14_000);
    // The first sweep after 5 s, the next 10 s later.
    expect(world.eventsOf('failed_health_check_event')).toHaveLength(1);
    expect(world.eventsOf('unhealthy_instance_kill_event')).toEqual([]);
    await world.advance(2_000);
    expect(world.eventsOf('unhealthy_instance_kill_event')).toHaveLength(1);
  });

  it('tell of every flip, and of the health of the instance', async () => {
    const world = await createWorld();
    await world.put('/web', { healthChecks: [{ ...check, maxConsecutiveFailures: 0 }] });
    await world.advance(5_000);
    const [instance] = world.running('/web');
    expect(instance?.healthy).toBe(true);
    world.prober.answer = () => ({ type: 'answered', status: 500 });
    await world.advance(10_000);
    expect(world.running('/web')[0]?.healthy).toBe(false);
    world.prober.answer = () => ({ type: 'answered', status: 200 });
    await world.advance(5_000);
    expect(world.eventsOf('health_status_changed_event').map((e) => e['alive'])).toEqual([true, false, true]);
    expect(world.eventsOf('instance_health_changed_event').map((e) => e['healthy'])).toEqual([true, false, true]);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(world.read.healthOf(instance?.id as InstanceId)).toHaveLength(1);
  });

  it('come at the interval, however long an answer takes', async () => {
    const world = await createWorld();
    await world.put('/web', { healthChecks: [{ ...check, intervalSeconds: 10, timeoutSeconds: 5 }] });
    await world.advance(20_000);
    const at: number[] = [];
    const { probe } = world.prober;
    Object.assign(world.prober, {
      probe: (...[request, done]: Parameters<typeof probe>) => {
        at.push(world.clock.now());
        world.clock.after(4_000, () => probe(request, done));
      },
    });
    for (let i = 0; i < 60; i++) await world.advance(1_000);
    expect(at.slice(1).map((ms, i) => ms - at[i]!)).toEqual([10_000, 10_000, 10_000, 10_000, 10_000]);
  });

  it('hold nothing against a task that was not asked, and ask again', async () => {
    const world = await createWorld();
    await world.put('/web', { healthChecks: [{ ...check, maxConsecutiveFailures: 1 }] });
    await world.advance(10_000);
    world.prober.answer = () => ({ type: 'notAsked', reason: 'EMFILE' });
    const asked = world.prober.asked.length;
    await world.advance(20_000);
    expect(world.prober.asked.length).toBeGreaterThanOrEqual(asked + 9);
    expect(world.running('/web')[0]?.healthy).toBe(true);
    expect(world.eventsOf('failed_health_check_event')).toEqual([]);
    expect(world.metrics.counted('health-checks.not-asked')).toBe(world.prober.asked.length - asked);
  });

  it('never run more at once than allowed', async () => {
    const world = await createWorld({ settings: { maxConcurrentHealthChecks: 3 } });
    world.prober.answer = () => undefined;
    await world.put('/web', { instances: 8, healthChecks });
    await world.advance(60_000);
    expect(world.prober.asked).toHaveLength(3);
  });
});
