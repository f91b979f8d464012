/**
 * Delivery of events (design §9), one JSON line for each figure: our WebSocket on `/v2/events` and, in the same run, a bare `ws` server that
 * broadcasts the same bytes; then SSE, memory for each reader, and what stalled readers do to the others, to the loop and to launches. Serving
 * and reading are processes of their own. `npm run bench -- events [readers …] [steady | stalled]`
 *
 * Three loads: calm (nothing queues), steady (the target's 300,000 deliveries a second and some more, at fixed times whatever the server does;
 * its latency, counted from those times, says whether they can be kept up), and a flood (published as fast as the publisher can: neither its
 * latency nor the CPU time until everything is published says anything). `steady` leaves out the others and what stalled readers do.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CrowdAnswer, CrowdCommand } from './support/event-crowd.ts';
import type { HostAnswer, HostCommand } from './support/event-host.ts';
import { machine } from './support/setup.ts';
import { launchesBesideStalled } from './support/stalled-launches.ts';

const words = process.argv.slice(2);
const isStalledOnly = words.includes('stalled');
const isSteadyOnly = words.includes('steady');
const sizes = words.map(Number).filter((size) => size > 0);
const readers = isStalledOnly ? [] : sizes.length > 0 ? sizes : [10, 100, 1_000, 10_000];
/** Deliveries of a flood, and its events in a turn of the loop. */
const deliveries = 1_500_000;
const perTurn = 10;
/** Deliveries a second of the steady load, published every so many ms: the target, and what the last of them take to arrive. */
const steadyDeliveries = 315_000;
const steadyTickMs = 10;
const steadySeconds = 5;
/** For the latency: events in a second, one in a turn, so that nothing queues. */
const calmRate = (count: number): number => Math.max(2, Math.min(100, 30_000 / count));
const calmSeconds = 4;

const say = (figure: string, values: Readonly<Record<string, unknown>>): void => {
  const rounded = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'number' ? Math.round(value * 100) / 100 : value,
  ]);
  console.log(JSON.stringify({ benchmark: 'events', figure, ...Object.fromEntries(rounded), machine }));
};

/** `--cpu-prof` and what belongs to it: both processes write a profile of the whole run. */
const profiling = words.filter((word) => word.startsWith('--cpu-prof'));

const start = (name: string): ChildProcess =>
  fork(fileURLToPath(new URL(`./support/${name}.ts`, import.meta.url)), {
    execArgv: ['--import', 'tsx', '--expose-gc', ...profiling],
  });

