/** A task's command once it runs: how it ends, and how it and all it has begotten are ended. */
import { err, ok, type Result } from '../../core/result.ts';
import { keepExit, readExit, untilProgramStarted } from '../recovery/exit-keeper.ts';
import { openGate } from './cgroups/gate.ts';
import type { TaskCgroup } from './cgroups/task-cgroup.ts';
import { exitFilePath, writeChildRecord } from './child-records.ts';
import { type EngineContainer, removeContainer, stopContainer } from './engine.ts';
import type { ExitStatus } from './exit-status.ts';
import { type Launch, startProcess } from './launcher.ts';
import { startTimer } from './long-timer.ts';
import { startTicksOf, trySignal } from './process-table.ts';
import { signalTree, sweepTree, type TreeSeeds } from './process-tree.ts';

export interface RunningCommand {
  /** Undefined when the program could not be started; it then counts as exited with status 1, as in Mesos. */
  readonly pid: number | undefined;
  readonly exited: Promise<ExitStatus>;
  /** SIGTERM to the whole tree, and SIGKILL after the grace. Called again, it only ever shortens the time that is left. */
  readonly terminate: (graceMs: number) => void;
  /** SIGKILLs what the command left behind; to be called once it has exited. Returns how many processes resist, a container included. */
  readonly sweep: () => Promise<number>;
}

export interface CommandRecord {
  readonly workDir: string;
  readonly containerId: string;
  readonly taskId: string;
  readonly frameworkId: string;
  /** How it ends shall be known even if this program does not live to see it. */
  readonly keepsExit: boolean;
  /** The sandbox as the environment of the processes names it. */
  readonly marker: string;
  /** The container whose client the command is. */
  readonly container: EngineContainer | undefined;
  /** Where the command and all it begets are held to the task's limits. */
  readonly cgroup?: TaskCgroup | undefined;
}

/** How long processes that do not die of SIGKILL are waited for. */
const sweepTimeoutMs = 5_000;
/** An engine kills a container itself after the grace; its client gets this much longer to tell us. */
const engineSlackMs = 5_000;
/** What Mesos' launcher exits with when it cannot execute the program (recording 02). */
const notExecuted: ExitStatus = { code: 1, signal: null };

/** Starts a command and records it. The error says why no process could be made at all. */
export function runCommand(launch: Launch, record: CommandRecord): Result<RunningCommand, string> {
  try {
    const kept = record.keepsExit ? keepExit(launch, exitFilePath(record.workDir, record.containerId)) : undefined;
    const child = startProcess({ ...(kept ?? launch), gated: record.cgroup !== undefined });
    const { pid } = child;
    const startTicks = pid === undefined ? undefined : startTicksOf(pid);
    const exited = new Promise<ExitStatus>((resolve) => {
      child.once('error', () => {
        if (pid === undefined) resolve(notExecuted);
      });
      child.once('exit', (code, signal) => {
        const seen = { code, signal };
        resolve(kept === undefined ? seen : (readExit(exitFilePath(record.workDir, record.containerId)) ?? seen));
      });
    });
    if (pid === undefined) return ok({ pid, exited, terminate: () => {}, sweep: async () => 0 });
    if (startTicks !== undefined) {
      const { workDir, containerId, taskId, frameworkId, marker, container, cgroup } = record;
      const engine = container && { container: { ...clientOf(container), name: container.name } };
      const recorded = attempt(() =>
        writeChildRecord(workDir, containerId, {
          pid,
          startTicks,
          taskId,
          frameworkId,
          sandbox: marker,
          ...engine,
          ...(cgroup === undefined ? {} : { cgroup: cgroup.place }),
          ...(kept === undefined ? {} : { keepsExit: true }),
        }),
      );
      if (recorded !== undefined) {
        trySignal(-pid, 'SIGKILL');
        return err(`cannot record its process: ${recorded}`);
      }
    }
    if (record.cgroup !== undefined) {
      const refused = attempt(() => record.cgroup?.enter(pid));
      if (refused !== undefined) {
        trySignal(-pid, 'SIGKILL');
        return err(`cannot put it into its cgroup: ${refused}`);
      }
      openGate(child);
    }
    const seeds: TreeSeeds = { roots: [{ pid, startTicks }], ownsSandbox: (sandbox) => sandbox === record.marker };
    return ok(started(pid, exited, seeds, { container: record.container, isKept: kept !== undefined }));
  } catch (error) {
    return err((error as Error).message);
  }
}

const clientOf = ({ engine: { program, options } }: EngineContainer) => ({ program, options });

/** Why it failed, if it did. */
function attempt(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function started(
  pid: number,
  exited: Promise<ExitStatus>,
  seeds: TreeSeeds,
  { container, isKept }: { readonly container: EngineContainer | undefined; readonly isKept: boolean },
): RunningCommand {
  let alive = true;
  let killsAt = Number.POSITIVE_INFINITY;
  let cancelKill = (): void => {};
  const send = (signal: NodeJS.Signals): void => {
    if (!alive) return;
    // The group at once, since its leader has not been waited for and so its number is certain; the rest after a look around.
    trySignal(-pid, signal);
    void signalOthers(signal);
  };
  const signalOthers = async (signal: NodeJS.Signals): Promise<void> => {
    if (alive) await signalTree({ ...seeds, exceptGroup: pid }, signal);
  };
  const stop = async (graceMs: number): Promise<void> => {
    // Before the container exists, there is only its client to be stopped.
    if (container !== undefined && (await stopContainer(container, graceMs))) return;
    if (isKept) await untilProgramStarted(pid, () => !alive);
    send('SIGTERM');
  };
  void exited.then(() => {
    alive = false;
    cancelKill();
  });
  return {
    pid,
    exited,
    terminate: (graceMs) => {
      const deadline = performance.now() + graceMs;
      if (!alive || deadline >= killsAt) return;
      if (killsAt === Number.POSITIVE_INFINITY || container !== undefined) void stop(graceMs);
      killsAt = deadline;
      cancelKill();
      cancelKill = startTimer(container === undefined ? graceMs : graceMs + engineSlackMs, () => send('SIGKILL'));
    },
    sweep: async () => {
      // Without /proc the group is all that can be found.
      if (seeds.roots[0]?.startTicks === undefined) trySignal(-pid, 'SIGKILL');
      const removed = container === undefined ? ok(undefined) : await removeContainer(container);
      return (await sweepTree(seeds, sweepTimeoutMs)).left + (removed.ok ? 0 : 1);
    },
  };
}
