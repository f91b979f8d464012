/** What fan-out and catch-up may cost: bytes and decisions are shared by all readers of a kind, wherever each of them stands. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/actors/ports.ts';
import { catchUpBacklogBytes, maxGivenBytes } from '../../../src/api/stream/catch-up.ts';
import { maxChunkBytes } from '../../../src/api/stream/chunk.ts';
import { type EventStreams, eventStreams } from '../../../src/api/stream/event-streams.ts';
import { type EventFilter, typeFilter } from '../../../src/api/stream/filter.ts';
import { heartbeatMs, maxBacklogBytes } from '../../../src/api/stream/heartbeats.ts';
import { maxKeptSize, sliceEvents } from '../../../src/api/stream/history.ts';
import type { StreamConnection } from '../../../src/api/stream/reader.ts';
import type { LoggedEvent } from '../../../src/core/events.ts';
import { createMetricsRegistry } from '../../../src/infra/metrics/registry.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeFront } from '../../support/fake-front.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

interface Board {
  readonly streams: EventStreams;
  readonly front: FakeFront;
  readonly value: (kind: 'counters' | 'gauges', name: string) => number;
}

function board(clock: Clock = createVirtualClock()): Board {
  const front = new FakeFront();
  front.begin({ generation: '1', next: 1 });
  const metrics = createMetricsRegistry({ clock, withProcess: false });
  const nothing = (): void => {};
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const streams = eventStreams({ hub: front.events, read: front.read, clock, logger, metrics });
  return {
    streams,
    front,
    value: (kind, name) => {
      const entry = JSON.parse(metrics.renderJson())[kind][`marathon.${name}.${kind.slice(0, -1)}`];
      return entry?.count ?? entry?.value ?? 0;
    },
  };
}

/** A connection that keeps what it is given; nothing leaves while it is stuck. */
class FakeConnection implements StreamConnection {
  readonly remoteAddress: string;
  readonly writes: Buffer[] = [];
  isStuck = false;
  #stuckBytes = 0;
  #proceed: () => void = () => {};

  constructor(remoteAddress = '10.0.0.1') {
    this.remoteAddress = remoteAddress;
  }

  write(frames: Buffer): void {
    this.writes.push(frames);
    if (this.isStuck) this.#stuckBytes += frames.length;
  }

  backlogBytes(): number {
    return this.#stuckBytes;
  }

  sentBytes(): number {
    return bytesOf(this.writes) - this.#stuckBytes;
  }

  whenDrained(proceed: () => void): void {
    this.#proceed = proceed;
  }

  drain(): void {
    this.isStuck = false;
    this.#stuckBytes = 0;
    this.#proceed();
  }

  beats = 0;
  beat(): void {
    this.beats += 1;
  }

  end(): void {}
  cut(): void {}

  text(): string {
    return Buffer.concat(this.writes).toString();
  }

  /** Numbers of the durable events, in the order in which they came. */
  numbers(): readonly number[] {
    return [...this.text().matchAll(/^id: 1\.(\d+)\r$/gm)].map(([, n]) => Number(n));
  }

  count(pattern: RegExp): number {
    return [...this.text().matchAll(pattern)].length;
  }
}

const event = (n: number, pad = 10): LoggedEvent => ({
  id: `1.${n}`,
  type: 'app_terminated_event',
  json: JSON.stringify({ eventType: 'app_terminated_event', n, pad: 'x'.repeat(pad) }),
});
const bytesOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, { length }) => sum + length, 0);
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const all = typeFilter(['app_terminated_event'], true);

/** Counts what it is asked. */
function counting(filter: EventFilter): EventFilter & { asked: number } {
  const counted = {
    ...filter,
    asked: 0,
    accepts: (one: LoggedEvent) => {
      counted.asked += 1;
      return filter.accepts(one);
    },
  };
  return counted;
}

function follow({ streams }: Board, since?: number, filter = all, connection = new FakeConnection()): FakeConnection {
  const begin = streams.admit(since === undefined ? undefined : { generation: '1', number: since });
  if (!begin.ok) throw new Error(begin.error.message);
  const format = streams.formats({}).sseWithId;
  streams.follow({ connection, filter, format, wantsGaps: true }, begin.value);
  return connection;
}

