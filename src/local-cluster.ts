/** The local cluster of `start`: a process of its own, started again when it dies, ended with everything else. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from './core/result.ts';
import { err, ok } from './core/result.ts';
import { makeDirectory } from './infra/make-directory.ts';

/** Environment variable that ties a local cluster to the life of its parent. */
export const endWithParent = 'ULTRAMARATHON_END_WITH_PARENT';

export interface ClusterOptions {
  readonly dataDir: string;
  /** 0 = any; it stays the same when the cluster is started again. */
  readonly port: number;
  readonly agents: number;
  readonly attributes: string | undefined;
  readonly resources: string | undefined;
  readonly isSimulated: boolean;
  /** Tasks that outlived a killed cluster go on; otherwise they are ended. */
  readonly recovers: boolean;
  /** Further flags of `local-mesos`. */
  readonly more?: readonly string[];
  readonly log: (line: string) => void;
}

export interface KeptCluster {
  /** `host:port`. */
  readonly address: string;
  /** Ends the cluster and its tasks. */
  readonly stop: () => Promise<void>;
}

/** Pause before a restart, and how often in a row before it is given up. */
const restartPauseMs = 1_000;
const maxRestartsInARow = 10;
/** A cluster that lived so long was no failed start. */
const stableMs = 30_000;

/** Starts the cluster and resolves once it answers; otherwise the one line that it left. */
export async function keepCluster(options: ClusterOptions): Promise<Result<KeptCluster, string>> {
  const first = await launchAfterPredecessor(options);
  if (!first.ok) return first;
  const { port } = first.value;
  let child = first.value.child;
  let isStopping = false;
  let restarts = 0;
  let restarting: Promise<void> = Promise.resolve();
  const restartLater = (): void => {
    if (restarts > maxRestartsInARow) {
      options.log('The local cluster keeps ending; it is left alone now.');
      return;
    }
    setTimeout(() => {
      if (!isStopping) restarting = again();
    }, restartPauseMs);
  };
  const watch = (watched: ChildProcess): void => {
    const startedMs = performance.now();
    watched.once('exit', (code, signal) => {
      if (isStopping) return;
      restarts = performance.now() - startedMs > stableMs ? 1 : restarts + 1;
      options.log(`The local cluster ended (${signal ?? `exit code ${code}`}); it is started again.`);
      restartLater();
    });
  };
  const again = async (): Promise<void> => {
    const next = await launch(options, port);
    if (next.ok) {
      child = next.value.child;
      watch(child);
      return;
    }
    options.log(next.error);
    restarts++;
    restartLater();
  };
  watch(child);
  const stop = async (): Promise<void> => {
    isStopping = true;
    await restarting;
    const isClean = await endCluster(child);
    // A cluster that was killed has left its tasks behind. The next one ends them before it says that it is there.
    if (!isClean && !options.isSimulated) {
      const last = await launch({ ...options, recovers: false }, port);
      if (last.ok) await endCluster(last.value.child);
      else options.log(`Tasks may be left: ${last.error}`);
    }
    rmSync(join(options.dataDir, 'start.pid'), { force: true });
  };
  return ok({ address: `127.0.0.1:${port}`, stop });
}

/** Ends a cluster with its tasks. False if it did not come to the end of its work. */
async function endCluster(child: ChildProcess): Promise<boolean> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    // This signal ends the tasks, whatever becomes of them otherwise.
    child.kill('SIGUSR1');
    await ended;
  }
  return child.exitCode === 0;
}

/** A cluster whose parent was killed needs a moment to end its tasks. */
const predecessorWaitMs = 15_000;

/** The first start. If what is in its way is the dying cluster of an earlier, killed `start`, it waits for that to end. */
async function launchAfterPredecessor(options: ClusterOptions): Promise<Result<Launched, string>> {
  const owner = join(options.dataDir, 'start.pid');
  const isAbandoned = !isAlive(readPid(owner));
  try {
    makeDirectory(options.dataDir, 0o700);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return err(`cannot use the data directory ${options.dataDir}: ${reason}`);
  }
  const deadlineMs = performance.now() + predecessorWaitMs;
  for (;;) {
    const launched = await launch(options, options.port);
    if (launched.ok) {
      writeFileSync(owner, `${process.pid}\n`);
      return launched;
    }
    if (!isAbandoned || performance.now() > deadlineMs || readPid(owner) === undefined) return launched;
    await new Promise((resolve) => setTimeout(resolve, restartPauseMs / 2));
  }
}

function readPid(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

type Launched = { readonly child: ChildProcess; readonly port: number };

/** One process; its first line names its address. */
function launch(options: ClusterOptions, port: number): Promise<Result<Launched, string>> {
  const { agents, attributes, resources, isSimulated, recovers, dataDir, more = [] } = options;
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));
  const flags = [
    ...['--port', String(port), '--agents', String(agents), '--work_dir', join(dataDir, 'mesos')],
    ...(attributes === undefined ? [] : ['--attributes', attributes]),
    ...(resources === undefined ? [] : ['--resources', resources]),
    ...(isSimulated ? ['--simulate'] : []),
    ...(recovers ? ['--recover'] : []),
    ...more,
  ];
  // A group of its own: Ctrl-C in the terminal must reach the server first, which ends the cluster in order.
  const child = spawn(process.execPath, [...process.execArgv, main, 'local-mesos', ...flags], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, [endWithParent]: '1' },
  });
  return new Promise((resolve) => {
    let said = '';
    let complained = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complained = (complained + chunk.toString()).slice(-4_000);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      if (said.includes('\n')) return;
      said += chunk.toString();
      const found = /https?:\/\/[^:\s]+:(\d+)/.exec(said);
      if (found) resolve(ok({ child, port: Number(found[1]) }));
    });
    child.once('error', (error) => resolve(err(`the local cluster cannot be started: ${error.message}`)));
    child.once('exit', (code) => {
      const reason = (complained.trim().split('\n').at(-1) ?? '').replace(/^local-mesos: /, '');
      resolve(err(reason === '' ? `the local cluster ended with exit code ${code}` : `the local cluster: ${reason}`));
    });
  });
}
