/** The whole scheduler in simulated worlds: whatever happens in whatever order, every truth that the checkers know must hold. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type RunReport, simulate } from './simulation.ts';

const isLong = process.env['ULTRAMARATHON_TEST_LONG'] === '1';
const seeds = isLong ? 2_200 : 120;
const block = isLong ? 100 : 20;
const timeoutMs = 600_000;

const kept = JSON.parse(readFileSync(new URL('seeds.json', import.meta.url), 'utf8')) as readonly {
  readonly seed: number;
  readonly found: string;
}[];

/** What went wrong, in a form that tells how to see it again. */
const failureOf = ({ seed, violations: [first] }: RunReport): string | undefined =>
  first && `npm run sim -- --seed ${seed}: ${first.checker}: ${first.text}`;

describe('A simulated world', () => {
  it('is the same for the same seed', async () => {
    const [one, other] = [await simulate(3), await simulate(3)];
    expect(one.lines.length).toBeGreaterThan(100);
    expect(other.lines).toEqual(one.lines);
  });

  it.each(kept)(
    'holds for seed $seed, which has found that $found',
    async ({ seed }) => {
      expect(failureOf(await simulate(seed))).toBeUndefined();
    },
    timeoutMs,
  );

  for (let first = 1; first <= seeds; first += block) {
    it(
      `holds for seeds ${first} to ${first + block - 1}`,
      async () => {
        let launches = 0;
        let faults = 0;
        for (let seed = first; seed < first + block; seed++) {
          const report = await simulate(seed);
          expect(failureOf(report)).toBeUndefined();
          launches += report.counts.get('launch') ?? 0;
          for (const count of report.faults.values()) faults += count;
        }
        // A world in which nothing happens proves nothing.
        expect(launches).toBeGreaterThan(10 * block);
        expect(faults).toBeGreaterThan(5 * block);
      },
      timeoutMs,
    );
  }
});
