/** Ends what an earlier run of this program, killed before it could clean up, has left running. */
import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import {
  type ChildRecord,
  clearChildRecords,
  type FoundRecord,
  isOfThisBoot,
  readChildRecords,
} from './child-records.ts';
import { removeContainer } from './engine.ts';
import { readProcessTable } from './process-table.ts';
import { keyOf, signalTree, sweepTree, type TreeSeeds, treeMembers } from './process-tree.ts';

/** Leftovers get this long to end by themselves after SIGTERM. */
const leftoverGraceMs = 1_000;
/** Then they are killed for at most this long. */
const leftoverTimeoutMs = 10_000;

export interface LeftoverOptions {
  /** What belongs to these goes on. */
  readonly spared?: readonly FoundRecord[];
  /** Records that are still to be read, whatever becomes of their processes. */
  readonly kept?: readonly FoundRecord[];
}

/**
 * Kills every process that was started for a sandbox below `workDir` and waits until all are gone. To be called before a runner
 * is created on that directory, and only when no other program uses it. A process counts as ours when a record names its pid
 * and start time, when it descends from such a one, or when its environment names a sandbox below `workDir`; a recycled pid is
 * never touched. Returns how many processes were ended, and how many, containers included, could not be.
 */
export async function killLeftovers(
  workDir: string,
  { spared = [], kept = [] }: LeftoverOptions = {},
): Promise<{ killed: number; left: number }> {
  // Without a work directory nothing was ever started in one.
  const root = await realpath(workDir).catch(() => undefined);
  if (root === undefined) return { killed: 0, left: 0 };
  const sparedIds = new Set(spared.map(({ containerId }) => containerId));
  const records = (await readChildRecords(root)).filter(({ containerId }) => !sparedIds.has(containerId));
  const seeds = await seedsOf(root, records, new Set(spared.map(({ sandbox }) => sandbox)));
  const ended = new Set(treeMembers(await readProcessTable(), seeds).map(keyOf));
  if (ended.size > 0) {
    await signalTree(seeds, 'SIGTERM');
    await untilGone(seeds, leftoverGraceMs);
  }
  const swept = await sweepTree(seeds, leftoverTimeoutMs);
  for (const key of swept.killed) ended.add(key);
  // Containers survive their clients, and some engines a reboot; their names are ours alone.
  let standing = 0;
  for (const { container } of records) {
    if (container === undefined) continue;
    const { program, options = [], name } = container;
    const removed = await removeContainer({ engine: { program, options }, name });
    if (!removed.ok) standing++;
  }
  const left = swept.left + standing;
  const keptIds = new Set(kept.map(({ containerId }) => containerId));
  if (left === 0) await clearChildRecords(root, new Set([...sparedIds, ...keptIds]));
  return { killed: ended.size - swept.left, left };
}

async function seedsOf(root: string, records: readonly ChildRecord[], spared: ReadonlySet<string>): Promise<TreeSeeds> {
  const below = join(root, 'slaves') + sep;
  const table = await readProcessTable();
  // A record whose process is gone proves nothing about the pid; its survivors carry the sandbox in their environment.
  const roots = records.filter(
    (record) => isOfThisBoot(record) && table.get(record.pid)?.startTicks === record.startTicks,
  );
  return { roots, ownsSandbox: (sandbox) => sandbox.startsWith(below) && !spared.has(sandbox) };
}

async function untilGone(seeds: TreeSeeds, timeoutMs: number): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  // The process table sees to the pauses.
  while (performance.now() < giveUpAt && treeMembers(await readProcessTable(), seeds).length > 0) {}
}
