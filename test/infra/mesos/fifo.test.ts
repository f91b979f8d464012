import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBackoff } from '../../../src/infra/mesos/backoff.ts';
import { createFifo } from '../../../src/infra/mesos/fifo.ts';

describe('the queue', () => {
  it('behaves like an array under any sequence of operations', () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.nat(700).map((count) => ({ type: 'push', count }) as const) },
      { weight: 5, arbitrary: fc.nat(900).map((count) => ({ type: 'shift', count }) as const) },
      { weight: 1, arbitrary: fc.constant({ type: 'drain', count: 1 } as const) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const queue = createFifo<number>();
        const model: number[] = [];
        let next = 0;
        for (const { type, count } of operations) {
          for (let n = 0; n < count; n += 1) {
            if (type === 'push') {
              queue.push(next);
              model.push(next);
              next += 1;
            } else if (type === 'shift') expect(queue.shift()).toBe(model.shift());
            else expect(queue.drain()).toEqual(model.splice(0));
          }
          expect([queue.size(), queue.peek()]).toEqual([model.length, model[0]]);
        }
      }),
    );
  });
});

describe('the pauses between attempts', () => {
  it('begin at once-ish, double, stay below the cap and never become tight', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const backoff = createBackoff({ random: () => random }, 100, 10_000);
        const pauses = Array.from({ length: 50 }, () => backoff.next());
        expect(pauses[0]).toBeLessThanOrEqual(100);
        for (const [n, pause] of pauses.slice(1).entries()) {
          const ceiling = Math.min(10_000, 100 * 2 ** (n + 1));
          expect(pause).toBeGreaterThanOrEqual(ceiling / 2);
          expect(pause).toBeLessThanOrEqual(ceiling);
        }
        backoff.reset();
        expect(backoff.next()).toBe(pauses[0]);
      }),
    );
  });
});
