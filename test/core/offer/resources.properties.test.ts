import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Range, Resource } from '../../../src/core/mesos/types.ts';
import { choosePorts, type PortRequest, takePorts } from '../../../src/core/offer/ports.ts';
import { availableMilli, type ScalarName, supplyOf, takeScalars, toMilli } from '../../../src/core/offer/resources.ts';
import { scalarsOf } from './brute-force.ts';
import { anOffer, ports, scalar, seeded } from './fixtures.ts';

const roles = ['dev', '*'];
const amount = fc.integer({ min: 0, max: 20_000 });

/** Thousandths of a name in resources, whatever the role. */
const milliIn = (resources: readonly Resource[], name: ScalarName): number =>
  [...scalarsOf(resources)].reduce((sum, [key, milli]) => (key.startsWith(`${name} `) ? sum + milli : sum), 0);

describe('amounts', () => {
  it('are exact in thousandths: whatever is taken and whatever is left make up what was offered', () => {
    fc.assert(
      fc.property(
        amount,
        amount,
        fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 20 }),
        (free, own, wants) => {
          const supply = supplyOf(
            anOffer({}, [scalar('cpus', free / 1_000), scalar('cpus', own / 1_000, { role: 'dev' }), scalar('mem', 1)]),
          );
          let left = free + own;
          for (const want of wants) {
            const available = availableMilli(supply.scalars.cpus, roles);
            expect(available).toBe(left);
            if (want > available) continue;
            const taken: Resource[] = [];
            takeScalars(supply, roles, { cpus: want, mem: 0, disk: 0, gpus: 0 }, taken);
            expect(milliIn(taken, 'cpus')).toBe(want);
            for (const resource of taken) expect(resource.scalar!.value).toBeGreaterThan(0);
            left -= want;
          }
          expect(availableMilli(supply.scalars.cpus, roles)).toBe(left);
        },
      ),
    );
  });

  it('on the wire are the numbers that a person would write', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (milli) => {
        expect(toMilli(milli / 1_000)).toBe(milli);
        const supply = supplyOf(anOffer({}, [scalar('mem', 20_000_000)]));
        const taken: Resource[] = [];
        takeScalars(supply, ['*'], { cpus: 0, mem: milli, disk: 0, gpus: 0 }, taken);
        expect(JSON.stringify(taken[0]!.scalar!.value)).toMatch(/^\d+(\.\d{1,3})?$/);
      }),
    );
  });

  it('of ten tenths are one, in any order of taking', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 40 }), (each, times) => {
        const supply = supplyOf(anOffer({}, [scalar('cpus', (each * times) / 1_000)]));
        for (let i = 0; i < times; i += 1) {
          expect(availableMilli(supply.scalars.cpus, ['*'])).toBeGreaterThanOrEqual(each);
          takeScalars(supply, ['*'], { cpus: toMilli(each / 1_000), mem: 0, disk: 0, gpus: 0 }, []);
        }
        expect(availableMilli(supply.scalars.cpus, ['*'])).toBe(0);
      }),
    );
  });
});

/** Disjoint ranges from numbers, in random order, some of them reserved. */
const offered = fc
  .uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 15 })
  .chain((numbers) =>
    fc.tuple(fc.constant(numbers), fc.array(fc.boolean(), { minLength: numbers.length, maxLength: numbers.length })),
  )
  .map(([numbers, flags]) => {
    const rangesOf = (wanted: boolean): Range[] =>
      numbers.flatMap((n, i) =>
        flags[i] === wanted ? [{ begin: 31_000 + 2 * n, end: 31_000 + 2 * n + (n % 2) }] : [],
      );
    return { free: rangesOf(false), own: rangesOf(true) };
  });

const requests: fc.Arbitrary<readonly PortRequest[]> = fc.array(
  fc.constantFrom<PortRequest[]>(undefined, 0, 0, 0, 31_000, 31_003, 31_010, 31_020),
  { maxLength: 6 },
);

const numbersIn = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i));

describe('ports', () => {
  const always = (
    check: (given: {
      readonly asked: readonly PortRequest[];
      readonly all: readonly number[];
      readonly chosen: readonly PortRequest[] | undefined;
      readonly pieces: ReturnType<typeof supplyOf>['ports'];
    }) => void,
  ): void =>
    fc.assert(
      fc.property(offered, requests, fc.nat(), ({ free, own }, asked, seed) => {
        const { ports: pieces } = supplyOf(anOffer({}, [ports(free), ports(own, { role: 'dev' })]));
        const chosen = choosePorts(asked, pieces, roles, seeded(seed));
        check({ asked, all: [...numbersIn(free), ...numbersIn(own)], chosen, pieces });
      }),
      { numRuns: 1_000 },
    );

  it('are given exactly if there are enough besides the fixed ones, and all fixed ones are there', () => {
    always(({ asked, all, chosen }) => {
      const fixed = new Set(asked.filter((port) => port !== undefined && port > 0));
      const any = asked.filter((port) => port === 0).length;
      const canBe =
        [...fixed].every((port) => all.includes(port as number)) && (any === 0 || all.length - fixed.size >= any);
      expect(chosen !== undefined).toBe(canBe);
    });
  });

  it('answer each request in its place: the fixed one, none, or one of any that nobody else has', () => {
    always(({ asked, all, chosen }) => {
      if (chosen === undefined) return;
      expect(chosen).toHaveLength(asked.length);
      const any: number[] = [];
      asked.forEach((request, i) => {
        if (request !== 0) expect(chosen[i]).toBe(request);
        else any.push(chosen[i] as number);
      });
      expect(new Set(any).size).toBe(any.length);
      for (const port of any) {
        expect(all).toContain(port);
        expect(asked).not.toContain(port);
      }
    });
  });

  it('are consumed once each, from the role that they were offered to, and are gone afterwards', () => {
    always(({ all, chosen, pieces }) => {
      if (chosen === undefined) return;
      const before = new Map(
        pieces.flatMap(({ role, ranges }) => numbersIn(ranges).map((port) => [port, role] as const)),
      );
      const taken: Resource[] = [];
      takePorts(pieces, roles, chosen, taken);
      const consumed = taken.flatMap(({ ranges, reservations }) =>
        numbersIn(ranges?.range ?? []).map((port) => [port, reservations?.[0]?.role ?? '*'] as const),
      );
      const wanted = [...new Set(chosen.filter((port) => port !== undefined))];
      expect(consumed.map(([port]) => port).sort()).toEqual([...wanted].sort());
      for (const [port, role] of consumed) expect(before.get(port)).toBe(role);
      const left = pieces.flatMap(({ ranges }) => numbersIn(ranges));
      expect([...left, ...wanted].sort()).toEqual([...all].sort());
    });
  });
});
