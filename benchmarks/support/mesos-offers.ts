/** Offers matched through the real link: simulated agents in a process of their own, one instance for each offer, or none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningCommand } from './commands.ts';
import { runCommand } from './commands.ts';
import { type BenchScheduler, startScheduler, until } from './mesos-scheduler.ts';
import { type Measured, meter, middle, print } from './meter.ts';

/** All that an agent has, and thus an instance that leaves nothing to be offered. */
const wholeAgent = { cpus: 4, mem: 16_384 };
const tooLarge = { cpus: 8, mem: 32 };

/** A simulated cluster in a directory of its own, which is removed afterwards. */
export async function withSimulatedCluster(
  agents: number,
  more: readonly string[],
  run: (cluster: RunningCommand) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-bench-'));
  const words = ['--simulate', '--port', '0', '--agents', String(agents), ...more];
  const cluster = await runCommand(['local-mesos', ...words, '--work_dir', join(directory, 'mesos')]);
  try {
    await run(cluster);
  } finally {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints how many offers a second are accepted, and declined because they do not fit. */
export async function measureOffers(agents: number, runs: number): Promise<void> {
  const resources = `cpus:${wholeAgent.cpus};mem:${wholeAgent.mem};disk:100000;ports:[31000-32000]`;
  await withSimulatedCluster(agents, ['--resources', resources], async (cluster) => {
    const scheduler = await startScheduler(cluster.address);
    try {
      await accepted(scheduler, agents, runs, cluster.pid);
      await declined(scheduler, agents, runs, cluster.pid);
    } finally {
      await scheduler.end();
    }
  });
}

/** As many instances as agents, each as large as an offer: from the order to the last ACCEPT that was answered. */
async function accepted(scheduler: BenchScheduler, agents: number, runs: number, pid: number): Promise<void> {
  const { metrics } = scheduler;
  const results: (Measured & { readonly incoming: number })[] = [];
  for (let run = 0; run <= runs; run++) {
    const id = `/accepted-${run}`;
    const before = metrics.counted('mesos.offers.used');
    const incoming = metrics.counted('mesos.offers.incoming');
    const launched = metrics.counted('mesos.offer-operations.launch');
    const measured = await meter(
      agents,
      async () => {
        await scheduler.put(id, { instances: agents, ...wholeAgent });
        await until('all launched', () => metrics.counted('mesos.offers.used') - before >= agents);
        await until('all answered', () => scheduler.calls() === 0);
      },
      pid,
    );
    if (metrics.counted('mesos.offer-operations.launch') - launched !== agents)
      throw new Error('not one for each offer');
    const came = metrics.counted('mesos.offers.incoming') - incoming;
    await until('all running', () => scheduler.running(id) === agents);
    await scheduler.put(id, { instances: 0, ...wholeAgent });
    await until('all gone', () => [...scheduler.orchestrator.read.instancesOf(id)].length === 0);
    if (run > 0) results.push({ ...measured, incoming: came });
  }
  print('mesos', 'offers accepted through the link', { agents, units: agents, ...middle(results) });
}

/** An instance that fits nowhere: every offer is looked at and declined. */
async function declined(scheduler: BenchScheduler, agents: number, runs: number, pid: number): Promise<void> {
  const { metrics } = scheduler;
  const results: Measured[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = metrics.counted('mesos.offers.declined');
    const measured = await meter(
      agents,
      async () => {
        // Each one makes the scheduler ask for all offers again.
        await scheduler.put(`/declined-${run}`, { instances: 1, ...tooLarge });
        await until('all declined', () => metrics.counted('mesos.offers.declined') - before >= agents);
        await until('all answered', () => scheduler.calls() === 0);
      },
      pid,
    );
    if (run > 0) results.push(measured);
  }
  print('mesos', 'offers declined through the link', { agents, units: agents, ...middle(results) });
}
