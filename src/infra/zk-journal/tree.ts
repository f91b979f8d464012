/** The tree below the path of `--zk`: laid once, never taken over from somebody else (design §5.2, §5.14). */
import { ClaimLost, StoreUnusable } from '../../core/journal/store-errors.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZkOperation, ZooKeeperSession } from '../zookeeper/session.ts';
import { encodeMark } from './entry.ts';
import { entryPath, epochPath, eventsPath, journalPath, manifestPath, snapshotPath, statePath } from './layout.ts';
import { encodeManifest, firstManifest } from './manifest.ts';

const nothing = Buffer.alloc(0);
const own = new Set(
  [epochPath, manifestPath, journalPath, snapshotPath, eventsPath].map((path) => path.slice(statePath.length + 1)),
);

/** One line that says whose tree lies here, if it is not ours; `shownPath` is the path of `--zk`. */
export async function foreignTree(session: ZooKeeperSession, shownPath: string): Promise<string | undefined> {
  const top = await namesBelow(session, '/');
  const state = top.includes('state') ? await namesBelow(session, statePath) : [];
  const isMarathon = top.includes('leader-curator') || state.some((name) => !own.has(name));
  if (!isMarathon) return undefined;
  return (
    `the path ${shownPath === '' ? '/' : shownPath} in ZooKeeper holds the state of a Marathon, which is laid out otherwise: ` +
    'give another path; how to move apps stands in docs/operations.md under "From an existing Marathon"'
  );
}

async function namesBelow(session: ZooKeeperSession, path: string): Promise<readonly string[]> {
  try {
    return await session.children(path);
  } catch (error) {
    if (isZkError(error, 'NO_NODE')) return [];
    throw error;
  }
}

/** Lays the tree in one step unless it is there. Rejects with `StoreUnusable` if the path is somebody else's. */
export async function layTree(session: ZooKeeperSession, shownPath: string, generation: string): Promise<void> {
  const foreign = await foreignTree(session, shownPath);
  if (foreign !== undefined) throw new StoreUnusable(foreign);
  if ((await session.exists(manifestPath)) !== undefined) return;
  await session.ensurePath('/');
  const create = (path: string, data: Buffer = nothing): ZkOperation => ({ type: 'create', path, data });
  try {
    await session.multi([
      create(statePath),
      create(epochPath),
      create(journalPath),
      create(snapshotPath),
      create(eventsPath),
      create(entryPath(0), encodeMark('discard', 0, generation)),
      create(manifestPath),
      // Now its version is 1, and whoever replaces it can say which one it knows (dependencies §5, fault 15).
      { type: 'setData', path: manifestPath, data: encodeManifest(firstManifest(generation)), version: 'any' },
    ]);
  } catch (error) {
    if (!isZkError(error, 'NODE_EXISTS')) throw error;
    // Another server was faster, or an answer was lost and this is the second try.
    if ((await session.exists(manifestPath)) !== undefined) return;
    throw new StoreUnusable(
      `the path ${shownPath === '' ? '/' : shownPath} in ZooKeeper holds a node "state" that is not ours`,
    );
  }
}

/**
 * Takes the epoch: the version that ZooKeeper gives to this write, always 1 or more (design §5.2, §5.3). With a claim only while that
 * election node exists; rejects with `ClaimLost` otherwise.
 */
export async function takeEpoch(session: ZooKeeperSession, claim: string | undefined): Promise<number> {
  const set: ZkOperation = { type: 'setData', path: epochPath, data: Buffer.from(claim ?? ''), version: 'any' };
  try {
    const results = await session.multi(
      claim === undefined ? [set] : [{ type: 'check', path: claim, version: 'any' }, set],
    );
    const version = results.at(-1)?.stat?.version;
    if (version === undefined || version < 1)
      throw new StoreUnusable(`ZooKeeper gave the epoch the version ${version}`);
    return version;
  } catch (error) {
    if (claim !== undefined && isZkError(error, 'NO_NODE') && error.operation === 0) {
      throw new ClaimLost('the candidature is gone: another server was elected', { cause: error });
    }
    throw error;
  }
}