const turns = async (count = 4): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('live readers', () => {
  it('of one kind get the very same bytes, for which each event is looked at once', async () => {
    const on = board();
    const filter = counting(all);
    const readers = Array.from({ length: 100 }, () => follow(on, undefined, filter));
    on.front.deliver(event(1), event(2), event(3));
    await turns();
    expect(filter.asked).toBe(3);
    const [first] = readers;
    expect(first?.numbers()).toEqual([1, 2, 3]);
    for (const { writes } of readers) {
      expect(writes).toHaveLength(1);
      expect(writes[0]).toBe(first?.writes[0]);
    }
  });

  it('who want nothing of what happened are not looked at', async () => {
    const on = board();
    const filter = counting(typeFilter(['deployment_success'], true));
    const readers = Array.from({ length: 50 }, () => {
      const connection = follow(on, undefined, filter);
      connection.backlogBytes = () => {
        throw new Error('it was looked at');
      };
      return connection;
    });
    on.front.deliver(event(1), event(2));
    await turns();
    expect(filter.asked).toBe(2);
    expect(readers.every(({ writes }) => writes.length === 0)).toBe(true);
  });

  it('of many kinds get their own', async () => {
    const on = board();
    const readers = range(1, 30).map((n) =>
      follow(on, undefined, { key: String(n), isFixed: true, accepts: ({ id }) => Number(id?.slice(2)) % n === 0 }),
    );
    on.front.deliver(...range(1, 60).map((n) => event(n)));
    await turns();
    for (const [i, reader] of readers.entries()) {
      expect(reader.numbers()).toEqual(range(1, 60).filter((n) => n % (i + 1) === 0));
    }
  });

  it('who come while a round goes on get what comes behind it, and nothing twice', async () => {
    // Every look at the clock takes 5 ms, so that a round takes several turns.
    let nowMs = 0;
    const clock = {
      ...createVirtualClock(),
      monotonic: () => {
        nowMs += 5;
        return nowMs;
      },
      after: (ms: number, fire: () => void) => {
        const timer = setTimeout(fire, Math.min(ms, 5));
        timer.unref();
        return { cancel: () => clearTimeout(timer) };
      },
    };
    const on = board(clock);
    const readers = range(1, 500).map((n) => ({ since: 0, reader: follow(on, undefined), n }));
    let newest = 0;
    for (let step = 0; step < 40; step += 1) {
      on.front.deliver(event(++newest), event(++newest));
      const { newestId } = on.streams;
      await turns(1);
      const since = Number(newestId()?.slice(2));
      readers.push({ since, reader: follow(on, since), n: readers.length });
    }
    await eventually('all have everything', () =>
      readers.every(({ since, reader }) => reader.numbers().length >= newest - since),
    );
    for (const { since, reader } of readers) expect(reader.numbers()).toEqual(range(since + 1, newest));
  });

  it('see their own arrival first, and everybody’s once, however many come at the same time', async () => {
    const on = board();
    const connections = range(1, 40).map((n) => new FakeConnection(`10.0.0.${n}`));
    const format = on.streams.formats({}).sse;
    const filter = typeFilter([], false);
    for (const [i, connection] of connections.entries()) {
      if (i % 7 === 0) on.front.deliver({ type: 'app_terminated_event', json: '{"eventType":"app_terminated_event"}' });
      on.streams.join({ connection, filter, format, wantsGaps: false }, { type: 'live' });
    }
    await turns();
    for (const connection of connections) {
      const [own = ''] = connection.text().split('\r\n\r\n', 1);
      expect(own).toContain(`"remoteAddress":"${connection.remoteAddress}","eventType":"event_stream_attached"`);
      const seen = [...connection.text().matchAll(/"remoteAddress":"([^"]+)"/g)].map(([, address]) => address);
      expect(seen.toSorted()).toEqual(connections.map(({ remoteAddress }) => remoteAddress).toSorted());
      expect(connection.count(/app_terminated_event\r/g)).toBe(6);
    }
  });
});

