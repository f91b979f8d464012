/** Coming back to the event stream: nothing missing, nothing twice, and a word about what is gone. */
import { createParser } from 'eventsource-parser';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sliceEvents } from '../../../src/api/stream/history.ts';
import { maxRecentEvents, maxRecentSize } from '../../../src/api/stream/recent-events.ts';
import type { LoggedEvent } from '../../../src/core/events.ts';
import { eventually } from '../../support/eventually.ts';
import { ask, listeningApi, RawClient, type TestApi } from '../support/api-server.ts';

type Api = TestApi & { readonly port: number };

const json = (n: number, pad = 0): string =>
  JSON.stringify({ eventType: 'app_terminated_event', n, ...(pad === 0 ? {} : { pad: 'x'.repeat(pad) }) });
const event = (n: number, pad = 0, generation = '1'): LoggedEvent => ({
  id: `${generation}.${n}`,
  type: 'app_terminated_event',
  json: json(n, pad),
});

/** Puts events into the store and releases them, as the journal does. */
function happen(api: Api, from: number, to: number, pad = 0, perTurn = to - from + 1): void {
  for (let n = from; n <= to; n += perTurn) {
    const events: LoggedEvent[] = [];
    for (let k = n; k < Math.min(n + perTurn, to + 1); k += 1) events.push(event(k, pad));
    for (const [i, { type, json: text }] of events.entries()) api.front.log.set(n + i, { type, json: text });
    api.front.deliver(...events);
  }
}

/** A store that already holds `count` events from before this server's start. */
function history(api: Api, count: number, first = 1): void {
  for (let n = first; n <= count; n += 1) api.front.log.set(n, { type: 'app_terminated_event', json: json(n) });
  api.front.begin({ generation: '1', next: count + 1 });
}

interface Seen {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: { readonly n: number } & Readonly<Record<string, unknown>>;
}

/** Reads an SSE stream with ids. */
function read(port: number, query: string, headers = ''): { readonly seen: Seen[]; readonly client: RawClient } {
  const seen: Seen[] = [];
  const client = new RawClient(
    port,
    `GET /v2/events${query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n${headers}\r\n`,
  );
  let isBody = false;
  const parser = createParser({
    onEvent: ({ id, event: type = '', data }) => {
      if (!type.startsWith('event_stream_attached') && !type.startsWith('event_stream_detached'))
        seen.push({ id, type, data: JSON.parse(data) as Seen['data'] });
    },
  });
  client.socket.removeAllListeners('data');
  let head = '';
  client.socket.on('data', (chunk) => {
    if (isBody) parser.feed(chunk.toString('latin1'));
    else {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      isBody = true;
      client.text = head.slice(0, end);
      parser.feed(head.slice(end + 4));
    }
  });
  return { seen, client };
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};
const numbers = (seen: readonly Seen[]): readonly number[] => seen.map(({ data }) => data.n);
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('a reader that comes back', () => {
  it('gets from memory what it missed, then what comes, each with its id', async () => {
    const api = await listeningApi();
    happen(api, 1, 10);
    const { seen } = read(api.port, '?since=1.4');
    await until(() => seen.length === 6);
    happen(api, 11, 12);
    await until(() => seen.length === 8);
    expect(numbers(seen)).toEqual(range(5, 12));
    expect(seen.map(({ id }) => id)).toEqual(range(5, 12).map((n) => `1.${n}`));
  });

  it('gets from the store what is older than the server’s memory', async () => {
    const api = await listeningApi();
    const count = 5 * sliceEvents + 17;
    history(api, count);
    happen(api, count + 1, count + 5);
    const { seen } = read(api.port, '?since=1.0');
    await until(() => seen.length === count + 5);
    expect(numbers(seen)).toEqual(range(1, count + 5));
  });

  it('resumes by the header of a browser, which wins over the since= that it began with', async () => {
    const api = await listeningApi();
    history(api, 9);
    const { seen } = read(api.port, '?since=1.2', 'Last-Event-ID: 1.7\r\n');
    await until(() => seen.length === 2);
    expect(numbers(seen)).toEqual([8, 9]);
  });

  it('gets everything once while events go on, wherever it steps in', async () => {
    const api = await listeningApi();
    history(api, 700);
    const readers: ReturnType<typeof read>[] = [];
    const total = 3_000;
    for (let n = 701; n <= total; n += 10) {
      happen(api, n, n + 9, 200, 5);
      if (n % 100 === 1) readers.push(read(api.port, `?since=1.${(n * 7) % n}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [i, { seen }] of readers.entries()) {
      const n = 701 + i * 100;
      const first = ((n * 7) % n) + 1;
      await until(() => seen.length >= total - first + 1);
      expect(numbers(seen)).toEqual(range(first, total));
    }
    expect(readers).toHaveLength(23);
  });

  it('gets only the types that it asked for, and nothing of the store is read twice for many', async () => {
    const api = await listeningApi();
    history(api, 2 * sliceEvents - 1);
    const readers = Array.from({ length: 20 }, () => read(api.port, '?since=1.0&event_type=app_terminated_event'));
    const none = read(api.port, '?since=1.0&event_type=deployment_success');
    for (const { seen } of readers) await until(() => seen.length === 2 * sliceEvents - 1);
    expect(none.seen).toEqual([]);
    expect(api.front.reads.toSorted((a, b) => a - b)).toEqual([0, sliceEvents]);
  });

  it('over a WebSocket gets the same in envelopes with ids', async () => {
    const api = await listeningApi();
    history(api, 5);
    const socket = new WebSocket(`ws://127.0.0.1:${api.port}/v2/events?since=1.3`);
    const frames: { id?: string; event: { n?: number; eventType: string } }[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data))));
    await until(() => frames.length === 3);
    happen(api, 6, 6);
    await until(() => frames.length >= 4 && frames.at(-1)?.event.n === 6);
    const durable = frames.filter(({ id }) => id !== undefined);
    expect(durable.map(({ id, event: { n } }) => [id, n])).toEqual([4, 5, 6].map((n) => [`1.${n}`, n]));
    expect(frames[0]).toMatchObject({ event: { eventType: 'event_stream_attached' } });
    socket.terminate();
  });
});

