import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type AgentPlan, type PlanOptions, planAgents } from '../../src/local-mesos/agent-plan.ts';

const plan = (change: Partial<PlanOptions>) =>
  planAgents({ agents: 3, attributes: undefined, resources: undefined, workDir: tmpdir(), simulate: false, ...change });

const plansOf = (change: Partial<PlanOptions>): readonly AgentPlan[] => {
  const planned = plan(change);
  if (!planned.ok) throw new Error(planned.error);
  return planned.value;
};
const ports = (agent: AgentPlan) =>
  agent.resources.filter(({ name }) => name === 'ports').map(({ ranges }) => ranges?.range);
const amount = (agent: AgentPlan, name: string) => agent.resources.find((r) => r.name === name)?.scalar?.value ?? 0;

describe('the agents of a local cluster', () => {
  it('have distinct addresses and ports of their own, below the ephemeral ones', () => {
    const plans = plansOf({});
    expect(new Set(plans.map(({ ip }) => ip)).size).toBe(process.platform === 'linux' ? 3 : 1);
    const all = plans.flatMap((agent) => ports(agent)[0] ?? []);
    expect(all).toHaveLength(3);
    expect(all[0]!.begin).toBe(31_000);
    for (let i = 1; i < 3; i++) expect(all[i]!.begin).toBe(all[i - 1]!.end + 1);
    expect(all[2]!.end).toBeLessThan(32_768);
  });

  it('each have room for a few apps of one cpu, whatever the machine', () => {
    for (const agent of plansOf({})) {
      expect(amount(agent, 'cpus')).toBeGreaterThanOrEqual(4);
      expect(amount(agent, 'mem')).toBeGreaterThanOrEqual(512);
      expect(amount(agent, 'disk')).toBeGreaterThan(0);
    }
  });

  it('keep defaults for what is not named and take what is', () => {
    const [agent] = plansOf({ agents: 1, resources: 'cpus:8;cpus(dev):2;gpus:1' });
    expect(agent!.resources.filter(({ name }) => name === 'cpus').map(({ scalar }) => scalar?.value)).toEqual([8, 2]);
    expect(amount(agent!, 'gpus')).toBe(1);
    expect(amount(agent!, 'mem')).toBeGreaterThan(0);
  });

  it('divide a range of ports that is given for all of them, even one with gaps', () => {
    const plans = plansOf({ resources: 'ports:[100-102,200-202]' });
    expect(plans.map((agent) => ports(agent)[0])).toEqual([
      [{ begin: 100, end: 101 }],
      [
        { begin: 102, end: 102 },
        { begin: 200, end: 200 },
      ],
      [{ begin: 201, end: 202 }],
    ]);
    const own = plansOf({ resources: 'ports:[{n}00-{n}09]' });
    expect(own.map((agent) => ports(agent)[0])).toEqual([1, 2, 3].map((n) => [{ begin: n * 100, end: n * 100 + 9 }]));
  });

  it('all have the usual ports when they are simulated', () => {
    for (const agent of plansOf({ agents: 300, simulate: true }))
      expect(ports(agent)).toEqual([[{ begin: 31_000, end: 32_000 }]]);
    expect(new Set(plansOf({ agents: 600, simulate: true }).map(({ ip }) => ip)).size).toBe(600);
  });

  it('cannot share too few ports or overlap', () => {
    expect(plan({ resources: 'ports:[100-101]' })).toMatchObject({ ok: false });
    expect(plan({ agents: 2, resources: 'ports:[100-110]|ports:[105-120]' })).toMatchObject({ ok: false });
  });
});
