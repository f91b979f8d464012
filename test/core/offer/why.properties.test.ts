import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppDefinition, Constraint } from '../../../src/core/app/definition.ts';
import type { AgentInfo } from '../../../src/core/instance/instance.ts';
import type { Offer } from '../../../src/core/mesos/types.ts';
import { answersOfAgents } from '../../../src/core/offer/agent-answers.ts';
import { AgentRules, reasonOf } from '../../../src/core/offer/agent-rules.ts';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { agentOf } from '../../../src/core/offer/fields.ts';
import { choosePorts, portShortage } from '../../../src/core/offer/ports.ts';
import { supplyOf } from '../../../src/core/offer/resources.ts';
import { type Change, type WhyNot, whyNot } from '../../../src/core/offer/why.ts';
import { fits, remainderOf } from './brute-force.ts';
import { aDemand, anAgent, anApp, anOffer, knownAgent, matched, ports, scalar, text } from './fixtures.ts';

/** Everything happens in this role; offers carry resources of it, of nobody, or of a role that is not accepted. */
const ownRole = 'dev';
const tenths = (max: number) => fc.integer({ min: 0, max }).map((n) => n / 10);

const agentShape = fc.record({
  rack: fc.constantFrom(undefined, 'r0', 'r1', 'r2'),
  cpus: tenths(30),
  reservedCpus: tenths(10),
  mem: fc.integer({ min: 0, max: 200 }),
  ports: fc.integer({ min: 0, max: 4 }),
  reservedPorts: fc.integer({ min: 0, max: 2 }),
  isDown: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
});

const constraint: fc.Arbitrary<Constraint> = fc.constantFrom<Constraint[]>(
  ['hostname', 'UNIQUE'],
  ['hostname', 'MAX_PER', '2'],
  ['hostname', 'LIKE', 'h[0-2]'],
  ['hostname', 'GROUP_BY', '2'],
  ['rack', 'CLUSTER'],
  ['rack', 'GROUP_BY'],
  ['rack', 'GROUP_BY', '3'],
  ['rack', 'UNLIKE', 'r0'],
  ['rack', 'IS', 'r1'],
);

const caseShape = fc.record({
  agents: fc.array(agentShape, { minLength: 1, maxLength: 5 }),
  cpus: tenths(25).map((n) => n + 0.1),
  mem: fc.integer({ min: 1, max: 250 }),
  accepted: fc.constantFrom(undefined, ['*'], ['dev']),
  portCount: fc.integer({ min: 0, max: 3 }),
  requirePorts: fc.boolean(),
  constraints: fc.uniqueArray(constraint, { maxLength: 2 }),
  placed: fc.array(
    fc.record({ host: fc.constantFrom('h0', 'h1', 'h9'), rack: fc.constantFrom(undefined, 'r0', 'r1') }),
    {
      maxLength: 3,
    },
  ),
});

interface Case {
  readonly app: AppDefinition;
  readonly offers: readonly Offer[];
  readonly placed: readonly AgentInfo[];
}

const attributesOf = (rack: string | undefined) => (rack === undefined ? [] : [text('rack', rack)]);

const cases: fc.Arbitrary<Case> = caseShape.map(({ agents, accepted, portCount, placed, ...app }) => ({
  app: anApp({
    ...app,
    role: ownRole,
    ...(accepted === undefined ? {} : { acceptedResourceRoles: accepted }),
    instances: placed.length + 1,
    portDefinitions: Array.from({ length: portCount }, (_, i) => ({ port: 31_000 + i, protocol: 'tcp' })),
  }),
  placed: placed.map(({ host, rack }) => anAgent(host, attributesOf(rack))),
  offers: agents.map((agent, i) => {
    const free = { allocation: ownRole };
    const own = { role: ownRole, allocation: ownRole };
    const unavailability = agent.isDown ? { unavailability: { start: { nanoseconds: 0 } } } : {};
    return anOffer({ host: `h${i}`, role: ownRole, attributes: attributesOf(agent.rack), ...unavailability }, [
      ...(agent.cpus === 0 ? [] : [scalar('cpus', agent.cpus, free)]),
      ...(agent.reservedCpus === 0 ? [] : [scalar('cpus', agent.reservedCpus, own)]),
      scalar('mem', agent.mem, agent.reservedCpus === 0 ? free : own),
      ...(agent.ports === 0 ? [] : [ports([{ begin: 31_000, end: 30_999 + agent.ports }], free)]),
      ...(agent.reservedPorts === 0 ? [] : [ports([{ begin: 32_000, end: 31_999 + agent.reservedPorts }], own)]),
    ]);
  }),
}));

