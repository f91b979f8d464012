/**
 * Changes of many apps (design §9): 1,000 apps in one PUT until all run; separate POSTs, each durable when answered, with no other app and with
 * 10,000 there; and PUTs of growing size among 10,000. Beside each a bare `node:http` server that reads the same bodies and sends the same
 * bytes in the same run. Server, cluster, bare server and client are processes of their own. `npm run bench -- changes [small]`. Prints one JSON
 * line for each figure.
 */
import type { BareAnswer, BareWriteCommand } from './support/bare-server.ts';
import { heard, start } from './support/children.ts';
import { get, residentMiB, threadCpuMs } from './support/commands.ts';
import type { ClientAnswer, ClientCommand } from './support/counting-client.ts';
import { cleanUp, machine, setUp, workload } from './support/setup.ts';

const isSmall = process.argv[2] === 'small';
const sizes = isSmall
  ? { ...workload.changes, bulkApps: 50, existingApps: 200, separateApps: 100, bulkSizes: [50, 100] }
  : workload.changes;
const { bulkApps, existingApps, separateApps, bulkSizes, connections } = sizes;
/** Given up after this long. */
const limitSeconds = 600;

const bare = start('bare-server');
const client = start('counting-client');
const listening = await heard<BareAnswer>(bare);
const barePort = listening.type === 'listening' ? listening.port : 0;

const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify({ benchmark: 'changes', ...line, machine })}\n`);
};
const rounded = (value: number): number => Math.round(value * 100) / 100;

const running = async (url: string): Promise<number> => {
  const gauges = (await get(`${url}/metrics`))['gauges'] as Record<string, { value: number }>;
  return gauges['marathon.instances.running.gauge']?.value ?? 0;
};

const idleApp = (id: string): object => ({ ...workload.app, id, instances: 0, portDefinitions: [] });

/** A change as the client sends it. */
const textOf = (method: string, body: object): string => {
  const json = JSON.stringify(body);
  const head = `${method} /v2/apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json`;
  return `${head}\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
};

async function drive(port: number, requests: readonly string[], count: number): Promise<ClientAnswer> {
  const command: ClientCommand = { port, connections: count, seconds: limitSeconds, requests, isOnce: true };
  const done = heard<ClientAnswer>(client);
  client.send(command);
  const answer = await done;
  const isBad = Object.keys(answer.statuses).some((status) => status !== '200' && status !== '201');
  if (answer.error !== undefined || isBad) throw new Error(JSON.stringify(answer));
  return answer;
}

/** Lets the bare server answer as ours does to one change. */
async function copyAnswer(url: string, method: string, body: object): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}/v2/apps`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method}: ${answer.status} ${text}`);
  const kept = [...answer.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)).flat();
  const ready = heard<BareAnswer>(bare);
  bare.send({ write: { status: answer.status, headers: kept, body: text } } satisfies BareWriteCommand);
  await ready;
}

const untilStill = async (url: string): Promise<void> => {
  while ((await (await fetch(`${url}/v2/deployments`)).text()) !== '[]') {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

interface Server {
  readonly url: string;
  readonly pid: number;
}

async function bulk({ url, pid }: Server): Promise<void> {
  const apps = Array.from({ length: bulkApps }, (_, i) => ({ ...workload.app, id: `/bulk/app-${i}`, instances: 1 }));
  const request = textOf('PUT', apps);
  const cpuMs = threadCpuMs(pid);
  const startedMs = performance.now();
  const ours = await drive(Number(new URL(url).port), [request], 1);
  while ((await running(url)) < bulkApps) await new Promise((resolve) => setTimeout(resolve, 10));
  const allRunningMs = performance.now() - startedMs;
  const threadMs = threadCpuMs(pid) - cpuMs;
  await untilStill(url);
  await copyAnswer(url, 'PUT', [apps[0] ?? {}]);
  const other = await drive(barePort, [request], 1);
  print({
    figure: 'one PUT',
    apps: bulkApps,
    acceptedMs: rounded(ours.maxMs),
    allRunningMs: rounded(allRunningMs),
    leaderThreadMs: Math.round(threadMs),
    bareMs: rounded(other.maxMs),
  });
}

async function separate({ url, pid }: Server, existing: number): Promise<void> {
  await untilStill(url);
  const name = (i: number): string => `/separate/at-${existing}/app-${i}`;
  const requests = Array.from({ length: separateApps }, (_, i) => textOf('POST', idleApp(name(i))));
  const cpuMs = threadCpuMs(pid);
  const ours = await drive(Number(new URL(url).port), requests, connections);
  const threadMs = threadCpuMs(pid) - cpuMs;
  await copyAnswer(url, 'POST', idleApp(name(separateApps)));
  const other = await drive(barePort, requests, connections);
  print({
    figure: 'separate POSTs',
    existing,
    posts: separateApps,
    connections,
    perSecond: Math.round(ours.perSecond),
    p50Ms: rounded(ours.p50Ms),
    p99Ms: rounded(ours.p99Ms),
    leaderThreadMicros: Math.round((threadMs * 1_000) / separateApps),
    barePerSecond: Math.round(other.perSecond),
    bareP99Ms: rounded(other.p99Ms),
    ratio: rounded(ours.perSecond / other.perSecond),
    residentMiB: residentMiB(pid),
  });
}

/** What one PUT costs should grow with what it changes, not with what there is. */
async function growing({ url, pid }: Server): Promise<void> {
  for (const size of bulkSizes) {
    await untilStill(url);
    const apps = Array.from({ length: size }, (_, i) => idleApp(`/growing/of-${size}/app-${i}`));
    const cpuMs = threadCpuMs(pid);
    const ours = await drive(Number(new URL(url).port), [textOf('PUT', apps)], 1);
    await untilStill(url);
    const threadMs = threadCpuMs(pid) - cpuMs;
    const more = { acceptedMs: rounded(ours.maxMs), leaderThreadMicrosPerApp: Math.round((threadMs * 1_000) / size) };
    print({ figure: 'one PUT among many', existing: existingApps, apps: size, ...more });
  }
}

async function fillUp(url: string, from: number): Promise<void> {
  const apps = Array.from({ length: existingApps - from }, (_, i) => idleApp(`/existing/app-${i}`));
  for (let at = 0; at < apps.length; at += 2_000) {
    await drive(Number(new URL(url).port), [textOf('PUT', apps.slice(at, at + 2_000))], 1);
    await untilStill(url);
  }
}

const setup = await setUp({ agents: 50, isSimulated: true });
try {
  await separate(setup.server, 0);
  await bulk(setup.server);
  await fillUp(setup.server.url, separateApps + bulkApps);
  await separate(setup.server, existingApps);
  await growing(setup.server);
} finally {
  await setup.end();
  cleanUp(setup);
  bare.disconnect();
  client.disconnect();
}
