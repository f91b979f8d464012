import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import type { AgentInfo } from '../../../src/core/instance/instance.ts';
import { answersOfAgents } from '../../../src/core/offer/agent-answers.ts';
import { AgentRules, reasonOf } from '../../../src/core/offer/agent-rules.ts';
import { defaultMatchSettings, type MatchSettings } from '../../../src/core/offer/demand.ts';
import type { KnownAgent } from '../../../src/core/offer/known-agents.ts';
import { whyNot } from '../../../src/core/offer/why.ts';
import { nearMissText, reasonsText } from '../../../src/core/offer/why-text.ts';
import { anAgent, anApp, anOffer, definitions, knownAgent, ports, scalar, text } from './fixtures.ts';

interface Given {
  readonly placed?: readonly AgentInfo[];
  readonly settings?: Partial<MatchSettings>;
  readonly role?: string;
  readonly nowMs?: number;
}

const rulesFor = (app: AppDefinition, { placed = [], settings, role = '*', nowMs = 0 }: Given = {}) =>
  new AgentRules(app, role, placed, { ...defaultMatchSettings, ...settings }, nowMs);

const ask = (changes: Partial<AppDefinition>, agents: readonly KnownAgent[], given: Given = {}) =>
  whyNot(rulesFor(anApp(changes), given), agents);

/** The nearest misses in words. */
const misses = (changes: Partial<AppDefinition>, agents: readonly KnownAgent[], given: Given = {}) =>
  ask(changes, agents, given).nearest.map(nearMissText);

const free = (host: string, cpus: number, mem = 4_096, more: Parameters<typeof anOffer>[0] = {}): KnownAgent =>
  knownAgent(
    anOffer({ host, ...more }, [scalar('cpus', cpus), scalar('mem', mem), ports([{ begin: 31_000, end: 31_001 }])]),
  );

describe('a near miss', () => {
  it('names the agent that lacks least, and how much', () => {
    const agents = [free('h1', 0.1), free('h2', 0.3), free('h3', 0.2)];
    expect(misses({ cpus: 0.5 }, agents)).toEqual(['fits on h2 with 0.2 cpus less (needs 0.5, free 0.3)']);
    expect(ask({ cpus: 0.5 }, agents).nearest[0]).toMatchObject({ agents: 3, agent: { host: 'h2' } });
  });

  it('counts in exact thousandths', () => {
    const tenth = free('h1', 0.1 + 0.2);
    expect(ask({ cpus: 0.3 }, [tenth]).fitting).toBe(1);
    expect(misses({ cpus: 0.301 }, [tenth])).toEqual(['fits on h1 with 0.001 cpus less (needs 0.301, free 0.3)']);
  });

  it('is one for each set of broken rules, single ones first', () => {
    const agents = [free('h1', 0.1, 10), free('h2', 4, 4_096), free('h3', 0.9, 4_096), free('h4', 0.2, 4_096)];
    const given = { placed: [anAgent('h2')] };
    expect(misses({ cpus: 1, mem: 64, constraints: [['hostname', 'UNIQUE']] }, agents, given)).toEqual([
      'fits on h3 with 0.1 cpus less (needs 1, free 0.9)',
      'fits on h2 without UNIQUE on hostname (it has h2)',
      'fits on h1 with 0.9 cpus less (needs 1, free 0.1), and with 54 MiB of memory less (needs 64, free 10)',
    ]);
  });

  it('tells one constraint from another, and what the agent has for its field', () => {
    const agents = [free('h1', 4, 4_096, { attributes: [text('rack', 'r7')] }), free('h2', 4, 4_096)];
    expect(misses({ constraints: [['rack', 'LIKE', 'r[1-3]']] }, agents)).toEqual([
      'fits on h1 without LIKE "r[1-3]" on rack (it has r7)',
    ]);
    expect(
      ask(
        {
          constraints: [
            ['rack', 'LIKE', 'r[1-3]'],
            ['hostname', 'UNIQUE'],
          ],
        },
        agents,
      ).reasons,
    ).toMatchObject([
      { reason: 'UnfulfilledConstraint', rule: { constraint: ['rack', 'LIKE', 'r[1-3]'] }, first: 2, agents: 2 },
    ]);
    expect(misses({ constraints: [['rack', 'UNIQUE']] }, [free('h2', 4)])).toEqual([
      'fits on h2 without UNIQUE on rack (it has no rack)',
    ]);
  });

  it('tells fixed ports from a want of any', () => {
    const agents = [free('h1', 4)];
    expect(misses({ requirePorts: true, ...definitions(8_080, 31_000) }, agents)).toEqual([
      'fits on h1 without host port 8080',
    ]);
    expect(misses({ ...definitions(1, 2, 3) }, agents)).toEqual(['fits on h1 with 1 port fewer']);
  });

  it('knows maintenance, roles, regions, scarce GPUs, volumes and agents without an offer', () => {
    const down = { unavailability: { start: { nanoseconds: 0 }, duration: { nanoseconds: 60e9 } } };
    expect(misses({}, [free('h1', 4, 4_096, down)], { nowMs: 1 })).toEqual([
      'fits on h1 once its maintenance is over (1970-01-01T00:01:00.000Z)',
    ]);
    expect(misses({ acceptedResourceRoles: ['db'] }, [free('h1', 4)])).toEqual([
      'fits on h1 with acceptedResourceRoles that include *',
    ]);
    const domain = { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } };
    expect(misses({}, [free('h1', 4, 4_096, { domain })], { settings: { masterRegion: 'us' } })).toEqual([
      'fits on h1 with a constraint on @region (it is in eu)',
    ]);
    const gpus = knownAgent(anOffer({ host: 'h1' }, [scalar('cpus', 4), scalar('mem', 512), scalar('gpus', 1)]));
    expect(misses({}, [gpus])).toEqual(['fits on h1 with the label GPU_SCHEDULING_BEHAVIOR=unrestricted']);
    expect(misses({ gpus: 2 }, [gpus])).toEqual(['fits on h1 with 1 GPUs less (needs 2, free 1)']);
    const volumes = [{ containerPath: 'data', persistent: { size: 10 } }];
    expect(misses({ container: { type: 'MESOS', volumes } }, [free('h1', 4)])).toEqual([
      'fits on h1 with a reservation for its volume',
    ]);
    expect(misses({}, [free('h1', 4)], { role: 'dev' })).toEqual(['fits on h1 once it has something on offer']);
  });
});

