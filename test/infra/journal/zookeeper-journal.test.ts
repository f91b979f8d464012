import { afterAll, beforeAll, describe } from 'vitest';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { type JournalHarness, journalContract } from './contract.ts';
import { zooKeeperStore } from './zookeeper-harness.ts';

let ensemble: Ensemble;
let count = 0;
beforeAll(async () => {
  if (!zooKeeperMissing) ensemble = await startEnsemble(1);
});
afterAll(() => ensemble?.close());

describe.skipIf(zooKeeperMissing)('in ZooKeeper', () => {
  journalContract('ZooKeeper', async (): Promise<JournalHarness> => {
    const url = ensemble.url(`/journal-${++count}`);
    let nowMs = 1_000_000;
    return {
      store: (retention) => zooKeeperStore(url, { now: () => nowMs, ...(retention ? { retention } : {}) }),
      fence: async () => {
        const other = zooKeeperStore(url);
        await other.open();
        await other.close();
      },
      advance: (ms) => {
        nowMs += ms;
      },
      dispose: async () => {},
    };
  });
});
