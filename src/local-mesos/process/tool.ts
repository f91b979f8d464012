/** Runs one of the system's programs (`cp`, `tar`, `unzip`, …) to its end. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../../core/result.ts';
import { basicEnvironment } from './environment.ts';
import type { SystemUser } from './system-user.ts';

export interface ToolScene {
  readonly sandbox: string;
  readonly user: SystemUser | undefined;
  readonly signal: AbortSignal;
}

/** So much of a tool's complaint is kept. */
const maxComplaintBytes = 2_000;

/**
 * Runs a program in the sandbox as the task's user, optionally fed with `input`. The error is the last line of what it
 * complained, or that it is not installed. It carries the sandbox in its environment, so that it counts as part of the task.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  scene: ToolScene,
  input?: Readable,
): Promise<Result<void, string>> {
  const child = spawn(program, [...args], {
    cwd: scene.sandbox,
    env: { ...basicEnvironment(), MESOS_DIRECTORY: scene.sandbox, LC_ALL: 'C' },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'pipe'],
    signal: scene.signal,
    killSignal: 'SIGKILL',
    ...(scene.user === undefined ? {} : { uid: scene.user.uid, gid: scene.user.gid }),
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-maxComplaintBytes);
  });
  const ended = new Promise<Result<void, string>>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(err(startFailure(program, error))));
    child.once('close', (code, signal) => {
      const last = complaint.trim().split('\n').at(-1) ?? '';
      resolve(code === 0 ? ok(undefined) : err(last === '' ? `${program} ended with ${signal ?? code}` : last));
    });
  });
  if (input === undefined || child.stdin === null) return ended;
  const fed = pipeline(input, child.stdin).then(
    () => ok(undefined),
    (error: NodeJS.ErrnoException) => err(error.message),
  );
  const [outcome, feeding] = await Promise.all([ended, fed]);
  // A reader may close its end early (tar stops at the end mark), which is its own affair.
  return outcome.ok || feeding.ok || /EPIPE|premature|aborted/i.test(feeding.error) ? outcome : feeding;
}

function startFailure(program: string, error: NodeJS.ErrnoException): string {
  return error.code === 'ENOENT' ? `the program '${program}' is not installed` : error.message;
}
