/** An LMDB journal with quiet surroundings, for tests and their child processes. */
import { randomUUID } from 'node:crypto';
import type { Clock, JournalStore, Logger, Metrics } from '../../../src/actors/ports.ts';
import type { EventRetention } from '../../../src/core/journal/retention.ts';
import { openLmdbJournal } from '../../../src/infra/lmdb-journal.ts';

const nothing = (): void => {};
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const metrics: Metrics = { count: nothing, gauge: nothing, time: nothing };

export interface LmdbStoreOptions {
  readonly now?: () => number;
  readonly retention?: EventRetention;
}

export function lmdbStore(directory: string, { now = () => 0, retention }: LmdbStoreOptions = {}): JournalStore {
  const clock: Clock = { now, monotonic: now, after: () => ({ cancel: nothing }) };
  const ids = { uuid: randomUUID, timeUuid: randomUUID, random: () => 0.5 };
  return openLmdbJournal({ directory, clock, ids, logger, metrics, ...(retention ? { retention } : {}) });
}
