/** What benchmarks do to a journal: commits one after another, launches through the journal actor, and loading. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { perform } from '../../src/actors/effects.ts';
import { journalBehaviour } from '../../src/actors/journal.ts';
import type { Clock, Ids, JournalStore, Logger, Metrics } from '../../src/actors/ports.ts';
import { createRuntime } from '../../src/actors/runtime/runtime.ts';
import type { MarathonEvent } from '../../src/core/events.ts';
import type { CommitOutcome } from '../../src/core/journal/batch.ts';
import { machine } from './setup.ts';

const nothing = (): void => {};
export const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
export const metrics: Metrics = { count: nothing, gauge: nothing, time: nothing };
export const clock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
export const ids: Ids = { uuid: randomUUID, timeUuid: randomUUID, random: Math.random };

/** Prints one figure of a benchmark. */
export const say = (benchmark: string, figure: string, values: Readonly<Record<string, number>>): void => {
  const rounded = Object.entries(values).map(([name, value]) => [name, Math.round(value * 100) / 100]);
  console.log(JSON.stringify({ benchmark, figure, machine, ...Object.fromEntries(rounded) }));
};

/** Milliseconds that the main thread has spent on a CPU: LMDB's own thread does not count, nor does waiting. */
export async function mainThreadMs(): Promise<number> {
  const stat = await readFile(`/proc/self/task/${process.pid}/schedstat`, 'utf8');
  return Number(stat.split(' ')[0]) / 1e6;
}

export const instance = (n: number, step: number): object => ({
  instanceId: `web.instance-${n}`,
  appId: '/web',
  step,
  agent: { host: `agent-${n % 100}.example.org`, agentId: '0b5f3c1e-8a55-4c2f-9d0a-2f1d9f2f6a11-S7', attributes: [] },
  tasks: [
    {
      taskId: `web.instance-${n}._app.1`,
      condition: 'Running',
      ports: [31_000, 31_001],
      startedAt: '2026-01-01T00:00:00.000Z',
    },
  ],
  runSpecVersion: '2026-01-01T00:00:00.000Z',
  pad: 'x'.repeat(240),
});
export const event = (n: number): MarathonEvent => ({
  eventType: 'status_update_event',
  timestamp: '2026-01-01T00:00:00.000Z',
  slaveId: '0b5f3c1e-8a55-4c2f-9d0a-2f1d9f2f6a11-S7',
  taskId: `web.instance-${n}._app.1`,
  taskStatus: 'TASK_RUNNING',
  message: '',
  appId: '/web',
  host: `agent-${n % 100}.example.org`,
  ipAddresses: [],
  ports: [31_000, 31_001],
  version: '2026-01-01T00:00:00.000Z',
});

/** One record at a time, each durable before the next. */
export async function oneByOne(store: JournalStore, benchmark: string, count: number): Promise<void> {
  const loaded = await store.open();
  const latencies: number[] = [];
  const json = JSON.stringify(instance(1, 1));
  const begun = performance.now();
  for (let i = 0; i < count; i++) {
    const records = [{ kind: 'instance', key: `k${i % 1_000}`, format: 1, json }] as const;
    const batch = {
      number: loaded.nextBatch + i,
      id: 'x',
      epoch: loaded.epoch,
      records,
      firstEvent: loaded.nextEvent,
      events: [],
    };
    const sent = performance.now();
    const outcome = await new Promise<CommitOutcome>((resolve) => store.commit(batch, resolve));
    if (outcome.type !== 'committed') throw new Error(outcome.reason);
    latencies.push(performance.now() - sent);
  }
  const commitsPerSecond = (count / (performance.now() - begun)) * 1_000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(share * count)] ?? 0;
  say(benchmark, 'sync-commit', { commitsPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) });
}

/** Launches handed to the actor, `perTurn` in a turn of the loop, as fast as it takes them. */
export async function launches(
  store: JournalStore,
  benchmark: string,
  name: string,
  perTurn: number,
  count = 50_000,
): Promise<void> {
  const { records: _, ...loaded } = await store.open();
  const runtime = createRuntime({ name, clock, logger, metrics });
  let released = 0;
  let batches = 0;
  const behaviour = journalBehaviour({
    store,
    loaded,
    ids,
    onDurable: () => {
      batches++;
    },
    onFenced: (reason) => {
      throw new Error(reason);
    },
  });
  const journal = runtime.spawn(behaviour, 'journal', { inboxLimit: 10_000_000 });
  const warmUp = 5_000;
  let begun = 0;
  let cpuBegun = 0;
  // Waiting must not cost anything, so nobody asks in a loop whether there is room again.
  let room = nothing;
  let wanted = Number.POSITIVE_INFINITY;
  const countRelease = (): void => {
    if (++released >= wanted) room();
  };
  const releasedAtLeast = (target: number): Promise<void> =>
    new Promise((resolve) => {
      wanted = target;
      room = resolve;
      if (released >= target) resolve();
    });
  const effects = [perform('released', countRelease)];
  for (let n = 0; n < warmUp + count; ) {
    if (n === warmUp) [begun, cpuBegun] = [performance.now(), await mainThreadMs()];
    for (let i = 0; i < perTurn; i++, n++) {
      for (let step = 0; step < 4; step++) {
        const events = step % 2 === 0 ? [] : [event(n)];
        journal.tell({
          type: 'write',
          records: [{ kind: 'instance', key: `web.instance-${n}.${step}`, value: instance(n, step) }],
          events,
          effects,
        });
      }
    }
    // No more than the store can take may be under way, or this would measure an ever longer queue.
    await new Promise(setImmediate);
    await releasedAtLeast(4 * n - 4 * perTurn * 4);
  }
  await releasedAtLeast(4 * (warmUp + count));
  const seconds = (performance.now() - begun) / 1_000;
  say(benchmark, name, {
    launchesPerSecond: count / seconds,
    recordsPerSecond: (4 * count) / seconds,
    recordsPerBatch: (4 * (warmUp + count)) / batches,
    mainThreadMicrosPerLaunch: (((await mainThreadMs()) - cpuBegun) * 1_000) / count,
  });
  await runtime.shutdown();
}

/** What a new leader pays before it can decide anything: taking the epoch and reading all records, JSON not yet parsed. */
export async function loading(store: JournalStore, benchmark: string): Promise<void> {
  const begun = performance.now();
  const { records } = await store.open();
  let count = 0;
  for (const record of records) count += record.json === undefined ? 0 : 1;
  const elapsedMs = performance.now() - begun;
  say(benchmark, 'load', { records: count, elapsedMs, recordsPerSecond: (count / elapsedMs) * 1_000 });
}
