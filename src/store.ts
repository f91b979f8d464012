/** Opens what keeps the state: the embedded store of one server, or ZooKeeper with an election among several. */
import type { Candidate, Clock, Election, Ids, JournalStore, Logger, Metrics } from './actors/ports.ts';
import type { ServerConfig, ZooKeeperConfig } from './config/server-config.ts';
import { err, ok, type Result } from './core/result.ts';
import { lockDataDirectory } from './infra/data-directory.ts';
import { createElection } from './infra/election.ts';
import { openLmdbJournal } from './infra/lmdb-journal.ts';
import { foreignTree } from './infra/zk-journal/tree.ts';
import { openSession } from './infra/zookeeper/session.ts';
import { openZooKeeperJournal } from './infra/zookeeper-journal.ts';

export interface Surroundings {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface OpenedStore {
  readonly store: JournalStore;
  /** For people; without credentials. */
  readonly name: string;
  /** Absent = this is the only server. */
  readonly election?: Election;
  /** Gives up what keeps others out, once the store is closed. */
  readonly release: () => Promise<void>;
}

/** The first look at ZooKeeper waits so long; a server starts without it, and looks again when it leads. */
const firstLookMs = 3_000;

/** The error is one line for the operator. */
export async function openStore(config: ServerConfig, shared: Surroundings): Promise<Result<OpenedStore, string>> {
  return config.zooKeeper ? openShared(config.zooKeeper, shared) : openEmbedded(config.dataDir, shared);
}

async function openEmbedded(dataDir: string, shared: Surroundings): Promise<Result<OpenedStore, string>> {
  const directory = await lockDataDirectory(dataDir);
  if (!directory.ok) return directory;
  const store = openLmdbJournal({ directory: directory.value.path, ...shared });
  return ok({ store, name: `the store in ${dataDir}`, release: directory.value.release });
}

async function openShared(zooKeeper: ZooKeeperConfig, shared: Surroundings): Promise<Result<OpenedStore, string>> {
  const { servers, sessionTimeoutMs, connectTimeoutMs, isElected } = zooKeeper;
  const foreign = await foreignTreeIn(zooKeeper, shared);
  if (foreign !== undefined) return err(`--zk: ${foreign}`);
  const options = { servers, sessionTimeoutMs, connectTimeoutMs, ...shared };
  return ok({
    store: openZooKeeperJournal(options),
    name: `the store in zk://${servers.hosts.join(',')}${servers.path}`,
    ...(isElected ? { election: createElection(options) } : {}),
    release: async () => {},
  });
}

/** Whose tree lies at the path (design §5.14). If ZooKeeper cannot be asked now, whoever leads will find out. */
async function foreignTreeIn(
  { servers, sessionTimeoutMs, connectTimeoutMs }: ZooKeeperConfig,
  shared: Surroundings,
): Promise<string | undefined> {
  try {
    const session = await openSession({
      servers,
      sessionTimeoutMs,
      connectTimeoutMs: Math.min(connectTimeoutMs, firstLookMs),
      ...shared,
      name: 'first-look',
    });
    try {
      return await foreignTree(session, servers.path);
    } finally {
      await session.close();
    }
  } catch (error) {
    shared.logger.warn('zookeeper.not-there-yet', { reason: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

/** What the other servers are told of this one. */
export function candidateOf(config: ServerConfig, address: string, version: string, reachesMesos: boolean): Candidate {
  return { address, url: `${config.http ? 'http' : 'https'}://${address}`, version, reachesMesos };
}