const nowMs = 1;
const rulesFor = ({ app, placed }: Case) => new AgentRules(app, ownRole, placed, defaultMatchSettings, nowMs);
const answerTo = (given: Case): WhyNot =>
  whyNot(
    rulesFor(given),
    given.offers.map((offer) => knownAgent(offer)),
  );

/** What can be different about an app and an agent, for the search. */
interface World {
  readonly app: AppDefinition;
  readonly offer: Offer;
}

/** Something on offer has to be of an accepted role, even for an app that asks for nothing. */
const fitsIn = ({ app, offer }: World, placed: readonly AgentInfo[]): boolean =>
  rolesOf(offer).some((role) => (app.acceptedResourceRoles ?? [ownRole, '*']).includes(role)) &&
  fits(
    app,
    ownRole,
    { agent: agentOf(offer), left: remainderOf(offer, []), isAvailable: offer.unavailability === undefined },
    placed,
  );

const rolesOf = (offer: Offer): string[] => [...new Set(offer.resources.map((r) => r.reservations?.[0]?.role ?? '*'))];

/** Every single change that the search may try, by what it would be called. */
function relaxations({ app, offer }: World): readonly (readonly [string, (world: World) => World])[] {
  const withApp = (changes: Partial<AppDefinition>) => (world: World) => ({
    ...world,
    app: { ...world.app, ...changes },
  });
  const accepted = app.acceptedResourceRoles ?? [ownRole, '*'];
  const isForeign = rolesOf(offer).every((role) => !accepted.includes(role));
  return [
    ['cpus', withApp({ cpus: 0 })],
    ['mem', withApp({ mem: 0 })],
    ['ports', withApp({ portDefinitions: [] })],
    ...(isForeign ? [['role', withApp({ acceptedResourceRoles: rolesOf(offer) })] as const] : []),
    [
      'maintenance',
      (world) => {
        const { unavailability: _, ...rest } = world.offer;
        return { ...world, offer: rest };
      },
    ],
    ...app.constraints.map(
      (wanted) =>
        [
          wanted.join(' '),
          (world: World): World => ({
            ...world,
            app: { ...world.app, constraints: world.app.constraints.filter((each) => each !== wanted) },
          }),
        ] as const,
    ),
  ];
}

/** The fewest changes that let the app fit on the agent: every subset is tried. */
function fewestChanges(world: World, placed: readonly AgentInfo[]): number {
  const all = relaxations(world);
  let fewest = Number.POSITIVE_INFINITY;
  for (let subset = 0; subset < 1 << all.length; subset += 1) {
    const chosen = all.filter((_, i) => (subset & (1 << i)) !== 0);
    if (chosen.length >= fewest) continue;
    if (
      fitsIn(
        chosen.reduce((changed, [, apply]) => apply(changed), world),
        placed,
      )
    )
      fewest = chosen.length;
  }
  return fewest;
}

/** Does what a change says, no more. */
function obey(change: Change, world: World): World {
  const { app, offer } = world;
  switch (change.type) {
    case 'less': {
      const { name, neededMilli, freeMilli } = change;
      expect(neededMilli).toBe(Math.round(app[name] * 1000));
      return { ...world, app: { ...app, [name]: freeMilli / 1000 } };
    }
    case 'ports': {
      const left = (app.portDefinitions ?? []).filter(({ port }) => !change.fixed.includes(port));
      return { ...world, app: { ...app, portDefinitions: left.slice(change.any) } };
    }
    case 'constraint':
      return { ...world, app: { ...app, constraints: app.constraints.filter((each) => each !== change.constraint) } };
    case 'role':
      return { ...world, app: { ...app, acceptedResourceRoles: change.offered } };
    case 'maintenance': {
      const { unavailability: _, ...rest } = offer;
      return { ...world, offer: rest };
    }
    default:
      throw new Error(`${change.type} cannot be in here`);
  }
}

const always = (check: (given: Case, answer: WhyNot) => void): void =>
  fc.assert(
    fc.property(cases, (given) => check(given, answerTo(given))),
    { numRuns: 500 },
  );

