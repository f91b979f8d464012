/** Commits batches without end and prints the number of each one that was answered as committed. Argument: the data directory. */
import { writeSync } from 'node:fs';
import { Leader, leaderRecords } from './leader.ts';
import { lmdbStore } from './lmdb-store.ts';

const [, , directory = '', limitText = 'Infinity'] = process.argv;
// A file that may not grow any more answers EFBIG, as a full disk answers ENOSPC.
process.on('SIGXFSZ', () => {});

const leader = await Leader.of(lmdbStore(directory));
const limit = Number(limitText);

const commitNext = (): void => {
  const batch = leader.batch(leaderRecords(leader.nextBatch), [
    { type: 'status_update_event', json: `${leader.nextBatch}` },
  ]);
  leader.store.commit(batch, (outcome) => {
    if (outcome.type === 'committed') {
      writeSync(1, `${batch.number}\n`);
      if (batch.number < limit) commitNext();
    } else {
      writeSync(1, `${outcome.type} ${outcome.reason}\n`);
      process.exit(0);
    }
  });
};
for (let i = 0; i < leader.store.maxInFlight; i++) commitNext();
