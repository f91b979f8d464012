/**
 * `sleep` for tasks of a replay: one of whole seconds lasts until the recording has come to the place where it was over, however
 * long that takes on the machine of the replay. Shorter and longer ones are those of the system.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { LocalMesos } from '../../../src/local-mesos/cluster.ts';

export type Sleeps = Readonly<Record<string, Readonly<Record<number, number>>>>;

const script = `#!/bin/sh
case "$1" in
  [1-9]) until [ -e "$MESOS_DIRECTORY/.slept-$1" ]; do "$0" 0.02; done ;;
  *) PATH="\${PATH#*:}" exec sleep "$1" ;;
esac
`;

/** Makes it the one that tasks find, since they inherit PATH; gives how to undo that. */
export async function replaceSleep(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'recorded-sleep-'));
  await chmod(directory, 0o755);
  await writeFile(join(directory, 'sleep'), script, { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = [directory, path ?? '/usr/bin:/bin'].join(delimiter);
  return async () => {
    if (path === undefined) delete process.env['PATH'];
    else process.env['PATH'] = path;
    await rm(directory, { recursive: true });
  };
}

/** What to call before each entry. */
export function sleepers(cluster: LocalMesos, sleeps: Sleeps): (t: number) => Promise<void> {
  const asleep = Object.entries(sleeps).flatMap(([id, ends]) =>
    Object.entries(ends).map(([seconds, until]) => ({ id, seconds, until })),
  );
  return async (t) => {
    for (const one of asleep.filter(({ until }) => until <= t)) {
      asleep.splice(asleep.indexOf(one), 1);
      for (const { tasks } of cluster.master.state.frameworks.values()) {
        const task = tasks.get(one.id);
        const sandbox = task?.agent.runner.sandbox(one.id, task.framework.id);
        if (sandbox !== undefined) await writeFile(join(sandbox, `.slept-${one.seconds}`), '');
      }
    }
  };
}
