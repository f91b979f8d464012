/** All processes that a task has begotten, wherever they moved, and how to end them. */
import {
  isAlive,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  readProcessTable,
  signalProcess,
} from './process-table.ts';

export interface TreeSeeds {
  /** Main processes, each the leader of its own session and group. */
  readonly roots: readonly { readonly pid: number; readonly startTicks: string | undefined }[];
  /** Tells whether a process was started in a sandbox of ours: its environment says so even after it daemonised. */
  readonly ownsSandbox: (sandbox: string) => boolean;
  /** A group that has been signalled already and gets no second signal. */
  readonly exceptGroup?: number;
}

/**
 * Living processes of the tree: the roots, what their sessions and groups hold, children of members, and whatever carries the
 * sandbox of the task in its environment. Never this process or one of its ancestors, and never a process whose only link is a
 * recycled pid.
 */
export function treeMembers(table: ProcessTable, seeds: TreeSeeds): readonly ProcessEntry[] {
  const spared = ownLine(table);
  const members = new Map<number, ProcessEntry>();
  const leaders = new Set<number>();
  for (const root of seeds.roots) {
    const present = table.get(root.pid);
    // While members of a session live, Linux does not hand out its leader's pid again.
    if (present === undefined || present.startTicks === root.startTicks) leaders.add(root.pid);
  }
  const belongs = (entry: ProcessEntry): boolean =>
    leaders.has(entry.pid) ||
    leaders.has(entry.session) ||
    leaders.has(entry.group) ||
    members.has(entry.ppid) ||
    (entry.sandbox !== undefined && seeds.ownsSandbox(entry.sandbox));
  for (let grew = true; grew; ) {
    grew = false;
    for (const entry of table.values()) {
      if (members.has(entry.pid) || spared.has(entry.pid) || !belongs(entry)) continue;
      members.set(entry.pid, entry);
      // What a member leads is the task's too; a group or session it merely sits in may be somebody else's.
      if (entry.session === entry.pid || entry.group === entry.pid) leaders.add(entry.pid);
      grew = true;
    }
  }
  return [...members.values()].filter((entry) => !entry.zombie);
}

/** Sends a signal to every living member; returns how many got it. */
export async function signalTree(seeds: TreeSeeds, signal: NodeJS.Signals): Promise<number> {
  const members = treeMembers(await readProcessTable(), seeds);
  return members.filter((member) => member.group !== seeds.exceptGroup && signalProcess(member, signal)).length;
}

/**
 * SIGKILLs the tree until nothing of it is left, forks made in between included. Gives up after `timeoutMs` (a process in
 * uninterruptible sleep cannot be killed). Returns which processes were killed (`pid/start ticks`) and how many
 * are left.
 */
export async function sweepTree(
  seeds: TreeSeeds,
  timeoutMs: number,
): Promise<{ readonly killed: ReadonlySet<string>; readonly left: number }> {
  const killed = new Set<string>();
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const members = treeMembers(await readProcessTable(), seeds);
    if (members.length === 0) return { killed, left: 0 };
    for (const member of members) {
      if (signalProcess(member, 'SIGKILL')) killed.add(keyOf(member));
    }
    const left = members.filter(isAlive).length;
    if (left > 0 && performance.now() > giveUpAt) return { killed, left };
  }
}

/** Names one process for good. */
export function keyOf(entry: ProcessIdentity): string {
  return `${entry.pid}/${entry.startTicks}`;
}

function ownLine(table: ProcessTable): ReadonlySet<number> {
  const line = new Set<number>([1]);
  for (let pid = process.pid; pid > 1 && !line.has(pid); pid = table.get(pid)?.ppid ?? 1) line.add(pid);
  return line;
}
