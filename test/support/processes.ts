/**
 * Programs of this project as real processes, each test in a playground of its own: a directory whose name all of its processes
 * carry in their environment, tasks included, so that none of them can be overlooked.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
const mainFile = join(root, 'dist', 'main.js');

/** Longest wait for the first line of a program on a busy machine. */
const startTimeoutMs = 120_000;
/** A program that was asked to stop is killed after so long. */
const stopTimeoutMs = 60_000;
/** What was told to end may take so long to be gone. */
const goneTimeoutMs = 60_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<Exit>;
  readonly isOver: () => boolean;
  /** Waits until standard output, or the stream named, matches. Fails at once when the program ends before. */
  readonly says: (pattern: RegExp, stream?: 'stdout' | 'stderr') => Promise<RegExpExecArray>;
  /** Sends the signal and waits for the end. */
  readonly end: (signal?: NodeJS.Signals) => Promise<Exit>;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What to run instead of the built command. */
  readonly program?: string;
}

/** A living process of a playground. */
export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
  /** Set for the processes of a task. */
  readonly taskId: string | undefined;
}

export interface Playground {
  readonly dir: string;
  /** `path('a')` lies in the directory. */
  readonly path: (name: string) => string;
  /** Starts `node dist/main.js` with these words. */
  readonly run: (args: readonly string[], options?: ProgramOptions) => Program;
  /** Everything alive that carries the playground's name. */
  readonly processes: () => readonly FoundProcess[];
  /** Main process of each living task, by task id. */
  readonly tasks: () => ReadonlyMap<string, number>;
  /** Ends all programs, the last one first, and fails if any process is left then (it is killed). Removes the directory. */
  readonly close: () => Promise<void>;
}

/** Makes an empty playground; every test closes its own in a `finally`. */
export function createPlayground(): Playground {
  if (!existsSync(mainFile)) throw new Error('dist is missing: build first');
  const dir = mkdtempSync(join(tmpdir(), 'ultramarathon-e2e-'));
  const programs: Program[] = [];
  const processes = (): readonly FoundProcess[] => processesWith(dir);
  return {
    dir,
    path: (name) => join(dir, name),
    run: (args, options = {}) => {
      const program = startProgram(options.program === undefined ? [mainFile, ...args] : [options.program, ...args], {
        cwd: options.cwd ?? dir,
        env: { ULTRAMARATHON_E2E: dir, ...options.env },
      });
      programs.push(program);
      return program;
    },
    processes,
    tasks: () => mainProcesses(processes()),
    close: async () => {
      const exits: Exit[] = [];
      for (const program of programs.toReversed()) exits.push(await stopAtLast(program));
      const strays = await straysOf(processes);
      rmSync(dir, { recursive: true, force: true });
      if (strays.length > 0) throw new Error(`Processes were left: ${JSON.stringify(strays)}`);
    },
  };
}

/** Runs something in a playground and closes it, whatever happens. */
export async function inPlayground(run: (playground: Playground) => Promise<void>): Promise<void> {
  const playground = createPlayground();
  let failure: unknown;
  try {
    await run(playground);
  } catch (error) {
    failure = error;
  }
  // What went wrong first is what the reader wants to know; strays are most likely its consequence.
  await playground.close().catch((error: unknown) => {
    failure ??= error;
  });
  if (failure !== undefined) throw failure;
}

function startProgram(args: readonly string[], options: { cwd: string; env: Record<string, string> }): Program {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.stderr += chunk.toString();
  });
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    // Not `close`: a process that inherited the streams may live on.
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      // What was written just before the end may still be on its way.
      setImmediate(() => setImmediate(() => resolve({ code, signal })));
    });
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    exited,
    isOver: () => exit !== undefined,
    says: (pattern, stream = 'stdout') =>
      Promise.race([
        eventually(
          `${args.slice(1, 3).join(' ')} says ${pattern}`,
          () => pattern.exec(said[stream]) ?? undefined,
          startTimeoutMs,
        ),
        exited.then(({ code, signal }) => {
          const match = pattern.exec(said[stream]);
          if (match) return match;
          throw new Error(`${args.join(' ')} ended (${signal ?? code}): ${said.stderr}`);
        }),
      ]),
    end: async (signal = 'SIGTERM') => {
      if (exit === undefined) child.kill(signal);
      return exited;
    },
  };
}

/** The environment of this process without what would configure the programs. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !/^(MARATHON_|MESOSPHERE_|VITEST|NODE_OPTIONS)/.test(key));
  return Object.fromEntries(kept);
}

async function stopAtLast(program: Program): Promise<Exit> {
  const timer = setTimeout(() => void program.end('SIGKILL'), stopTimeoutMs);
  try {
    return await program.end('SIGTERM');
  } finally {
    clearTimeout(timer);
  }
}

/** What is still there after a while; it is killed. */
async function straysOf(processes: () => readonly FoundProcess[]): Promise<readonly FoundProcess[]> {
  try {
    await eventually('all processes gone', () => processes().length === 0, goneTimeoutMs);
    return [];
  } catch {
    const strays = processes();
    for (const { pid } of strays) killIfThere(pid, 'SIGKILL');
    return strays;
  }
}

/** Sends a signal; false if there is no such process. */
export function killIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** True while a process with this id lives and is no zombie. */
export function isAlive(pid: number): boolean {
  const stat = readProc(pid, 'stat');
  return stat !== '' && !/^\d+ \(.*\) [ZX] /s.test(stat);
}

/** The environment that a process was started with. */
export function environmentOf(pid: number): Readonly<Record<string, string>> {
  const lines = readProc(pid, 'environ')
    .split('\0')
    .filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function processesWith(marker: string): readonly FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = settledEnvironment(pid);
    if (!environment.includes(marker) || !isAlive(pid)) continue;
    const taskId = /(?:^|\0)MESOS_EXECUTOR_ID=([^\0]*)/.exec(environment)?.[1];
    found.push({ pid, command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim(), taskId });
  }
  return found;
}

/**
 * The environment as text. In the middle of `exec` a process has an empty one for a moment: then it is looked at again, since
 * whoever misses a process at that moment believes that it is gone.
 */
function settledEnvironment(pid: number): string {
  for (let look = 1; ; look++) {
    const text = contentOf(pid, 'environ');
    if (text === undefined) return '';
    if (text !== '' || look === environmentLooks || !isAlive(pid)) return text;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookPauseMs);
  }
}

/** Who has none after so many looks was started without. */
const environmentLooks = 20;
const lookPauseMs = 5;

function mainProcesses(processes: readonly FoundProcess[]): ReadonlyMap<string, number> {
  const tasks = new Map<string, number>();
  for (const { pid, taskId } of processes) {
    // The first process of a task leads its session; its descendants have higher ids as a rule, and another session leader never.
    if (taskId !== undefined && sessionOf(pid) === pid) tasks.set(taskId, pid);
  }
  return tasks;
}

/** The session of a process; NaN if it is gone. */
export function sessionOf(pid: number): number {
  const stat = readProc(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}

const readProc = (pid: number, file: 'stat' | 'environ' | 'cmdline'): string => contentOf(pid, file) ?? '';

/** Undefined: there is no such process, or it may not be looked at. */
function contentOf(pid: number, file: 'stat' | 'environ' | 'cmdline'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}
