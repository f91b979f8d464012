/**
 * One app scaled to N instances on simulated agents in a process of their own: launches per second, exactness of the count, and what a
 * launch costs the leader's thread. `npm run bench -- launches 1000 10000`. Prints one JSON line for each figure.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { get, request, residentMiB, runCommand, threadCpuMs } from './support/commands.ts';

const sizes = process.argv
  .slice(2)
  .map(Number)
  .filter((n) => n > 0);
const wanted = sizes.length > 0 ? sizes : [1_000, 10_000];

const running = async (url: string): Promise<number> =>
  Number(
    ((await get(`${url}/metrics`))['gauges'] as Record<string, { value: number }>)['marathon.instances.running.gauge']
      ?.value,
  );

async function measure(instances: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-bench-'));
  const agents = Math.max(10, Math.ceil(instances / 100));
  const cluster = await runCommand([
    'local-mesos',
    '--port',
    '0',
    '--agents',
    String(agents),
    '--simulate',
    '--work_dir',
    join(directory, 'mesos'),
    '--resources',
    'cpus:64;mem:65536;disk:100000;ports:[10000-40000]',
  ]);
  const server = await runCommand([
    'server',
    '--master',
    cluster.address,
    '--data_dir',
    join(directory, 'data'),
    '--http_port',
    '0',
    '--logging_level',
    'warn',
  ]);
  try {
    await request(`${server.url}/v2/apps`, 'POST', {
      id: '/bench',
      cmd: 'sleep 1',
      cpus: 0.1,
      mem: 32,
      instances: 0,
      portDefinitions: [{ port: 0, name: 'http' }],
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const cpuBefore = threadCpuMs(server.pid);
    const startedMs = performance.now();
    await request(`${server.url}/v2/apps/bench`, 'PUT', { instances });
    let last = 0;
    while (last < instances && performance.now() - startedMs < 120_000) {
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
      machine: `${cpus().length} cores, ${cpus()[0]?.model ?? ''}`,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } finally {
    await server.stop();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const size of wanted) await measure(size);
