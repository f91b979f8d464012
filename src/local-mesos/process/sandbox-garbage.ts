/** Keeps the number of finished sandboxes within a limit, so that a crash loop does not fill the disk. */
import type { Dirent } from 'node:fs';
import { readdir, readlink, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathSegment } from './sandbox.ts';

/** Sandboxes of ended tasks that an agent keeps; the oldest go first. */
export const maxFinishedSandboxes = 500;

type Warn = (detail: object, message: string) => void;

/** File systems stamp with a coarser clock than ours; this is far more than the difference. */
const clockCoarsenessMs = 1_000;

interface PruneOptions {
  readonly agentId?: string;
  readonly beforeMs?: number;
  /** Never deleted. */
  readonly spared?: ReadonlySet<string>;
}

/**
 * Deletes the oldest sandboxes of one agent (of all agents when none is named) beyond `keep`, looking only at those last
 * changed before `beforeMs` (milliseconds since 1970). None of these but the spared may belong to a living task. Returns those that were
 * kept, oldest first.
 */
async function pruneSandboxes(
  workDir: string,
  keep: number = maxFinishedSandboxes,
  { agentId, beforeMs = Date.now(), spared }: PruneOptions = {},
): Promise<readonly string[]> {
  const found: { path: string; modifiedMs: number }[] = [];
  const agents =
    agentId === undefined ? await directories(join(workDir, 'slaves')) : [agentDirectory(workDir, agentId)];
  for (const agent of agents) {
    for (const framework of await directories(join(agent, 'frameworks'))) {
      for (const executor of await directories(join(framework, 'executors'))) {
        for (const run of await directories(join(executor, 'runs'))) {
          // Removed meanwhile, by whoever deletes with us.
          const status = await stat(run).catch(() => undefined);
          if (status === undefined || status.mtimeMs >= beforeMs || spared?.has(run) === true) continue;
          found.push({ path: run, modifiedMs: status.mtimeMs });
        }
      }
    }
  }
  found.sort((a, b) => a.modifiedMs - b.modifiedMs);
  const excess = Math.max(0, found.length - keep);
  for (const { path } of found.slice(0, excess)) await removeSandbox(path);
  return found.slice(excess).map(({ path }) => path);
}

/** Deletes one sandbox, the link `latest` if it led there, and directories that are empty then. Links are not followed. */
async function removeSandbox(sandbox: string): Promise<void> {
  await rm(sandbox, { recursive: true, force: true });
  if (basename(dirname(sandbox)) === 'containers') {
    // With its last nested container the sandbox of a group's executor goes.
    const isLast = await rmdir(dirname(sandbox)).then(
      () => true,
      () => false,
    );
    if (isLast) await removeSandbox(dirname(dirname(sandbox)));
    return;
  }
  const runs = dirname(sandbox);
  const latest = join(runs, 'latest');
  // No link, or none that we have made.
  if ((await readlink(latest).catch(() => undefined)) === basename(sandbox)) await rm(latest, { force: true });
  // A directory that is not empty is still in use, or will be: then its removal fails, as it should.
  await rmdir(runs)
    .then(() => rmdir(dirname(runs)))
    .catch(() => {});
}

function agentDirectory(workDir: string, agentId: string): string {
  return join(workDir, 'slaves', pathSegment(agentId));
}

async function directories(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException): Dirent[] => {
    // Not there yet, or not any more. Whatever else is told: nothing below it would ever be deleted.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}

/** Sandboxes of ended tasks, oldest first, of which only so many are kept. */
export class FinishedSandboxes {
  readonly #sandboxes = new Set<string>();
  readonly #latest = new Map<string, string>();
  readonly #taskOf = new Map<string, string>();
  readonly #createdAtMs = Date.now();
  readonly #workDir: string;
  readonly #keep: number;
  readonly #warn: Warn;
  #removing: Promise<void> = Promise.resolve();
  #adopted = false;

  constructor(workDir: string, keep: number, warn: Warn) {
    this.#workDir = workDir;
    this.#keep = keep;
    this.#warn = warn;
  }

  pathOf(taskId: string): string | undefined {
    return this.#latest.get(taskId);
  }

  /** Counts what earlier runs of the agent have left, once; a newer sandbox, or that of a living task, is never taken for one of them. */
  adoptEarlier(agentId: string, living: ReadonlySet<string> = new Set()): void {
    if (this.#adopted) return;
    this.#adopted = true;
    this.#enqueue(async () => {
      const kept = await pruneSandboxes(this.#workDir, this.#keep, {
        agentId,
        beforeMs: this.#createdAtMs - clockCoarsenessMs,
        spared: living,
      });
      const since = [...this.#sandboxes];
      this.#sandboxes.clear();
      // The older ones go first.
      for (const sandbox of [...kept, ...since]) this.#sandboxes.add(sandbox);
    });
  }

  add(taskId: string, sandbox: string): void {
    this.#sandboxes.add(sandbox);
    this.#latest.set(taskId, sandbox);
    this.#taskOf.set(sandbox, taskId);
    this.#enqueue(async () => {
      for (const oldest of this.#sandboxes) {
        if (this.#sandboxes.size <= this.#keep) break;
        await this.#drop(oldest);
      }
    });
  }

  async settled(): Promise<void> {
    await this.#removing;
  }

  async #drop(sandbox: string): Promise<void> {
    this.#sandboxes.delete(sandbox);
    const taskId = this.#taskOf.get(sandbox);
    this.#taskOf.delete(sandbox);
    if (taskId !== undefined && this.#latest.get(taskId) === sandbox) this.#latest.delete(taskId);
    await removeSandbox(sandbox);
  }

  #enqueue(work: () => Promise<void>): void {
    this.#removing = this.#removing
      .then(work)
      .catch((error: Error) => this.#warn({ error: error.message }, 'cannot delete old sandboxes'));
  }
}
