/**
 * One app scaled to N instances on simulated agents in a process of their own: launches per second, exactness of the count, and what a
 * launch costs the leader's thread. `npm run bench -- launches 1000 10000`. Prints one JSON line for each figure.
 */
import { get, request, residentMiB, threadCpuMs } from './support/commands.ts';
import { cleanUp, machine, setUp, workload } from './support/setup.ts';

/** Given up after this long. */
const deadlineMs = 120_000;

const sizes = process.argv
  .slice(2)
  .map(Number)
  .filter((n) => n > 0);
const wanted = sizes.length > 0 ? sizes : workload.launches;

const running = async (url: string): Promise<number> =>
  Number(
    ((await get(`${url}/metrics`))['gauges'] as Record<string, { value: number }>)['marathon.instances.running.gauge']
      ?.value,
  );

async function measure(instances: number): Promise<void> {
  const agents = Math.max(10, Math.ceil(instances / workload.instancesPerAgent));
  const setup = await setUp({ agents, isSimulated: true });
  const { server } = setup;
  try {
    await request(`${server.url}/v2/apps`, 'POST', { ...workload.app, id: '/bench', instances: 0 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const cpuBefore = threadCpuMs(server.pid);
    const startedMs = performance.now();
    await request(`${server.url}/v2/apps/bench`, 'PUT', { instances });
    let last = 0;
    while (last < instances && performance.now() - startedMs < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      last = await running(server.url);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const cpuMs = threadCpuMs(server.pid) - cpuBefore;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const app = (await get(`${server.url}/v2/apps/bench`))['app'] as { tasksRunning: number; deployments: unknown[] };
    const counters = (await get(`${server.url}/metrics`))['counters'] as Record<string, { count: number }>;
    const line = {
      figure: 'launches',
      instances,
      seconds: Number(seconds.toFixed(2)),
      perSecond: Math.round(instances / seconds),
      leaderThreadMicrosPerLaunch: Math.round((cpuMs * 1000) / instances),
      runningAtTheEnd: app.tasksRunning,
      deploymentsLeft: app.deployments.length,
      killed: counters['marathon.instances.kill-calls.counter']?.count ?? 0,
      rssMiB: residentMiB(server.pid),
      agents,
      machine,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } finally {
    await setup.end();
    cleanUp(setup);
  }
}

for (const size of wanted) await measure(size);
