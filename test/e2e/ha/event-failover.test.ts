/** Nobody misses an event when the lead moves: readers of three servers, whose leader is killed, abdicates, and is killed again. */
import { describe, it } from 'vitest';
import { threeServers } from '../../support/event-stages.ts';
import { runEventTrial } from '../../support/event-trial.ts';
import { inPlayground } from '../../support/processes.ts';
import { isLong, startCluster } from '../../support/stack.ts';
import { seededRandom } from '../../support/world.ts';
import { startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';

const size = isLong
  ? { readers: 1_000, changes: 20_000, writers: 16, perRequest: 5, sessionTimeoutMs: 10_000, timeoutMs: 1_800_000 }
  : { readers: 45, changes: 300, writers: 6, perRequest: 3, sessionTimeoutMs: 3_000, timeoutMs: 60_000 };

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
            sessionTimeoutMs: size.sessionTimeoutMs,
            random: seededRandom(11),
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
