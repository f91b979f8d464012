/** Nobody misses an event: mixed readers, a third of them rough, while apps change and the server is killed. */
import { describe, it } from 'vitest';
import { killedServer } from '../support/event-stages.ts';
import { runEventTrial } from '../support/event-trial.ts';
import { trialSize } from '../support/event-trial-size.ts';
import { inPlayground } from '../support/processes.ts';
import { startCluster } from '../support/stack.ts';

const size = trialSize({ readers: 60, changes: 300, writers: 8, perRequest: 1 });
const kills = size.readers >= 1_000 ? 3 : 2;

describe('readers of events', () => {
  it(
    'all end with the identical sequence, whatever they and the server went through',
    async () => {
      await inPlayground(async (playground) => {
        const cluster = await startCluster(playground, ['--simulate']);
        const stage = await killedServer(playground, cluster.address, kills);
        const figures = await runEventTrial(stage, size);
        process.stdout.write(`readers of a killed server: ${JSON.stringify({ ...size, kills, ...figures })}\n`);
      });
    },
    size.timeoutMs + 60_000,
  );
});
