/** Thousands of apps in a running server: how benchmarks put them there and wait for what comes of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { get, type RunningCommand, request, runCommand } from './commands.ts';
import { workload } from './setup.ts';

export const instancesPerApp = 10;
const appsPerPut = 500;
/** Longest wait for anything. */
const limitMs = 600_000;

/** Asks until it holds; a question that fails is one that does not hold yet. Throws after ten minutes. */
export async function until(what: string, holds: () => Promise<boolean>, pauseMs = 10): Promise<void> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(pauseMs);
  }
}

/** Waits until a server takes the write; it turns away what its store cannot take yet. */
export const untilTaken = (url: string, method: string, body: object, pauseMs?: number): Promise<void> =>
  until(`a ${method}`, () => request(url, method, body).then(() => true), pauseMs);

/** How many instances run, by the server's own gauge. */
export async function running(url: string): Promise<number> {
  const gauges = (await get(`${url}/metrics`))['gauges'] as Record<string, { value: number }>;
  return gauges['marathon.instances.running.gauge']?.value ?? 0;
}

/** A local cluster of as many simulated agents as so many apps need. */
export const startAgents = (apps: number, workDir: string): Promise<RunningCommand> => {
  const agents = Math.max(10, Math.ceil((apps * instancesPerApp) / 100));
  return runCommand([
    ...['local-mesos', '--simulate', '--port', '0', '--agents', String(agents), '--work_dir', workDir],
    ...['--resources', workload.agentResources],
  ]);
};

/** Puts so many small apps below a group, some hundred a time, and waits until all their instances run. */
export async function putApps(url: string, group: string, apps: number): Promise<void> {
  for (let from = 0; from < apps; from += appsPerPut) {
    const some = Array.from({ length: Math.min(appsPerPut, apps - from) }, (_, i) => ({
      ...workload.app,
      id: `${group}/g${Math.floor(from / appsPerPut)}/app-${from + i}`,
      cpus: 0.01,
      mem: 1,
      instances: instancesPerApp,
    }));
    await untilTaken(`${url}/v2/apps?force=true`, 'PUT', some, 200);
  }
  await until('all run', async () => (await running(url)) >= apps * instancesPerApp, 250);
}

/** Waits until the one task of an app runs. */
export const untilLaunched = (url: string, id: string): Promise<void> =>
  until('a launch', async () => {
    const { app } = (await get(`${url}/v2/apps${id}`)) as { app: { tasksRunning: number } };
    return app.tasksRunning === 1;
  });
