import { describe, expect, it } from 'vitest';
import { afterBeat } from '../../../src/infra/zookeeper/beat.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('a beat', () => {
  it('says that it came late if this process was not running when it was due', () => {
    const clock = createVirtualClock();
    let stalledMs = 0;
    const late: boolean[] = [];
    const stalling = { ...clock, monotonic: () => clock.monotonic() + stalledMs };
    const beat = (): void => {
      afterBeat(stalling, 500, (isLate) => {
        late.push(isLate);
        beat();
      });
    };
    beat();
    clock.advance(500);
    stalledMs = 200;
    clock.advance(500);
    stalledMs = 2_000;
    clock.advance(500);
    clock.advance(500);
    expect(late).toEqual([false, false, true, false]);
  });
});
