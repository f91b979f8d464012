/**
 * GET requests (design §9): lists of apps plain, compressed and unchanged, one app, an app with many tasks while they come and go, and a mix
 * while apps change. Beside each a bare `node:http` server that sends the same bytes in the same run. Server, bare server and client are
 * processes of their own. `npm run bench -- reads [small]`. Prints one JSON line for each figure.
 */
import type { BareAnswer, BareCommand } from './support/bare-server.ts';
import { heard, start } from './support/children.ts';
import { get, request, residentMiB, threadCpuMs } from './support/commands.ts';
import type { ClientAnswer, ClientCommand } from './support/counting-client.ts';
import { cleanUp, machine, type Setup, setUp, workload } from './support/setup.ts';

const isSmall = process.argv[2] === 'small';
const sizes = isSmall ? { ...workload.reads, apps: [20, 50], tasks: 200, seconds: 0.5 } : workload.reads;
const { connections, seconds } = sizes;

const bare = start('bare-server');
const client = start('counting-client');
const listening = await heard<BareAnswer>(bare);
const barePort = listening.type === 'listening' ? listening.port : 0;

interface Wanted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const textOf = ({ path, headers }: Wanted): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

async function drive(
  port: number,
  requests: readonly Wanted[],
  count: number,
  forSeconds: number,
): Promise<ClientAnswer> {
  const command: ClientCommand = { port, connections: count, seconds: forSeconds, requests: requests.map(textOf) };
  const done = heard<ClientAnswer>(client);
  client.send(command);
  const answer = await done;
  const isBad = Object.keys(answer.statuses).some((status) => status !== '200' && status !== '304');
  if (answer.error !== undefined || isBad) throw new Error(JSON.stringify({ ...answer, requests }));
  return answer;
}

