/**
 * What the link to Mesos costs: small POSTs beside undici in the same run, all calls of a launch, and the decoding of the
 * stream. The other side runs in a process of its own. Prints one JSON line per figure: `cpuUs` is user and system time of this
 * process, `busyUs` the time its event loop was not idle, both per unit.
 */
import { performance } from 'node:perf_hooks';
import { Client, Pool } from 'undici';
import type { MesosEvent, MesosLink } from '../src/actors/ports.ts';
import { systemClock } from '../src/infra/clock.ts';
import { systemIds } from '../src/infra/ids.ts';
import { createMesosLink } from '../src/infra/mesos/link.ts';
import { createPipelinedSender, defaultSenderLimits } from '../src/infra/mesos/sender.ts';
import { agentId, taskId, taskInfo, updateUuid } from './support/mesos-samples.ts';
import { countingMetrics, silentLogger } from './support/mesos-scheduler.ts';
import { frameworkId, updateRecord } from './support/mesos-sink.ts';
import { startSink } from './support/start-sink.ts';

const POSTS = 200_000;
const UNDICI_POSTS = 60_000;
const LAUNCHES = 40_000;
const LAUNCHES_PER_ACCEPT = 5;
const ACKS_PER_LAUNCH = 3;
const RECORDS = 300_000;

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

const nothing = (): void => {};

/** Makes `units` calls of `one`, a few hundred per loop turn, as the release of a batch does. */
async function inTurns(units: number, perTurn: number, one: (n: number) => void): Promise<void> {
  for (let n = 0; n < units; ) {
    for (const end = Math.min(units, n + perTurn); n < end; n += 1) one(n);
    await new Promise(setImmediate);
  }
}

const acknowledgement = (n: number): string =>
  `{"framework_id":{"value":"${frameworkId}"},"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"${agentId}"},"task_id":{"value":"${taskId(n)}"},"uuid":"${updateUuid}"}}`;

async function ownPosts(port: number): Promise<void> {
  let answered = 0;
  let done = nothing;
  const sender = createPipelinedSender<undefined>({
    host: '127.0.0.1',
    port,
    tls: undefined,
    head: `POST /api/v1/scheduler HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: application/json\r\nMesos-Stream-Id: 0d40e35a-e2e6-41b9-95d5-a41a602d50c4\r\nContent-Length: `,
    limits: { ...defaultSenderLimits, maxQueued: POSTS },
    clock: systemClock,
    ids: systemIds,
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
      link.accept([`${frameworkId}-O${n}`], tasks, 5);
      link.decline([`${frameworkId}-O${n}`], 5);
      for (let ack = 0; ack < ACKS_PER_LAUNCH * LAUNCHES_PER_ACCEPT; ack += 1) {
        link.acknowledge(taskId(ack), agentId, updateUuid);
      }
    });
    await drained();
  };
  await run();
  await measure('calls of a launch (1/5 ACCEPT, 1/5 DECLINE, 3 ACKNOWLEDGE)', LAUNCHES, run);
}

async function main(): Promise<void> {
  const sink = await startSink();
  const { port } = sink;
  await ownPosts(port);
  await undiciPosts('small POSTs, undici, pipelining', new Client(`http://127.0.0.1:${port}`, { pipelining: 1024 }));
  await undiciPosts('small POSTs, undici, 16 connections', new Pool(`http://127.0.0.1:${port}`, { connections: 16 }));

  const metrics = countingMetrics();
  const link = createMesosLink({
    master: `127.0.0.1:${port}`,
    framework: { name: 'bench', user: 'root' },
    clock: systemClock,
    ids: systemIds,
    logger: silentLogger,
    metrics,
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
  const busy = (): boolean => ['queued', 'unanswered'].some((name) => metrics.gauged(`mesos.calls.${name}`) > 0);
  await launches(link, async () => {
    while (busy()) await new Promise(setImmediate);
  });
  const stream = async (): Promise<void> => {
    wanted += RECORDS;
    const all = new Promise<void>((resolve) => {
      reached = resolve;
    });
    sink.order({ type: 'hose', records: RECORDS });
    await all;
  };
  await stream();
  const bytes = updateRecord({ id: taskId(0), agent: agentId }, 'TASK_RUNNING', 0).length;
  await measure(`decoding of updates (${bytes} bytes each)`, RECORDS, stream);
  await link.stop(false);
  sink.child.disconnect();
}

await main();
