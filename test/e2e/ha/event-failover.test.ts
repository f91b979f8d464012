/** Nobody misses an event when the lead moves: readers of three servers, whose leader is killed, abdicates, and is killed again. */
import { describe, it } from 'vitest';
import { threeServers } from '../../support/event-stages.ts';
import { runEventTrial } from '../../support/event-trial.ts';
import { trialSize } from '../../support/event-trial-size.ts';
import { inPlayground } from '../../support/processes.ts';
import { startCluster } from '../../support/stack.ts';
import { startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';

const size = trialSize({ readers: 45, changes: 300, writers: 6, perRequest: 3 });
const sessionTimeoutMs = size.readers >= 1_000 ? 10_000 : 3_000;

describe.skipIf(zooKeeperMissing)('readers of several servers', () => {
  it(
    'all end with the identical sequence, whoever led',
    async () => {
      const ensemble = await startEnsemble(1);
      try {
        await inPlayground(async (playground) => {
          const cluster = await startCluster(playground, ['--simulate']);
          const stage = await threeServers(playground, {
            master: cluster.address,
            zk: ensemble.url('/ultramarathon'),
            sessionTimeoutMs,
          });
          const figures = await runEventTrial(stage, size);
          process.stdout.write(`readers over failovers: ${JSON.stringify({ ...size, ...figures })}\n`);
        });
      } finally {
        await ensemble.close();
      }
    },
    size.timeoutMs + 60_000,
  );
});
