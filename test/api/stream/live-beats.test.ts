/** What the heartbeats of `/v2/live` may cost. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { eventStreams } from '../../../src/api/stream/event-streams.ts';
import { heartbeatMs } from '../../../src/api/stream/heartbeats.ts';
import { type LiveOptions, liveServer } from '../../../src/api/stream/live/live-server.ts';
import { createMetricsRegistry } from '../../../src/infra/metrics/registry.ts';
import { FakeFront } from '../../support/fake-front.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

class FakeSocket extends Writable {
  readonly written: Buffer[] = [];
  setNoDelay(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    done();
  }
}

it('heartbeats of /v2/live reach everybody, a few milliseconds in a turn, and share their bytes', async () => {
  const virtual = createVirtualClock();
  // Every look at the clock takes a while.
  let tookMs = 0;
  const clock = {
    ...virtual,
    monotonic: () => {
      tookMs += 3;
      return virtual.monotonic() + tookMs;
    },
  };
  const front = new FakeFront();
  const metrics = createMetricsRegistry({ clock, withProcess: false });
  const nothing = (): void => {};
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const streams = eventStreams({ hub: front.events, read: front.read, clock, logger, metrics });
  // Nobody subscribes to anything: what would render it is not asked for.
  const absent = {} as Pick<LiveOptions, 'apps' | 'tasks' | 'taskFiles'>;
  const live = liveServer({ ...absent, streams, read: front.read, clock, metrics });
  front.begin({ generation: '1', next: 8 });
  const sockets = Array.from({ length: 1_000 }, () => {
    const socket = new FakeSocket();
    const client = Object.assign(new EventEmitter(), { readyState: 1, OPEN: 1, extensions: '' });
    live.serve(client as unknown as WebSocket, socket as unknown as Socket);
    return socket;
  });
  virtual.advance(heartbeatMs);
  const beaten = (): readonly FakeSocket[] => sockets.filter(({ written }) => written.length === 1);
  expect(beaten().length).toBeGreaterThan(0);
  expect(beaten().length).toBeLessThan(200);
  for (let i = 0; i < 40; i += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(beaten()).toHaveLength(1_000);
  const frames = new Set(sockets.map(({ written }) => written[0]));
  expect([...frames].every((frame) => frame?.subarray(2).toString() === '{"op":"beat","id":"1.7"}')).toBe(true);
  expect(frames.size).toBeLessThan(40);
});
