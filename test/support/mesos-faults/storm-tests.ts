/** The tests of both kinds of storm: many seeds, each a world of its own. */
import { describe, expect, it } from 'vitest';
import { isLong } from '../stack.ts';
import { type StormOptions, storm } from './storm.ts';

const seeds = Array.from({ length: isLong ? 20 : 3 }, (_, n) => n + 1);
const turns = isLong ? 12 : 6;

/** Declares a test for each seed; `what` says what must hold in the end. */
export function testStorms(kind: StormOptions['kind'], what: string): void {
  describe('after a storm of faults on server, cluster, network and tasks', () => {
    it.each(seeds)(`${what} (seed %i)`, async (seed) => {
      const { faults, changes, records } = await storm({ seed, kind, turns, settleLimitMs: 120_000 });
      // It must have been one.
      expect(faults.length).toBeGreaterThanOrEqual(turns);
      expect(changes.get('ok') ?? 0).toBeGreaterThan(turns);
      if (faults.includes('updates are lost and doubled')) expect(records.lost * records.doubled).toBeGreaterThan(0);
      if (faults.includes('updates are late and overtake each other')) {
        expect(records.delayed * records.swapped).toBeGreaterThan(0);
      }
      if (faults.includes('connections break in the middle of records and calls')) {
        expect(records.cut).toBeGreaterThan(1);
      }
    });
  });
}