function answerOf<A extends { readonly type: string }, T extends A['type']>(child: ChildProcess, type: T) {
  return new Promise<Extract<A, { type: T }>>((resolve, reject) => {
    const hear = (answer: A): void => {
      if (answer.type !== type) return;
      child.off('message', hear);
      resolve(answer as Extract<A, { type: T }>);
    };
    child.on('message', hear);
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
}

const host = start('event-host');
const crowd = start('event-crowd');
host.setMaxListeners(100);
crowd.setMaxListeners(100);
const ports = await answerOf<HostAnswer, 'listening'>(host, 'listening');

interface Run {
  readonly to: 'ours' | 'bare';
  readonly form: 'socket' | 'sse';
  readonly count: number;
  readonly stalled?: number;
}

const commandFor = ({ to, form, count, stalled = 0 }: Run): Omit<CrowdCommand, 'type' | 'events'> => ({
  port: ports[to],
  // Without news of the readers themselves, which the bare server does not have.
  path: to === 'ours' ? '/v2/events?event_type=status_update_event' : '/',
  form,
  count,
  stalled,
});

async function tell(command: CrowdCommand, answer: 'opened' | 'closed'): Promise<void> {
  const heard = answerOf<CrowdAnswer, typeof answer>(crowd, answer);
  crowd.send(command);
  await heard;
}

async function publish(run: Run, count: number, turn: number, pauseMs: number) {
  const common = commandFor(run);
  const done = answerOf<CrowdAnswer, 'done'>(crowd, 'done');
  const published = answerOf<HostAnswer, 'published'>(host, 'published');
  crowd.send({ ...common, type: 'await', events: count } satisfies CrowdCommand);
  const begun = process.hrtime.bigint() / 1_000n;
  host.send({ type: 'publish', to: run.to, count, perTurn: turn, pauseMs } satisfies HostCommand);
  const [result, loop] = [await done, await published];
  return { ...result, ...loop, seconds: (result.endMicros - Number(begun)) / 1e6 };
}

async function memory(): Promise<Extract<HostAnswer, { type: 'memory' }>> {
  const answer = answerOf<HostAnswer, 'memory'>(host, 'memory');
  host.send({ type: 'memory' } satisfies HostCommand);
  return answer;
}

async function measure(run: Run) {
  const before = await memory();
  const common = commandFor(run);
  await tell({ ...common, type: 'open', events: 0 }, 'opened');
  const idle = await memory();
  const { count } = run;
  const events = Math.max(perTurn, Math.round(deliveries / count / perTurn) * perTurn);
  // The flood would queue up; it comes last.
  const rate = calmRate(count);
  const calm = isSteadyOnly ? undefined : await publish(run, Math.round(rate * calmSeconds), 1, 1_000 / rate);
  const steadyRate = steadyDeliveries / count;
  const steadyTurn = Math.max(1, Math.round((steadyRate * steadyTickMs) / 1_000));
  const steadyEvents = Math.max(1, Math.round((steadyRate * steadySeconds) / steadyTurn)) * steadyTurn;
  const steady = await publish(run, steadyEvents, steadyTurn, (1_000 * steadyTurn) / steadyRate);
  const flood = isSteadyOnly ? undefined : await publish(run, Math.min(events, 50_000), perTurn, 0);
  await tell({ ...common, type: 'close', events: 0 }, 'closed');
  return {
    readers: count,
    ...(calm
      ? {
          calmEventsPerSecond: rate,
          calmP50Ms: calm.p50Ms,
          calmP99Ms: calm.p99Ms,
          calmLoopP99Ms: calm.loopP99Ms,
          calmMicrosOfServerPerDelivery: (calm.cpuMs * 1_000) / calm.deliveries,
        }
      : {}),
    steadyDeliveriesPerSecond: steady.deliveries / steady.seconds,
    steadyP50Ms: steady.p50Ms,
    steadyP99Ms: steady.p99Ms,
    steadyLoopP99Ms: steady.loopP99Ms,
    steadyMicrosOfServerPerDelivery: (steady.cpuMs * 1_000) / steady.deliveries,
    steadyMicrosOfReadersPerDelivery: (steady.readersCpuMs * 1_000) / steady.deliveries,
    ...(flood ? { floodDeliveriesPerSecond: flood.deliveries / flood.seconds } : {}),
    ...(count < 1_000
      ? {}
      : {
          heapBytesPerReader: (idle.heapBytes - before.heapBytes) / count,
          rssBytesPerReader: (idle.rssBytes - before.rssBytes) / count,
        }),
  };
}

/** Open files that a process may have; the readers' and the server's process each need one for each reader. */
const maxFiles = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);

// The first run pays for compiling everything.
if (readers.length > 0) {
  await measure({ to: 'ours', form: 'socket', count: 10 });
  await measure({ to: 'bare', form: 'socket', count: 10 });
}
for (const count of readers) {
  if (count + 200 > maxFiles) {
    say('left out', { readers: count, reason: `a process may open ${maxFiles} files here: raise it with ulimit -n` });
    continue;
  }
  const bare = await measure({ to: 'bare', form: 'socket', count });
  const ours = await measure({ to: 'ours', form: 'socket', count });
  say('bare ws broadcast', bare);
  say('websocket', {
    ...ours,
    ...(isSteadyOnly
      ? {}
      : { floodRatioToBare: (ours.floodDeliveriesPerSecond ?? 0) / (bare.floodDeliveriesPerSecond ?? 0) }),
    steadyCpuRatioToBare: ours.steadyMicrosOfServerPerDelivery / bare.steadyMicrosOfServerPerDelivery,
  });
  say('sse', await measure({ to: 'ours', form: 'sse', count }));
}

/** Few enough others that the host has time left, and the delay of its loop says something. */
const others = 200;
// Both twice and in turn, so that what else the machine does meets both.
for (const stalled of isSteadyOnly ? [] : [0, 100, 0, 100]) {
  const run: Run = { to: 'ours', form: 'socket', count: others + stalled, stalled };
  const common = commandFor(run);
  await tell({ ...common, type: 'open', events: 0 }, 'opened');
  // Enough for every stalled reader to be beyond its bound.
  await publish(run, 30_000, perTurn, 5);
  const calm = await publish(run, 400, 1, 10);
  const { p50Ms, p99Ms, loopP99Ms, loopMaxMs, cpuMs } = calm;
  say('stalled readers, delivery to the others', { stalled, others, p50Ms, p99Ms, loopP99Ms, loopMaxMs, cpuMs });
  say('stalled readers, memory', { stalled, rssMiB: (await memory()).rssBytes / 1_048_576 });
  await tell({ ...common, type: 'close', events: 0 }, 'closed');
}
host.disconnect();
if (!isSteadyOnly) {
  const runs = await launchesBesideStalled(crowd, { others, stalled: [0, 100, 0, 100], launches: 50 });
  for (const figures of runs) say('stalled readers, launches', figures);
}
crowd.disconnect();
