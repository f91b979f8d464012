/** The checker must be able to fail: every kind of fault is planted once, next to a history that looks alike and is right. */
import { describe, expect, it } from 'vitest';
import type { Operation, OperationKind, Outcome } from '../../support/history.ts';
import { createHistory } from '../../support/history.ts';
import { checkHistory } from '../../support/history-check.ts';

/** `op('put', 1, 0, 10)`: a put of 1 from 0 to 10 ms. */
function op(
  kind: OperationKind,
  value: number | undefined,
  startMs: number,
  endMs: number,
  outcome: Outcome = 'ok',
): Operation {
  return { client: 'c', kind, key: '/a', value, startMs, endMs, outcome, server: 's', detail: '' };
}
const absent = undefined;

const right: readonly (readonly [string, readonly Operation[]])[] = [
  ['nothing at all', []],
  ['a read of nothing', [op('read', absent, 0, 1)]],
  ['reads after writes', [op('put', 1, 0, 1), op('read', 1, 2, 3), op('put', 2, 4, 5), op('read', 2, 6, 7)]],
  ['a read during a write sees the old value', [op('put', 1, 0, 1), op('put', 2, 2, 9), op('read', 1, 3, 4)]],
  ['a read during a write sees the new value', [op('put', 1, 0, 1), op('put', 2, 2, 9), op('read', 2, 3, 4)]],
  ['concurrent writes in either order', [op('put', 1, 0, 9), op('put', 2, 0, 9), op('read', 1, 10, 11)]],
  ['an unknown write that never happened', [op('put', 1, 0, 1), op('put', 2, 2, 3, 'unknown'), op('read', 1, 9, 10)]],
  ['an unknown write that happened', [op('put', 1, 0, 1), op('put', 2, 2, 3, 'unknown'), op('read', 2, 9, 10)]],
  [
    'an unknown write that happened late',
    [op('put', 1, 0, 1), op('put', 2, 2, 3, 'unknown'), op('read', 1, 4, 5), op('read', 2, 9, 10)],
  ],
  [
    'an unknown write that happened between two others',
    [op('put', 1, 0, 1, 'unknown'), op('put', 2, 2, 8), op('read', 1, 3, 4), op('read', 2, 9, 10)],
  ],
  ['a refused write', [op('put', 1, 0, 1), op('put', 2, 2, 3, 'refused'), op('read', 1, 4, 5)]],
  [
    'create, delete, create',
    [op('create', 1, 0, 1), op('delete', absent, 2, 3), op('create', 2, 4, 5), op('read', 2, 6, 7)],
  ],
  ['an unknown delete', [op('create', 1, 0, 1), op('delete', absent, 2, 3, 'unknown'), op('create', 2, 4, 5)]],
  ['a delete of what an unknown create made', [op('create', 1, 0, 1, 'unknown'), op('delete', absent, 2, 3)]],
  ['a read that was refused tells nothing', [op('put', 1, 0, 1), op('read', absent, 2, 3, 'refused')]],
];

