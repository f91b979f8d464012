/** Stores in a real ZooKeeper, for tests of the journal. */
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { EventRetention } from '../../../src/core/journal/retention.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { systemIds } from '../../../src/infra/ids.ts';
import type { OpenSession } from '../../../src/infra/zk-journal/sessions.ts';
import { parseZkUrl } from '../../../src/infra/zookeeper/zk-url.ts';
import { openZooKeeperJournal } from '../../../src/infra/zookeeper-journal.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';

export interface StoreOptions {
  readonly retention?: EventRetention;
  readonly now?: () => number;
  readonly openSession?: OpenSession;
  readonly sessionTimeoutMs?: number;
}

/** A store below the path of the URL; nothing is connected yet. */
export function zooKeeperStore(url: string, options: StoreOptions = {}): JournalStore {
  const servers = parseZkUrl(url);
  if (!servers.ok) throw new Error(servers.error);
  const { now, sessionTimeoutMs = 4_000, ...rest } = options;
  return openZooKeeperJournal({
    servers: servers.value,
    sessionTimeoutMs,
    connectTimeoutMs: 10_000,
    clock: now ? { ...systemClock, now } : systemClock,
    ids: systemIds,
    logger: createSilentLogger(),
    metrics: createSilentMetrics(),
    ...rest,
  });
}
