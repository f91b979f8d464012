/** Between two leaderships of one server, during which others may have added to the log. */
import { createParser } from 'eventsource-parser';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { LoggedEvent } from '../../../src/core/events.ts';
import { ask, listeningApi, RawClient, type TestApi } from '../support/api-server.ts';

const json = (n: number): string => JSON.stringify({ eventType: 'app_terminated_event', n });
const event = (n: number): LoggedEvent => ({ id: `1.${n}`, type: 'app_terminated_event', json: json(n) });
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

function happen(api: TestApi, from: number, to: number): void {
  for (let n = from; n <= to; n += 1) {
    api.front.log.set(n, { type: 'app_terminated_event', json: json(n) });
    api.front.deliver(event(n));
  }
}

/** Ids of the events that come over SSE. */
function read(port: number, query: string): string[] {
  const ids: string[] = [];
  const parser = createParser({
    onEvent: ({ id }) => {
      if (id !== undefined) ids.push(id);
    },
  });
  const client = new RawClient(port, `GET /v2/events${query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n`);
  let head: string | undefined = '';
  client.socket.on('data', (chunk) => {
    if (head === undefined) {
      parser.feed(String(chunk));
      return;
    }
    head += String(chunk);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    parser.feed(head.slice(end + 4));
    head = undefined;
  });
  return ids;
}

describe('a server that led before and leads again', () => {
  it('does not call an event that others gave one that has not happened yet', async () => {
    const api = await listeningApi();
    happen(api, 1, 3);
    api.front.end();
    const early = await ask(api.port, { path: '/v2/events?since=1.9', headers: { accept: 'text/event-stream' } });
    expect([early.status, early.headers['retry-after']]).toEqual([503, '1']);
    const live = new WebSocket(`ws://127.0.0.1:${api.port}/v2/live`);
    await new Promise((resolve) => live.once('open', resolve));
    const said = new Promise<string>((resolve) => live.on('message', (data) => resolve(String(data))));
    live.send('{"op":"subscribe","sub":"a","stream":"events","since":"1.9"}');
    expect(await said).toContain('"code":"notReady"');
    live.terminate();

    for (let n = 4; n <= 10; n += 1) api.front.log.set(n, { type: 'app_terminated_event', json: json(n) });
    api.front.begin({ generation: '1', next: 11 });
    const ids = read(api.port, '?since=1.9');
    await until(() => ids.length === 1);
    happen(api, 11, 11);
    await until(() => ids.length === 2);
    expect(ids).toEqual(['1.10', '1.11']);
  });

  it('gives those who come for what is new nothing of what others have added', async () => {
    const api = await listeningApi();
    happen(api, 1, 3);
    const before = read(api.port, '?ids=true');
    await until(() => api.front.published.length === 1);
    api.front.end();
    const between = read(api.port, '?ids=true');
    await until(() => api.front.published.length === 2);
    for (const n of [4, 5]) api.front.log.set(n, { type: 'app_terminated_event', json: json(n) });
    api.front.begin({ generation: '1', next: 6 });
    happen(api, 6, 7);
    await until(() => before.length === 4 && between.length === 2);
    expect(before).toEqual(['1.4', '1.5', '1.6', '1.7']);
    expect(between).toEqual(['1.6', '1.7']);
  });
});
