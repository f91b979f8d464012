import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { maxRecentEvents, RecentEvents } from '../../../src/api/stream/recent-events.ts';
import type { LoggedEvent } from '../../../src/core/events.ts';

const eventsFrom = (first: number, count: number): LoggedEvent[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `g.${first + i}`,
    type: 'app_terminated_event',
    json: `{"n":${first + i}}`,
  }));

describe('the newest events in memory', () => {
  it('are the last ones in order, and little more than those is kept alive', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const recent = new RecentEvents();
    recent.restart({ generation: 'g', next: 1 });
    const refs: WeakRef<LoggedEvent>[] = [];
    const chunk = 1_000;
    const total = maxRecentEvents * 2 - chunk;
    for (let first = 1; first <= total; first += chunk) {
      const events = eventsFrom(first, chunk);
      for (const event of events) refs.push(new WeakRef(event));
      recent.append(events);
    }
    expect(recent.length).toBe(maxRecentEvents);
    expect(recent.next).toBe(total + 1);
    expect(recent.slice(recent.first, 2).map(({ json }) => json)).toEqual([
      `{"n":${total - maxRecentEvents + 1}}`,
      `{"n":${total - maxRecentEvents + 2}}`,
    ]);
    // What a WeakRef was made of in this turn stays until its end.
    await nextTurn();
    collect();
    const alive = refs.filter((ref) => ref.deref() !== undefined).length;
    expect(alive).toBeLessThan(maxRecentEvents * 1.25);
  });
});
