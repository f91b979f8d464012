/**
 * Ports that a test names before anybody listens on them, or that it gives up and takes again: for a ZooKeeper that must know its
 * peers, for a server that is started again where its clients look for it, for tasks that really listen.
 *
 * A port from `listen(0)` will not do: until it is listened on (again), the kernel gives it to whoever asks for any port, and on a
 * machine with many tests somebody does. So these lie below the range that the kernel hands out, and are taken by windows, each
 * of which belongs to one living process, written down in a folder that all test processes of the machine share.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PortRange {
  /** Where it is written down who has which window. */
  readonly folder: string;
  readonly first: number;
  /** No longer part of it. */
  readonly end: number;
}

/** Gives so many ports in a row that no other process gets from the range while this one lives. */
export type TakePorts = (count: number) => readonly number[];

export const windowSize = 50;

/** Ports of a range; at most 50 at once. */
export function portsOf({ folder, first, end }: PortRange): TakePorts {
  const mine: string[] = [];
  let next = 0;
  let left = 0;
  const takeWindow = (): void => {
    mkdirSync(folder, { recursive: true });
    const busy = busyPorts();
    const windows = Math.floor((end - first) / windowSize);
    // Not all from the beginning: what was closed a moment ago may still have callers.
    const start = process.pid * 7;
    for (let i = 0; i < windows; i++) {
      const begin = first + ((start + i) % windows) * windowSize;
      const isFree = !Array.from({ length: windowSize }, (_, k) => begin + k).some((port) => busy.has(port));
      const file = join(folder, String(begin));
      if (!isFree || !claim(file)) continue;
      if (mine.length === 0) {
        process.once('exit', () => {
          for (const one of mine) rmSync(one, { force: true });
        });
      }
      mine.push(file);
      next = begin;
      left = windowSize;
      return;
    }
    throw new Error(`all ports from ${first} to ${end} are taken: see ${folder}`);
  };
  return (count) => {
    if (count > windowSize) throw new Error(`no more than ${windowSize} ports at once`);
    if (count > left) takeWindow();
    const begin = next;
    next += count;
    left -= count;
    return Array.from({ length: count }, (_, i) => begin + i);
  };
}

/** Above the well-known ones, and below those that agents of the local cluster offer (31,000) and that Linux hands out (32,768). */
export const takePorts: TakePorts = portsOf({
  folder: join(tmpdir(), 'ultramarathon-test-ports'),
  first: 10_000,
  end: 31_000,
});

export const takePort = (): number => takePorts(1)[0] as number;

/** True if the file is now ours: it was not there, or belonged to a process that is gone. */
function claim(file: string): boolean {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, owner(process.pid));
  try {
    // A link is made at once with its content, or not at all.
    if (succeeds(() => linkSync(draft, file), 'EEXIST')) return true;
    const held = textOf(file);
    if (held !== '' && owner(Number(held.split(' ')[0])) === held) return false;
    // Of all that find its owner gone, one moves it away.
    const moved = `${draft}.stale`;
    if (!succeeds(() => renameSync(file, moved), 'ENOENT')) return false;
    const isStale = textOf(moved) === held;
    // Another one was quicker, and this is its new claim.
    if (!isStale) succeeds(() => linkSync(moved, file), 'EEXIST');
    rmSync(moved);
    return isStale && succeeds(() => linkSync(draft, file), 'EEXIST');
  } finally {
    rmSync(draft);
  }
}

function succeeds(run: () => void, unless: string): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === unless) return false;
    throw error;
  }
}

/** A process as it cannot come again: its id, and when it was started. Empty if there is none. */
function owner(pid: number): string {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat === '' ? '' : `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Local ports of all sockets of this machine, whatever their state. */
function busyPorts(): ReadonlySet<number> {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => textOf(file).split('\n').slice(1));
  return new Set(lines.map((line) => Number.parseInt(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4})/.exec(line)?.[1] ?? '', 16)));
}
