/**
 * Delivery of events (design §9), one JSON line for each figure: our WebSocket on `/v2/events` and, in the same run, a bare `ws` server that
 * broadcasts the same bytes; then SSE, memory for each reader, and what stalled readers do to the others and to the loop. Serving and
 * reading are processes of their own. `node --import tsx benchmarks/events.ts [readers …]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CrowdAnswer, CrowdCommand } from './support/event-crowd.ts';
import type { HostAnswer, HostCommand } from './support/event-host.ts';
import { machine } from './support/setup.ts';

const sizes = process.argv.slice(2).map(Number);
const readers = sizes.length > 0 ? sizes : [10, 100, 1_000, 10_000];
/** Deliveries of one run for the rate, and its events in a turn of the loop. */
const deliveries = 1_500_000;
const perTurn = 10;
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

const start = (name: string): ChildProcess =>
  fork(fileURLToPath(new URL(`./support/${name}.ts`, import.meta.url)), {
    execArgv: ['--import', 'tsx', '--expose-gc'],
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
  // Bursts of the rate run would queue up; the calm run comes first.
  const rate = calmRate(count);
  const calm = await publish(run, Math.round(rate * calmSeconds), 1, 1_000 / rate);
  const fast = await publish(run, Math.min(events, 50_000), perTurn, 0);
  await tell({ ...common, type: 'close', events: 0 }, 'closed');
  return {
    readers: count,
    deliveriesPerSecond: fast.deliveries / fast.seconds,
    microsOfServerPerDelivery: (fast.cpuMs * 1_000) / fast.deliveries,
    calmEventsPerSecond: rate,
    p50Ms: calm.p50Ms,
    p99Ms: calm.p99Ms,
    loopP99Ms: calm.loopP99Ms,
    burstP99Ms: fast.p99Ms,
    ...(count < 1_000
      ? {}
      : {
          heapBytesPerReader: (idle.heapBytes - before.heapBytes) / count,
          rssBytesPerReader: (idle.rssBytes - before.rssBytes) / count,
        }),
  };
}

// The first run pays for compiling everything.
await measure({ to: 'ours', form: 'socket', count: 10 });
await measure({ to: 'bare', form: 'socket', count: 10 });
for (const count of readers) {
  const bare = await measure({ to: 'bare', form: 'socket', count });
  const ours = await measure({ to: 'ours', form: 'socket', count });
  say('bare ws broadcast', bare);
  say('websocket', { ...ours, ratioToBare: ours.deliveriesPerSecond / bare.deliveriesPerSecond });
  say('sse', await measure({ to: 'ours', form: 'sse', count }));
}
/** Few enough others that the host has time left, and the delay of its loop says something. */
const others = 200;
for (const stalled of [0, 100]) {
  const run: Run = { to: 'ours', form: 'socket', count: others + stalled, stalled };
  const common = commandFor(run);
  await tell({ ...common, type: 'open', events: 0 }, 'opened');
  // Enough for every stalled reader to be beyond its bound.
  await publish(run, 30_000, perTurn, 5);
  const { p50Ms, p99Ms, loopP99Ms, loopMaxMs, cpuMs } = await publish(run, 400, 1, 10);
  say('stalled readers', { stalled, others, p50Ms, p99Ms, loopP99Ms, loopMaxMs, serverCpuMs: cpuMs });
  say('stalled readers, memory', { stalled, rssMiB: (await memory()).rssBytes / 1_048_576 });
  await tell({ ...common, type: 'close', events: 0 }, 'closed');
}
host.disconnect();
crowd.disconnect();
