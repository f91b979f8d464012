import { describe, expect, it } from 'vitest';
import { inTurns } from '../../../src/local-mesos/process/turns.ts';

describe('taking turns', () => {
  it('lets so many go on at once, the others in order, and goes on after a failure', async () => {
    const turn = inTurns(2);
    const started: number[] = [];
    const ends: ((failure?: Error) => void)[] = [];
    const all = [0, 1, 2, 3].map((number) =>
      turn(
        () =>
          new Promise<number>((resolve, reject) => {
            started.push(number);
            ends[number] = (failure) => (failure === undefined ? resolve(number) : reject(failure));
          }),
      ),
    );
    expect(started).toEqual([0, 1]);
    ends[1]?.(new Error('broken'));
    await expect(all[1]).rejects.toThrow('broken');
    expect(started).toEqual([0, 1, 2]);
    ends[0]?.();
    expect(await all[0]).toBe(0);
    expect(started).toEqual([0, 1, 2, 3]);
    ends[2]?.();
    ends[3]?.();
    expect(await Promise.all(all.slice(2))).toEqual([2, 3]);
    const again = turn(async () => 'free again');
    expect(await again).toBe('free again');
  });
});
