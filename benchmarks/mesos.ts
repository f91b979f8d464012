/**
 * What the connection to Mesos carries: acknowledgements and accepts that the client sends to a counting sink in a process of its
 * own, beside a bare socket that sends the same bytes in the same run; updates that it takes in from a hose, by the link alone and
 * through the whole scheduler; offers matched through the real link on simulated agents, with what the cluster itself can serve to a
 * trivial client beside them. `npm run bench -- mesos [size, 1 is the full one] [link] [intake] [offers]`. Prints one JSON line for each figure.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { MesosEvent, MesosLink } from '../src/actors/ports.ts';
import { systemClock } from '../src/infra/clock.ts';
import { systemIds } from '../src/infra/ids.ts';
import { createCallEncoder } from '../src/infra/mesos/calls.ts';
import { createMesosLink } from '../src/infra/mesos/link.ts';
import { clusterLimits } from './support/cluster-limits.ts';
import { measureOffers } from './support/mesos-offers.ts';
import { agentId, taskId, taskInfo, updateUuid } from './support/mesos-samples.ts';
import { countingMetrics, silentLogger, startScheduler, until } from './support/mesos-scheduler.ts';
import { answerBytes, frameworkId, type SinkCounts } from './support/mesos-sink.ts';
import { type Measured, meter, middle, print } from './support/meter.ts';
import { type Sink, startSink } from './support/start-sink.ts';

const size = Number(process.argv[2] ?? 1);
const acknowledgements = Math.ceil(300_000 * size);
const accepts = Math.ceil(40_000 * size);
const tasksPerAccept = 5;
const hoseRecords = Math.ceil(300_000 * size);
const tasks = Math.ceil(20_000 * size);
const repetitions = 5;
const agentCounts = [1_000, 5_000].map((agents) => Math.ceil(agents * size));
const runs = 3;
/** Calls of one turn of the loop, as the release of a batch makes them. */
const perTurn = 250;

/** Half of what may wait in a sender. */
const maxOpen = 50_000;
const maxOpenBytes = 64 * 1024 * 1024;

/** Makes the calls `units` times, some in each turn of the loop, and waits until all are answered. */
async function sendAll(units: number, one: (n: number) => void, open: () => number, bytes: number): Promise<void> {
  const mostOpen = Math.min(maxOpen, Math.floor(maxOpenBytes / bytes));
  for (let n = 0; n < units; ) {
    for (const end = Math.min(units, n + perTurn); n < end; n++) one(n);
    await new Promise(setImmediate);
    // What a scheduler does while the queue is long is to wait for the answers.
    while (open() > mostOpen) await new Promise(setImmediate);
  }
  while (open() > 0) await new Promise(setImmediate);
}

/** The same requests over one bare socket, written as fast as it takes them. */
async function sendBare(port: number, units: number, requests: readonly string[]): Promise<void> {
  const pieces: Buffer[] = [];
  for (let n = 0; n < requests.length; n += perTurn) pieces.push(Buffer.from(requests.slice(n, n + perTurn).join('')));
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  let answered = 0;
  const all = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answered += chunk.length;
      if (answered >= units * answerBytes) resolve();
    });
  });
  for (let sent = 0, piece = 0; sent < units; sent += perTurn, piece = (piece + 1) % pieces.length) {
    if (!socket.write(pieces[piece] as Buffer)) await once(socket, 'drain');
    else await new Promise(setImmediate);
  }
  await all;
  socket.destroy();
}

const requestOf = (port: number, body: string): string =>
  [
    'POST /api/v1/scheduler HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Content-Type: application/json',
    'Accept: application/json',
    'Mesos-Stream-Id: s',
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  ].join('\r\n');

interface SendCase {
  readonly figure: string;
  readonly type: string;
  readonly units: number;
  readonly send: (n: number) => void;
  readonly body: (n: number) => string;
}

/** Ours and the bare socket in turns, and proof that as many arrived as were counted. */
async function measureSending(sink: Sink, open: () => number, one: SendCase): Promise<void> {
  const units = Math.ceil(one.units / perTurn) * perTurn;
  const requests = Array.from({ length: perTurn * 4 }, (_, n) => requestOf(sink.port, one.body(n)));
  const bytes = Math.round(requests.reduce((sum, text) => sum + text.length, 0) / requests.length);
  const ours: Measured[] = [];
  const bare: Measured[] = [];
  for (let run = 0; run <= runs; run++) {
    await sink.asked<SinkCounts>({ type: 'counts' });
    const mine = await meter(units, () => sendAll(units, one.send, open, bytes), sink.pid);
    const plain = await meter(units, () => sendBare(sink.port, units, requests), sink.pid);
    const { counts } = await sink.asked<SinkCounts>({ type: 'counts' });
    if (counts[one.type] !== 2 * units) throw new Error(`${counts[one.type]} of ${2 * units} ${one.type} arrived`);
    // The first of each warms up.
    if (run === 0) continue;
    ours.push(mine);
    bare.push(plain);
  }
  const [best, plain] = [middle(ours), middle(bare)];
  print('mesos', one.figure, {
    units,
    bytes,
    ...best,
    bare: plain,
    ratio: Number((best.perSecond / plain.perSecond).toFixed(2)),
  });
}

