/**
 * The journal in ZooKeeper, one member and three, each syncing to the disk: commits and records a second beside bare pipelined creates
 * of the same bytes in the same run, loading, and what a snapshot costs the loop. `npm run bench -- zookeeper`
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { JournalStore, Metrics } from '../src/actors/ports.ts';
import type { Batch, CommitOutcome } from '../src/core/journal/batch.ts';
import { openSession } from '../src/infra/zookeeper/session.ts';
import { parseZkUrl, type ZkServers } from '../src/infra/zookeeper/zk-url.ts';
import { openZooKeeperJournal } from '../src/infra/zookeeper-journal.ts';
import { startEnsemble } from '../test/support/zookeeper.ts';
import { clock, ids, instance, launches, loading, logger, metrics, oneByOne, say } from './support/journal-load.ts';

const timeouts = { sessionTimeoutMs: 30_000, connectTimeoutMs: 10_000 };
const creates = 8_000;
const loadedRecords = 110_000;

function serversOf(url: string): ZkServers {
  const servers = parseZkUrl(url);
  if (!servers.ok) throw new Error(servers.error);
  return servers.value;
}

/** Creates of one launch's bytes on a bare session, so many under way at once. */
async function bare(servers: ZkServers, benchmark: string, inFlight: number): Promise<void> {
  const session = await openSession({ servers, ...timeouts, clock, logger, metrics, name: 'bare' });
  await session.ensurePath('/bare');
  const data = Buffer.from(JSON.stringify(instance(1, 1)));
  let next = 0;
  const begun = performance.now();
  const worker = async (): Promise<void> => {
    while (next < creates) await session.create(`/bare/${inFlight}-${next++}`, data);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  say(benchmark, `bare-creates-${inFlight}-in-flight`, {
    perSecond: (creates / (performance.now() - begun)) * 1_000,
    bytes: data.length,
  });
  await session.close();
}

/** One record a batch, as many batches under way as the store takes: nothing is collected, so each is a transaction of its own. */
async function pipelined(
  store: JournalStore,
  benchmark: string,
  recordsPerBatch: number,
  count: number,
): Promise<void> {
  const loaded = await store.open();
  const json = JSON.stringify(instance(1, 1));
  let next = 0;
  const one = (): Promise<CommitOutcome> => {
    const number = loaded.nextBatch + next;
    const records = Array.from({ length: recordsPerBatch }, (_, i) => {
      return { kind: 'instance', key: `k${(next * recordsPerBatch + i) % 10_000}`, format: 1, json } as const;
    });
    next++;
    const batch: Batch = {
      number,
      id: ids.uuid(),
      epoch: loaded.epoch,
      records,
      firstEvent: loaded.nextEvent,
      events: [],
    };
    return new Promise((resolve) => store.commit(batch, resolve));
  };
  const begun = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) {
      const outcome = await one();
      if (outcome.type !== 'committed') throw new Error(outcome.reason);
    }
  };
  await Promise.all(Array.from({ length: store.maxInFlight }, worker));
  const seconds = (performance.now() - begun) / 1_000;
  say(benchmark, `commits-of-${recordsPerBatch}`, {
    commitsPerSecond: count / seconds,
    recordsPerSecond: (count * recordsPerBatch) / seconds,
  });
}

/** A snapshot of a large state: how long it takes, and the longest time that the loop was held up, beside the same without one. */
async function compaction(url: string, benchmark: string): Promise<void> {
  let longestSliceMs = 0;
  const observed: Metrics = {
    ...metrics,
    time: (name, durationMs) => {
      if (name === 'journal.compact.slice') longestSliceMs = Math.max(longestSliceMs, durationMs);
      if (name === 'journal.compact')
        say(benchmark, 'compaction', { records: loadedRecords, durationMs, longestSliceMs });
    },
  };
  const store = openZooKeeperJournal({ servers: serversOf(url), ...timeouts, clock, ids, logger, metrics: observed });
  const loaded = await store.open();
  const step = 2_000;
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  for (let from = 0, number = loaded.nextBatch; from < loadedRecords; from += step, number++) {
    const records = Array.from({ length: step }, (_, i) => {
      return { kind: 'instance', key: `c${from + i}`, format: 1, json: JSON.stringify(instance(from + i, 1)) } as const;
    });
    const batch: Batch = {
      number,
      id: ids.uuid(),
      epoch: loaded.epoch,
      records,
      firstEvent: loaded.nextEvent,
      events: [],
    };
    const outcome = await new Promise<CommitOutcome>((resolve) => store.commit(batch, resolve));
    if (outcome.type !== 'committed') throw new Error(outcome.reason);
  }
  delays.reset();
  // Small commits until a snapshot is due by their number; it is written while they go on.
  let number = loaded.nextBatch + Math.ceil(loadedRecords / step);
  const json = JSON.stringify(instance(1, 1));
  for (let i = 0; i < 4_000; i++) {
    const records = [{ kind: 'instance', key: `c${i}`, format: 1, json }] as const;
    const batch: Batch = {
      number: number++,
      id: ids.uuid(),
      epoch: loaded.epoch,
      records,
      firstEvent: loaded.nextEvent,
      events: [],
    };
    await new Promise<CommitOutcome>((resolve) => store.commit(batch, resolve));
  }
  await store.compact();
  say(benchmark, 'loop-while-compacting', { p99Ms: delays.percentile(99) / 1e6, maxMs: delays.max / 1e6 });
  await store.close();
}

for (const size of [1, 3] as const) {
  const benchmark = `zookeeper-${size}`;
  const ensemble = await startEnsemble(size, { tickTimeMs: 2_000, forceSync: true });
  let path = 0;
  const withStore = async (run: (store: JournalStore) => Promise<void>): Promise<void> => {
    const servers = serversOf(ensemble.url(`/bench-${path++}`));
    const store = openZooKeeperJournal({ servers, ...timeouts, clock, ids, logger, metrics });
    await run(store);
    await store.close();
  };
  try {
    const servers = serversOf(ensemble.url('/bare'));
    for (const inFlight of [1, 4, 64]) await bare(servers, benchmark, inFlight);
    await withStore((store) => oneByOne(store, benchmark, 1_500));
    await withStore((store) => pipelined(store, benchmark, 1, 6_000));
    await withStore((store) => pipelined(store, benchmark, 200, 1_500));
    await withStore((store) => launches(store, benchmark, 'launches-50-a-turn', 50, 30_000));
    const url = ensemble.url('/compaction');
    await compaction(url, benchmark);
    const again = openZooKeeperJournal({ servers: serversOf(url), ...timeouts, clock, ids, logger, metrics });
    await loading(again, benchmark);
    await again.close();
  } finally {
    await ensemble.close();
  }
}
