/** The production scheduler in this process with a real link, a journal in memory, and counters that can be waited for. */
import { createOrchestrator, type Orchestrator } from '../../src/actors/orchestrator.ts';
import type { Logger, Metrics } from '../../src/actors/ports.ts';
import { defaultSchedulerSettings } from '../../src/actors/settings.ts';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { AppId } from '../../src/core/ids.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { systemIds } from '../../src/infra/ids.ts';
import { createMemoryJournal } from '../../src/infra/memory-journal.ts';
import { createMesosLink } from '../../src/infra/mesos/link.ts';
import { createFakeProber } from '../../test/support/fake-prober.ts';

const nothing = (): void => {};
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface CountingMetrics extends Metrics {
  readonly counted: (name: string) => number;
  readonly gauged: (name: string) => number;
}

export function countingMetrics(): CountingMetrics {
  const counts = new Map<string, number>();
  const gauges = new Map<string, () => number>();
  return {
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
    gauge: (name, read) => gauges.set(name, read),
    time: nothing,
    counted: (name) => counts.get(name) ?? 0,
    gauged: (name) => gauges.get(name)?.() ?? 0,
  };
}

/** Longest wait for anything. */
const deadlineMs = 180_000;

/** Asks each few turns of the loop, so that the asking costs next to nothing. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const startedMs = performance.now();
  while (!holds()) {
    if (performance.now() - startedMs > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export interface BenchScheduler {
  readonly orchestrator: Orchestrator;
  readonly metrics: CountingMetrics;
  /** PUT of a small app. */
  readonly put: (id: string, update: AppUpdate) => Promise<void>;
  readonly running: (id: string) => number;
  /** Calls that are not answered yet. */
  readonly calls: () => number;
  readonly end: () => Promise<void>;
}

export async function startScheduler(master: string): Promise<BenchScheduler> {
  const metrics = countingMetrics();
  const shared = { clock: systemClock, ids: systemIds, logger: silentLogger, metrics };
  const roles = ['*'];
  const capabilities = (['PARTITION_AWARE', 'MULTI_ROLE', 'RESERVATION_REFINEMENT'] as const).map((type) => ({ type }));
  const framework = { name: 'bench', user: 'nobody', roles, failover_timeout: 0, checkpoint: true, capabilities };
  const orchestrator = createOrchestrator({
    ...shared,
    store: createMemoryJournal(),
    prober: createFakeProber(),
    createLink: () => createMesosLink({ ...shared, master, framework }),
    settings: defaultSchedulerSettings,
    advertisedAddress: () => 'localhost:8080',
  });
  await orchestrator.start();
  await until('a leader', () => orchestrator.read.cluster().elected && metrics.gauged('mesos.connected') === 1);
  return {
    orchestrator,
    metrics,
    put: async (id, update) => {
      const whole = { cmd: 'exec sleep 1000', cpus: 0.1, mem: 32, ...update };
      const change = { type: 'put' as const, id: id as AppId, partial: false, update: whole };
      const result = await orchestrator.control.changeApps([change], { force: true });
      if (!result.ok) throw new Error(JSON.stringify(result.error));
    },
    running: (id) => {
      let count = 0;
      for (const { condition } of orchestrator.read.instancesOf(id)) if (condition === 'Running') count++;
      return count;
    },
    calls: () => metrics.gauged('mesos.calls.queued') + metrics.gauged('mesos.calls.unanswered'),
    end: async () => {
      await orchestrator.stop(true);
      await orchestrator.runtime.shutdown();
    },
  };
}
