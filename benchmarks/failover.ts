/**
 * From the kill of the leader to the next write and to the next launch, with 100, 1,000 and 10,000 apps of 10 simulated tasks each, two
 * servers and one ZooKeeper; and what the standby holds in memory. `npm run bench -- failover [apps …]`
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEnsemble } from '../test/support/zookeeper.ts';
import { anonymousMiB, get, type RunningCommand, residentMiB, runCommand } from './support/commands.ts';
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
const sessionTimeoutMs = 3_000;
/** So often the leader is killed; fewer times where filling takes minutes. */
const killsOf = (apps: number): number => (apps > 5_000 ? 1 : 3);

const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify({ benchmark: 'failover', ...line, machine })}\n`);
};

interface World {
  readonly start: (port: string) => Promise<RunningCommand>;
  readonly leaderOf: (url: string) => Promise<string>;
}

/** Kills the leader and waits on the other one; gives both, the killed one started again as the standby. */
async function killOnce(
  leader: RunningCommand,
  standby: RunningCommand,
  world: World,
  n: number,
  apps: number,
): Promise<[RunningCommand, RunningCommand]> {
  const standbyMiB = residentMiB(standby.pid);
  const standbyAnonMiB = anonymousMiB(standby.pid);
  const body = { ...workload.latencyApp, id: `/fail/probe-${n}`, instances: 1 };
  const killedMs = performance.now();
  process.kill(leader.pid, 'SIGKILL');
  await untilTaken(`${standby.url}/v2/apps`, 'POST', body);
  const writeMs = performance.now() - killedMs;
  await untilLaunched(standby.url, body.id);
  const launchMs = performance.now() - killedMs;
  const exact = apps * instancesPerApp + n + 1;
  await until('the exact count', async () => (await running(standby.url)) === exact, 100);
  print({
    figure: 'failover',
    apps,
    tasks: apps * instancesPerApp,
    sessionTimeoutMs,
    killToWriteMs: Math.round(writeMs),
    killToLaunchMs: Math.round(launchMs),
    afterSessionMs: Math.round(launchMs - sessionTimeoutMs),
    standbyMiB,
    standbyAnonMiB,
    newLeaderMiB: residentMiB(standby.pid),
    newLeaderAnonMiB: anonymousMiB(standby.pid),
  });
  const again = await world.start(new URL(leader.url).port);
  return [standby, again];
}

async function measure(apps: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-bench-'));
  const ensemble = await startEnsemble(1, { tickTimeMs: 500, forceSync: true });
  const cluster = await startAgents(apps, join(directory, 'mesos'));
  const zk = ['--zk', ensemble.url('/bench'), '--zk_session_timeout', String(sessionTimeoutMs)];
  const world: World = {
    start: (port) =>
      runCommand([
        'server',
        '--master',
        cluster.address,
        ...zk,
        '--http_port',
        port,
        '--local_port_max',
        '60000',
        '--logging_level',
        'error',
      ]),
    leaderOf: async (url) => String((await get(`${url}/v2/leader`))['leader']),
  };
  const servers = [await world.start('0'), await world.start('0')] as const;
  try {
    await until('a leader', async () => (await world.leaderOf(servers[0].url)) !== 'undefined');
    const isFirst = (await world.leaderOf(servers[0].url)) === servers[0].address;
    let [leader, standby] = isFirst ? servers : [servers[1], servers[0]];
    const startedMs = performance.now();
    await putApps(leader.url, '/fail', apps);
    const launchesPerSecond = Math.round(((apps * instancesPerApp) / (performance.now() - startedMs)) * 1000);
    print({
      figure: 'filled',
      apps,
      tasks: apps * instancesPerApp,
      launchesPerSecond,
      leaderMiB: residentMiB(leader.pid),
    });
    for (let n = 0; n < killsOf(apps); n++) {
      await delay(5_000);
      [leader, standby] = await killOnce(leader, standby, world, n, apps);
    }
    await Promise.all([leader.stop(), standby.stop()]);
  } finally {
    await cluster.stop();
    await ensemble.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const apps of sizes.length > 0 ? sizes : [100, 1_000, 10_000]) await measure(apps);
