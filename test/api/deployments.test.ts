import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../src/core/deploy/plan-types.ts';
import type { AppId, DeploymentId, InstanceId } from '../../src/core/ids.ts';
import { deploymentId, fakeApp, fakeInstance, version1, version2 } from '../support/fake-front.ts';
import { testApi } from './support/api-server.ts';

const app = '/a' as AppId;
const deployment: Deployment = {
  id: 'd1' as DeploymentId,
  version: version1,
  startedAtMs: 1_000,
  affected: [{ id: app, after: version1 }],
  steps: [{ actions: [{ action: 'StartApplication', app }] }, { actions: [{ action: 'ScaleApplication', app }] }],
  currentStep: 2,
  stepStartedAtMs: [1_000, 2_000],
};
const limits = { deadlineSeconds: 60, maxLaunchAttempts: 3, onFailure: 'pause' } as const;
const result = { name: 'r', taskId: 'a.instance-1' as InstanceId, ready: false };

describe('GET /v2/deployments/{id}', () => {
  it('shows a running one with its steps, its limits, and what it waits for', async () => {
    const { server, front } = testApi();
    const definition = fakeApp('/a', { version: version1, instances: 1 });
    front.addApp(definition, [fakeInstance(definition, 1, 'Staging')]);
    front.deploymentMap.set('d1', { ...deployment, limits });
    front.pending.set('d1', new Set([app]));
    front.version += 1;
    const answer = await server.inject('/v2/deployments/d1');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      id: 'd1',
      version: version1,
      affectedApps: ['/a'],
      affectedPods: [],
      steps: [
        {
          actions: [{ action: 'StartApplication', app: '/a' }],
          startedAt: '1970-01-01T00:00:01.000Z',
          endedAt: '1970-01-01T00:00:02.000Z',
        },
        { actions: [{ action: 'ScaleApplication', app: '/a' }], startedAt: '1970-01-01T00:00:02.000Z' },
      ],
      currentActions: [{ action: 'ScaleApplication', app: '/a', readinessCheckResults: [] }],
      currentStep: 2,
      totalSteps: 2,
      startedAt: '1970-01-01T00:00:01.000Z',
      deadlineAt: '1970-01-01T00:01:01.000Z',
      maxLaunchAttempts: 3,
      onFailure: 'pause',
      status: 'running',
      waitingFor: ['waits for 1 of 1 instances of /a to start'],
    });
  });

  it('shows a paused one with the reason, and none of that in the list', async () => {
    const { server, front } = testApi();
    front.deploymentMap.set('d1', { ...deployment, limits, paused: { reason: 'too late', atMs: 3_000 } });
    front.version += 1;
    expect((await server.inject('/v2/deployments/d1')).json()).toMatchObject({
      status: 'paused',
      reason: 'too late',
      pausedAt: '1970-01-01T00:00:03.000Z',
      waitingFor: ['is paused: too late'],
    });
    expect(Object.keys((await server.inject('/v2/deployments')).json()[0])).toEqual([
      'id',
      'version',
      'affectedApps',
      'affectedPods',
      'steps',
      'currentActions',
      'currentStep',
      'totalSteps',
    ]);
  });

  it('shows how one ended that is over', async () => {
    const { server, front } = testApi();
    const successor = 'd2' as DeploymentId;
    front.finished.set('d1', { deployment, result: 'rolledBack', reason: 'too late', successor, endedAtMs: 4_000 });
    front.finished.set('d0', { deployment, result: 'succeeded', endedAtMs: 4_000 });
    front.version += 1;
    expect((await server.inject('/v2/deployments/d1')).json()).toMatchObject({
      status: 'finished',
      result: 'rolledBack',
      reason: 'too late',
      successor: 'd2',
      endedAt: '1970-01-01T00:00:04.000Z',
      currentActions: [],
    });
    const good = (await server.inject('/v2/deployments/d0')).json();
    expect(good.steps[1]).toMatchObject({ endedAt: '1970-01-01T00:00:04.000Z' });
    expect(good).not.toHaveProperty('waitingFor');
    expect((await server.inject('/v2/deployments')).body).toBe('[]');
  });

  it('knows what it does not know', async () => {
    const { server } = testApi();
    const answer = await server.inject('/v2/deployments/none');
    expect([answer.statusCode, answer.json()]).toEqual([
      404,
      { message: 'DeploymentPlan none does not exist', details: [] },
    ]);
    expect((await server.inject({ method: 'PUT', url: '/v2/deployments/none' })).statusCode).toBe(405);
  });
});

