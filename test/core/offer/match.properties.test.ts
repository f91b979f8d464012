import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppDefinition, Constraint } from '../../../src/core/app/definition.ts';
import type { Offer } from '../../../src/core/mesos/types.ts';
import type { MatchDemand } from '../../../src/core/offer/lanes.ts';
import type { MatchOutcome } from '../../../src/core/offer/match.ts';
import { fits, holds, portsOf, remainderOf, rolesOf, scalarsOf } from './brute-force.ts';
import { aDemand, anAgent, anApp, anOffer, matched, ports, scalar, seeded, text } from './fixtures.ts';

const role = fc.constantFrom('*', 'dev');
const tenths = (max: number) => fc.integer({ min: 0, max }).map((n) => n / 10);

const offerShape = fc.record({
  host: fc.constantFrom('h0', 'h1', 'h2', 'h3'),
  role,
  rack: fc.constantFrom(undefined, 'r0', 'r1', 'r2'),
  cpus: tenths(40),
  reservedCpus: tenths(20),
  mem: fc.integer({ min: 0, max: 500 }),
  ports: fc.integer({ min: 0, max: 6 }),
  reservedPorts: fc.integer({ min: 0, max: 3 }),
  isDown: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

const constraint: fc.Arbitrary<Constraint> = fc.constantFrom<Constraint[]>(
  ['hostname', 'UNIQUE'],
  ['hostname', 'MAX_PER', '2'],
  ['hostname', 'GROUP_BY'],
  ['hostname', 'GROUP_BY', '2'],
  ['hostname', 'LIKE', 'h[0-2]'],
  ['rack', 'CLUSTER'],
  ['rack', 'GROUP_BY'],
  ['rack', 'GROUP_BY', '3'],
  ['rack', 'UNLIKE', 'r0'],
  ['rack', 'IS', 'r1'],
  ['rack', 'MAX_PER', '3'],
);

const appShape = fc.record({
  role,
  cpus: tenths(15).map((n) => n + 0.1),
  mem: fc.integer({ min: 1, max: 200 }),
  acceptedResourceRoles: fc.constantFrom(undefined, ['*'], undefined),
  portCount: fc.integer({ min: 0, max: 3 }),
  requirePorts: fc.boolean(),
  constraints: fc.uniqueArray(constraint, { maxLength: 2 }),
  waiting: fc.integer({ min: 0, max: 8 }),
  placed: fc.array(
    fc.record({ host: fc.constantFrom('h0', 'h1', 'h9'), rack: fc.constantFrom(undefined, 'r0', 'r1') }),
    {
      maxLength: 3,
    },
  ),
});

const attributesOf = (rack: string | undefined) => (rack === undefined ? [] : [text('rack', rack)]);

function offerOf(shape: typeof offerShape extends fc.Arbitrary<infer T> ? T : never): Offer {
  const own = { role: shape.role, allocation: shape.role };
  const free = { allocation: shape.role };
  return anOffer(
    {
      host: shape.host,
      role: shape.role,
      attributes: attributesOf(shape.rack),
      ...(shape.isDown ? { unavailability: { start: { nanoseconds: 0 } } } : {}),
    },
    [
      scalar('cpus', shape.cpus, free),
      ...(shape.role === '*' ? [] : [scalar('cpus', shape.reservedCpus, own)]),
      scalar('mem', shape.mem, free),
      ...(shape.ports === 0 ? [] : [ports([{ begin: 31_000, end: 30_999 + shape.ports }], free)]),
      ...(shape.role === '*' || shape.reservedPorts === 0
        ? []
        : [ports([{ begin: 32_000, end: 31_999 + shape.reservedPorts }], own)]),
    ],
  );
}

function demandOf(shape: typeof appShape extends fc.Arbitrary<infer T> ? T : never, index: number): MatchDemand {
  const { portCount, placed, waiting, acceptedResourceRoles, ...rest } = shape;
  const app: AppDefinition = anApp(
    {
      ...rest,
      ...(acceptedResourceRoles === undefined ? {} : { acceptedResourceRoles }),
      instances: waiting + placed.length,
      portDefinitions: Array.from({ length: portCount }, (_, i) => ({ port: 31_000 + i, protocol: 'tcp' })),
    },
    `/app-${index}`,
  );
  const placements = placed.map(({ host, rack }) => anAgent(host, attributesOf(rack)));
  return aDemand(app, waiting, { placements });
}

interface Case {
  readonly offers: readonly Offer[];
  readonly demands: readonly MatchDemand[];
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  offers: fc.array(offerShape, { maxLength: 6 }).map((shapes) => shapes.map(offerOf)),
  demands: fc.array(appShape, { maxLength: 5 }).map((shapes) => shapes.map(demandOf)),
  seed: fc.nat(),
});

const run = ({ offers, demands, seed }: Case): MatchOutcome => matched(offers, demands, {}, 1, seeded(seed));

const always = (check: (given: Case, outcome: MatchOutcome) => void): void =>
  fc.assert(
    fc.property(cases, (given) => check(given, run(given))),
    { numRuns: 400 },
  );

/** The launches of one app in the order in which its instances waited, hence in which they were planned. */
const launchesOf = (outcome: MatchOutcome, { app, waiting }: MatchDemand) => {
  const all = outcome.used.flatMap(({ launches }) => launches).filter((launch) => launch.app === app);
  return waiting.flatMap(({ instanceId }) => all.filter((launch) => launch.instanceId === instanceId));
};

describe('every pass', () => {
  it('puts each offer into used or unused, once', () => {
    always(({ offers }, { used, unused }) => {
      const ids = [...used.map(({ offer }) => offer), ...unused].map(({ id }) => id.value);
      expect(ids.sort()).toEqual(offers.map(({ id }) => id.value).sort());
      for (const { launches } of used) expect(launches.length).toBeGreaterThan(0);
    });
  });

  it('launches an instance at most once, and in the order of waiting', () => {
    always(({ demands }, outcome) => {
      for (const demand of demands) {
        const launched = launchesOf(outcome, demand).map(({ instanceId }) => instanceId);
        expect(launched).toEqual(demand.waiting.slice(0, launched.length).map(({ instanceId }) => instanceId));
      }
    });
  });

  it('uses no more than is offered, by name and role, and no port twice', () => {
    always((_, { used }) => {
      for (const { offer, launches } of used) {
        const consumed = launches.flatMap(({ task }) => task.resources);
        for (const left of remainderOf(offer, consumed).scalars.values()) expect(left).toBeGreaterThanOrEqual(0);
        const taken = portsOf(consumed);
        expect(new Set(taken).size).toBe(taken.length);
        const offered = portsOf(offer.resources);
        for (const port of taken) expect(offered).toContain(port);
        for (const { allocation_info } of consumed) expect(allocation_info).toEqual(offer.allocation_info);
      }
    });
  });

  it('gives each launch exactly what its app asks for, of roles it accepts', () => {
    always((_, { used }) => {
      for (const { offer, launches } of used) {
        for (const { app, task, hostPorts } of launches) {
          const roles = rolesOf(app, offer.allocation_info!.role!);
          const sums = scalarsOf(task.resources);
          const sumOf = (name: string) => roles.reduce((sum, each) => sum + (sums.get(`${name} ${each}`) ?? 0), 0);
          expect(sumOf('cpus')).toBe(Math.round(app.cpus * 1000));
          expect(sumOf('mem')).toBe(app.mem * 1000);
          expect(
            portsOf(task.resources)
              .map((port) => Number(port.split(' ')[0]))
              .sort(),
          ).toEqual([...hostPorts].sort());
          expect(hostPorts).toHaveLength(app.portDefinitions!.length);
          if (app.requirePorts) expect(hostPorts).toEqual(app.portDefinitions!.map(({ port }) => port));
        }
      }
    });
  });

  it('launches only in the role of the instance and where every constraint holds', () => {
    always(({ demands }, outcome) => {
      for (const demand of demands) {
        const placed = [...demand.placements];
        for (const { app, agent } of launchesOf(outcome, demand)) {
          for (const each of app.constraints) expect(holds(app, each, placed, agent)).toBe(true);
          placed.push(agent);
        }
      }
      for (const { offer, launches } of outcome.used) {
        for (const { app } of launches) expect(app.role).toBe(offer.allocation_info!.role);
      }
    });
  });

  it('lets an app wait only if it fits nowhere, and says so for each offer of its role', () => {
    always(({ offers, demands }, outcome) => {
      for (const demand of demands) {
        const launched = launchesOf(outcome, demand);
        const refusing = outcome.refusals.filter(({ app }) => app === demand.app);
        if (launched.length === demand.waiting.length) {
          expect(refusing).toEqual([]);
          continue;
        }
        const suitable = offers.filter((offer) => offer.allocation_info?.role === demand.app.role);
        expect(refusing.map(({ offer }) => offer.id.value)).toEqual(suitable.map(({ id }) => id.value));
        const placed = [...demand.placements, ...launched.map(({ agent }) => agent)];
        for (const offer of suitable) {
          const launches = outcome.used.find((use) => use.offer === offer)?.launches ?? [];
          const left = remainderOf(
            offer,
            launches.flatMap(({ task }) => task.resources),
          );
          const agent = anAgent(offer.hostname, offer.attributes);
          const isAvailable = offer.unavailability === undefined;
          expect(fits(demand.app, demand.app.role, { agent, left, isAvailable }, placed)).toBe(false);
        }
        for (const { reasons } of refusing) expect(reasons.length).toBeGreaterThan(0);
      }
    });
  });

  it('says the same to the same question', () => {
    always((given, outcome) => {
      expect(run(given)).toEqual(outcome);
    });
  });
});
