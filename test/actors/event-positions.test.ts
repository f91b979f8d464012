/** What readers of the log are told of leaderships: where it stands when one begins, and that nobody here knows it when one ends. */
import { expect, it } from 'vitest';
import type { EventReader } from '../../src/actors/front.ts';
import { eventNumber } from '../../src/core/journal/event-id.ts';
import { HaWorld } from '../support/ha-world.ts';
import { putOf } from '../support/world.ts';

it('a reader is told when a leadership of its server ends, and where the log stands when the next one begins', async () => {
  const world = new HaWorld();
  const [first, second] = [await world.add('a'), await world.add('b')];
  await world.until('somebody leads', () => world.serving().length === 1);
  const told: string[] = [];
  const reader: EventReader = {
    deliver: (events) => {
      for (const { id } of events) if (id !== undefined) told.push(String(eventNumber(id)));
    },
    began: ({ next }) => told.push(`began ${next}`),
    ended: () => told.push('ended'),
  };
  first.orchestrator.events.attach(reader);
  await world.settle();
  const change = async (id: string): Promise<void> => {
    await world.leader.orchestrator.control.changeApps([putOf(id, { instances: 0 })], { force: true });
    await world.settle();
  };
  await change('/one');
  const before = Number(told.findLast((one) => /^\d/.test(one)));
  await first.orchestrator.control.abdicate({});
  await world.until('the other one leads', () => world.serving().length === 1 && world.leader === second);
  expect(told.at(-1)).toBe('ended');
  const late: string[] = [];
  first.orchestrator.events.attach({ deliver: () => {}, began: ({ next }) => late.push(`began ${next}`) });
  await world.settle();
  expect(late).toEqual([]);

  await change('/two');
  await second.orchestrator.control.abdicate({});
  await world.until('the first one leads again', () => world.serving().length === 1 && world.leader === first);
  const [began = ''] = late;
  expect(Number(began.split(' ')[1])).toBeGreaterThan(before + 1);
  await change('/three');
  // Numbers go on without a gap where the other one left off.
  const after = told.slice(told.lastIndexOf('ended') + 1);
  expect(after[0]).toBe(began);
  const start = Number(began.split(' ')[1]);
  expect(after.slice(1)).toEqual(Array.from({ length: after.length - 1 }, (_, i) => String(start + i)));
  expect(after.length).toBeGreaterThan(1);
  world.expectSane();
});
