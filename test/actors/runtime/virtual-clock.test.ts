import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('the virtual clock', () => {
  it('fires by time, then by creation, at each timer’s own time', () => {
    const clock = createVirtualClock(1000);
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(`${name}@${clock.now()}/${clock.monotonic()}`);
    clock.after(20, note('c'));
    clock.after(10, note('a'));
    clock.after(10, () => {
      note('b')();
      clock.after(5, note('nested'));
      clock.after(0, note('at once'));
    });
    clock.after(99, note('later'));
    clock.advance(30);
    expect(seen).toEqual(['a@1010/10', 'b@1010/10', 'at once@1010/10', 'nested@1015/15', 'c@1020/20']);
    expect([clock.now(), clock.monotonic(), clock.pending()]).toEqual([1030, 30, 1]);
  });

  it('forgets what was cancelled, also twice or after it fired', () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    const a = clock.after(1, () => void fired.push('a'));
    const b = clock.after(2, () => void fired.push('b'));
    b.cancel();
    b.cancel();
    clock.advance(5);
    a.cancel();
    expect([fired, clock.pending()]).toEqual([['a'], 0]);
  });

  it('refuses to go back, to advance from a timer, and to fire for ever at one instant', () => {
    const clock = createVirtualClock();
    expect(() => clock.advance(-1)).toThrow('does not go back');
    expect(() => clock.advance(Number.NaN)).toThrow('does not go back');
    clock.after(1, () => clock.advance(1));
    expect(() => clock.advance(1)).toThrow('going on already');
    const again = (): void => void clock.after(0, again);
    again();
    expect(() => clock.advance(1)).toThrow('keep firing');
  });
});
