/**
 * What thousands of apps cost: N apps of 10 simulated tasks each, put 500 at a time into a server with the embedded store; then the server
 * is killed and started again, until it serves and launches. `npm run bench -- fill [apps …]` (1,000, 3,000 and 10,000 otherwise).
 * Prints one JSON line for each size; times of the leader's thread say more than those of the clock on a busy machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { anonymousMiB, get, mappedMiB, residentMiB, runCommand, threadCpuMs } from './support/commands.ts';
import {
  instancesPerApp,
  putApps,
  running,
  startAgents,
  until,
  untilLaunched,
  untilTaken,
} from './support/many-apps.ts';
import { machine, workload } from './support/setup.ts';

const sizes = process.argv.slice(2).map(Number);
/** Until the memory of a server at rest is looked at. */
const restMs = 20_000;
const profileTo = process.env['FILL_PROFILE'];

async function fill(url: string, apps: number): Promise<void> {
  await putApps(url, '/fill', apps);
  await until('no deployment', async () => ((await get(`${url}/v2/deployments`)) as unknown as []).length === 0, 250);
}

async function measure(apps: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-bench-'));
  const cluster = await startAgents(apps, join(directory, 'mesos'));
  const start = (profile?: string) =>
    runCommand(
      [
        ...['server', '--master', cluster.address, '--data_dir', join(directory, 'data')],
        ...['--http_port', '0', '--local_port_max', '60000', '--logging_level', 'error'],
      ],
      profile,
    );
  let server = await start(profileTo && `${profileTo}-fill`);
  try {
    await until('serving', async () => (await running(server.url)) === 0, 50);
    const cpuMs = threadCpuMs(server.pid);
    const startedMs = performance.now();
    await fill(server.url, apps);
    const fillSeconds = (performance.now() - startedMs) / 1000;
    const fillThreadMs = threadCpuMs(server.pid) - cpuMs;
    const rssMiB = residentMiB(server.pid);
    const anonMiB = anonymousMiB(server.pid);
    const fileMiB = mappedMiB(server.pid);
    await delay(restMs);
    const rssAtRestMiB = residentMiB(server.pid);
    if (profileTo) await server.stop();
    else process.kill(server.pid, 'SIGKILL');
    await delay(1_000);

    const againMs = performance.now();
    server = await start(profileTo && `${profileTo}-start`);
    const probe = { ...workload.latencyApp, id: '/fill/probe', instances: 1 };
    await untilTaken(`${server.url}/v2/apps`, 'POST', probe);
    const startToWriteMs = performance.now() - againMs;
    await untilLaunched(server.url, probe.id);
    const startToLaunchMs = performance.now() - againMs;
    const startThreadMs = threadCpuMs(server.pid);
    const tasks = apps * instancesPerApp;
    await until('the exact count', async () => (await running(server.url)) === tasks + 1, 100);
    const line = {
      figure: 'fill',
      apps,
      tasks,
      fillSeconds: Number(fillSeconds.toFixed(2)),
      threadMicrosPerLaunch: Math.round((fillThreadMs * 1000) / tasks),
      threadMicrosPerApp: Math.round((fillThreadMs * 1000) / apps),
      rssMiB,
      anonMiB,
      fileMiB,
      rssAtRestMiB,
      startToWriteMs: Math.round(startToWriteMs),
      startToLaunchMs: Math.round(startToLaunchMs),
      startThreadMs: Math.round(startThreadMs),
      rssAfterStartMiB: residentMiB(server.pid),
      anonAfterStartMiB: anonymousMiB(server.pid),
      machine,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } finally {
    await server.stop();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const apps of sizes.length > 0 ? sizes : [1_000, 3_000, 10_000]) await measure(apps);