async function sendingCases(sink: Sink, link: MesosLink, open: () => number): Promise<void> {
  const encoder = createCallEncoder(frameworkId);
  await measureSending(sink, open, {
    figure: 'acknowledgements sent',
    type: 'ACKNOWLEDGE',
    units: acknowledgements,
    send: (n) => link.acknowledge(taskId(n), agentId, updateUuid),
    body: (n) => encoder.acknowledge(taskId(n), agentId, updateUuid),
  });
  for (const count of [1, tasksPerAccept]) {
    const infos = Array.from({ length: count }, (_, n) => taskInfo(n));
    await measureSending(sink, open, {
      figure: `accepts sent, ${count} tasks each`,
      type: 'ACCEPT',
      units: accepts,
      send: (n) => link.accept([`${frameworkId}-O${n}`], infos, 5),
      body: (n) => encoder.accept([`${frameworkId}-O${n}`], infos, 5),
    });
  }
}

/** Ours, and a bare socket that only cuts the stream into lines of JSON and parses them. */
async function decoding(sink: Sink, updates: () => number): Promise<void> {
  const results: Measured[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = updates();
    const measured = await meter(
      hoseRecords,
      async () => {
        await sink.asked({ type: 'hose', records: hoseRecords });
        await until('all updates', () => updates() - before >= hoseRecords);
      },
      sink.pid,
    );
    if (run > 0) results.push(measured);
  }
  print('mesos', 'updates decoded by the link', { units: hoseRecords, ...middle(results) });
}

async function linkCases(): Promise<void> {
  const sink = await startSink();
  const metrics = countingMetrics();
  const link = createMesosLink({
    master: `127.0.0.1:${sink.port}`,
    framework: { name: 'bench', user: 'nobody' },
    clock: systemClock,
    ids: systemIds,
    logger: silentLogger,
    metrics,
  });
  let updates = 0;
  let failed = 0;
  await new Promise<void>((resolve) => {
    link.start(undefined, (event: MesosEvent) => {
      if (event.type === 'statusUpdate') updates++;
      else if (event.type === 'subscribed') resolve();
      else if (event.type === 'acceptFailed') failed++;
    });
  });
  const open = (): number => metrics.gauged('mesos.calls.queued') + metrics.gauged('mesos.calls.unanswered');
  await sendingCases(sink, link, open);
  if (failed > 0 || metrics.counted('mesos.calls.dropped') > 0) throw new Error(`${failed} calls failed`);
  await decoding(sink, () => updates);
  await link.stop(false);
  sink.child.disconnect();
}

/** Updates from the socket to the acknowledgement that leaves when their effect is in the journal. */
async function intakeCases(): Promise<void> {
  const sink = await startSink();
  const scheduler = await startScheduler(`127.0.0.1:${sink.port}`);
  await scheduler.put('/bench', { instances: tasks });
  await until('offers are asked for', () => scheduler.metrics.counted('mesos.calls.revive') > 0);
  await until('all wait', () => [...scheduler.orchestrator.read.instancesOf('/bench')].length === tasks);
  // One pass takes one of them, for 500 tasks.
  sink.order({ type: 'offers', count: Math.ceil(tasks / 250), cpus: 1_000 });
  const { metrics, calls } = scheduler;
  await until('all launched', () => metrics.counted('mesos.offer-operations.launch') >= tasks && calls() === 0);
  const launched = await sink.asked<SinkCounts>({ type: 'counts' });
  if (launched.tasks !== tasks) throw new Error(`${launched.tasks} of ${tasks} tasks were launched`);
  const measure = async (figure: string, states: readonly string[], rounds: number): Promise<void> => {
    const units = tasks * states.length * rounds;
    let acknowledged = 0;
    const measured = await meter(
      units,
      async () => {
        await sink.asked({ type: 'updates', states, rounds });
        while (acknowledged < units) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          acknowledged += (await sink.asked<SinkCounts>({ type: 'counts' })).counts['ACKNOWLEDGE'] ?? 0;
        }
      },
      sink.pid,
    );
    if (scheduler.running('/bench') !== tasks) throw new Error(`${scheduler.running('/bench')} of ${tasks} run`);
    print('mesos', figure, { units, ...measured, journal: 'memory' });
  };
  await measure('updates through the scheduler, each a new state', ['TASK_STARTING', 'TASK_RUNNING'], 1);
  await measure('updates through the scheduler, repetitions', ['TASK_RUNNING'], repetitions);
  await scheduler.end();
  sink.child.disconnect();
}

async function offersCases(): Promise<void> {
  for (const agents of agentCounts) {
    await measureOffers(agents, runs);
    await clusterLimits('mesos', { agents, tasks: agents * 20 });
  }
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  link: linkCases,
  intake: intakeCases,
  offers: offersCases,
};
const wanted = process.argv.slice(3);
for (const [name, part] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await part();
}
