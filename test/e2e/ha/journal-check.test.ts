import { describe, expect, it } from 'vitest';
import { checkJournal, type SeenEntry } from '../../support/journal-check.ts';

const entry = (number: number, epoch: number, batch: number | undefined = number): SeenEntry => ({
  entry: number,
  epoch,
  batch: batch === undefined ? undefined : { number: batch, id: `${number}-${epoch}` },
});

describe('the checker of the journal', () => {
  it('accepts growing epochs, in whatever order the entries were read', () => {
    expect(checkJournal([])).toEqual([]);
    expect(checkJournal([entry(5, 2), entry(4, 1), entry(6, 2), entry(7, 4)])).toEqual([]);
  });

  it('accepts a batch in several parts and a discard', () => {
    const parts = [{ ...entry(2, 1), batch: undefined }, entry(3, 1, 2), { ...entry(4, 2), batch: undefined }];
    expect(checkJournal([entry(1, 1), ...parts, entry(5, 2, 3)])).toEqual([]);
  });

  it.each([
    ['an old epoch after a new one', [entry(1, 1), entry(2, 2), entry(3, 1)], /two epochs/],
    ['a missing entry', [entry(1, 1), entry(3, 1)], /missing/],
    ['a batch twice', [entry(1, 1, 1), entry(2, 1, 2), entry(3, 2, 2)], /in the entries 2 and 3/],
    ['an entry that changed', [entry(1, 1), entry(2, 1), entry(2, 2, 3)], /two contents/],
  ])('finds %s', (_, entries, pattern) => {
    expect(checkJournal(entries).join('\n')).toMatch(pattern);
  });
});
