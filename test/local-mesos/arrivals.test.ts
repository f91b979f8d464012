/** When updates of simulated tasks arrive. */
import { expect, it } from 'vitest';
import { arrivalsOf, defaultBehaviour, seededRandom } from '../../src/local-mesos/simulate/behaviour.ts';

const never = (): number => {
  throw new Error('nothing was to be drawn');
};

it('is once and at once, and draws nothing, where no fault is asked for', () => {
  expect(arrivalsOf(defaultBehaviour, never)).toEqual([0]);
});

it('is never, twice or late as often as asked for', () => {
  const random = seededRandom(7);
  const behaviour = {
    ...defaultBehaviour,
    dropUpdateRate: 0.1,
    doubleUpdateRate: 0.2,
    delayUpdateRate: 0.3,
    updateDelayMs: 400,
  };
  const all = Array.from({ length: 20_000 }, () => arrivalsOf(behaviour, random));
  const part = (is: (one: readonly number[]) => boolean): number => all.filter(is).length / all.length;
  expect(part((one) => one.length === 0)).toBeCloseTo(0.1, 1);
  expect(part((one) => one.length === 2)).toBeCloseTo(0.9 * 0.2, 1);
  expect(part((one) => (one[0] ?? 0) > 0)).toBeCloseTo(0.9 * 0.3, 1);
  for (const [first = 0, second = first] of all) {
    expect(first).toBeLessThanOrEqual(400);
    expect(second - first).toBeGreaterThanOrEqual(0);
    expect(second - first).toBeLessThanOrEqual(400);
  }
});
