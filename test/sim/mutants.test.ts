/** The checkers can fail: known bugs are planted one at a time, and each must be found. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mutants } from './mutants.ts';
import { type Caught, hunt, mutatedSource, reportFile, reportOf } from './mutate.ts';

const isLong = process.env['ULTRAMARATHON_TEST_LONG'] === '1';
const seeds = 300;

describe('Planted bugs', () => {
  it.each(mutants)('can be planted: $name', async (mutant) => {
    expect(await mutatedSource(mutant)).toContain(mutant.put);
  });

  // A few that are quickly found show that hunting works; all of them are hunted in the long run.
  it(`are found within ${seeds} seeds`, async () => {
    const caught: Caught[] = [];
    for (const mutant of isLong ? mutants : mutants.slice(0, 2)) caught.push(await hunt(mutant, seeds));
    if (isLong) await writeFile(reportFile, reportOf(caught, seeds));
    expect(caught.filter((c) => c.seed === undefined)).toEqual([]);
  }, 1_800_000);
});
