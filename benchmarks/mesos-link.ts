/**
 * What the link to Mesos costs: small POSTs beside undici in the same run, all calls of a launch, and the decoding of the
 * stream. The other side runs in a process of its own. Prints one JSON line per figure: `cpuUs` is user and system time of this
 * process, `busyUs` the time its event loop was not idle, both per unit.
 */
import { fork } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Client, Pool } from 'undici';
import type { Clock, Logger, MesosEvent, MesosLink, Metrics } from '../src/actors/ports.ts';
import type { TaskInfo } from '../src/core/mesos/types.ts';
import { createMesosLink } from '../src/infra/mesos/link.ts';
import { createPipelinedSender, defaultSenderLimits } from '../src/infra/mesos/sender.ts';

const POSTS = 200_000;
const UNDICI_POSTS = 60_000;
const LAUNCHES = 40_000;
const LAUNCHES_PER_ACCEPT = 5;
const ACKS_PER_LAUNCH = 3;
const RECORDS = 300_000;

const id = (n: number): string => `shop_web.instance-0f3c7a52-55aa-11ee-8c99-${String(n).padStart(12, '0')}._app.1`;
const AGENT = '3f3978e3-95a7-4391-9c35-1056b19a04a3-S0';
const FRAMEWORK = '3f3978e3-95a7-4391-9c35-1056b19a04a3-0000';

function update(n: number): string {
  return JSON.stringify({
    type: 'UPDATE',
    update: {
      status: {
        task_id: { value: id(n) },
        state: 'TASK_RUNNING',
        source: 'SOURCE_EXECUTOR',
        agent_id: { value: AGENT },
        executor_id: { value: id(n) },
        timestamp: 1795347222.591963,
        uuid: 'Ib6Fw7wiTWGr+lWgfJhmoQ==',
        container_status: {
          container_id: { value: 'f64e1957-e85c-41e1-a7bc-db3acc4bf0ac' },
          network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
          executor_pid: 1648,
        },
      },
    },
  });
}

/** One HTTP chunk per record, as a real master sends them. */
function streamChunk(record: string): string {
  const framed = `${record.length}\n${record}`;
  return `${framed.length.toString(16)}\r\n${framed}\r\n`;
}

/** The other side: answers every POST at once, and a SUBSCRIBE with the stream. */
function serve(): void {
  const accepted = 'HTTP/1.1 202 Accepted\r\nDate: Sun, 22 Nov 2026 11:33:35 GMT\r\nContent-Length: 0\r\n\r\n';
  const updates = Array.from({ length: 1_000 }, (_, n) => streamChunk(update(n))).join('');
  let stream: Socket | undefined;
  function subscribe(socket: Socket): void {
    stream = socket;
    socket.setNoDelay(true);
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: s\r\n\r\n');
    const subscribed = { framework_id: { value: FRAMEWORK }, heartbeat_interval_seconds: 3600 };
    socket.write(streamChunk(JSON.stringify({ type: 'SUBSCRIBED', subscribed })));
  }
  function readRequests(socket: Socket, text: string): string {
    let at = 0;
    let answers = '';
    for (;;) {
      const end = text.indexOf('\r\n\r\n', at);
      const length = text.indexOf('ontent-Length: ', at);
      if (end < 0 || length < 0) break;
      const next = end + 4 + Number.parseInt(text.slice(length + 15, end), 10);
      if (next > text.length) break;
      if (text.startsWith('{"type":"SUBSCRIBE"', end + 4)) subscribe(socket);
      else answers += accepted;
      at = next;
    }
    if (answers !== '') socket.write(answers, 'latin1');
    return text.slice(at);
  }
  const server = createServer((socket) => {
    let rest = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      rest = readRequests(socket, (rest + chunk.toString('latin1')).replaceAll('content-length', 'Content-Length'));
    });
  });
  process.on('message', async (records: number) => {
    for (let sent = 0; sent < records; sent += 1_000) {
      if (stream?.write(updates) === false) await new Promise((resolve) => stream?.once('drain', resolve));
    }
  });
  process.on('disconnect', () => process.exit(0));
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
}

async function measure(figure: string, units: number, run: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const startedAt = performance.now();
  await run();
  const wallMs = performance.now() - startedAt;
  const used = process.cpuUsage(cpu);
  const busyMs = performance.eventLoopUtilization(loop).active;
  const per = (us: number): number => Number((us / units).toFixed(2));
  const perSecond = Math.round((units / wallMs) * 1000);
  const line = { figure, units, perSecond, cpuUs: per(used.user + used.system), busyUs: per(busyMs * 1000) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
const ids = { uuid: () => '', timeUuid: () => '', random: Math.random };
const nothing = (): void => {};
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const metrics: Metrics = { count: nothing, gauge: nothing, time: nothing };

/** Makes `units` calls of `one`, a few hundred per loop turn, as the release of a batch does. */
async function inTurns(units: number, perTurn: number, one: (n: number) => void): Promise<void> {
  for (let n = 0; n < units; ) {
    for (const end = Math.min(units, n + perTurn); n < end; n += 1) one(n);
    await new Promise(setImmediate);
  }
}

const acknowledgement = (n: number): string =>
  `{"framework_id":{"value":"${FRAMEWORK}"},"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"${AGENT}"},"task_id":{"value":"${id(n)}"},"uuid":"Ib6Fw7wiTWGr+lWgfJhmoQ=="}}`;

const taskInfo = (n: number): TaskInfo => ({
  name: 'web.shop',
  task_id: { value: id(n) },
  agent_id: { value: AGENT },
  resources: [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } },
    { name: 'mem', type: 'SCALAR', scalar: { value: 32 }, allocation_info: { role: '*' } },
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_000 + (n % 900), end: 31_000 + (n % 900) }] } },
  ],
  command: {
    shell: true,
    value: 'exec python3 -m http.server $PORT0',
    environment: {
      variables: ['MARATHON_APP_ID', 'MARATHON_APP_VERSION', 'HOST', 'PORT', 'PORT0', 'PORTS', 'MESOS_TASK_ID'].map(
        (name) => ({ name, type: 'VALUE' as const, value: id(n) }),
      ),
    },
  },
  discovery: { visibility: 'FRAMEWORK', name: 'web.shop', ports: { ports: [{ number: 31_000, protocol: 'tcp' }] } },
});

