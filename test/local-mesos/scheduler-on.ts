/** The production scheduler in this process, with a real link, on a local cluster; ended when its test is over. */
import { afterEach } from 'vitest';
import { createOrchestrator, type Orchestrator } from '../../src/actors/orchestrator.ts';
import { defaultSchedulerSettings } from '../../src/actors/settings.ts';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { AppId } from '../../src/core/ids.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { systemIds } from '../../src/infra/ids.ts';
import { createMemoryJournal } from '../../src/infra/memory-journal.ts';
import { createMesosLink } from '../../src/infra/mesos/link.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeProber } from '../support/fake-prober.ts';
import { createSilentLogger, createSilentMetrics } from '../support/null-observers.ts';

let started: Orchestrator[] = [];

afterEach(async () => {
  for (const one of started) await one.runtime.shutdown();
  started = [];
});

/** Starts a scheduler on the master at that port of loopback, and waits until it leads. Kills are repeated after `killRetryTimeoutMs`. */
export async function schedulerOn(port: number, killRetryTimeoutMs: number): Promise<Orchestrator> {
  const shared = { clock: systemClock, ids: systemIds, logger: createSilentLogger(), metrics: createSilentMetrics() };
  const made = createOrchestrator({
    ...shared,
    store: createMemoryJournal(),
    prober: createFakeProber(),
    createLink: () =>
      createMesosLink({
        ...shared,
        master: `127.0.0.1:${port}`,
        framework: {
          name: 'marathon',
          user: 'root',
          roles: ['*'],
          failover_timeout: 3600,
          checkpoint: true,
          capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'MULTI_ROLE' }, { type: 'RESERVATION_REFINEMENT' }],
        },
      }),
    settings: { ...defaultSchedulerSettings, killRetryTimeoutMs, declineOfferDurationMs: 500 },
    advertisedAddress: () => 'localhost:8080',
  });
  started.push(made);
  await made.start();
  await eventually('it leads', async () => made.read.cluster().elected);
  return made;
}

/** PUT of an app, over whatever deployment runs. */
export async function putApp(scheduler: Orchestrator, id: string, update: AppUpdate): Promise<void> {
  const result = await scheduler.control.changeApps([{ type: 'put', id: id as AppId, partial: false, update }], {
    force: true,
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
}
