/**
 * Makes known how a program ended even if nobody who could wait for it has lived to see it: a shell starts it, waits, and writes
 * its exit status into a file. Mesos has an executor for that, as long-lived as its task.
 */
import { accessSync, chownSync, constants, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExitStatus } from '../process/exit-status.ts';
import type { Launch } from '../process/launcher.ts';

/**
 * The shell's own words go to the file, the program's to where they belong. Shells say by a word on standard error that a signal
 * ended the program, which tells that from an exit code above 128. Signals to the group are for the program: the shell stays until
 * it has written; a subshell resets its traps, and `exec` keeps builtins from being taken for programs.
 */
const script = (run: string): string =>
  `exec 3>&2 2>>"$1"; shift; trap : HUP INT QUIT TERM USR1 USR2; (${run}) 2>&3 3>&-; s=$?; echo "$s" >&2; exit "$s"`;

const asNamed = script('exec "$@"');
/** Only some shells can start a program under another name than its path. */
const underOtherName = script('n=$1; shift; exec -a "$n" "$@"');

/** Signals that end a program without a word from the shell. */
const silentSignals: readonly number[] = [system.signals.SIGINT, system.signals.SIGPIPE];
/** Longer files are not ours. */
const maxExitBytes = 64 * 1024;

/**
 * What to start in place of a launch, with the empty file made for it. Undefined when the program cannot be found, so that its
 * absence is reported as ever, or when no shell could give it its name.
 */
export function keepExit(launch: Launch, exitFile: string): Launch | undefined {
  const { file, args, argv0 } = launch.invocation;
  const searchPath = launch.environment['PATH'];
  if (findProgram(file, launch.sandbox, searchPath) === undefined) return undefined;
  const isNamedLikeFile = argv0 === file;
  const shell = isNamedLikeFile ? '/bin/sh' : findProgram('bash', launch.sandbox, searchPath ?? '/usr/bin:/bin');
  if (shell === undefined) return undefined;
  mkdirSync(dirname(exitFile), { recursive: true });
  writeFileSync(exitFile, '', { mode: 0o600 });
  if (launch.user !== undefined) chownSync(exitFile, launch.user.uid, launch.user.gid);
  const words = isNamedLikeFile ? [asNamed, 'sh', exitFile, file] : [underOtherName, 'sh', exitFile, argv0, file];
  return { ...launch, invocation: { file: shell, argv0: 'sh', args: ['-c', ...words, ...args] } };
}

/** A shell that has not started its program by then is signalled all the same. */
const startMs = 5_000;
const lookMs = 5;

/**
 * Waits until such a shell, started just now, has started its program. Between its own traps and those of the subshell, which it
 * resets, a signal to the group would be heard by nobody. `isOver`: the shell has ended.
 */
export async function untilProgramStarted(shell: number, isOver: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + startMs;
  while (!isOver() && performance.now() < giveUpAt && !hasStartedProgram(shell)) await delay(lookMs);
}

/** Until it has become the program, the subshell looks like the shell. */
function hasStartedProgram(shell: number): boolean {
  try {
    const own = readFileSync(`/proc/${shell}/cmdline`, 'utf8');
    const children = readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').split(' ').filter(Boolean);
    return children.some((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8') !== own);
  } catch {
    // Gone meanwhile, or this kernel does not tell.
    return true;
  }
}

/** The status in such a file; undefined when its shell has not come to writing it. */
export function readExit(exitFile: string): ExitStatus | undefined {
  let text: string;
  try {
    text = readFileSync(exitFile, 'utf8').slice(-maxExitBytes);
  } catch {
    // There is none: the program was started without a shell, or somebody has cleared up.
    return undefined;
  }
  const lines = text.trimEnd().split('\n');
  const status = Number(lines.at(-1));
  if (lines.at(-1) === '' || !Number.isInteger(status) || !text.endsWith('\n')) return undefined;
  const number = status - 128;
  const name = Object.entries(system.signals).find(([, value]) => value === number)?.[0];
  const isSignal = name !== undefined && (lines.length > 1 || silentSignals.includes(number));
  return isSignal ? { code: null, signal: name } : { code: status, signal: null };
}

function findProgram(file: string, directory: string, searchPath = ''): string | undefined {
  if (file === '') return undefined;
  const candidates = file.includes('/')
    ? [file.startsWith('/') ? file : join(directory, file)]
    : searchPath.split(':').map((part) => join(part === '' ? '.' : part, file));
  return candidates.find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
