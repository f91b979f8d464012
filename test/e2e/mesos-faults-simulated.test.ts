/** Faults at random between a server and a cluster whose agents and tasks are simulated; a failure names its seed. */
import { describe, it, vi } from 'vitest';
import { storm } from '../support/mesos-faults/storm.ts';
import { isLong } from '../support/stack.ts';

const seeds = Array.from({ length: isLong ? 20 : 3 }, (_, n) => n + 1);
const turns = isLong ? 12 : 6;

if (isLong) vi.setConfig({ testTimeout: 300_000 });

describe('after a storm of faults on server, cluster, network and tasks', () => {
  it.each(seeds)('exactly the wanted instances run, no other, and nothing is unacknowledged (seed %i)', (seed) =>
    storm({ seed, kind: 'simulated', turns, settleLimitMs: 60_000 }),
  );
});
