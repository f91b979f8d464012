import { describe, expect, it } from 'vitest';
import { healthGuardBehaviour } from '../../src/actors/health-guard.ts';
import type { ProbeResult } from '../../src/actors/ports.ts';
import { probesBehaviour } from '../../src/actors/probes.ts';
import type { HealthGuardMessage, InstanceMessage, JournalWrite } from '../../src/actors/protocol.ts';
import type { ActorRef, Behaviour } from '../../src/actors/runtime/types.ts';
import { defaultSchedulerSettings } from '../../src/actors/settings.ts';
import { Views } from '../../src/actors/views.ts';
import type { AppId } from '../../src/core/ids.ts';
import { anInstance, instanceId, taskId } from '../core/instance/given.ts';
import { anAgent } from '../core/offer/fixtures.ts';
import { plainApp } from '../support/app.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { createTestRuntime } from './runtime/test-runtime.ts';

const collector = <M>(got: M[]): Behaviour<undefined, M> => ({
  initial: () => undefined,
  receive: (state, message) => {
    got.push(message);
    return state;
  },
});

const healthCheck = {
  protocol: 'HTTP',
  port: 80,
  gracePeriodSeconds: 0,
  intervalSeconds: 10,
  timeoutSeconds: 2,
  maxConsecutiveFailures: 3,
} as const;

describe('A loop that lags', () => {
  it.each([
    [900, 0],
    [1_100, 1],
  ])('by %i ms, with a time-out of 2 s, is told of %i times', async (lagMs, told) => {
    const base = createVirtualClock();
    let lag = 0;
    const clock = { ...base, monotonic: () => base.monotonic() + lag };
    const { runtime } = createTestRuntime({ clock });
    const answers: ((result: ProbeResult) => void)[] = [];
    const prober = { probe: (_: unknown, done: (result: ProbeResult) => void) => answers.push(done), close: () => {} };
    let lags = 0;
    const probes = runtime.spawn(
      probesBehaviour(prober, 10, () => lags++),
      'probes',
    );
    const ref: ActorRef<InstanceMessage> = runtime.spawn(collector<InstanceMessage>([]), 'instance');
    const instance = anInstance('a', 'Running', { agent: anAgent('h1'), healthy: true });
    probes.tell({ type: 'watch', instance, app: plainApp('/web', '1', { healthChecks: [healthCheck] }), ref });
    await runtime.idle();
    lag = lagMs;
    base.advance(5_000);
    await runtime.idle();
    expect(answers).toHaveLength(1);
    expect(lags).toBe(told);
    await runtime.shutdown();
  });

  it('keeps the guard from killing, for half a minute after it last did', async () => {
    const { runtime, clock, metrics } = createTestRuntime();
    const writes: JournalWrite[] = [];
    const told: InstanceMessage[] = [];
    const services = {
      journal: runtime.spawn(collector(writes), 'journal'),
      settings: defaultSchedulerSettings,
      views: new Views(() => ({}) as ReturnType<Views['cluster']>),
    };
    const guard: ActorRef<HealthGuardMessage> = runtime.spawn(healthGuardBehaviour(services), 'guard');
    const ref = runtime.spawn(collector(told), 'instance');
    const pass = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 1_000) {
        clock.advance(1_000);
        await runtime.idle();
      }
    };
    guard.tell({ type: 'lagged' });
    const due = { type: 'killDue', instanceId: instanceId('a'), taskId: taskId('a'), check: 0, instances: 1 } as const;
    guard.tell({ ...due, appId: '/web' as AppId, ref });
    await runtime.idle();
    await pass(29_000);
    expect(told).toEqual([]);
    expect(metrics.gauged('health-checks.kills.suspended')).toBe(1);
    await pass(2_000);
    expect(told).toEqual([{ type: 'killUnhealthy', taskId: taskId('a'), check: 0 }]);
    const alarms = writes.flatMap(({ events }) => events);
    expect(alarms).toMatchObject([
      { state: 'raised', reason: 'leaderLag' },
      { state: 'cleared', reason: null },
    ]);
    // Asked again for the same task: allowed at once, and no second kill of the budget.
    guard.tell({ ...due, appId: '/web' as AppId, ref });
    await runtime.idle();
    expect(told).toHaveLength(2);
    expect(metrics.counted('health-checks.kills.granted')).toBe(1);
    await runtime.shutdown();
  });
});
