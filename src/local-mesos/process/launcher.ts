/** Starts the command of a task as a real process in its own session. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { CommandInfo } from '../../core/mesos/types.ts';
import { behindGate } from './cgroups/gate.ts';
import type { SystemUser } from './system-user.ts';

export interface Invocation {
  readonly file: string;
  /** Without argv[0]. */
  readonly args: readonly string[];
  readonly argv0: string;
}

/**
 * Program and arguments of a command (mesos-v1 §5.1): `sh -c value`, or with `shell: false` the program `value` with exactly
 * `arguments` as argv, so that the first of them is argv[0]. The sandbox is searched for a relative program before PATH.
 */
export function invocationOf(command: CommandInfo, sandbox: string): Invocation {
  const value = command.value ?? '';
  if (command.shell !== false) return { file: 'sh', args: ['-c', value], argv0: 'sh' };
  const [argv0 = '', ...args] = command.arguments ?? [];
  const inSandbox = join(sandbox, value);
  return { file: !isAbsolute(value) && isExecutable(inSandbox) ? inSandbox : value, args, argv0 };
}

export interface Launch {
  readonly invocation: Invocation;
  readonly sandbox: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: SystemUser | undefined;
  /** Health checks write both of their streams to the task's stderr. */
  readonly outputTo?: 'stderr';
  /** Waits until somebody opens its gate (`openGate`). */
  readonly gated?: boolean;
}

/**
 * Starts a process as leader of its own session and group, with the sandbox as directory and its output appended to the
 * sandbox' `stdout` and `stderr`. The files are handed over as descriptors, so that output goes on without us; they are not
 * rotated and may fill the disk. A program that cannot be started gives a child without pid and an `error` event, and a line
 * in stderr.
 */
export function startProcess(launch: Launch): ChildProcess {
  const { sandbox, user } = launch;
  const invocation = launch.gated === true ? behindGate(launch.invocation) : launch.invocation;
  const stderr = openSync(join(sandbox, 'stderr'), appendOnly, 0o644);
  const stdout = launch.outputTo === 'stderr' ? stderr : openSync(join(sandbox, 'stdout'), appendOnly, 0o644);
  try {
    const child = spawn(invocation.file, [...invocation.args], {
      argv0: invocation.argv0,
      cwd: sandbox,
      env: launch.environment,
      detached: true,
      stdio: ['ignore', stdout, stderr, ...(launch.gated === true ? (['pipe'] as const) : [])],
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    if (child.pid === undefined) writeSync(stderr, `Failed to execute '${invocation.file}'\n`);
    return child;
  } finally {
    closeSync(stderr);
    if (stdout !== stderr) closeSync(stdout);
  }
}

let lastTurn: Promise<void> = Promise.resolve();

/**
 * Resolves when it is the caller's turn to start a process: one for each round of the event loop, since a fork blocks it for
 * milliseconds, and whoever launches a thousand tasks must still answer meanwhile. The queue is as long as there are launches.
 */
export function turnToStart(): Promise<void> {
  lastTurn = lastTurn.then(() => nextRound());
  return lastTurn;
}

/** A task may replace its log by a link; we do not write through it. */
const appendOnly = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** False for what is not there, too: whoever asks looks for a program at several places. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