describe('the answer to why an app does not run', () => {
  it('finds the agents that fit, as a search does, and as the next match would', () => {
    always(({ app, offers, placed }, { fitting, agents, fittingExample, nearest }) => {
      const found = offers.filter((offer) => fitsIn({ app, offer }, placed));
      expect(agents).toBe(offers.length);
      expect(fitting).toBe(found.length);
      expect(found.some(({ hostname }) => hostname === fittingExample?.host)).toBe(found.length > 0);
      const { used } = matched(offers, [aDemand(app, 1, { placements: placed })], {}, nowMs);
      expect(used.length).toBe(found.length > 0 ? 1 : 0);
      expect(nearest.length > 0).toBe(found.length === 0);
    });
  });

  it('counts each agent once: it fits, or has one first reason', () => {
    always(({ offers }, { fitting, reasons }) => {
      expect(fitting + reasons.reduce((sum, { first }) => sum + first, 0)).toBe(offers.length);
      for (const { first, agents } of reasons) expect(agents).toBeGreaterThanOrEqual(first);
    });
  });

  it('gives each agent the first reason that the match gives', () => {
    always((given) => {
      const { app, offers, placed } = given;
      const answers = answersOfAgents(
        rulesFor(given),
        offers.map((offer) => knownAgent(offer)),
        1_000,
      );
      for (const { known, rules } of answers) {
        const offer = offers.find(({ hostname }) => hostname === known.agent.host)!;
        const { refusals } = matched([offer], [aDemand(app, 1, { placements: placed })], {}, nowMs);
        const [first] = refusals[0]?.reasons ?? [];
        const own = rules[0] && reasonOf(rules[0]);
        // A match calls maintenance an unfulfilled constraint, too.
        expect(own === 'AgentMaintenance' ? 'UnfulfilledConstraint' : own).toBe(first);
      }
    });
  });

  it('names changes that are enough together, and of which none is too much', () => {
    always(({ app, offers, placed }, { nearest }) => {
      for (const { agent, changes } of nearest) {
        const offer = offers.find(({ hostname }) => hostname === agent.host)!;
        const obeyed = (some: readonly Change[]) => some.reduce((world, change) => obey(change, world), { app, offer });
        expect(fitsIn(obeyed(changes), placed)).toBe(true);
        const changed = obeyed(changes);
        expect(matched([changed.offer], [aDemand(changed.app, 1, { placements: placed })], {}, nowMs).used.length).toBe(
          1,
        );
        for (const left of changes) expect(fitsIn(obeyed(changes.filter((each) => each !== left)), placed)).toBe(false);
      }
    });
  });

  it('names the smallest amount that helps', () => {
    always(({ app, offers, placed }, { nearest }) => {
      for (const { agent, changes } of nearest) {
        const offer = offers.find(({ hostname }) => hostname === agent.host)!;
        for (const change of changes) {
          if (change.type !== 'less') continue;
          const rest = changes.filter((each) => each !== change);
          const world = rest.reduce((changed: World, each) => obey(each, changed), { app, offer });
          const almost = { ...world.app, [change.name]: (change.freeMilli + 1) / 1000 };
          expect(fitsIn({ ...world, app: almost }, placed)).toBe(false);
        }
      }
    });
  });

  it('begins with an agent that no other one is nearer than, by the number of changes', () => {
    always(({ app, offers, placed }, { nearest }) => {
      const [first] = nearest;
      if (first === undefined) return;
      expect(first.changes.length).toBe(Math.min(...offers.map((offer) => fewestChanges({ app, offer }, placed))));
    });
  });
});

describe('missing ports', () => {
  const request = fc.constantFrom(undefined, 0, 0, 31_000, 31_001, 31_004, 40_000);
  const range = fc.integer({ min: 0, max: 8 }).map((n) => ({ begin: 31_000 + n, end: 31_000 + n }));

  it('are none exactly if ports can be chosen', () => {
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 5 }),
        fc.uniqueArray(range, { selector: ({ begin }) => begin, maxLength: 6 }),
        fc.boolean(),
        (requests, ranges, isReserved) => {
          const offer = anOffer({}, [ports(ranges, isReserved ? { role: ownRole } : {})]);
          const pieces = supplyOf(offer).ports;
          const roles = ['*'];
          const { fixed, any } = portShortage(requests, pieces, roles);
          const chosen = choosePorts(requests, pieces, roles, () => 0.5);
          expect(fixed.length === 0 && any === 0).toBe(chosen !== undefined);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
