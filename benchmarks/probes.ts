/**
 * Health checks of the leader: probes per second through the actor and the prober's thread, against real sockets on loopback in a
 * process of their own, with the loop lag of the leader's thread beside it: without probes, with them, and with the same probes made on
 * the leader's thread itself. `npm run bench -- probes [perSecond] [seconds]`. Prints one JSON line for each figure.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Prober } from '../src/actors/ports.ts';
import { probesBehaviour } from '../src/actors/probes.ts';
import type { InstanceMessage } from '../src/actors/protocol.ts';
import { createRuntime } from '../src/actors/runtime/runtime.ts';
import type { Behaviour } from '../src/actors/runtime/types.ts';
import type { Instance } from '../src/core/instance/instance.ts';
import { systemClock } from '../src/infra/clock.ts';
import { ask } from '../src/infra/prober/ask.ts';
import { createLookup } from '../src/infra/prober/lookup.ts';
import { createStallMeter } from '../src/infra/prober/stall.ts';
import { createProber } from '../src/infra/prober.ts';
import { plainApp } from '../test/support/app.ts';
import { threadCpuMs } from './support/commands.ts';
import { machine } from './support/setup.ts';

const perSecond = Number(process.argv[2] ?? 5_000);
const seconds = Number(process.argv[3] ?? 10);
const warmUpMs = 3_000;
const targetPorts = 200;
const timeoutSeconds = 5;

interface Targets {
  readonly ports: readonly number[];
  readonly answered: () => Promise<number>;
}

async function startTargets(): Promise<readonly [ChildProcess, Targets]> {
  const file = fileURLToPath(new URL('./support/probe-target.ts', import.meta.url));
  const child = fork(file, [String(targetPorts)], { execArgv: ['--import', 'tsx'] });
  const [{ ports }] = (await once(child, 'message')) as [{ ports: readonly number[] }];
  const answered = async (): Promise<number> => {
    child.send('count');
    const [reply] = (await once(child, 'message')) as [{ answered: number }];
    return reply.answered;
  };
  return [child, { ports, answered }];
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

interface Tally {
  healthy: number;
  unhealthy: number;
  readonly causes: Map<string, number>;
}

const counting = (tally: Tally): Behaviour<undefined, InstanceMessage> => ({
  initial: () => undefined,
  receive: (state, message) => {
    if (message.type !== 'probed') return state;
    if (message.result.type === 'healthy') tally.healthy++;
    else if (message.result.type === 'unhealthy') {
      tally.unhealthy++;
      tally.causes.set(message.result.cause, (tally.causes.get(message.result.cause) ?? 0) + 1);
    }
    return state;
  },
});

const quiet = (): void => {};
const logger = { debug: quiet, info: quiet, warn: quiet, error: console.error };

function watchedInstance(port: number, i: number, version: string): Instance {
  const id = `bench.instance-${i}` as Instance['id'];
  const task = {
    id: `${id}._app.1` as Instance['tasks'][number]['id'],
    condition: 'Running' as const,
    stagedAtMs: Date.now(),
    hostPorts: [port],
    ipAddresses: [],
  };
  const agent = { host: '127.0.0.1', agentId: 'a', attributes: [] };
  const app = plainApp('/bench', version);
  return {
    id,
    appId: app.id,
    version,
    role: '*',
    goal: 'Running',
    condition: 'Running',
    sinceMs: Date.now(),
    activeSinceMs: Date.now(),
    agent,
    tasks: [task],
    incarnation: 1,
    healthy: true,
  };
}

/** Watches `perSecond` instances, each asked once a second, begun evenly over a second. */
async function measure(figure: string, prober: Prober | undefined, targets: Targets): Promise<void> {
  const counts = new Map<string, number>();
  const runtime = createRuntime({
    name: figure,
    clock: systemClock,
    logger,
    metrics: { count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by), gauge: quiet, time: quiet },
  });
  const tally: Tally = { healthy: 0, unhealthy: 0, causes: new Map() };
  const sink = runtime.spawn(counting(tally), 'sink', { inboxLimit: 1_000_000 });
  if (prober) {
    const probes = runtime.spawn(probesBehaviour(prober, 2_048, quiet), 'probes', { inboxLimit: 1_000_000 });
    const version = '2026-01-01T00:00:00.000Z';
    const healthChecks = [
      {
        protocol: 'HTTP' as const,
        path: '/',
        gracePeriodSeconds: 0,
        intervalSeconds: 1,
        timeoutSeconds,
        maxConsecutiveFailures: 3,
      },
    ];
    const app = plainApp('/bench', version, {
      healthChecks,
      portDefinitions: [{ port: 0, protocol: 'tcp', labels: {} }],
    });
    const slices = 100;
    for (let i = 0; i < perSecond; i++) {
      const port = targets.ports[i % targets.ports.length] ?? 0;
      probes.tell({ type: 'watch', instance: watchedInstance(port, i, version), app, ref: sink });
      if (i % Math.ceil(perSecond / slices) === 0) await sleep(1_000 / slices);
    }
  }
  await sleep(warmUpMs);
  const before = await targets.answered();
  const [cpuBefore, allCpuBefore, startedMs] = [threadCpuMs(process.pid), process.cpuUsage(), performance.now()];
  const healthyBefore = tally.healthy;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(seconds === 0 ? 3_600_000 : seconds * 1_000);
  delay.disable();
  const tookS = (performance.now() - startedMs) / 1_000;
  const cpuMs = threadCpuMs(process.pid) - cpuBefore;
  const allCpu = process.cpuUsage(allCpuBefore);
  const otherCpuMs = Math.max(0, (allCpu.user + allCpu.system) / 1_000 - cpuMs);
  const healthy = tally.healthy - healthyBefore;
  const served = (await targets.answered()) - before;
  const line = {
    figure,
    probesPerSecond: Math.round(healthy / tookS),
    servedPerSecond: Math.round(served / tookS),
    failed: tally.unhealthy,
    causes: Object.fromEntries(tally.causes),
    notAsked: counts.get('health-checks.not-asked') ?? 0,
    loopLagMs: {
      p50: round(delay.percentile(50) / 1e6 - 1, 2),
      p99: round(delay.percentile(99) / 1e6 - 1, 2),
      max: round(delay.max / 1e6 - 1, 2),
    },
    leaderCpuPercent: round(cpuMs / tookS / 10),
    ...(healthy > 0
      ? {
          leaderMicrosPerProbe: round((cpuMs * 1_000) / healthy),
          // The prober's thread, with the garbage collector's and Node's own helpers.
          otherThreadsMicrosPerProbe: round((otherCpuMs * 1_000) / healthy),
        }
      : {}),
    machine,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  prober?.close();
  await runtime.shutdown();
}

const metrics = { count: quiet, gauge: quiet, time: quiet };

/** What it would be without the thread. */
function onOwnThread(): Prober {
  const tools = { lookup: createLookup(), stall: createStallMeter() };
  return { probe: (request, done) => ask(request, tools, done), close: () => tools.stall.stop() };
}

/** This very file in another process, which makes the same probes: what a shared machine does to a loop that has no part in them. */
async function startElsewhere(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), [String(perSecond), '0'], { execArgv: ['--import', 'tsx'] });
  await once(child, 'message');
  return child;
}

if (seconds === 0) {
  process.on('disconnect', () => process.exit(0));
  const [, own] = await startTargets();
  process.send?.('ready');
  await measure('', createProber({ clock: systemClock, logger, metrics }), own);
}
const [child, targets] = await startTargets();
try {
  await measure('noProbes', undefined, targets);
  const elsewhere = await startElsewhere();
  await measure('sameLoadElsewhere', undefined, targets);
  elsewhere.disconnect();
  await once(elsewhere, 'exit');
  await measure('probesInThread', createProber({ clock: systemClock, logger, metrics }), targets);
  await measure('probesOnLeadersThread', onOwnThread(), targets);
} finally {
  child.disconnect();
}
