import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Constraint } from '../../../src/core/app/definition.ts';
import { constraintVictims } from '../../../src/core/offer/scale-down.ts';
import { anAgent, anApp, text } from './fixtures.ts';

interface Candidate {
  readonly id: string;
  readonly agent: ReturnType<typeof anAgent>;
}

const on = (id: string, host: string, rack = 'r', colour = 'c'): Candidate => ({
  id,
  agent: anAgent(host, [text('rack', rack), text('colour', colour)]),
});

const many = (count: number, host: string): readonly Candidate[] =>
  Array.from({ length: count }, (_, i) => on(`${host}-${i}`, host));

const victimsOf = (constraints: readonly Constraint[], candidates: readonly Candidate[], count: number) =>
  constraintVictims(anApp({ constraints }), candidates, count).map(
    (id) => candidates.find((candidate) => candidate.id === id)!,
  );

const countBy = (victims: readonly Candidate[], key: (victim: Candidate) => string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const victim of victims) counts[key(victim)] = (counts[key(victim)] ?? 0) + 1;
  return counts;
};

const attribute = (index: number) => (victim: Candidate) => victim.agent.attributes[index]!.text!.value;

describe('victims of GROUP_BY on scale-down', () => {
  it('V49 come evenly from even hosts', () => {
    const victims = victimsOf([['hostname', 'GROUP_BY']], [...many(10, 'h1'), ...many(10, 'h2')], 10);
    expect(countBy(victims, ({ agent }) => agent.host)).toEqual({ h1: 5, h2: 5 });
  });

  it('V50 come from the fuller host', () => {
    const victims = victimsOf([['hostname', 'GROUP_BY']], [...many(20, 'h1'), ...many(10, 'h2')], 10);
    expect(countBy(victims, ({ agent }) => agent.host)).toEqual({ h1: 10 });
  });

  it('V51 serve two constraints at once', () => {
    const candidates = ['r1', 'r2'].flatMap((rack) =>
      ['red', 'blue'].flatMap((colour) =>
        Array.from({ length: 10 }, (_, i) => on(`${rack}-${colour}-${i}`, 'h', rack, colour)),
      ),
    );
    const victims = victimsOf(
      [
        ['rack', 'GROUP_BY'],
        ['colour', 'GROUP_BY'],
      ],
      candidates,
      20,
    );
    expect(countBy(victims, attribute(0))).toEqual({ r1: 10, r2: 10 });
    expect(countBy(victims, attribute(1))).toEqual({ red: 10, blue: 10 });
  });

  it('V52 are nobody without the constraint', () => {
    expect(victimsOf([], many(20, 'h1'), 5)).toEqual([]);
    expect(victimsOf([['hostname', 'UNIQUE']], many(20, 'h1'), 5)).toEqual([]);
  });

  it('are all if all must go', () => {
    expect(victimsOf([], many(3, 'h1'), 3)).toHaveLength(3);
  });

  it('are the earlier candidates of a group', () => {
    const victims = victimsOf([['hostname', 'GROUP_BY']], [...many(5, 'h1'), ...many(2, 'h2')], 2);
    expect(victims.map(({ id }) => id)).toEqual(['h1-0', 'h1-1']);
  });

  it('are distinct, and leave one field no more uneven than it was, or even', () => {
    const spread = (sizes: readonly number[]): number => Math.max(...sizes) - Math.min(...sizes);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 40 }), fc.nat(40), (hosts, k) => {
        const candidates = hosts.map((host, i) => on(`i${i}`, `h${host}`));
        const count = Math.min(k, candidates.length - 1);
        const victims = victimsOf([['hostname', 'GROUP_BY']], candidates, count);
        expect(new Set(victims).size).toBe(victims.length);
        expect(victims).toHaveLength(count);
        const sizes = (all: readonly Candidate[]) =>
          [...new Set(hosts)].map((host) => all.filter(({ agent }) => agent.host === `h${host}`).length);
        const after = spread(sizes(candidates.filter((candidate) => !victims.includes(candidate))));
        expect(after <= 1 || after <= spread(sizes(candidates))).toBe(true);
      }),
    );
  });

  it('of one field always come from the largest groups, as a search one by one does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 30 }), fc.nat(30), (hosts, k) => {
        const candidates = hosts.map((host, i) => on(`i${i}`, `h${host}`));
        const count = Math.min(k, candidates.length - 1);
        const sizes = [...new Set(hosts)].map((host) => hosts.filter((each) => each === host).length);
        for (let i = 0; i < count; i += 1) sizes[sizes.indexOf(Math.max(...sizes))]! -= 1;
        const victims = victimsOf([['hostname', 'GROUP_BY']], candidates, count);
        const left = candidates.filter((candidate) => !victims.includes(candidate));
        const kept = [...new Set(hosts)].map((host) => left.filter(({ agent }) => agent.host === `h${host}`).length);
        expect(kept.sort()).toEqual(sizes.sort());
      }),
      { numRuns: 500 },
    );
  });
});