describe('results of readiness checks', () => {
  it('stand with the action of a deployment, and with an app that asks for them', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    front.deploymentMap.set('d1', deployment);
    front.version += 1;
    const shown = async () =>
      (await server.inject('/v2/deployments')).json()[0].currentActions[0].readinessCheckResults;
    expect(await shown()).toEqual([]);
    front.readiness.set('/a', [result]);
    front.version += 1;
    expect(await shown()).toEqual([result]);
    expect((await server.inject('/v2/apps/a?embed=app.readiness')).json().app.readinessCheckResults).toEqual([result]);
    expect((await server.inject('/v2/apps?embed=apps.readiness')).json().apps[0].readinessCheckResults).toEqual([
      result,
    ]);
    expect((await server.inject('/v2/apps/a')).json().app).not.toHaveProperty('readinessCheckResults');
    front.readiness.clear();
    front.version += 1;
    expect(await shown()).toEqual([]);
  });
});

describe('POST /v2/deployments/{id}/continue', () => {
  it('lets it go on, with other limits if asked', async () => {
    const { server, front } = testApi();
    front.deploymentMap.set('d1', deployment);
    const plain = await server.inject({ method: 'POST', url: '/v2/deployments/d1/continue' });
    expect([plain.statusCode, plain.json()]).toEqual([200, { version: version2, deploymentId }]);
    await server.inject({ method: 'POST', url: '/v2/deployments/d1/continue?deadline=5' });
    expect(front.continued).toEqual([
      { id: 'd1', limits: undefined },
      { id: 'd1', limits: { deadlineSeconds: 5, onFailure: 'keep' } },
    ]);
    expect((await server.inject({ method: 'POST', url: '/v2/deployments/d2/continue' })).statusCode).toBe(404);
  });
});

describe('the limits of a write', () => {
  const body = { id: '/a', cmd: 'x' };
  const query = 'deadline=60&maxLaunchAttempts=3&onFailure=Pause';
  const writes = [
    ['POST', '/v2/apps', body],
    ['PUT', '/v2/apps', [body]],
    ['PATCH', '/v2/apps', [body]],
    ['PUT', '/v2/apps/a', body],
    ['PATCH', '/v2/apps/a', body],
    ['DELETE', '/v2/apps/a', undefined],
    ['POST', '/v2/apps/a/restart', undefined],
  ] as const;

  it.each(writes)('are read by %s %s', async (method, url, payload) => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    const sent = { method, ...(payload ? { payload } : {}) } as const;
    await server.inject({ ...sent, url: `${url}?${query}&restart=true` });
    expect(front.changes[0]?.options).toMatchObject({ limits, restart: true });
    await server.inject({ ...sent, url });
    expect(front.changes[1]?.options).not.toHaveProperty('limits');
    expect(front.changes[1]?.options).not.toHaveProperty('restart');
    const bad = await server.inject({ ...sent, url: `${url}?deadline=soon` });
    expect([bad.statusCode, bad.json().message]).toEqual([
      400,
      "'deadline' must be a number of seconds above 0 and up to 2592000, not 'soon'",
    ]);
    expect(front.changes).toHaveLength(2);
  });

  it('are read by kills with scale and by a rollback', async () => {
    const { server, front } = testApi();
    const definition = fakeApp('/a');
    front.addApp(definition, [fakeInstance(definition, 1)]);
    front.deploymentMap.set('d1', deployment);
    await server.inject({ method: 'DELETE', url: `/v2/apps/a/tasks?scale=true&${query}` });
    expect(front.kills[0]).toMatchObject({ scale: true, limits });
    await server.inject({ method: 'DELETE', url: `/v2/deployments/d1?${query}` });
    expect(front.cancelled[0]).toMatchObject({ force: false, limits });
  });

  it.each([
    ['deadline=0', /^'deadline' must/],
    ['deadline=-5', /^'deadline' must/],
    ['deadline=1e3', /^'deadline' must/],
    ['deadline=99999999', /^'deadline' must/],
    ['maxLaunchAttempts=0', /^'maxLaunchAttempts' must/],
    ['maxLaunchAttempts=1.5', /^'maxLaunchAttempts' must/],
    ['maxLaunchAttempts=1001', /^'maxLaunchAttempts' must/],
    ['deadline=5&onFailure=panic', "'onFailure' must be one of rollback, pause, keep, not 'panic'"],
    ['onFailure=pause', "'onFailure' needs 'deadline' or 'maxLaunchAttempts' beside it"],
  ])('are refused when they mean nothing: %s', async (bad, message) => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    const answer = await server.inject({ method: 'POST', url: `/v2/apps/a/restart?${bad}` });
    expect(answer.statusCode).toBe(400);
    if (typeof message === 'string') expect(answer.json()).toEqual({ message });
    else expect(answer.json().message).toMatch(message);
    expect(front.changes).toEqual([]);
  });

  it('may be empty or fractions', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    await server.inject({ method: 'POST', url: '/v2/apps/a/restart?deadline=1.5&maxLaunchAttempts=&onFailure=' });
    expect(front.changes[0]?.options.limits).toEqual({ deadlineSeconds: 1.5, onFailure: 'keep' });
  });
});
