import { describe, expect, it } from 'vitest';
import type { Offer } from '../../src/core/mesos/types.ts';
import { type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

const agents = 2_000;
const tasksPerAgent = 10;

/** Fills every offer with tasks, acknowledges what comes, and resolves when as many tasks run as were launched. */
function launchEverywhere(scheduler: MesosClient, seen: Map<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    let launched = 0;
    const fill = (offer: Offer): void => {
      // Failed tasks lead to offers again, which are not wanted.
      if (launched === agents * tasksPerAgent) return;
      const tasks = Array.from({ length: tasksPerAgent }, () => taskFor(offer, `t.${launched++}`));
      scheduler.launch([offer], tasks, 3600).catch(reject);
    };
    scheduler.listen((event) => {
      for (const offer of event.offers?.offers ?? []) fill(offer);
      const status = event.update?.status;
      if (status === undefined) return;
      if (seen.has(status.task_id.value)) reject(new Error(`a second update of ${status.task_id.value}`));
      seen.set(status.task_id.value, status.state);
      scheduler.acknowledge(status).catch(reject);
      if (seen.size === agents * tasksPerAgent) resolve();
    });
  });
}

describe('a simulated cluster of 2,000 agents', () => {
  it('runs 20,000 tasks, each reported exactly once, and its figures agree', async () => {
    // Nothing is repeated, however slow the machine is.
    const settings = { retryMs: 600_000 };
    const mesos = await cluster({ agents, settings, simulation: { behaviour: { failRate: 0.1 }, seed: 7 } });
    const scheduler = await subscribed(mesos);
    const seen = new Map<string, string>();
    await launchEverywhere(scheduler, seen);
    const running = [...seen.values()].filter((state) => state === 'TASK_RUNNING').length;
    const failed = [...seen.values()].filter((state) => state === 'TASK_FAILED').length;
    expect(running + failed).toBe(20_000);
    expect(failed).toBeGreaterThan(1_500);
    expect(failed).toBeLessThan(2_500);
    expect(mesos.simulation!.size).toBe(running);
    const figures = JSON.parse((await send(`${mesos.url}/metrics/snapshot`)).body);
    expect(figures).toMatchObject({
      'master/slaves_active': agents,
      'master/tasks_running': running,
      'master/tasks_failed': failed,
      'master/tasks_launched': 20_000,
    });
    expect(figures['master/cpus_used']).toBeCloseTo(running / 10, 6);
    const { slaves } = JSON.parse((await send(`${mesos.url}/slaves`)).body);
    const used = slaves.reduce(
      (sum: number, slave: { used_resources: { mem: number } }) => sum + slave.used_resources.mem,
      0,
    );
    expect(used).toBe(running * 32);
  });
});
