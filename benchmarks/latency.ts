/**
 * POST of an app → its first task running, on an idle server, one after another: with simulated agents and with real processes. The end
 * is the `status_update_event` on the event stream. `npm run bench -- latency [runs]`. Prints one JSON line for each figure.
 */
import { request } from './support/commands.ts';
import { percentile, watchRunning } from './support/running-watch.ts';
import { cleanUp, machine, setUp, workload } from './support/setup.ts';

const limit = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);

async function measure(kind: 'simulated' | 'process', count: number): Promise<void> {
  const setup = await setUp({ agents: workload.latencyAgents, isSimulated: kind === 'simulated' });
  const { server } = setup;
  try {
    const watch = await watchRunning(server.url);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const id = `/latency-${i}`;
      const running = watch.next(id);
      const startedMs = performance.now();
      await request(`${server.url}/v2/apps`, 'POST', { ...workload.latencyApp, id });
      times.push((await running) - startedMs);
      await request(`${server.url}/v2/apps${id}`, 'DELETE');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    watch.stop();
    times.sort((a, b) => a - b);
    const line = {
      figure: 'postToRunning',
      kind,
      runs: count,
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      maxMs: percentile(times, 1),
      machine,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } finally {
    await setup.end();
    cleanUp(setup);
  }
}

await measure('simulated', Math.min(limit, workload.latencyRunsSimulated));
await measure('process', Math.min(limit, workload.latencyRunsProcess));
