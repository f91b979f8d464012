/**
 * Small files `<work dir>/children/<container id>.json` that say which process was started for which sandbox, so that the next
 * start of this program finds what an earlier one left behind.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hierarchy } from './cgroups/hierarchy.ts';
import type { ProcessIdentity } from './process-table.ts';

export interface ChildRecord extends ProcessIdentity {
  readonly taskId: string;
  /** Absent in records of versions that adopted nothing. */
  readonly frameworkId?: string;
  readonly sandbox: string;
  /** Its shell writes down how it ends, in `<container id>.exit`. */
  readonly keepsExit?: true;
  /** It is being ended, as somebody wished. */
  readonly isKilled?: true;
  /** Set when the process is the client of a container engine: the container outlives it. */
  readonly container?: { readonly program: string; readonly options?: readonly string[]; readonly name: string };
  /** Set when the kernel holds it to its limits: where. */
  readonly cgroup?: Hierarchy;
  /** Differs after every boot; pids and start times of an earlier boot mean nothing. */
  readonly bootId: string;
}

const directoryName = 'children';

/** Writes the record at once (synchronously): it must be there before anything can go wrong with us. */
export function writeChildRecord(workDir: string, containerId: string, child: Omit<ChildRecord, 'bootId'>): void {
  const directory = join(workDir, directoryName);
  const record: ChildRecord = { ...child, bootId: currentBoot() };
  const write = (): void =>
    writeFileSync(join(directory, `${containerId}.json`), JSON.stringify(record), { mode: 0o600 });
  try {
    write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(directory, { recursive: true });
    write();
  }
}

/** Where the shell of a child writes down how it ended. */
export const exitFilePath = (workDir: string, containerId: string): string =>
  join(workDir, directoryName, `${containerId}.exit`);

/** Adds to the record of a child that it is being ended. Does nothing when there is no record (any more). */
export function noteKill(workDir: string, containerId: string): void {
  const path = join(workDir, directoryName, `${containerId}.json`);
  try {
    const record = parseRecord(readFileSync(path, 'utf8'));
    if (record === undefined || record.isKilled === true) return;
    writeFileSync(`${path}.new`, JSON.stringify({ ...record, isKilled: true }), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Removes what is known of a child that is gone. */
export async function removeChildRecord(workDir: string, containerId: string): Promise<void> {
  await rm(join(workDir, directoryName, `${containerId}.json`), { force: true });
  await rm(exitFilePath(workDir, containerId), { force: true });
}

export interface FoundRecord extends ChildRecord {
  readonly containerId: string;
}

/**
 * Records, those of an earlier boot included. Files that cannot be understood (cut off by a crash) are left out: their processes are known
 * by their environment. Throws for what cannot be read, since nobody would look after the processes it names.
 */
export async function readChildRecords(workDir: string): Promise<readonly FoundRecord[]> {
  const directory = join(workDir, directoryName);
  const names = (await unlessMissing(readdir(directory), directory)) ?? [];
  const records: FoundRecord[] = [];
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const path = join(directory, name);
    const record = parseRecord((await unlessMissing(readFile(path, 'utf8'), path)) ?? '');
    if (record !== undefined) records.push({ ...record, containerId: name.slice(0, -'.json'.length) });
  }
  return records;
}

/** Removes all records but those of some containers, once none of their processes lives. */
export async function clearChildRecords(workDir: string, spared: ReadonlySet<string> = new Set()): Promise<void> {
  const directory = join(workDir, directoryName);
  if (spared.size === 0) await rm(directory, { recursive: true, force: true });
  else {
    for (const name of (await unlessMissing(readdir(directory), directory)) ?? []) {
      if (!spared.has(name.replace(/\.\w+$/, ''))) await rm(join(directory, name), { force: true });
    }
  }
}

/** Undefined if there is nothing (any more). */
async function unlessMissing<T>(read: Promise<T>, path: string): Promise<T | undefined> {
  return read.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read: ${error.message}`, { cause: error });
  });
}

function parseRecord(text: string): ChildRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is ChildRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks, sandbox, bootId } = value as Partial<ChildRecord>;
  const { container } = value as { container?: { program?: unknown; name?: unknown } };
  if (container !== undefined && !(typeof container.program === 'string' && typeof container.name === 'string'))
    return false;
  const pidIsSane = Number.isInteger(pid) && Number(pid) > 1;
  return pidIsSane && typeof startTicks === 'string' && typeof sandbox === 'string' && typeof bootId === 'string';
}

/** Whether the pid and the start time of a record still mean anything. */
export function isOfThisBoot(record: ChildRecord): boolean {
  return record.bootId === currentBoot();
}

let boot: string | undefined;

function currentBoot(): string {
  try {
    boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // A system without boot ids; there, no record names a process for good anyway.
    boot = 'unknown';
  }
  return boot;
}