describe('what cannot be had any more', () => {
  it('is named by a gap event with the id to go on from, and what is left follows', async () => {
    const api = await listeningApi();
    history(api, 600, 300);
    const { seen } = read(api.port, '?since=1.20&event_type=app_terminated_event');
    await until(() => seen.length === 302);
    expect(seen[0]).toEqual({
      id: '1.299',
      type: 'event_stream_gap',
      data: {
        eventType: 'event_stream_gap',
        timestamp: '2026-01-01T00:00:00.000Z',
        from: '1.21',
        to: '1.299',
        reason: 'expired',
        resync: 'GET /v2/apps?embed=apps.tasks&embed=apps.deployments',
      },
    });
    expect(numbers(seen.slice(1))).toEqual(range(300, 600));
  });

  it('is named for an id of another generation too', async () => {
    const api = await listeningApi();
    history(api, 30);
    const { seen } = read(api.port, '?since=old.12');
    await until(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ id: '1.30', data: { from: 'old.13', to: '1.30', reason: 'replaced' } });
    happen(api, 31, 31);
    await until(() => seen.length === 2);
    expect(numbers(seen.slice(1))).toEqual([31]);
  });

  it('is told to those who are reading while the state is replaced; others are disconnected', async () => {
    const api = await listeningApi();
    happen(api, 1, 3);
    const { seen } = read(api.port, '?ids=true');
    const plain = read(api.port, '');
    await until(() => plain.client.text !== '' && seen.length === 0 && api.front.published.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    api.front.begin({ generation: 'new', next: 8 });
    await until(() => seen.length === 1 && plain.client.closed);
    expect(seen[0]).toMatchObject({ id: 'new.7', data: { from: '1.4', to: 'new.7', reason: 'replaced' } });
    api.front.deliver({ ...event(8, 0, 'new') });
    await until(() => seen.length === 2);
    expect(seen[1]).toMatchObject({ id: 'new.8', data: { n: 8 } });
  });

  it('does not include what the last leader stored and never told: all readers get it from the store', async () => {
    const api = await listeningApi();
    happen(api, 1, 3);
    const withIds = read(api.port, '?ids=true');
    const plain = read(api.port, '');
    await until(() => api.front.published.length === 2);
    happen(api, 4, 4);
    for (const n of [5, 6]) api.front.log.set(n, { type: 'app_terminated_event', json: json(n) });
    api.front.begin({ generation: '1', next: 7 });
    happen(api, 7, 7);
    for (const { seen } of [withIds, plain]) {
      await until(() => seen.length >= 4);
      expect(numbers(seen)).toEqual([4, 5, 6, 7]);
    }
  });

  it('ends the stream of a reader that cannot be told', async () => {
    const api = await listeningApi();
    api.front.begin({ generation: '1', next: 4 });
    const plain = read(api.port, '');
    const socket = new WebSocket(`ws://127.0.0.1:${api.port}/v2/events`);
    const closing = new Promise<string>((resolve) =>
      socket.once('close', (code, reason) => resolve(`${code} ${String(reason)}`)),
    );
    await until(() => api.front.published.length === 2);
    // The store has lost 4 and 5.
    api.front.log.set(6, { type: 'app_terminated_event', json: json(6) });
    api.front.begin({ generation: '1', next: 7 });
    await until(() => plain.client.closed);
    expect(await closing).toBe('1013 events were missed: read the state anew, or resume with since=');
    expect(plain.seen).toEqual([]);
    expect(api.lines.map(({ event: name }) => name)).toContain('http.event-stream.missed-events');
  });

  it('ends the streams of those who wait for a store that cannot be read', async () => {
    const api = await listeningApi();
    history(api, 10);
    api.front.readFails = new Error('the disk is gone');
    const { client, seen } = read(api.port, '?since=1.0');
    await until(() => client.closed);
    expect(seen).toEqual([]);
    expect(api.lines.map(({ event: name }) => name)).toContain('http.event-stream.log-unreadable');
  });
});

