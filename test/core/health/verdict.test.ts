import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../../src/core/app/definition.ts';
import { healthEvents, unhealthyKilled } from '../../../src/core/health/events.ts';
import type { HealthStatus } from '../../../src/core/health/health.ts';
import { isAlive } from '../../../src/core/health/health.ts';
import type { CheckResult, Verdict } from '../../../src/core/health/verdict.ts';
import { judgeHttpStatus, overallHealth, verdict } from '../../../src/core/health/verdict.ts';
import { anInstance, instanceId, taskId } from '../instance/given.ts';

const aCheck = (changes: Partial<HealthCheck> = {}): HealthCheck => ({
  protocol: 'HTTP',
  path: '/',
  gracePeriodSeconds: 300,
  intervalSeconds: 60,
  timeoutSeconds: 20,
  maxConsecutiveFailures: 3,
  ...changes,
});

const good: CheckResult = { type: 'healthy' };
const bad: CheckResult = { type: 'unhealthy', cause: 'status 500' };

/** Folds results at the given seconds into one history. The task runs since second 0. */
function history(
  check: HealthCheck,
  results: readonly (readonly [seconds: number, CheckResult])[],
): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  let status: HealthStatus | undefined;
  for (const [seconds, result] of results) {
    const judged = verdict(check, status, result, 0, seconds * 1000);
    verdicts.push(judged);
    status = judged.status;
  }
  return verdicts;
}

const failing = (...seconds: readonly number[]) => seconds.map((s) => [s, bad] as const);

describe('the accounting of health checks (behaviour §6.3, §13.9)', () => {
  it('V112: drops failures in the grace period, counts those after it, and kills with the fourth', () => {
    const judged = history(aCheck(), failing(0, 60, 120, 180, 240, 299, 300, 360, 420, 480, 540));
    expect(judged.map((v) => v.isCountedFailure)).toEqual([...Array(6).fill(false), ...Array(5).fill(true)]);
    expect(judged.map((v) => v.killCause)).toEqual([...Array(9).fill(undefined), 'status 500', 'status 500']);
    expect(judged[5]?.status).toBeUndefined();
  });

  it('V113: after the first success the grace period is over for good', () => {
    const judged = history(aCheck(), [[60, good], ...failing(120, 180, 240, 300)]);
    expect(judged.map((v) => v.isCountedFailure)).toEqual([false, true, true, true, true]);
    expect(judged.map((v) => v.killCause)).toEqual([...Array(4).fill(undefined), 'status 500']);
  });

  it('V114: never kills with a maximum of 0, and says that the task is not alive', () => {
    const judged = history(
      aCheck({ maxConsecutiveFailures: 0 }),
      failing(...Array.from({ length: 50 }, (_, i) => 300 + i)),
    );
    expect(judged.every((v) => v.killCause === undefined && v.isCountedFailure)).toBe(true);
    expect(isAlive(judged.at(-1)!.status!)).toBe(false);
  });

  it('a success starts the count again', () => {
    const judged = history(aCheck(), [...failing(300, 301, 302), [303, good], ...failing(304, 305, 306, 307)]);
    expect(judged.findIndex((v) => v.killCause !== undefined)).toBe(7);
    expect(judged[3]?.status).toEqual({
      firstSuccessMs: 303_000,
      lastSuccessMs: 303_000,
      lastFailureMs: 302_000,
      lastFailureCause: 'status 500',
      consecutiveFailures: 0,
    });
  });

  it('flips are told once, the first result included', () => {
    const results = [
      [10, good],
      [20, good],
      [30, bad],
      [40, bad],
      [50, good],
      [50, bad],
      [50, good],
    ] as const;
    expect(history(aCheck(), results).map((v) => v.flippedTo)).toEqual([
      true,
      undefined,
      false,
      undefined,
      true,
      false,
      true,
    ]);
    expect(history(aCheck(), failing(400, 401)).map((v) => v.flippedTo)).toEqual([false, undefined]);
  });

  it('an ignored result changes nothing at all', () => {
    const [, before] = history(aCheck(), [
      [10, good],
      [20, bad],
    ]);
    expect(verdict(aCheck(), before?.status, { type: 'ignored' }, 0, 30_000).status).toBe(before?.status);
  });
});

describe('an HTTP status (V115, V116)', () => {
  const rows: readonly (readonly [HealthCheck['protocol'], boolean, number, CheckResult['type']])[] = [
    ['HTTP', false, 199, 'unhealthy'],
    ['HTTP', false, 200, 'healthy'],
    ['HTTP', false, 302, 'healthy'],
    ['HTTP', false, 399, 'healthy'],
    ['HTTP', false, 400, 'unhealthy'],
    ['HTTP', false, 503, 'unhealthy'],
    ['HTTP', false, 101, 'unhealthy'],
    ['HTTP', true, 101, 'ignored'],
    ['HTTPS', true, 101, 'unhealthy'],
  ];
  it.each(rows)('%s, ignoreHttp1xx %s: %d is %s', (protocol, ignoreHttp1xx, status, type) => {
    expect(judgeHttpStatus({ protocol, ignoreHttp1xx }, status).type).toBe(type);
  });
});

describe('the health of an instance', () => {
  const alive: HealthStatus = { firstSuccessMs: 1, lastSuccessMs: 1, consecutiveFailures: 0 };
  const dead: HealthStatus = { lastFailureMs: 2, lastFailureCause: 'x', consecutiveFailures: 1 };

  it('V118: is unknown while a check has no result', () => {
    expect(overallHealth([alive, undefined])).toBeUndefined();
    expect(overallHealth([undefined, dead])).toBeUndefined();
    expect(overallHealth([])).toBeUndefined();
  });

  it('is true if all are alive, else false', () => {
    expect(overallHealth([alive, alive])).toBe(true);
    expect(overallHealth([alive, dead])).toBe(false);
  });
});

describe('the events of a result', () => {
  const instance = anInstance('a');
  const judged = (changes: Partial<Verdict>): Verdict => ({
    status: undefined,
    isCountedFailure: false,
    flippedTo: undefined,
    killCause: undefined,
    ...changes,
  });

  it('come in order: failure, flip', () => {
    const events = healthEvents(instance, aCheck(), judged({ isCountedFailure: true, flippedTo: false }), 7);
    const timestamp = '1970-01-01T00:00:00.007Z';
    const { appId, version } = instance;
    // 1.5 and later name the instance in `taskId` of the first, and no task at all in the second.
    expect(events).toEqual([
      { eventType: 'failed_health_check_event', timestamp, appId, taskId: instanceId('a'), healthCheck: aCheck() },
      {
        eventType: 'health_status_changed_event',
        timestamp,
        appId,
        instanceId: instanceId('a'),
        version,
        alive: false,
      },
    ]);
  });

  it('name the task that is killed, with the cause', () => {
    expect(unhealthyKilled(instance, 'gone', 7)).toMatchObject({
      eventType: 'unhealthy_instance_kill_event',
      taskId: taskId('a'),
      reason: 'gone',
      host: 'h1',
    });
  });

  it('are none for a result that changes nothing', () => {
    expect(healthEvents(instance, aCheck(), judged({}), 7)).toEqual([]);
  });
});
