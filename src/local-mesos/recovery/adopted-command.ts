/** A command that an earlier run of this program has started: not our child any more, but certainly the same process. */
import { setTimeout as delay } from 'node:timers/promises';
import { ok } from '../../core/result.ts';
import { exitFilePath, type FoundRecord } from '../process/child-records.ts';
import { type EngineContainer, removeContainer, stopContainer } from '../process/engine.ts';
import type { ExitStatus } from '../process/exit-status.ts';
import { startTimer } from '../process/long-timer.ts';
import { isAlive } from '../process/process-table.ts';
import { signalTree, sweepTree, type TreeSeeds } from '../process/process-tree.ts';
import type { RunningCommand } from '../process/running-command.ts';
import { readExit } from './exit-keeper.ts';

/**
 * Between two looks whether a process lives: nobody tells us of the end of one that is not our child. The pause grows with their
 * number, as that of Mesos' reaper does, so that the looks cost the same however many there are.
 */
const shortestPauseMs = 100;
const longestPauseMs = 1_000;
const fewProcesses = 50;
const manyProcesses = 500;

let watched = 0;

function lookPauseMs(): number {
  const share = (watched - fewProcesses) / (manyProcesses - fewProcesses);
  return shortestPauseMs + (longestPauseMs - shortestPauseMs) * Math.min(1, Math.max(0, share));
}

const sweepTimeoutMs = 5_000;
const engineSlackMs = 5_000;
/** How it ended was known to nobody but its parent, which is gone. */
const unknownExit: ExitStatus = { code: null, signal: null };
const killedExit: ExitStatus = { code: null, signal: 'SIGKILL' };

/** Watches and ends a process of an earlier run. `released` stops the watching for good. */
export function adoptCommand(
  workDir: string,
  record: FoundRecord,
  container: EngineContainer | undefined,
  released: AbortSignal,
): RunningCommand {
  const seeds: TreeSeeds = { roots: [record], ownsSandbox: (sandbox) => sandbox === record.sandbox };
  let isOver = false;
  let wasKilled = false;
  let killsAt = Number.POSITIVE_INFINITY;
  let cancelKill = (): void => {};
  released.addEventListener('abort', () => {
    isOver = true;
    cancelKill();
  });
  const exited = untilGone(record, released).then(() => {
    isOver = true;
    cancelKill();
    return readExit(exitFilePath(workDir, record.containerId)) ?? (wasKilled ? killedExit : unknownExit);
  });
  const send = async (signal: NodeJS.Signals): Promise<void> => {
    // Each process is looked at again before it is signalled: a number that was given anew is left alone.
    if (isOver) return;
    // This ends its shell too, which then writes nothing.
    wasKilled ||= signal === 'SIGKILL';
    await signalTree(seeds, signal);
  };
  const stop = async (graceMs: number): Promise<void> => {
    if (container === undefined || !(await stopContainer(container, graceMs))) await send('SIGTERM');
  };
  return {
    pid: record.pid,
    exited,
    terminate: (graceMs) => {
      const deadline = performance.now() + graceMs;
      if (isOver || deadline >= killsAt) return;
      if (killsAt === Number.POSITIVE_INFINITY || container !== undefined) void stop(graceMs);
      killsAt = deadline;
      cancelKill();
      const waitMs = container === undefined ? graceMs : graceMs + engineSlackMs;
      cancelKill = startTimer(waitMs, () => void send('SIGKILL'));
    },
    sweep: async () => {
      const removed = container === undefined ? ok(undefined) : await removeContainer(container);
      return (await sweepTree(seeds, sweepTimeoutMs)).left + (removed.ok ? 0 : 1);
    },
  };
}

/** Never resolves once it is released. */
async function untilGone(record: FoundRecord, released: AbortSignal): Promise<void> {
  watched++;
  try {
    while (isAlive(record) && !released.aborted) {
      // The timer keeps nobody from ending.
      await delay(lookPauseMs(), undefined, { ref: false });
    }
  } finally {
    watched--;
  }
  if (released.aborted) await new Promise(() => {});
}