describe('ids that cannot be resumed from', () => {
  it.each([
    ['since=1', '"1" is not an event id'],
    ['since=1.x', '"1.x" is not an event id'],
    ['since=1.-1', '"1.-1" is not an event id'],
    ['since=1.99999999999999999', 'is not an event id'],
    ['since=%22%3E%3Cscript%3E.1', 'is not an event id'],
    ['since=1.4', 'Event 1.4 has not happened yet: the newest one is 1.3'],
    ['since=1.9007199254740990', 'has not happened yet'],
  ])('%s is refused with 400', async (query, message) => {
    const api = await listeningApi();
    history(api, 3);
    const headers = { accept: 'text/event-stream' };
    const answer = await ask(api.port, { path: `/v2/events?${query}`, headers });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).message).toContain(message);
    const failure = await new Promise<Error>((resolve) => {
      new WebSocket(`ws://127.0.0.1:${api.port}/v2/events?${query}`).once('error', resolve);
    });
    expect(failure.message).toContain('400');
    expect(api.front.published).toEqual([]);
  });

  it('a malformed Last-Event-ID is refused, an empty one asks for ids from now on', async () => {
    const api = await listeningApi();
    const headers = { accept: 'text/event-stream', 'last-event-id': 'nonsense' };
    expect((await ask(api.port, { path: '/v2/events', headers })).status).toBe(400);
    const { seen } = read(api.port, '', 'Last-Event-ID: \r\n');
    await until(() => api.front.published.length === 1);
    happen(api, 1, 1);
    await until(() => seen.length === 1);
    expect(seen[0]?.id).toBe('1.1');
  });
});

describe('a reader that falls behind', () => {
  // deviation(different): slow event readers
  //   Marathon: cut off after 1,024 waiting messages
  //   here: beyond 8 MB of unsent bytes fed from the log at their own pace; [events](events.md)
  //   why: a burst is no slowness
  it('is fed from the log once it reads again, and misses nothing', async () => {
    const api = await listeningApi();
    const slow = read(api.port, '?ids=true');
    const fast = read(api.port, '?ids=true');
    await until(() => api.front.published.length === 2 && fast.client.text !== '' && slow.client.text !== '');
    slow.client.socket.pause();
    const total = 1_500;
    for (let n = 1; n <= total; n += 10) {
      happen(api, n, n + 9, 20_000);
      await until(() => fast.seen.length >= n + 9);
    }
    expect(await api.metrics.renderPrometheus()).toContain('marathon_http_event_streams_behind_gauge 1\n');
    slow.client.socket.resume();
    await until(() => slow.seen.length >= total);
    expect(numbers(slow.seen)).toEqual(range(1, total));
    expect(numbers(fast.seen)).toEqual(range(1, total));
    expect(total * 20_000).toBeGreaterThan(maxRecentSize);
    expect(total).toBeLessThan(maxRecentEvents);
    await eventually('nobody is behind', async () =>
      (await api.metrics.renderPrometheus()).includes('marathon_http_event_streams_behind_gauge 0\n'),
    );
  });
});
