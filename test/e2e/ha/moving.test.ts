/** From one server with an embedded store to several behind ZooKeeper, and back, with running tasks. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type HaServer, startHaServer } from '../../support/ha-server.ts';
import { inPlayground, type Playground } from '../../support/processes.ts';
import { type RestClient, restClient } from '../../support/rest-client.ts';
import { isLong, startCluster, startServer } from '../../support/stack.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';

const apps = isLong ? 30 : 4;
const zkPath = '/moved';
const sessionTimeoutMs = 3_000;

const appBody = (n: number): object => ({
  id: `/kept/app-${n}`,
  cmd: 'exec sleep 100000',
  instances: 1 + (n % 3),
  cpus: 0.01,
  mem: 8,
  labels: { number: String(n) },
});

/** Runs a command to its end and gives its exit code with what it said. */
async function command(playground: Playground, args: readonly string[]): Promise<readonly [number | null, string]> {
  const program = playground.run(args);
  const { code } = await program.exited;
  return [code, program.stdout() + program.stderr()];
}

interface Seen {
  readonly apps: readonly unknown[];
  readonly tasks: readonly string[];
  readonly pids: readonly (readonly [string, number])[];
  readonly frameworkId: unknown;
}

/** What must be the same before and after. */
async function look(playground: Playground, rest: RestClient): Promise<Seen> {
  const listed = (await rest.must('GET', '/v2/apps')).json() as { apps: Record<string, unknown>[] };
  const definitions = listed.apps.map(({ id, version, labels, instances, tasksRunning }) => {
    return { id, version, labels, instances, tasksRunning };
  });
  const info = (await rest.must('GET', '/v2/info')).json() as Record<string, unknown>;
  return {
    apps: definitions.sort((a, b) => String(a.id).localeCompare(String(b.id))),
    tasks: (await rest.tasks()).map((task) => task.id).sort(),
    pids: [...playground.tasks()].sort(),
    frameworkId: info['frameworkId'],
  };
}

async function sameAs(playground: Playground, rest: RestClient, before: Seen): Promise<void> {
  await eventually(
    'the same apps and tasks as before',
    async () => JSON.stringify(await look(playground, rest)) === JSON.stringify(before),
  ).catch(async (error: unknown) => {
    expect(await look(playground, rest)).toEqual(before);
    throw error;
  });
}

const startServers = (playground: Playground, ensemble: Ensemble, master: string): Promise<readonly HaServer[]> =>
  Promise.all(
    [0, 1].map((n) =>
      startHaServer(playground, {
        name: `s${n}`,
        zooKeepers: ensemble.members.map((member) => member.host),
        zkPath,
        master,
        sessionTimeoutMs,
        flags: [],
      }),
    ),
  );

async function moveThereAndBack(playground: Playground, ensemble: Ensemble): Promise<void> {
  const cluster = await startCluster(playground);
  const first = await startServer(playground, cluster.address);
  for (let n = 0; n < apps; n++) await first.rest.must('POST', '/v2/apps', appBody(n));
  for (let n = 0; n < apps; n++) await first.rest.running(`/kept/app-${n}`, 1 + (n % 3));
  const before = await look(playground, first.rest);
  expect(before.pids.length).toBeGreaterThan(apps);
  await first.program.end('SIGTERM');
  first.rest.close();

  const file = playground.path('backup.file');
  const zk = ensemble.url(zkPath);
  expect(await command(playground, ['backup', '--data_dir', playground.path('data'), '--file', file])).toMatchObject([
    0,
    expect.any(String),
  ]);
  // A damaged file must not become anybody's state.
  const damaged = playground.path('damaged.file');
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 2)]! ^= 0xff;
  writeFileSync(damaged, bytes);
  const [refused, why] = await command(playground, ['restore', '--zk', zk, '--file', damaged]);
  expect(refused, why).not.toBe(0);
  expect(await command(playground, ['restore', '--zk', zk, '--file', file])).toMatchObject([0, expect.any(String)]);
  expect([...playground.tasks()].sort()).toEqual(before.pids);

  const servers = await startServers(playground, ensemble, cluster.address);
  try {
    for (const server of servers) {
      const rest = restClient(server.url);
      await sameAs(playground, rest, before);
      rest.close();
    }
    const rest = restClient((servers[1] as HaServer).url);
    await rest.must('PUT', '/v2/apps/kept/app-0?force=true', { instances: 3 });
    await rest.running('/kept/app-0', 3);
    const moved = await look(playground, rest);
    expect(moved.pids).toEqual(expect.arrayContaining([...before.pids]));
    rest.close();
    // Not while servers work on it, unless forced.
    const [busy] = await command(playground, ['restore', '--zk', zk, '--file', file]);
    expect(busy).not.toBe(0);
    for (const server of servers) await server.stop();
    await backAgain(playground, zk, cluster.address, moved);
  } finally {
    for (const server of servers) await server.close();
  }
}

async function backAgain(playground: Playground, zk: string, master: string, moved: Seen): Promise<void> {
  const file = playground.path('back.file');
  const data = playground.path('data');
  rmSync(data, { recursive: true });
  expect(await command(playground, ['backup', '--zk', zk, '--file', file])).toMatchObject([0, expect.any(String)]);
  expect(await command(playground, ['restore', '--data_dir', data, '--file', file])).toMatchObject([
    0,
    expect.any(String),
  ]);
  const server = await startServer(playground, master);
  await sameAs(playground, server.rest, moved);
  server.rest.close();
}

describe.skipIf(zooKeeperMissing)('moving', () => {
  it('from the embedded store to ZooKeeper and back keeps every app and every running task', async () => {
    const ensemble = await startEnsemble(1);
    try {
      await inPlayground((playground) => moveThereAndBack(playground, ensemble));
    } finally {
      await ensemble.close();
    }
  });
});
