import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Constraint } from '../../../src/core/app/definition.ts';
import type { AgentInfo } from '../../../src/core/instance/instance.ts';
import type { Attribute } from '../../../src/core/mesos/types.ts';
import { judgeOf, maxToldApart } from '../../../src/core/offer/constraints.ts';
import { viewOf } from '../../../src/core/offer/fields.ts';
import { anApp } from './fixtures.ts';

/** A value of an agent's field, and what a person would write for it. */
interface Shown {
  readonly attribute: Attribute | undefined;
  readonly text: string | undefined;
}

const named = 'f';
const shown: fc.Arbitrary<Shown> = fc.oneof(
  fc.constant({ attribute: undefined, text: undefined }),
  fc
    .constantFrom('a', 'b', 'ab')
    .map((value) => ({ attribute: { name: named, type: 'TEXT' as const, text: { value } }, text: value })),
  fc.constantFrom(0, 500, 1_000, 1_001, 2_500).map((milli) => ({
    attribute: { name: named, type: 'SCALAR' as const, scalar: { value: milli / 1_000 } },
    text: String(milli / 1_000),
  })),
  fc
    .constantFrom<[number, number][][]>(
      [
        [[1, 2]],
        [
          [5, 6],
          [1, 2],
        ],
      ],
      [
        [
          [1, 2],
          [5, 6],
        ],
      ],
    )
    .map((all) => ({
      attribute: {
        name: named,
        type: 'RANGES' as const,
        ranges: { range: (all[0] ?? []).map(([begin, end]) => ({ begin, end })) },
      },
      text: `[${[...(all[0] ?? [])]
        .sort(([a], [b]) => a - b)
        .map((pair) => pair.join('-'))
        .join(',')}]`,
    })),
  fc.constantFrom(['x', 'y'], ['y', 'x'], ['x']).map((item) => ({
    attribute: { name: named, type: 'SET' as const, set: { item } },
    text: `{${item.toSorted().join(',')}}`,
  })),
);

const constraint: fc.Arbitrary<Constraint> = fc.oneof(
  fc.constant<Constraint>([named, 'UNIQUE']),
  fc.constantFrom<Constraint[]>(
    [named, 'CLUSTER'],
    [named, 'CLUSTER', ''],
    [named, 'CLUSTER', 'a'],
    [named, 'CLUSTER', '1'],
  ),
  fc.constantFrom('-1', '0', '1', '2', '3').map((n): Constraint => [named, 'MAX_PER', n]),
  fc.constantFrom('a', 'ab', '1', '1.0', '0.5', '1.0005', '2.5').map((value): Constraint => [named, 'IS', value]),
  fc
    .tuple(
      fc.constantFrom<('LIKE' | 'UNLIKE')[]>('LIKE', 'UNLIKE'),
      fc.constantFrom('a', 'a.*', '[ab]', '1|a', '\\[.*\\]', '\\{x.*\\}', '[0-9.]+', '(', ''),
    )
    .map(([operator, regex]): Constraint => [named, operator, regex]),
  fc
    .constantFrom(undefined, '0', '1', '2', '3', '7', 'inf', '-2')
    .map((n): Constraint => (n === undefined ? [named, 'GROUP_BY'] : [named, 'GROUP_BY', n])),
);

/** The rule as the notes on behaviour have it (§3.2, §3.3), from plain lists. */
function holds([, operator, given = '']: Constraint, placed: readonly Shown[], on: Shown, instances: number): boolean {
  const value = on.text;
  const values = placed.map(({ text }) => text);
  const same = values.filter((each) => each === value).length;
  const isRegex = given !== '' && given !== '(';
  if (operator === 'UNLIKE') return value === undefined || (isRegex && !new RegExp(`^(?:${given})$`).test(value));
  if (value === undefined) return false;
  switch (operator) {
    case 'UNIQUE':
      return same === 0;
    case 'CLUSTER':
      return given === '' ? values.length === 0 || values[0] === value : value === given;
    case 'MAX_PER':
      return same < Number(given);
    case 'IS':
      // The few numbers among the values are all there is to format: a half at the fourth digit goes to the even third one.
      return value === ({ '1.0': '1', '1.0005': '1' }[given] ?? given);
    case 'LIKE':
      return isRegex && new RegExp(`^(?:${given})$`).test(value);
    case 'GROUP_BY': {
      const sizes = [...new Set(values)].map((each) => values.filter((other) => other === each).length);
      const wanted = given === 'inf' ? 2 ** 31 - 1 : Number(given);
      if (wanted < 1) return same === 0 || same === Math.min(...sizes);
      if (same === 0) return sizes.length < wanted;
      const share = Math.floor(instances / wanted);
      const used = sizes.reduce((sum, size) => sum + Math.max(0, size - share), 0);
      return same < share || (same === share && (instances % wanted) - used > 0);
    }
  }
}

const agentOf = ({ attribute }: Shown): AgentInfo => ({
  host: 'h',
  agentId: 'S',
  attributes: attribute === undefined ? [] : [attribute],
});

describe('every constraint', () => {
  it('judges as a plain reading of the rules does, before and after each launch of a pass', () => {
    fc.assert(
      fc.property(
        constraint,
        fc.array(shown, { maxLength: 5 }),
        fc.array(shown, { maxLength: 8 }),
        fc.integer({ min: 0, max: 9 }),
        (one, before, questions, instances) => {
          const placed = [...before];
          const judge = judgeOf(anApp({ constraints: [one], instances }), before.map(agentOf));
          for (const question of questions) {
            const view = viewOf(agentOf(question));
            const expected = holds(one, placed, question, instances);
            expect(judge.accepts(view)).toBe(expected);
            expect(judge.broken(view)).toBe(expected ? 0 : 1);
            if (!expected) continue;
            judge.place(view);
            placed.push(question);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('counts only by itself: all must hold, and each that does not is named', () => {
    fc.assert(
      fc.property(
        fc.array(constraint, { maxLength: maxToldApart }),
        fc.array(shown, { maxLength: 4 }),
        shown,
        fc.integer({ min: 0, max: 9 }),
        (constraints, placed, on, instances) => {
          const agents = placed.map(agentOf);
          const judge = judgeOf(anApp({ constraints, instances }), agents);
          const view = viewOf(agentOf(on));
          const bits = constraints.map((one) => (holds(one, placed, on, instances) ? 0 : 1));
          expect(judge.accepts(view)).toBe(bits.every((bit) => bit === 0));
          expect(judge.broken(view)).toBe(bits.reduce((sum: number, bit, i) => sum + bit * 2 ** i, 0));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