describe('the reasons', () => {
  it('come in the order of the funnel, each agent counted at its first one', () => {
    const agents = [free('h1', 0.1), free('h2', 0.1, 1), free('h3', 4, 1), free('h4', 4)];
    const answer = ask({ cpus: 1, mem: 128, constraints: [['hostname', 'UNIQUE']] }, agents, {
      placed: [anAgent('h4'), anAgent('h2')],
    });
    expect(answer.reasons.map(({ reason, first, agents: all, example }) => [reason, first, all, example.host])).toEqual(
      [
        ['UnfulfilledConstraint', 2, 2, 'h4'],
        ['InsufficientCpus', 1, 2, 'h1'],
        ['InsufficientMemory', 1, 2, 'h3'],
      ],
    );
    expect(reasonsText(answer)).toBe('2 UNIQUE on hostname, 1 too few cpus, 1 too little memory');
  });

  it('tell apart as many constraints as there may reasonably be, and never lose one', () => {
    const constraints = Array.from({ length: 25 }, (_, i) => [`f${i}`, 'IS', 'x'] as const);
    const all = Array.from({ length: 24 }, (_, i) => text(`f${i}`, 'x'));
    const answer = ask({ constraints }, [free('h1', 4, 4_096, { attributes: all })]);
    expect(answer.fitting).toBe(0);
    expect(answer.reasons.map(({ reason }) => reason)).toEqual(['UnfulfilledConstraint']);
    expect(ask({ constraints }, [free('h1', 4, 4_096, { attributes: [...all, text('f24', 'x')] })]).fitting).toBe(1);
  });

  it('of every agent are listed from the nearest on, with those behind the first one', () => {
    const agents = [free('h1', 0.1, 1), free('h2', 4), free('h3', 0.9)];
    const answers = answersOfAgents(rulesFor(anApp({ cpus: 1, mem: 128 })), agents, 2);
    expect(answers.map(({ known, rules }) => [known.agent.host, rules.map(reasonOf)])).toEqual([
      ['h2', []],
      ['h3', ['InsufficientCpus']],
    ]);
    const all = answersOfAgents(rulesFor(anApp({ cpus: 1, mem: 128 })), agents, 3);
    expect(all[2]!.rules.map(reasonOf)).toEqual(['InsufficientCpus', 'InsufficientMemory']);
  });
});