const wrong: readonly (readonly [string, RegExp, readonly Operation[]])[] = [
  ['a lost write', /no order/, [op('put', 1, 0, 1), op('put', 2, 2, 3), op('read', 1, 4, 5)]],
  ['a lost first write', /no order/, [op('put', 1, 0, 1), op('read', absent, 2, 3)]],
  [
    'a write that was there and is lost',
    /no order/,
    [op('put', 1, 0, 1), op('put', 2, 2, 3), op('read', 2, 4, 5), op('read', 1, 6, 7)],
  ],
  [
    'a stale read during no write',
    /no order/,
    [op('put', 1, 0, 1), op('put', 2, 2, 3), op('read', 1, 4, 5), op('read', 2, 6, 7)],
  ],
  [
    'reads that go backwards during a write',
    /no order/,
    [op('put', 1, 0, 1), op('put', 2, 2, 20), op('read', 2, 3, 4), op('read', 1, 5, 6)],
  ],
  ['an invented value', /invented/, [op('put', 1, 0, 1), op('read', 7, 2, 3)]],
  ['a refused write that appears', /refused write seen/, [op('put', 1, 0, 1, 'refused'), op('read', 1, 2, 3)]],
  ['a value seen before it was written', /before it was written/, [op('read', 1, 0, 1), op('put', 1, 2, 3)]],
  [
    'a doubled write',
    /no order/,
    [op('put', 1, 0, 1), op('read', 1, 2, 3), op('put', 2, 4, 5), op('read', 2, 6, 7), op('read', 1, 8, 9)],
  ],
  [
    'an unknown write that happened twice',
    /no order/,
    [op('put', 1, 0, 1, 'unknown'), op('read', 1, 2, 3), op('put', 2, 4, 5), op('read', 2, 6, 7), op('read', 1, 8, 9)],
  ],
  [
    'an unknown write that comes and goes',
    /no order/,
    [op('put', 1, 0, 1), op('put', 2, 2, 3, 'unknown'), op('read', 2, 4, 5), op('read', 1, 6, 7)],
  ],
  ['a lost delete', /no order/, [op('create', 1, 0, 1), op('delete', absent, 2, 3), op('read', 1, 4, 5)]],
  ['two creates that both won', /no order/, [op('create', 1, 0, 9), op('create', 2, 0, 9)]],
  ['a delete of nothing', /no order/, [op('delete', absent, 0, 1)]],
];

describe('the checker of histories', () => {
  it.each(right)('accepts %s', (_, operations) => {
    expect(checkHistory(operations)).toEqual([]);
  });

  it.each(wrong)('finds %s', (_, pattern, operations) => {
    const found = checkHistory(operations);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(pattern);
  });

  it('judges each key by itself', () => {
    const other = (operation: Operation): Operation => ({ ...operation, key: '/b' });
    const fine = [op('put', 1, 0, 1), other(op('put', 2, 2, 3)), op('read', 1, 4, 5), other(op('read', 2, 4, 5))];
    expect(checkHistory(fine)).toEqual([]);
    expect(checkHistory([...fine, other(op('read', absent, 6, 7))])).toHaveLength(1);
  });

  it('judges a long history with many unknown writes', () => {
    const operations: Operation[] = [];
    for (let n = 1; n <= 1_000; n++) {
      const outcome = n % 10 === 0 ? 'unknown' : 'ok';
      operations.push(op('put', n, n * 10, n * 10 + 4, outcome));
      // Every second unknown write happened.
      const seen = outcome === 'ok' || n % 20 === 0 ? n : n - 1;
      operations.push(op('read', seen, n * 10 + 5, n * 10 + 8));
    }
    expect(checkHistory(operations)).toEqual([]);
    const lost = [...operations, op('read', 999, 20_000, 20_001)];
    expect(checkHistory(lost)).toHaveLength(1);
  });

  it('refuses to judge a history in which two writes cannot be told apart', () => {
    expect(() => checkHistory([op('put', 1, 0, 1), op('put', 1, 2, 3)])).toThrow(/written twice/);
  });
});

describe('the recorder', () => {
  it('keeps start, end and result, and takes what never ended for unknown', () => {
    const history = createHistory();
    const about = { client: 'c', key: '/a', server: 's' };
    history.begin({ ...about, kind: 'put', value: 1 })({ outcome: 'ok', detail: '200' });
    history.begin({ ...about, kind: 'read', value: undefined })({ outcome: 'ok', detail: '200', seen: 1 });
    history.note('killed');
    history.begin({ ...about, kind: 'put', value: 2 });
    const [put, read, open] = history.operations();
    expect([put?.outcome, read?.value, open?.outcome]).toEqual(['ok', 1, 'unknown']);
    expect(open?.endMs).toBe(Number.POSITIVE_INFINITY);
    expect(history.acknowledged()).toEqual([put]);
    expect(history.text()).toMatch(/put \/a 1: ok.*read \/a 1: ok.*killed.*put \/a 2: unknown/s);
  });
});
