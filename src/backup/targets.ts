/** The stores that the commands work on: the embedded one in a data directory, or the one in ZooKeeper. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalStore, Logger, Metrics } from '../actors/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { systemClock } from '../infra/clock.ts';
import { lockDataDirectory } from '../infra/data-directory.ts';
import { systemIds } from '../infra/ids.ts';
import type { ZkServers } from '../infra/zookeeper/zk-url.ts';
import { messageOf } from './messages.ts';

export interface Target {
  readonly store: JournalStore;
  /** For people; without credentials. */
  readonly name: string;
  /** How many servers stand for election or lead; 0 where the lock keeps them out. Rejects if nobody can be asked. */
  readonly candidates: () => Promise<number>;
  readonly close: () => Promise<void>;
}

export type TargetFlags =
  | { readonly type: 'embedded'; readonly directory: string }
  | { readonly type: 'zooKeeper'; readonly servers: ZkServers };

/** Time for a person to wait until an ensemble answers. */
const connectTimeoutMs = 10_000;
const sessionTimeoutMs = 10_000;

const nothing = (): void => {};
/** Whatever goes wrong is told by the command's one line; the log of a server would only hide it. */
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const metrics: Metrics = { count: nothing, gauge: nothing, time: nothing };
const surroundings = { clock: systemClock, ids: systemIds, logger, metrics };

/** Opens what the flags name. With `mustExist` an embedded store is not created. The error is one line. */
export async function openTarget(flags: TargetFlags, mustExist: boolean): Promise<Result<Target, string>> {
  return flags.type === 'embedded' ? openEmbedded(flags.directory, mustExist) : ok(await openZooKeeper(flags.servers));
}

async function openEmbedded(directory: string, mustExist: boolean): Promise<Result<Target, string>> {
  if (mustExist && !existsSync(join(directory, 'journal'))) return err(`there is no store in ${directory}`);
  const lock = await lockDataDirectory(directory);
  if (!lock.ok) {
    const isInUse = / is in use by /.test(lock.error);
    return err(
      isInUse
        ? `${lock.error}: stop it, or ask it itself: ${mustExist ? 'DELETE /v2/leader?backup=file:///…' : 'DELETE /v2/leader?restore=file:///…'}`
        : lock.error,
    );
  }
  const { openLmdbJournal } = await import('../infra/lmdb-journal.ts');
  const store = openLmdbJournal({ directory: lock.value.path, ...surroundings });
  return ok({
    store,
    name: directory,
    candidates: async () => 0,
    close: async () => {
      await store.close();
      await lock.value.release();
    },
  });
}

async function openZooKeeper(servers: ZkServers): Promise<Target> {
  const { openZooKeeperJournal } = await import('../infra/zookeeper-journal.ts');
  const options = { servers, sessionTimeoutMs, connectTimeoutMs, ...surroundings };
  const store = openZooKeeperJournal(options);
  const { hosts, path } = servers;
  return {
    store,
    name: `zk://${hosts.join(',')}${path}`,
    candidates: async () => {
      const { openSession } = await import('../infra/zookeeper/session.ts');
      const session = await openSession({ ...options, name: 'restore' });
      try {
        return (await session.exists('/election')) === undefined ? 0 : (await session.children('/election')).length;
      } finally {
        await session.close().catch((error: unknown) => {
          process.stderr.write(`ultramarathon: warning: a session was not closed: ${messageOf(error)}\n`);
        });
      }
    },
    close: () => store.close(),
  };
}
