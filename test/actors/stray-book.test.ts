import { describe, expect, it } from 'vitest';
import { StrayBook } from '../../src/actors/stray-book.ts';
import { maxStrays, type Stray, strayKnownMs } from '../../src/core/task/stray.ts';

const stray = (n: number, agentId = 'S0', sinceMs = n): Stray => ({ taskId: `t${n}`, agentId, sinceMs });
const ids = (strays: readonly Stray[]): readonly string[] => strays.map(({ taskId }) => taskId);

describe('the book of strays', () => {
  it('makes the time between two questions twice as long, and after ten minutes a minute', () => {
    const book = new StrayBook();
    book.add(stray(1), 0);
    const asked: number[] = [];
    for (let at = book.nextDueMs(); at !== undefined && asked.length < 45; at = book.nextDueMs()) {
      expect(ids(book.takeDue(at - 1, 10))).toEqual([]);
      expect(ids(book.takeDue(at, 10))).toEqual(['t1']);
      asked.push(at / 1_000);
    }
    expect(asked.slice(0, 7)).toEqual([1, 3, 7, 15, 30, 45, 60]);
    expect(asked.slice(-4)).toEqual([585, 600, 660, 720]);
  });

  it('begins anew with each session, and at once when an agent is heard of for the first time in it', () => {
    const book = new StrayBook([stray(1), stray(2, 'S1')]);
    for (const at of [0, 10_000, 100_000]) book.takeDue(at, 10);
    book.sessionBegan(200_000);
    expect(book.nextDueMs()).toBe(201_000);
    expect([book.agentSeen('S9', 200_100), book.agentSeen('S1', 200_100), book.agentSeen('S1', 200_200)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(ids(book.takeDue(200_100, 10))).toEqual(['t2']);
    expect(ids(book.takeDue(201_000, 10))).toEqual(['t1']);
    book.sessionBegan(300_000);
    expect(book.agentSeen('S1', 300_100)).toBe(true);
  });

  it('asks for so many at a time, the oldest first', () => {
    const book = new StrayBook([stray(3), stray(1), stray(2)]);
    expect(ids(book.takeDue(0, 2))).toEqual(['t1', 't2']);
    expect(ids(book.takeDue(0, 2))).toEqual(['t3']);
    expect(ids(book.takeDue(0, 2))).toEqual([]);
  });

  it('forgets what was asked for long enough, and what is over', () => {
    const book = new StrayBook([stray(1), stray(2)]);
    expect(ids(book.takeExpired(strayKnownMs))).toEqual([]);
    expect(ids(book.takeExpired(strayKnownMs + 1))).toEqual(['t1']);
    book.remove('t2');
    expect([book.size, book.nextDueMs(), book.agentSeen('S0', 0)]).toEqual([0, undefined, false]);
  });

  it('keeps so many, and gives up the oldest for a new one', () => {
    const all = Array.from({ length: maxStrays + 5 }, (_, n) => stray(n));
    const book = new StrayBook(all);
    expect([book.size, book.has('t4'), book.has('t5')]).toEqual([maxStrays, false, true]);
    expect(book.add(stray(maxStrays + 5), 0)?.taskId).toBe('t5');
    expect(book.add(stray(maxStrays + 5), 0)).toBeUndefined();
    expect(book.size).toBe(maxStrays);
  });
});
