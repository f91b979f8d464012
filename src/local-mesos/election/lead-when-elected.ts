/** A master that leads only once it is elected, and then takes up the agents and their tasks from the leader before it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Result } from '../../core/result.ts';
import { masterInfo } from '../master/events.ts';
import type { Master } from '../master/master.ts';
import type { Log } from '../master/model.ts';
import type { Tenure, TenureRefusal } from '../recovery/tenure.ts';
import { lockWorkDir, type WorkDirLock } from '../work-dir-lock.ts';
import { standForElection } from './candidate.ts';
import type { ZkServers } from './zk-url.ts';

export interface Leader {
  /** Undefined while it does not lead, or still waits for the directory. */
  readonly tenure: () => Tenure | undefined;
  /** Resolves with the reason when it cannot go on. */
  readonly failed: Promise<string>;
  readonly end: (tasks: 'end' | 'stay', how: 'resign' | 'vanish') => Promise<void>;
}

export interface LeadOptions {
  readonly servers: ZkServers;
  /** The default is Mesos', 10 s. */
  readonly sessionTimeoutMs: number | undefined;
  readonly workDir: string;
  readonly begin: () => Promise<Result<Tenure, TenureRefusal>>;
  readonly log: Log;
}

const defaultSessionTimeoutMs = 10_000;
/** Between two attempts to get the directory, which the leader before may still hold. */
const lockPauseMs = 200;

/**
 * Stands for election. A leader that loses it never leads again: like Mesos' master it has to end, since another one leads already
 * (`failed`). A new leader is "recovering" until it has the agents: it takes subscriptions, offers nothing and is silent about tasks.
 */
export function leadWhenElected(master: Master, options: LeadOptions): Leader {
  const { servers, workDir, begin, log, sessionTimeoutMs = defaultSessionTimeoutMs } = options;
  const { state } = master;
  const ended = new AbortController();
  let lock: WorkDirLock | undefined;
  let tenure: Tenure | undefined;
  let taking: Promise<void> = Promise.resolve();
  let fail: (reason: string) => void = () => {};
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const takeUp = async (): Promise<void> => {
    lock = await lockWhenFree(workDir, ended.signal, log);
    if (lock === undefined) return;
    const begun = await begin();
    if (!begun.ok) {
      fail(begun.error.message);
      return;
    }
    tenure = begun.value;
    state.recovering = false;
  };
  const candidate = standForElection({
    servers,
    sessionTimeoutMs,
    info: masterInfo(state.identity),
    log,
    onOutcome: (outcome) => {
      if (ended.signal.aborted) return;
      if (state.leadership.kind === 'leading') {
        // Until the end of the program it says that it knows no better.
        state.leadership = { kind: 'none' };
        fail('lost the election: another master may lead by now');
      } else if (outcome.kind === 'leading') {
        log.info('elected: this master leads');
        state.recovering = true;
        state.leadership = { kind: 'leading', recovered: true };
        taking = takeUp().catch((error: Error) => fail(error.message));
      } else state.leadership = outcome;
    },
  });
  const end = async (tasks: 'end' | 'stay', how: 'resign' | 'vanish'): Promise<void> => {
    ended.abort();
    if (how === 'vanish') await candidate.stop(how);
    await taking;
    // Others may lead from here on only when nothing of ours touches the tasks any more.
    await tenure?.end(tasks);
    await lock?.release();
    if (how === 'resign') await candidate.stop(how);
  };
  return { tenure: () => tenure, failed, end };
}

/** Undefined when it was given up. */
async function lockWhenFree(workDir: string, signal: AbortSignal, log: Log): Promise<WorkDirLock | undefined> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    const lock = await lockWorkDir(workDir);
    if (lock.ok) return lock.value;
    if (attempt === 0) log.warn(`waiting for the agents: ${lock.error}`);
    await delay(lockPauseMs, undefined, { ref: false });
  }
  return undefined;
}
