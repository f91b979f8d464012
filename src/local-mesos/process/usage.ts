/** What a task's processes have used, read from Linux' /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly rssBytes: number;
}

/** Of utime and stime (proc_pid_stat(5)); what every Linux of today has. */
const ticksPerSecond = 100;
const pageBytes = 4096;

/**
 * Sums up each of some sessions, named by their leaders; the leaders themselves and everything that has not left their session. All
 * zero for one that is gone. Looks at every process of the machine once.
 */
export function usageOf(leaders: ReadonlySet<number>): ReadonlyMap<number, Usage> {
  const sums = new Map<number, Usage>();
  for (const leader of leaders) sums.set(leader, { userSeconds: 0, systemSeconds: 0, rssBytes: 0 });
  for (const name of leaders.size === 0 ? [] : listProc()) {
    const fields = /^\d+$/.test(name) ? statFields(name) : undefined;
    const session = Number(fields?.[3]);
    const sum = sums.get(session);
    if (fields === undefined || sum === undefined) continue;
    sums.set(session, {
      userSeconds: sum.userSeconds + Number(fields[11]) / ticksPerSecond,
      systemSeconds: sum.systemSeconds + Number(fields[12]) / ticksPerSecond,
      rssBytes: sum.rssBytes + Number(fields[21]) * pageBytes,
    });
  }
  return sums;
}

/** Empty on systems without it; usage is shown, and nothing is decided on it. */
function listProc(): readonly string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

/** From the third field on; the name before them may hold spaces and parentheses. */
function statFields(pid: string): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // Gone in the meantime.
    return undefined;
  }
}
