import { describe, expect, it } from 'vitest';
import { instanceIdOf } from '../../../src/core/ids.ts';
import type { Condition, Goal, Instance } from '../../../src/core/instance/instance.ts';
import { AgentRules } from '../../../src/core/offer/agent-rules.ts';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { countInstances, type StandingInput, standingOf, summaryOf } from '../../../src/core/offer/explain.ts';
import type { KnownAgent } from '../../../src/core/offer/known-agents.ts';
import { whyNot } from '../../../src/core/offer/why.ts';
import { anAgent, anApp, anOffer, knownAgent } from './fixtures.ts';

const app = anApp({ instances: 3 });

const instance = (n: number, condition: Condition, goal: Goal = 'Running', sinceMs = n): Instance => ({
  id: instanceIdOf(app.id, `${n}`),
  appId: app.id,
  version: app.version,
  role: '*',
  goal,
  condition,
  sinceMs,
  agent: anAgent(`h${n}`),
  tasks: [],
  incarnation: 1,
});

function input(
  conditions: readonly Condition[],
  agents: readonly KnownAgent[] = [],
  more: Partial<StandingInput> = {},
): StandingInput {
  const counts = countInstances(
    3,
    conditions.map((condition, i) => instance(i, condition)),
  );
  const rules = new AgentRules(app, '*', [], defaultMatchSettings, 0);
  const groups = counts.waiting === 0 ? [] : [{ role: '*', waiting: [], whyNot: whyNot(rules, agents) }];
  return {
    app,
    counts,
    groups,
    isAsked: true,
    isConnected: true,
    notBeforeMs: undefined,
    lastFailure: undefined,
    deployments: [],
    warnings: [],
    nowMs: 10_000,
    ...more,
  };
}

const said = (given: StandingInput) => [standingOf(given), summaryOf(given)];

describe('how an app stands', () => {
  it('counts instances by how far they have come, those on their way out not at all', () => {
    const counts = countInstances(3, [
      instance(1, 'Running'),
      instance(2, 'Staging', 'Running', 500),
      instance(3, 'Provisioned', 'Running', 400),
      instance(4, 'Failed'),
      instance(5, 'Scheduled'),
      instance(6, 'Unreachable'),
      instance(7, 'Running', 'Decommissioned'),
    ]);
    expect(counts).toEqual({
      target: 3,
      running: 1,
      starting: 2,
      unreachable: 1,
      waiting: 2,
      slowest: { condition: 'Provisioned', sinceMs: 400, host: 'h3' },
    });
  });

  it('is good when all run, or none is wanted', () => {
    expect(said(input(['Running', 'Running', 'Running']))).toEqual(['running', '3 of 3 instances run.']);
    expect(said(input(['Running', 'Running', 'Unreachable']))).toEqual([
      'running',
      '2 of 3 instances run, 1 is on agents that Mesos cannot reach.',
    ]);
    const none = countInstances(0, []);
    expect(said(input([], [], { counts: none }))[0]).toBe('suspended');
  });

  it('names what has been starting for the longest time', () => {
    expect(said(input(['Running', 'Staging', 'Starting']))).toEqual([
      'starting',
      '2 of 3 instances are starting: Staging on h1 for 9 s.',
    ]);
  });

  it('names the deployment that has not come to the rest', () => {
    const deployments = [{ id: 'd1', currentStep: 1, totalSteps: 2 }];
    const expected = '1 of 3 instances run; deployment d1 (step 1 of 2) has not come to the rest yet.';
    expect(said(input(['Running'], [], { deployments }))).toEqual(['deploying', expected]);
    expect(said(input(['Running', 'Scheduled'], [], { deployments, isAsked: false }))).toEqual(['deploying', expected]);
  });

  it('waits for offers if it fits, as far as is known', () => {
    expect(said(input(['Scheduled'], [knownAgent(anOffer({ host: 'big' }))]))).toEqual([
      'offersDue',
      '1 of 3 instances waits: one more fits on 1 of 1 agent as last seen ' +
        '(such as big, last offer 1970-01-01T00:00:01.000Z), and starts with the next offer from there.',
    ]);
  });

  it('says so if agents are known, and none has an offer', () => {
    const silent = { ...knownAgent(anOffer()), seen: [] };
    expect(said(input(['Scheduled'], [silent, silent]))).toEqual([
      'noFit',
      '1 of 3 instances waits: no agent has anything on offer to role * (2 agents known): ' +
        'everything is in use, or Mesos gives the role nothing.',
    ]);
  });

  it('puts the connection before the delay, and the delay before the agents', () => {
    const more = { notBeforeMs: 12_500, lastFailure: { host: 'h1', message: 'x'.repeat(300) } };
    expect(said(input(['Scheduled'], [], { ...more, isConnected: false }))[0]).toBe('disconnected');
    const [standing, summary] = said(input(['Scheduled'], [], more));
    expect(standing).toBe('delayed');
    expect(summary).toContain('for 3 s more, until 1970-01-01T00:00:12.500Z; the last one failed on h1 (xxx');
    expect(summary!.length).toBeLessThan(350);
    expect(said(input(['Scheduled'], [], { notBeforeMs: 9_999 }))[0]).toBe('noAgents');
  });
});
