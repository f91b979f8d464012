/** Nobody misses an event: mixed readers, a third of them rough, while apps change and the server is killed. */
import { describe, it } from 'vitest';
import { killedServer } from '../support/event-stages.ts';
import { runEventTrial } from '../support/event-trial.ts';
import { inPlayground } from '../support/processes.ts';
import { isLong, startCluster } from '../support/stack.ts';

const size = isLong
  ? { readers: 1_000, changes: 20_000, writers: 16, perRequest: 5, kills: 3, timeoutMs: 1_800_000 }
  : { readers: 60, changes: 300, writers: 8, kills: 2, timeoutMs: 60_000 };

describe('readers of events', () => {
  it(
    'all end with the identical sequence, whatever they and the server went through',
    async () => {
      await inPlayground(async (playground) => {
        const cluster = await startCluster(playground, ['--simulate']);
        const stage = await killedServer(playground, cluster.address, size.kills);
        const figures = await runEventTrial(stage, size);
        process.stdout.write(`readers of a killed server: ${JSON.stringify({ ...size, ...figures })}\n`);
      });
    },
    size.timeoutMs + 60_000,
  );
});
