import { describe, expect, it } from 'vitest';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { arrange, type Ring } from '../../../src/core/offer/lanes.ts';
import { aDemand, anApp } from './fixtures.ts';

const ringOf = (...ids: readonly string[]): Ring =>
  arrange(
    ids.map((id) => aDemand(anApp({}, id))),
    defaultMatchSettings,
    () => 0,
  ).rings.get('*')!;

/** The apps from the head on, once around. */
function around(ring: Ring): string[] {
  const ids: string[] = [];
  let lane = ring.head;
  for (let i = 0; i < ring.size && lane; i += 1) {
    ids.push(lane.state.demand.app.id);
    lane = lane.after;
  }
  return ids;
}

describe('a ring of lanes', () => {
  it('keeps the order of the demands', () => {
    expect(around(ringOf('/a', '/b', '/c'))).toEqual(['/a', '/b', '/c']);
  });

  it('passes the turn on', () => {
    const ring = ringOf('/a', '/b', '/c');
    ring.passTurn(ring.head!);
    expect(around(ring)).toEqual(['/b', '/c', '/a']);
  });

  it('closes over a lane that leaves, also at its head', () => {
    const ring = ringOf('/a', '/b', '/c');
    ring.remove(ring.head!.after);
    expect(around(ring)).toEqual(['/a', '/c']);
    ring.remove(ring.head!);
    expect(around(ring)).toEqual(['/c']);
    ring.remove(ring.head!);
    expect(ring.head).toBeUndefined();
    expect(ring.shapes.size).toBe(0);
  });

  it('exists for each role that instances keep, and ignores demands without any', () => {
    const { rings, states } = arrange(
      [aDemand(anApp({}, '/a'), 0), aDemand(anApp({ role: 'dev' }, '/b')), aDemand(anApp({}, '/c'), 2)],
      defaultMatchSettings,
      () => 0,
    );
    expect([...rings.keys()]).toEqual(['dev', '*']);
    expect(states).toHaveLength(2);
  });
});
