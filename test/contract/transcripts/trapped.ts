/** A shell that is to survive a signal must have come to saying so before it is sent. */
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import type { LocalMesos } from '../../../src/local-mesos/cluster.ts';
import { eventually } from '../../support/eventually.ts';

const termBit = 1n << BigInt(constants.signals.SIGTERM - 1);

/** If the command of a task begins with `trap`: resolves when its shell ignores or catches SIGTERM. */
export async function untilTrapped(cluster: LocalMesos, taskId: string): Promise<void> {
  for (const { tasks } of cluster.master.state.frameworks.values()) {
    const task = tasks.get(taskId);
    const pid = task?.statuses.at(-1)?.containerStatus?.['executor_pid'];
    if (pid === undefined || task?.commandText.startsWith("sh -c 'trap ") !== true) continue;
    await eventually(`${taskId} traps SIGTERM`, async () => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      const masks = [...status.matchAll(/^Sig(?:Ign|Cgt):\t(\w+)$/gm)].map(([, mask]) => BigInt(`0x${mask}`));
      return masks.some((mask) => (mask & termBit) !== 0n);
    });
  }
}
