/** What readers that take nothing do to launches: a real server on simulated agents, with and without them in turn. */
import type { ChildProcess } from 'node:child_process';
import { get, request, residentMiB, threadCpuMs } from './commands.ts';
import type { CrowdAnswer, CrowdCommand } from './event-crowd.ts';
import { percentile, watchRunning } from './running-watch.ts';
import { cleanUp, setUp, workload } from './setup.ts';

export interface StalledOptions {
  /** Readers that read. */
  readonly others: number;
  /** Readers that do not, for each run. */
  readonly stalled: readonly number[];
  readonly launches: number;
}

/** Characters of a command, so that not many events fill what a reader may have unsent. */
const largeCommand = `sleep 1000 # ${'x'.repeat(40_000)}`;
/** Changes of such an app at most: 12 MB and more for the kernel's own buffers. */
const maxFills = 2_000;

interface Gauges {
  readonly gauges: Readonly<Record<string, { readonly value: number }>>;
}

/** One line of figures for each run. Times are from the POST of an app to the event that its task runs. */
export async function launchesBesideStalled(
  crowd: ChildProcess,
  { others, stalled: runs, launches }: StalledOptions,
): Promise<readonly Readonly<Record<string, number>>[]> {
  const setup = await setUp({ agents: workload.latencyAgents, isSimulated: true });
  const { server } = setup;
  const port = Number(new URL(server.url).port);
  const tell = (command: CrowdCommand): Promise<unknown> =>
    new Promise((resolve) => {
      const hear = (answer: CrowdAnswer): void => {
        if (answer.type !== (command.type === 'open' ? 'opened' : 'closed')) return;
        crowd.off('message', hear);
        resolve(answer);
      };
      crowd.on('message', hear);
      crowd.send(command);
    });
  const figures: Readonly<Record<string, number>>[] = [];
  try {
    const watch = await watchRunning(server.url);
    for (const [n, stalled] of runs.entries()) {
      const common = { port, path: '/v2/events', form: 'socket', count: others + stalled, stalled, events: 0 } as const;
      await tell({ ...common, type: 'open' });
      await fill(server.url, stalled);
      const times: number[] = [];
      const cpuBeforeMs = threadCpuMs(server.pid);
      for (let i = 0; i < launches; i += 1) {
        const id = `/run-${n}-${i}`;
        const running = watch.next(id);
        const startedMs = performance.now();
        await request(`${server.url}/v2/apps`, 'POST', { ...workload.latencyApp, id });
        times.push((await running) - startedMs);
        await request(`${server.url}/v2/apps${id}`, 'DELETE');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      times.sort((a, b) => a - b);
      figures.push({
        stalled,
        others,
        launches,
        behind: await behind(server.url),
        p50Ms: percentile(times, 0.5),
        p99Ms: percentile(times, 0.99),
        cpuMsPerLaunch: (threadCpuMs(server.pid) - cpuBeforeMs) / launches,
        rssMiB: residentMiB(server.pid),
      });
      await tell({ ...common, type: 'close' });
    }
    watch.stop();
  } finally {
    await setup.end();
    cleanUp(setup);
  }
  return figures;
}

/** Publishes until every stalled reader is beyond its bound; as much without any, so that both runs begin alike. */
async function fill(url: string, stalled: number): Promise<void> {
  for (let i = 0; i < maxFills; i += 1) {
    const body = { cmd: largeCommand, instances: 0, cpus: 0.01, mem: 1, labels: { n: `${stalled}-${i}` } };
    await request(`${url}/v2/apps/filler?force=true`, 'PUT', body);
    if (i >= 500 && i % 50 === 0 && (await behind(url)) >= stalled) return;
  }
  throw new Error('stalled readers are not behind');
}

const behind = async (url: string): Promise<number> =>
  ((await get(`${url}/metrics`)) as unknown as Gauges).gauges['marathon.http.event-streams.behind.gauge']?.value ?? 0;
