/** Dashboards ask for a JVM's memory and threads: this process' heap and threads stand in for them (clients §4). */
import { readdirSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { Clock, Metrics } from '../../actors/ports.ts';

/** One scrape reads the memory once, not twelve times. */
const memoryAgeMs = 250;

const plainThreads = ['daemon', 'deadlocked', 'new', 'runnable', 'blocked', 'waiting', 'timed-waiting', 'terminated'];

/** Registers `uptime` and `jvm.*`. What Node cannot tell is 0. */
export function registerRuntimeGauges(metrics: Pick<Metrics, 'gauge'>, clock: Pick<Clock, 'monotonic'>): void {
  const startMs = clock.monotonic();
  let usage = process.memoryUsage();
  let readAtMs = startMs;
  const memory = (): NodeJS.MemoryUsage => {
    if (clock.monotonic() - readAtMs >= memoryAgeMs) {
      usage = process.memoryUsage();
      readAtMs = clock.monotonic();
    }
    return usage;
  };
  const heapLimit = getHeapStatistics().heap_size_limit;
  const pools: Readonly<Record<string, readonly [used: () => number, committed: () => number, max: number]>> = {
    heap: [() => memory().heapUsed, () => memory().heapTotal, heapLimit],
    'non-heap': [() => memory().external, () => memory().external, 0],
    total: [() => memory().heapUsed + memory().external, () => memory().rss, heapLimit],
  };
  metrics.gauge('uptime', () => (clock.monotonic() - startMs) / 1000);
  for (const [pool, [used, committed, max]] of Object.entries(pools)) {
    metrics.gauge(`jvm.memory.${pool}.init`, () => 0);
    metrics.gauge(`jvm.memory.${pool}.used`, used);
    metrics.gauge(`jvm.memory.${pool}.committed`, committed);
    metrics.gauge(`jvm.memory.${pool}.max`, () => max);
  }
  metrics.gauge('jvm.memory.heap.usage', () => memory().heapUsed / heapLimit);
  metrics.gauge('jvm.memory.non-heap.usage', () => 0);
  metrics.gauge('jvm.buffers.direct.memory.used', () => memory().arrayBuffers);
  metrics.gauge('jvm.buffers.direct.capacity', () => memory().arrayBuffers);
  metrics.gauge('jvm.buffers.mapped.memory.used', () => 0);
  metrics.gauge('jvm.buffers.mapped.capacity', () => 0);
  metrics.gauge('jvm.threads.active', threadCount);
  for (const state of plainThreads) metrics.gauge(`jvm.threads.${state}`, () => 0);
}

/** Linux lists them; elsewhere there is at least this one. */
function threadCount(): number {
  try {
    return readdirSync('/proc/self/task').length;
  } catch {
    return 1;
  }
}
