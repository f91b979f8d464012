/**
 * Changes of many apps: 1,000 apps in one PUT until all run, and separate POSTs that are durable when answered, from 32 connections,
 * while thousands of apps exist. Simulated agents. `npm run bench -- changes`. Prints one JSON line for each figure.
 */
import { get, request } from './support/commands.ts';
import { cleanUp, machine, setUp, workload } from './support/setup.ts';

const { bulkApps, separateApps, connections } = workload.changes;

const running = async (url: string): Promise<number> => {
  const gauges = (await get(`${url}/metrics`))['gauges'] as Record<string, { value: number }>;
  return gauges['marathon.instances.running.gauge']?.value ?? 0;
};

const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify({ ...line, machine })}\n`);
};

async function bulk(url: string): Promise<void> {
  const apps = Array.from({ length: bulkApps }, (_, i) => ({ ...workload.app, id: `/bulk/app-${i}` }));
  const startedMs = performance.now();
  await request(`${url}/v2/apps`, 'PUT', apps);
  const acceptedMs = performance.now() - startedMs;
  while ((await running(url)) < bulkApps) await new Promise((resolve) => setTimeout(resolve, 10));
  const runningMs = performance.now() - startedMs;
  print({ figure: 'bulkPut', apps: bulkApps, acceptedMs: Math.round(acceptedMs), allRunningMs: Math.round(runningMs) });
}

async function separate(url: string): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let i = next++; i < separateApps; i = next++) {
      await request(`${url}/v2/apps`, 'POST', {
        ...workload.app,
        id: `/separate/app-${i}`,
        instances: 0,
        portDefinitions: [],
      });
    }
  };
  let from = 0;
  const startedMs = performance.now();
  const clients = Array.from({ length: connections }, client);
  // The last tenth shows what existing apps cost.
  while (next < separateApps * 0.9) await new Promise((resolve) => setTimeout(resolve, 5));
  from = next;
  const lateMs = performance.now();
  await Promise.all(clients);
  const endMs = performance.now();
  print({
    figure: 'separatePosts',
    apps: separateApps,
    connections,
    perSecond: Math.round((separateApps / (endMs - startedMs)) * 1000),
    perSecondOfTheLastTenth: Math.round(((separateApps - from) / (endMs - lateMs)) * 1000),
  });
}

const setup = await setUp({ agents: 50, isSimulated: true });
try {
  await bulk(setup.server.url);
  await separate(setup.server.url);
} finally {
  await setup.end();
  cleanUp(setup);
}
