/**
 * The serving side of the event benchmark, a process of its own: our API on a fake front, and beside it a bare `ws` server that broadcasts the
 * same bytes. Told what to do over IPC.
 */
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { WebSocketServer } from 'ws';
import type { EventReader } from '../../src/actors/front.ts';
import { defaultApiConfig } from '../../src/api/dependencies.ts';
import { listen } from '../../src/api/listen.ts';
import { buildServer } from '../../src/api/server.ts';
import type { LoggedEvent } from '../../src/core/events.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { createMetricsRegistry } from '../../src/infra/metrics/registry.ts';
import { FakeFront } from '../../test/support/fake-front.ts';
import { eventBytes, microsText, nowMicros } from './event-bytes.ts';

export type HostCommand =
  /**
   * Publishes `count` events, `perTurn` in a turn. Turns are due every `pauseMs`, whatever the loop does, and events bear the time when they
   * were due; without a pause they follow each other.
   */
  | {
      readonly type: 'publish';
      readonly to: 'ours' | 'bare';
      readonly count: number;
      readonly perTurn: number;
      readonly pauseMs: number;
    }
  | { readonly type: 'memory' };

export type HostAnswer =
  | { readonly type: 'listening'; readonly ours: number; readonly bare: number }
  | { readonly type: 'published'; readonly loopP99Ms: number; readonly loopMaxMs: number; readonly cpuMs: number }
  | { readonly type: 'memory'; readonly rssBytes: number; readonly heapBytes: number };

/** The time comes first, so that a reader finds it without parsing. */
function jsonAt(micros: string, n: number): string {
  const head = `{"timestamp":"${micros}","eventType":"status_update_event","n":"${String(n).padStart(10, '0')}","message":"`;
  return `${head}${'x'.repeat(eventBytes - head.length - 2)}"}`;
}

async function main(say: (answer: HostAnswer) => void): Promise<void> {
  const front = new FakeFront();
  const nothing = (): void => {};
  const server = buildServer({
    read: front.read,
    control: front.control,
    events: { ...front.events, publish: nothing },
    metrics: createMetricsRegistry({ clock: systemClock }),
    config: defaultApiConfig,
    clock: systemClock,
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const listening = await listen(server, { http: { host: '127.0.0.1', port: 0 } });
  if (!listening.ok) throw new Error(listening.error.message);
  const plain = createServer();
  const sockets = new WebSocketServer({ server: plain, perMessageDeflate: false });
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const bare = (plain.address() as { readonly port: number }).port;
  let number = 0;
  const deliver = (events: readonly LoggedEvent[]): void => {
    for (const reader of front.readers as ReadonlySet<EventReader>) reader.deliver(events);
  };
  const broadcast = (events: readonly LoggedEvent[]): void => {
    for (const { json } of events) {
      const data = Buffer.from(json);
      for (const client of sockets.clients) client.send(data, { binary: false });
    }
  };
  const publish = async ({ to, count, perTurn, pauseMs }: Extract<HostCommand, { type: 'publish' }>): Promise<void> => {
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const cpu = process.cpuUsage();
    const startMicros = Number(nowMicros());
    for (let n = 0; n < count; n += perTurn) {
      const dueMicros = startMicros + (n / perTurn) * pauseMs * 1_000;
      const restMs = pauseMs === 0 ? 0 : (dueMicros - Number(nowMicros())) / 1_000;
      await new Promise((resolve) => (restMs > 0.5 ? setTimeout(resolve, restMs) : setImmediate(resolve)));
      const micros = pauseMs === 0 ? nowMicros() : microsText(dueMicros);
      const events = Array.from({ length: Math.min(perTurn, count - n) }, (_, i): LoggedEvent => {
        number += to === 'ours' ? 1 : 0;
        return { id: `1.${number}`, type: 'status_update_event', json: jsonAt(micros, n + i) };
      });
      if (to === 'ours') deliver(events);
      else broadcast(events);
    }
    loop.disable();
    const { user, system } = process.cpuUsage(cpu);
    const [loopP99Ms, loopMaxMs] = [loop.percentile(99) / 1e6, loop.max / 1e6];
    say({ type: 'published', loopP99Ms, loopMaxMs, cpuMs: (user + system) / 1_000 });
  };
  process.on('message', (command: HostCommand) => {
    if (command.type === 'publish') void publish(command);
    else {
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      say({ type: 'memory', rssBytes: rss, heapBytes: heapUsed + external });
    }
  });
  process.on('disconnect', () => process.exit());
  say({ type: 'listening', ours: listening.value.httpPort ?? 0, bare });
}

if (process.send) await main((answer) => process.send?.(answer));
