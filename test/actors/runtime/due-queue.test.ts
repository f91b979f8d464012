import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Due, DueQueue } from '../../../src/actors/runtime/due-queue.ts';

interface Entry extends Due {
  readonly label: number;
}

const entry = (label: number): Entry => ({ label, dueMs: 0, sequence: 0, isCancelled: false });

describe('the queue of what is due', () => {
  it('gives out by time, then by order of entry, without what was cancelled', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ dueMs: fc.nat(50), isKept: fc.boolean() }), { maxLength: 200 }), (plan) => {
        const queue = new DueQueue<Entry>();
        const entries = plan.map((_, label) => entry(label));
        for (const [at, { dueMs }] of plan.entries()) queue.add(entries[at]!, dueMs);
        for (const [at, { isKept }] of plan.entries()) if (!isKept) queue.cancel(entries[at]!);
        const kept = plan.map((item, label) => ({ ...item, label })).filter(({ isKept }) => isKept);
        expect(queue.size).toBe(kept.length);
        const taken: number[] = [];
        for (let next = queue.takeDue(50); next !== undefined; next = queue.takeDue(50)) taken.push(next.label);
        expect(taken).toEqual(kept.sort((a, b) => a.dueMs - b.dueMs || a.label - b.label).map(({ label }) => label));
      }),
    );
  });

  it('keeps its order through a sweep of many that were cancelled', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 2500, maxLength: 2500 }), fc.nat(), (dues, seed) => {
        const queue = new DueQueue<Entry>();
        const entries = dues.map((_, label) => entry(label));
        for (const [at, dueMs] of dues.entries()) queue.add(entries[at]!, dueMs);
        const isKept = (label: number) => (label * 7919 + seed) % 3 === 0;
        for (const one of entries) if (!isKept(one.label)) queue.cancel(one);
        const taken: number[] = [];
        for (let next = queue.takeDue(1000); next !== undefined; next = queue.takeDue(1000)) taken.push(next.dueMs);
        expect(taken).toEqual(dues.filter((_, label) => isKept(label)).sort((a, b) => a - b));
      }),
      { numRuns: 10 },
    );
  });

  it('holds nothing back for those that were cancelled, however many', () => {
    const queue = new DueQueue<Entry>();
    const entries = Array.from({ length: 5000 }, (_, label) => entry(label));
    for (const one of entries) queue.add(one, 10_000 - one.label);
    for (const one of entries) if (one.label % 100 !== 0) queue.cancel(one);
    entries[1] && queue.cancel(entries[1]);
    expect(queue.size).toBe(50);
    expect(queue.takeDue(5000)).toBeUndefined();
    const taken: number[] = [];
    for (let next = queue.takeDue(10_000); next !== undefined; next = queue.takeDue(10_000)) taken.push(next.label);
    expect(taken).toEqual(Array.from({ length: 50 }, (_, at) => 4900 - at * 100));
    expect(queue.peek()).toBeUndefined();
  });
});
