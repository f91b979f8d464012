/**
 * Small files `<work dir>/children/<container id>.json` that say which process was started for which sandbox, so that the next
 * start of this program finds what an earlier one left behind.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from './process-table.ts';

export interface ChildRecord extends ProcessIdentity {
  readonly taskId: string;
  readonly sandbox: string;
  /** Set when the process is the client of a container engine: the container outlives it. */
  readonly container?: { readonly program: string; readonly options?: readonly string[]; readonly name: string };
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

/** Removes the record of a child that is gone. */
export async function removeChildRecord(workDir: string, containerId: string): Promise<void> {
  await rm(join(workDir, directoryName, `${containerId}.json`), { force: true });
}

/** Records, those of an earlier boot included. Files that cannot be understood (cut off by a crash) are left out. */
export async function readChildRecords(workDir: string): Promise<readonly ChildRecord[]> {
  const directory = join(workDir, directoryName);
  const names = await readdir(directory).catch(() => []);
  const records: ChildRecord[] = [];
  for (const name of names) {
    const record = parseRecord(await readFile(join(directory, name), 'utf8').catch(() => ''));
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** Removes all records, once none of their processes lives. */
export async function clearChildRecords(workDir: string): Promise<void> {
  await rm(join(workDir, directoryName), { recursive: true, force: true });
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
    boot = 'unknown';
  }
  return boot;
}
