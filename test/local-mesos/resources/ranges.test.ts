import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addRanges,
  containsRanges,
  countRanges,
  formatRanges,
  normaliseRanges,
  type Ranges,
  subtractRanges,
  toWireRanges,
} from '../../../src/local-mesos/resources/ranges.ts';

const ranges = fc
  .array(fc.tuple(fc.nat(60), fc.nat(6)), { maxLength: 8 })
  .map((pairs) => normaliseRanges(pairs.map(([begin, size]) => ({ begin, end: begin + size }))));

const numbers = (flat: Ranges): Set<number> => {
  const all = new Set<number>();
  for (const { begin, end } of toWireRanges(flat)) for (let n = begin; n <= end; n++) all.add(n);
  return all;
};
const sorted = (set: Iterable<number>): number[] => [...set].sort((a, b) => a - b);

describe('ranges', () => {
  it('behave like the sets of numbers they stand for', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const inA = numbers(a);
        const inB = numbers(b);
        expect(countRanges(a)).toBe(inA.size);
        expect(sorted(numbers(addRanges(a, b)))).toEqual(sorted(new Set([...inA, ...inB])));
        expect(sorted(numbers(subtractRanges(a, b)))).toEqual(sorted([...inA].filter((n) => !inB.has(n))));
        expect(containsRanges(a, b)).toBe([...inB].every((n) => inA.has(n)));
      }),
    );
  });

  it('are equal lists when they are equal sets', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        expect(addRanges(subtractRanges(a, b), subtractRanges(a, subtractRanges(a, b)))).toEqual(a);
      }),
    );
  });

  it('are written as Mesos writes them', () => {
    const flat = normaliseRanges([
      { begin: 31_006, end: 32_000 },
      { begin: 31_000, end: 31_003 },
      { begin: 31_004, end: 31_004 },
    ]);
    expect(formatRanges(flat)).toBe('[31000-31004, 31006-32000]');
  });
});
