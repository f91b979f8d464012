/** Stores in a real ZooKeeper, for tests of the journal. */
import type { Clock, JournalStore, Logger, Metrics } from '../../../src/actors/ports.ts';
import type { EventRetention } from '../../../src/core/journal/retention.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { systemIds } from '../../../src/infra/ids.ts';
import type { JournalLimits } from '../../../src/infra/zk-journal/limits.ts';
import type { OpenSession } from '../../../src/infra/zk-journal/sessions.ts';
import { openSession, type SessionOptions } from '../../../src/infra/zookeeper/session.ts';
import { parseZkUrl } from '../../../src/infra/zookeeper/zk-url.ts';
import { openZooKeeperJournal } from '../../../src/infra/zookeeper-journal.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';

export interface StoreOptions {
  readonly retention?: EventRetention;
  readonly journalLimits?: Partial<JournalLimits>;
  readonly now?: () => number;
  /** The journal's clock; the sessions keep the real one. */
  readonly clock?: Clock;
  readonly openSession?: OpenSession;
  readonly sessionTimeoutMs?: number;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** A store below the path of the URL; nothing is connected yet. */
export function zooKeeperStore(url: string, options: StoreOptions = {}): JournalStore {
  const servers = parseZkUrl(url);
  if (!servers.ok) throw new Error(servers.error);
  const { now, clock, sessionTimeoutMs = 4_000, openSession: opener = openSession, ...rest } = options;
  const open: OpenSession = (session: SessionOptions) => opener({ ...session, clock: systemClock });
  return openZooKeeperJournal({
    servers: servers.value,
    sessionTimeoutMs,
    connectTimeoutMs: 10_000,
    clock: clock ?? (now ? { ...systemClock, now } : systemClock),
    ids: systemIds,
    logger: createSilentLogger(),
    metrics: createSilentMetrics(),
    ...rest,
    openSession: open,
  });
}

/** The system's clock, moved on by `advance` without anybody waiting. Timers keep real time. */
export function shiftedClock(): Clock & { readonly advance: (ms: number) => void } {
  let shiftMs = 0;
  return {
    now: () => systemClock.now() + shiftMs,
    monotonic: () => systemClock.monotonic() + shiftMs,
    after: systemClock.after,
    advance: (ms) => {
      shiftMs += ms;
    },
  };
}
