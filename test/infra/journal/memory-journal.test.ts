import { describe, expect, it } from 'vitest';
import { createMemoryJournal } from '../../../src/infra/memory-journal.ts';
import { type JournalHarness, journalContract } from './contract.ts';
import { Leader, put } from './leader.ts';

journalContract('memory', async (): Promise<JournalHarness> => {
  let nowMs = 0;
  let retention = { minEvents: 100_000, minAgeMs: 600_000, maxEvents: 1_000_000 };
  const journal = createMemoryJournal({
    now: () => nowMs,
    retention: {
      get minEvents() {
        return retention.minEvents;
      },
      get minAgeMs() {
        return retention.minAgeMs;
      },
      get maxEvents() {
        return retention.maxEvents;
      },
    },
  });
  return {
    store: (wanted) => {
      retention = wanted ?? retention;
      return journal;
    },
    fence: async () => journal.fence(),
    advance: (ms) => {
      nowMs += ms;
    },
    dispose: async () => {},
  };
});

describe('memory journal controls', () => {
  it('holds answers back and releases them one by one or all, in order', async () => {
    const journal = createMemoryJournal();
    const leader = await Leader.of(journal);
    journal.hold();
    const answers = [1, 2, 3].map((n) => leader.commit([put('a', n)]));
    expect(journal.unanswered()).toBe(3);
    expect(journal.batches.length).toBe(3);
    journal.release(1);
    await answers[0];
    expect(leader.answered).toEqual([1]);
    journal.release();
    await Promise.all(answers);
    expect(leader.answered).toEqual([1, 2, 3]);
  });

  it('fails one commit on command and writes nothing of it', async () => {
    const journal = createMemoryJournal();
    const leader = await Leader.of(journal);
    journal.failNext('disk full');
    expect(await leader.commit([put('a', 1)])).toEqual({ type: 'failed', reason: 'disk full' });
    expect(journal.records()).toEqual([]);
    expect(await leader.commit([put('a', 2)])).toMatchObject({ type: 'fenced' });
  });

  it('leaves the moment of an answer to a given schedule', async () => {
    const due: (() => void)[] = [];
    const journal = createMemoryJournal({ schedule: (answer) => due.push(answer) });
    const leader = await Leader.of(journal);
    const answer = leader.commit([put('a', 1)]);
    expect(due.length).toBe(1);
    due[0]?.();
    expect(await answer).toEqual({ type: 'committed' });
  });
});