const answers = ({ statuses }: ClientAnswer): number => Object.values(statuses).reduce((sum, n) => sum + n, 0);

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Measures both servers with the same requests and prints the figure. `around` is what goes on meanwhile; it returns how to end it. */
async function compare(
  server: Setup['server'],
  { figure, requests, count = connections, around, status, ...more }: Comparison,
): Promise<void> {
  const port = Number(new URL(server.url).port);
  const ready = heard<BareAnswer>(bare);
  bare.send({ port, requests } satisfies BareCommand);
  const copied = await ready;
  const warmUp = Math.min(1, seconds / 2);
  const stop = around?.();
  await drive(port, requests, count, warmUp);
  const oursBeforeMs = threadCpuMs(server.pid);
  const ours = await drive(port, requests, count, seconds);
  const oursMs = threadCpuMs(server.pid) - oursBeforeMs;
  const done = await stop?.();
  if (status !== undefined && Object.keys(ours.statuses).join() !== status) {
    throw new Error(`${figure}: ${JSON.stringify(ours.statuses)} where only ${status} was due`);
  }
  await drive(barePort, requests, count, warmUp);
  const barePid = bare.pid ?? 0;
  const bareBeforeMs = threadCpuMs(barePid);
  const other = await drive(barePort, requests, count, seconds);
  const bareMs = threadCpuMs(barePid) - bareBeforeMs;
  const line = {
    benchmark: 'reads',
    figure,
    ...more,
    connections: count,
    bodyBytes: copied.type === 'ready' ? Math.round(copied.bodyBytes / requests.length) : 0,
    perSecond: rounded(ours.perSecond),
    p50Ms: rounded(ours.p50Ms),
    p99Ms: rounded(ours.p99Ms),
    maxMs: rounded(ours.maxMs),
    statuses: ours.statuses,
    barePerSecond: rounded(other.perSecond),
    bareP99Ms: rounded(other.p99Ms),
    ratio: rounded(ours.perSecond / other.perSecond),
    // These hardly change with what else the machine does.
    threadMicros: rounded((oursMs * 1_000) / answers(ours)),
    bareThreadMicros: rounded((bareMs * 1_000) / answers(other)),
    ...done,
    residentMiB: residentMiB(server.pid),
    machine,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

interface Comparison {
  readonly figure: string;
  readonly requests: readonly Wanted[];
  readonly count?: number;
  readonly apps?: number;
  readonly tasks?: number;
  readonly form?: string;
  /** What every answer of ours must have. */
  readonly status?: string | undefined;
  /** Starts what goes on meanwhile; ends it, and tells how often it happened. */
  readonly around?: () => () => Promise<{ readonly changes: number }>;
}

/** Does something so many times a second, one after another, until it is ended. */
function repeat(perSecond: number, change: (n: number) => Promise<void>): () => Promise<{ readonly changes: number }> {
  let isOver = false;
  let changes = 0;
  const begunMs = performance.now();
  const going = (async () => {
    while (!isOver) {
      await change(changes);
      changes += 1;
      const restMs = begunMs + (changes / perSecond) * 1_000 - performance.now();
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  })();
  return async () => {
    isOver = true;
    await going;
    return { changes };
  };
}

const appId = (i: number): string => `/reads/app-${i}`;
const gzip = { 'Accept-Encoding': 'gzip' };

/** Polls until so many tasks of the app run, and no deployment of it. */
async function untilRunning(url: string, id: string, tasks: number): Promise<void> {
  for (;;) {
    const { app } = (await get(`${url}/v2/apps${id}?embed=app.counts`)) as {
      app: { tasksRunning: number; deployments: readonly unknown[] };
    };
    if (app.tasksRunning === tasks && app.deployments.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Polls until no deployment runs. */
async function untilStill(url: string): Promise<void> {
  while ((await (await fetch(`${url}/v2/deployments`)).text()) !== '[]') {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function lists(server: Setup['server'], apps: number): Promise<void> {
  const path = '/v2/apps';
  await untilStill(server.url);
  const list = (form: string, headers: Wanted['headers'], status?: string): Promise<void> =>
    compare(server, { figure: 'GET /v2/apps', apps, form, requests: [{ path, headers }], status });
  await list('plain', {});
  await list('gzip', gzip);
  const { headers } = await fetch(`${server.url}${path}`);
  await list('304', { 'If-None-Match': headers.get('etag') ?? '' }, '304');
  await compare(server, {
    figure: 'GET one app',
    apps,
    form: 'plain',
    requests: Array.from({ length: 100 }, (_, i) => ({ path: `/v2/apps${appId(i % apps)}`, headers: {} })),
  });
}

/** Most readers want one app; some poll lists, and a dashboard asks for this and that; meanwhile apps change. */
async function mixed({ url, ...rest }: Setup['server'], apps: number): Promise<void> {
  const server = { url, ...rest };
  const one = (i: number): Wanted => ({ path: `/v2/apps${appId((i * 37) % apps)}`, headers: {} });
  const requests: Wanted[] = Array.from({ length: 14 }, (_, i) => one(i));
  requests.splice(3, 0, { path: '/v2/apps', headers: gzip });
  for (const path of ['/v2/tasks', '/v2/queue', '/v2/deployments', '/v2/info', '/v2/groups']) {
    requests.splice(requests.length - 3, 0, { path, headers: gzip });
  }
  const change = (n: number): Promise<void> =>
    request(`${url}/v2/apps${appId(n % apps)}?force=true`, 'PUT', { labels: { round: String(n) } });
  const around = () => repeat(sizes.changesPerSecond, change);
  await untilStill(url);
  await compare(server, { figure: 'mixed reads', apps, form: 'still', requests });
  await compare(server, { figure: 'mixed reads', apps, form: 'while apps change', requests, around });
}

/** One app with very many tasks, some of which are killed and replaced all the time. */
async function manyTasks(server: Setup['server'], tasks: number): Promise<void> {
  const id = '/crowd';
  await request(`${server.url}/v2/apps`, 'POST', { ...workload.app, id, instances: tasks });
  await untilRunning(server.url, id, tasks);
  const { tasks: known } = (await get(`${server.url}/v2/apps${id}/tasks`)) as { tasks: readonly { id: string }[] };
  let at = 0;
  const kill = async (): Promise<void> => {
    const ids = known.slice(at, at + 10).map((task) => task.id);
    at += ids.length;
    if (ids.length > 0) await request(`${server.url}/v2/tasks/delete`, 'POST', { ids });
  };
  const around = () => repeat(sizes.killsPerSecond / 10, kill);
  const common = { tasks, count: sizes.crowdConnections };
  const wanted = { path: `/v2/apps${id}/tasks`, headers: {} };
  await compare(server, { ...common, figure: 'GET tasks of one app', form: 'still', requests: [wanted] });
  await compare(server, { ...common, figure: 'GET tasks of one app', form: 'under churn', requests: [wanted], around });
  await compare(server, {
    ...common,
    figure: 'GET the app without its tasks',
    form: 'under churn',
    requests: [{ path: `/v2/apps?id=${id}`, headers: {} }],
    around,
  });
}

const agents = Math.max(3, Math.ceil((sizes.tasks * 1.2) / workload.instancesPerAgent));
const setup = await setUp({ agents, isSimulated: true });
try {
  let made = 0;
  for (const apps of sizes.apps) {
    const more = Array.from({ length: apps - made }, (_, i) => ({
      ...workload.app,
      id: appId(made + i),
      instances: 0,
      portDefinitions: [],
    }));
    await request(`${setup.server.url}/v2/apps`, 'PUT', more);
    made = apps;
    await lists(setup.server, apps);
  }
  await mixed(setup.server, made);
  await manyTasks(setup.server, sizes.tasks);
} finally {
  await setup.end();
  cleanUp(setup);
  bare.disconnect();
  client.disconnect();
}
