/**
 * What runs on this machine, read from Linux' /proc: whose child a process is, and whether a process is still the one that was
 * started. On systems without /proc the table is empty, and only process groups can be signalled.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

export interface ProcessEntry {
  readonly pid: number;
  readonly ppid: number;
  /** 0 where its leader is out of sight: outside of the PID namespace that we run in. So is the session. */
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot (proc_pid_stat(5), field 22): together with the pid it names one process for good. */
  readonly startTicks: string;
  /** Dead, but not yet waited for by its parent. */
  readonly zombie: boolean;
  /** Value of MESOS_DIRECTORY in the environment that the process was started with, if it could be read. */
  readonly sandbox: string | undefined;
}

export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

/** The event loop gets a turn after so many processes, since the reads are synchronous. */
const processesPerTurn = 200;
const sandboxVariable = 'MESOS_DIRECTORY=';

/** Start time of a living process, or undefined when there is none, no /proc, or no descriptor to read with. */
export function startTicksOf(pid: number): string | undefined {
  const ticks = ticksOf(pid);
  return ticks === unknown ? undefined : ticks;
}

const unknown = Symbol('not known for want of a descriptor');

function ticksOf(pid: number): string | undefined | typeof unknown {
  try {
    const stat = statOf(pid);
    return stat === undefined || stat.zombie ? undefined : stat.startTicks;
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
    return unknown;
  }
}

/** Tells whether exactly this process still lives: a recycled pid does not count. */
export function isAlive(process: ProcessIdentity): boolean {
  const ticks = ticksOf(process.pid);
  // Rather a stranger of this pid for a moment than a living process for dead.
  return ticks === unknown ? trySignal(process.pid, 0) : ticks === process.startTicks;
}

/** Sends a signal to exactly this process; a pid that was recycled is left alone. Returns whether the signal was sent. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  return startTicksOf(target.pid) === target.startTicks && trySignal(target.pid, signal);
}

/** `kill(2)` whose expected failures (no such process, not ours) are the answer false. A negative pid means a group. */
export function trySignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** Between two scans, the rest of the program has at least this long. */
const scanGapMs = 50;

let scanning: Promise<ProcessTable> | undefined;
let queued: Promise<ProcessTable> | undefined;
let scannedAt = Number.NEGATIVE_INFINITY;

/**
 * Reads the table. All who ask while a scan runs, or right after one, share the next, so that the cost stays bounded however
 * many tasks end at once; every answer describes a moment after the question.
 */
export function readProcessTable(): Promise<ProcessTable> {
  if (queued !== undefined) return queued;
  if (scanning === undefined && performance.now() - scannedAt >= scanGapMs) return startScan();
  queued = afterGap(scanning);
  return queued;
}

async function afterGap(running: Promise<ProcessTable> | undefined): Promise<ProcessTable> {
  // Should a scan fail, that concerns those who asked for it.
  await running?.catch(() => {});
  await delay(Math.max(0, scanGapMs - (performance.now() - scannedAt)));
  queued = undefined;
  return startScan();
}

function startScan(): Promise<ProcessTable> {
  scanning = scan().finally(() => {
    scanning = undefined;
    scannedAt = performance.now();
  });
  return scanning;
}

/** Without a descriptor to read with nobody knows who lives, and a table without them would say that they do not: it is tried again. */
async function scan(): Promise<ProcessTable> {
  for (;;) {
    try {
      return await scanOnce();
    } catch (error) {
      if (!isOutOfDescriptors(error)) throw error;
      await delay(scanGapMs);
    }
  }
}

async function scanOnce(): Promise<ProcessTable> {
  const table = new Map<number, ProcessEntry>();
  await nextTurn();
  let read = 0;
  for (const name of listProc()) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (++read % processesPerTurn === 0) await nextTurn();
    const stat = statOf(pid);
    if (stat === undefined) continue;
    const { ofKernel, ...entry } = stat;
    table.set(pid, { ...entry, sandbox: ofKernel ? undefined : sandboxOf(pid) });
  }
  return table;
}

function listProc(): readonly string[] {
  try {
    return readdirSync('/proc');
  } catch (error) {
    if (isOutOfDescriptors(error)) throw error;
    // A system without it: see above.
    return [];
  }
}

function isOutOfDescriptors(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EMFILE' || code === 'ENFILE';
}

interface ProcessStat extends Omit<ProcessEntry, 'sandbox'> {
  /** A thread of the kernel, which has no environment. */
  readonly ofKernel: boolean;
}

/** PF_KTHREAD of the kernel's process flags (proc_pid_stat(5), field 9). */
const kernelThreadFlag = 0x0020_0000;

function statOf(pid: number): ProcessStat | undefined {
  const text = readProc(pid, 'stat');
  if (text === undefined) return undefined;
  // The name stands in parentheses and may itself contain spaces and parentheses: only the last one ends it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  if (startTicks === undefined) return undefined;
  return {
    pid,
    ppid: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks,
    zombie: fields[0] === 'Z' || fields[0] === 'X',
    ofKernel: (Number(fields[6]) & kernelThreadFlag) !== 0,
  };
}

function sandboxOf(pid: number): string | undefined {
  const environment = readProc(pid, 'environ');
  if (environment === undefined) return undefined;
  const at = environment.startsWith(sandboxVariable) ? 0 : environment.indexOf(`\0${sandboxVariable}`) + 1;
  if (at === 0 && !environment.startsWith(sandboxVariable)) return undefined;
  const end = environment.indexOf('\0', at);
  return environment.slice(at + sandboxVariable.length, end === -1 ? undefined : end);
}

function readProc(pid: number, file: 'stat' | 'environ'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (isOutOfDescriptors(error)) throw error;
    // Gone in the meantime, or somebody else's.
    return undefined;
  }
}