async function ownPosts(port: number): Promise<void> {
  let answered = 0;
  let done = nothing;
  const sender = createPipelinedSender<undefined>({
    host: '127.0.0.1',
    port,
    tls: undefined,
    head: `POST /api/v1/scheduler HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: application/json\r\nMesos-Stream-Id: 0d40e35a-e2e6-41b9-95d5-a41a602d50c4\r\nContent-Length: `,
    limits: { ...defaultSenderLimits, maxQueued: POSTS },
    clock,
    ids,
    answered: () => {
      answered += 1;
      if (answered % POSTS === 0) done();
    },
    lost: () => {
      throw new Error('a call was lost');
    },
    trouble: nothing,
  });
  const run = async (): Promise<void> => {
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    await inTurns(POSTS, 500, (n) => sender.send(acknowledgement(n), undefined));
    await all;
  };
  await run();
  await measure('small POSTs, own sender, one connection', POSTS, run);
  sender.close('done');
}

async function undiciPosts(name: string, dispatcher: Client | Pool): Promise<void> {
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'mesos-stream-id': 'x'.repeat(36) };
  const run = async (): Promise<void> => {
    let left = UNDICI_POSTS;
    let done = nothing;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const settled = (): void => {
      left -= 1;
      if (left === 0) done();
    };
    const handler = {
      onConnect: nothing,
      onHeaders: () => true,
      onData: () => true,
      onComplete: settled,
      onError: settled,
    };
    await inTurns(UNDICI_POSTS, 500, (n) => {
      const body = acknowledgement(n);
      dispatcher.dispatch({ path: '/api/v1/scheduler', method: 'POST', headers, body, idempotent: true }, handler);
    });
    await all;
  };
  await run();
  await measure(name, UNDICI_POSTS, run);
  await dispatcher.destroy();
}

/** One ACCEPT for several launches, a DECLINE, and the acknowledgements of what follows. */
async function launches(link: MesosLink, drained: () => Promise<void>): Promise<void> {
  const tasks = Array.from({ length: LAUNCHES_PER_ACCEPT }, (_, n) => taskInfo(n));
  const run = async (): Promise<void> => {
    await inTurns(LAUNCHES / LAUNCHES_PER_ACCEPT, 50, (n) => {
      link.accept([`${FRAMEWORK}-O${n}`], tasks, 5);
      link.decline([`${FRAMEWORK}-O${n}`], 5);
      for (let ack = 0; ack < ACKS_PER_LAUNCH * LAUNCHES_PER_ACCEPT; ack += 1) {
        link.acknowledge(id(ack), AGENT, 'Ib6Fw7wiTWGr+lWgfJhmoQ==');
      }
    });
    await drained();
  };
  await run();
  await measure('calls of a launch (1/5 ACCEPT, 1/5 DECLINE, 3 ACKNOWLEDGE)', LAUNCHES, run);
}

async function main(): Promise<void> {
  const peer = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: ['--import', 'tsx'] });
  const { port } = await new Promise<{ port: number }>((resolve) => peer.once('message', resolve));
  await ownPosts(port);
  await undiciPosts('small POSTs, undici, pipelining', new Client(`http://127.0.0.1:${port}`, { pipelining: 1024 }));
  await undiciPosts('small POSTs, undici, 16 connections', new Pool(`http://127.0.0.1:${port}`, { connections: 16 }));

  const gauges = new Map<string, () => number>();
  const link = createMesosLink({
    master: `127.0.0.1:${port}`,
    framework: { name: 'bench', user: 'root' },
    clock,
    ids,
    logger,
    metrics: { ...metrics, gauge: (name, read) => gauges.set(name, read) },
  });
  let updates = 0;
  let wanted = 0;
  let reached = nothing;
  await new Promise<void>((resolve) => {
    link.start(undefined, (event: MesosEvent) => {
      if (event.type === 'subscribed') resolve();
      if (event.type !== 'statusUpdate') return;
      updates += 1;
      if (updates === wanted) reached();
    });
  });
  const busy = (): boolean => ['queued', 'unanswered'].some((name) => (gauges.get(`mesos.calls.${name}`)?.() ?? 0) > 0);
  await launches(link, async () => {
    while (busy()) await new Promise(setImmediate);
  });
  const stream = async (): Promise<void> => {
    wanted += RECORDS;
    const all = new Promise<void>((resolve) => {
      reached = resolve;
    });
    peer.send(RECORDS);
    await all;
  };
  await stream();
  await measure(`decoding of updates (${update(0).length} bytes each)`, RECORDS, stream);
  await link.stop(false);
  peer.disconnect();
}

if (process.argv[2] === 'serve') serve();
else await main();