describe('readers that come back', () => {
  it('share what is built of the log, wherever each of them stands', async () => {
    const on = board();
    const total = 2_000;
    on.front.deliver(...range(1, total).map((n) => event(n)));
    await turns();
    const filter = counting(all);
    const readers = range(0, 199).map((n) => ({ since: n * 9, connection: follow(on, n * 9, filter) }));
    await turns(100);
    for (const { since, connection } of readers) expect(connection.numbers()).toEqual(range(since + 1, total));
    expect(filter.asked).toBe(total);
    expect(on.value('counters', 'http.event-streams.caught-up')).toBe(200);
    expect(on.value('gauges', 'http.event-streams.behind')).toBe(0);
    const bytes = new Set(readers.flatMap(({ connection }) => connection.writes.map(({ buffer }) => buffer)));
    expect(bytes.size).toBeLessThan(20);
  });

  it('find what is kept within its bound, and at their own pace get all the same', async () => {
    const on = board();
    const total = 1_700;
    // More than may be kept, and more than is held in memory: the rest comes from the store.
    const events = range(1, total).map((n) => event(n, 12_000));
    for (const { id = '', type, json } of events) on.front.log.set(Number(id.slice(2)), { type, json });
    for (let n = 0; n < total; n += 100) on.front.deliver(...events.slice(n, n + 100));
    await turns();
    const readers = range(1, 5).map(() => follow(on, 0));
    for (const reader of readers) reader.isStuck = true;
    for (let i = 0; on.value('gauges', 'http.event-streams.behind') > 0 && i < 4_000; i += 1) {
      await turns(1);
      expect(on.value('gauges', 'http.event-streams.chunks.size')).toBeLessThanOrEqual(maxChunkBytes);
      // One after the other reads on, so that they stand at different places.
      const reader = readers[i % readers.length];
      expect(reader?.backlogBytes()).toBeLessThan(5_000_000);
      reader?.drain();
      if (reader) reader.isStuck = true;
    }
    for (const reader of readers) expect(reader.numbers()).toEqual(range(1, total));
  });

  it('get large events of the store in small parts, of which little is kept', async () => {
    const on = board();
    const total = 2 * sliceEvents - 1;
    const size = 35_000;
    for (const n of range(1, total)) on.front.log.set(n, event(n, size));
    on.front.begin({ generation: '1', next: total + 1 });
    const read = async (): Promise<FakeConnection> => {
      const reader = follow(on, 0);
      reader.isStuck = true;
      for (let i = 0; on.value('gauges', 'http.event-streams.behind') > 0 && i < 500; i += 1) {
        await turns(4);
        expect(reader.backlogBytes()).toBeLessThan(catchUpBacklogBytes + maxGivenBytes + 2 * size);
        reader.drain();
        reader.isStuck = true;
      }
      return reader;
    };
    expect((await read()).numbers()).toEqual(range(1, total));
    expect((await read()).numbers()).toEqual(range(1, total));
    expect(sliceEvents * size).toBeLessThan(maxKeptSize);
    expect(total * size).toBeGreaterThan(maxKeptSize);
    // One slice was kept, and it is not the one with which the second reader began.
    expect(on.front.reads).toEqual([0, sliceEvents, 0, sliceEvents]);
  });

  it('by a selection that may change are not given what was selected before', async () => {
    const on = board();
    on.front.deliver(...range(1, 100).map((n) => event(n)));
    await turns();
    let isWanted = false;
    const filter: EventFilter = { key: 'label', isFixed: false, accepts: () => isWanted };
    const before = follow(on, 0, filter);
    await turns(10);
    isWanted = true;
    const after = follow(on, 0, filter);
    await turns(10);
    expect([before.numbers(), after.numbers()]).toEqual([[], range(1, 100)]);
  });
});

describe('readers that take nothing', () => {
  it('hold what is allowed and no more, while the others get everything, and get it too once they read', async () => {
    const on = board();
    const stalled = range(1, 100).map(() => follow(on));
    for (const connection of stalled) connection.isStuck = true;
    const others = range(1, 20).map(() => follow(on));
    // Twice what a reader may have unsent, and less than memory holds.
    const total = 1_500;
    const size = 10_000;
    for (let n = 1; n <= total; n += 10) {
      on.front.deliver(...range(n, n + 9).map((k) => event(k, size)));
      await turns(2);
    }
    // The very same pieces of memory.
    for (const { writes } of others) expect(writes.every((piece, i) => piece === others[0]?.writes[i])).toBe(true);
    expect(new Set(others.map(({ writes }) => writes.length)).size).toBe(1);
    expect(others[0]?.numbers()).toEqual(range(1, total));
    const [first] = stalled;
    const heldBytes = first?.backlogBytes() ?? 0;
    expect(heldBytes).toBeGreaterThan(maxBacklogBytes);
    expect(total * size).toBeGreaterThan(1.5 * maxBacklogBytes);
    for (const connection of stalled) {
      expect(connection.backlogBytes()).toBe(heldBytes);
      expect(connection.backlogBytes()).toBeLessThan(maxBacklogBytes + 11 * size);
    }
    // A hundred of them hold the same memory once.
    const pieces = new Set(stalled.flatMap(({ writes }) => writes));
    expect(bytesOf([...pieces])).toBe(heldBytes);
    expect(on.value('gauges', 'http.event-streams.behind')).toBe(100);
    for (const connection of stalled) connection.drain();
    await turns(20);
    expect(first?.numbers()).toEqual(range(1, total));
    const [length] = stalled.map(({ writes }) => bytesOf(writes));
    expect(stalled.every(({ writes }) => bytesOf(writes) === length)).toBe(true);
    expect(on.value('gauges', 'http.event-streams.behind')).toBe(0);
  });
});

describe('heartbeats', () => {
  it('reach everybody, a few milliseconds in a turn', async () => {
    const virtual = createVirtualClock();
    // Every look at the clock takes a while.
    let tookMs = 0;
    const on = board({
      ...virtual,
      monotonic: () => {
        tookMs += 3;
        return virtual.monotonic() + tookMs;
      },
    });
    const readers = range(1, 1_000).map(() => follow(on));
    virtual.advance(heartbeatMs);
    const atOnce = readers.filter(({ beats }) => beats === 1).length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThan(200);
    await turns(40);
    expect(readers.map(({ beats }) => beats)).toEqual(Array(1_000).fill(1));
    virtual.advance(heartbeatMs);
    await turns(40);
    expect(readers.map(({ beats }) => beats)).toEqual(Array(1_000).fill(2));
  });
});
