import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import type { Deployment, PlanAction } from '../../../src/core/deploy/plan-types.ts';
import { maxReasons, type WaitingFacts, waitingReasons } from '../../../src/core/deploy/waiting.ts';
import type { AppId, DeploymentId, InstanceId } from '../../../src/core/ids.ts';
import type { Instance } from '../../../src/core/instance/instance.ts';
import { anInstance, appId, instanceId, v1, v2 } from '../instance/given.ts';
import { anApp } from '../offer/fixtures.ts';

const healthCheck = {
  protocol: 'TCP',
  gracePeriodSeconds: 1,
  intervalSeconds: 1,
  timeoutSeconds: 1,
  maxConsecutiveFailures: 1,
} as const;
const readinessCheck = {
  name: 'r',
  protocol: 'HTTP',
  path: '/',
  portName: 'p',
  intervalSeconds: 1,
  timeoutSeconds: 1,
  httpStatusCodesForReady: [200],
  preserveLastResponse: false,
} as const;

const app = (more: Partial<AppDefinition> = {}): AppDefinition =>
  anApp({ version: v2, versionInfo: { lastScalingAt: v2, lastConfigChangeAt: v2 }, instances: 5, ...more }, appId);

const deployment = (action: PlanAction['action'], more: Partial<Deployment> = {}): Deployment => ({
  id: 'd' as DeploymentId,
  version: v2,
  startedAtMs: 0,
  affected: [{ id: appId, before: v1, after: v2 }],
  steps: [{ actions: [{ action, app: appId }] }],
  currentStep: 1,
  ...more,
});

interface Given {
  readonly action?: PlanAction['action'];
  readonly definition?: AppDefinition;
  readonly ready?: readonly InstanceId[];
  readonly notBeforeMs?: number;
}

function reasons(instances: readonly Instance[], given: Given = {}): readonly string[] {
  const { action = 'RestartApplication', definition = app(), ready = [] } = given;
  const facts: WaitingFacts = {
    appAt: () => definition,
    instancesOf: () => instances,
    readinessOf: () => ready.map((taskId) => ({ taskId, ready: true })),
    notBeforeMs: () => given.notBeforeMs,
    nowMs: 1_000,
  };
  return waitingReasons(deployment(action), new Set([appId]), facts);
}

const fresh = (name: number, condition: Instance['condition'] = 'Running', more: Partial<Instance> = {}): Instance =>
  anInstance(name, condition, { version: v2, ...more });

describe('what a deployment waits for', () => {
  it('names the stages of new instances, the earliest first', () => {
    const withChecks = app({ healthChecks: [healthCheck], readinessChecks: [readinessCheck] });
    const all = [
      fresh(1, 'Scheduled'),
      fresh(2, 'Staging'),
      fresh(3, 'Unreachable'),
      fresh(4, 'Running', { healthy: false }),
      fresh(5, 'Running', { healthy: true }),
    ];
    expect(reasons(all, { definition: withChecks })).toEqual([
      'waits for an offer for 1 of 5 instances of /shop/web',
      'waits for 1 of 5 instances of /shop/web to start',
      'waits for 1 of 5 instances of /shop/web to be reachable again',
      'waits for 1 of 5 instances of /shop/web to be healthy',
      'waits for 1 of 5 instances of /shop/web to be ready',
    ]);
    expect(
      reasons([fresh(5, 'Running', { healthy: true })], { definition: withChecks, ready: [instanceId(5)] }),
    ).toEqual(['waits for /shop/web to come to rest']);
  });

  it('tells a delay after failures from a lack of offers', () => {
    const waiting = [fresh(1, 'Scheduled')];
    expect(reasons(waiting, { notBeforeMs: 61_000 })).toEqual([
      'waits until 1970-01-01T00:01:01.000Z to launch 1 of 5 instances of /shop/web after failures',
    ]);
    expect(reasons(waiting, { notBeforeMs: 500 })).toEqual(['waits for an offer for 1 of 5 instances of /shop/web']);
  });

  it('looks at what a scaling started, not at what was there', () => {
    const sick = { healthy: false } as const;
    const definition = app({ healthChecks: [healthCheck] });
    const all = [anInstance(1, 'Running', sick), fresh(2, 'Running', sick)];
    expect(reasons(all, { action: 'ScaleApplication', definition })).toEqual([
      'waits for 1 of 5 instances of /shop/web to be healthy',
    ]);
  });

  it('waits for the end of what it stops, and of what an upgrade replaces', () => {
    const dying = anInstance(1, 'Killing', { goal: 'Decommissioned' });
    const lost = anInstance(2, 'Unreachable', { goal: 'Decommissioned' });
    expect(reasons([dying, lost])).toEqual(['waits for 1 instance of /shop/web to end']);
    expect(reasons([anInstance(1), anInstance(2)], { action: 'StopApplication' })).toEqual([
      'waits for 2 instances of /shop/web to end',
    ]);
    expect(reasons([anInstance(1), fresh(2)])).toEqual(['waits to replace 1 old instance of /shop/web']);
  });

  it('says why it is paused', () => {
    const paused = deployment('ScaleApplication', { paused: { reason: 'too late', atMs: 0 } });
    const facts = {} as WaitingFacts;
    expect(waitingReasons(paused, new Set(), facts)).toEqual(['is paused: too late']);
  });

  it('sums up what is too much for a reader', () => {
    const ids = Array.from({ length: maxReasons + 5 }, (_, i) => `/a${i}` as AppId);
    const big = deployment('ScaleApplication', {
      affected: ids.map((id) => ({ id, after: v2 })),
      steps: [{ actions: ids.map((id) => ({ action: 'ScaleApplication', app: id })) }],
    });
    const facts: WaitingFacts = {
      appAt: (id) => app({ id: id as AppId }),
      instancesOf: () => [fresh(1, 'Staging')],
      readinessOf: () => [],
      notBeforeMs: () => undefined,
      nowMs: 0,
    };
    const told = waitingReasons(big, new Set(ids), facts);
    expect(told).toHaveLength(maxReasons + 1);
    expect(told.at(-1)).toBe('waits for 5 more apps');
  });
});
