import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventJson } from '../../../src/api/render/event.ts';
import { eventFormats, keptFrameBytes, maxFrameBytes, textFrame } from '../../../src/api/stream/frames.ts';
import { heartbeatMs, maxBacklogBytes, maxStalledBeats } from '../../../src/api/stream/heartbeats.ts';
import type { EventType, LoggedEvent } from '../../../src/core/events.ts';
import { fakeApp } from '../../support/fake-front.ts';
import { listeningApi, RawClient, type TestApi } from '../support/api-server.ts';

const event = (type: EventType, n: number, size = 0): LoggedEvent => ({
  id: `1.${n}`,
  type,
  json: JSON.stringify({ eventType: type, n, ...(size === 0 ? {} : { padding: 'x'.repeat(size) }) }),
});

const get = (query = '', headers = 'Accept: text/event-stream'): string =>
  `GET /v2/events${query} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;

const bodyOf = (client: RawClient): string => client.text.slice(client.text.indexOf('\r\n\r\n') + 4);

/** Frames of its own that a reader sees first, with the clock at its start. */
const attachedFrame =
  'event: event_stream_attached\r\n' +
  'data: {"remoteAddress":"127.0.0.1","eventType":"event_stream_attached","timestamp":"2026-01-01T00:00:00.000Z"}\r\n\r\n';

async function attached(api: TestApi & { readonly port: number }, query = '', headers?: string): Promise<RawClient> {
  const before = api.front.published.length;
  const client = new RawClient(api.port, get(query, headers));
  await client.until(({ text }) => text.includes('\r\n\r\n'));
  expect(api.front.published.length).toBe(before + 1);
  return client;
}

describe('GET /v2/events', () => {
  it('answers at once with the headers and the reader’s own attachment, then exact frames', async () => {
    const api = await listeningApi();
    const client = await attached(api);
    const head = client.text.slice(0, client.text.indexOf('\r\n\r\n')).split('\r\n');
    expect(head[0]).toBe('HTTP/1.1 200 OK');
    expect(head).toContain('Content-Type: text/event-stream;charset=utf-8');
    expect(head).toContain('Connection: close');
    expect(head).toContain('Cache-Control: no-cache, no-store, must-revalidate');
    expect(head.join()).not.toMatch(/content-encoding|transfer-encoding/i);
    api.front.deliver(event('app_terminated_event', 1), event('deployment_success', 2));
    await client.until(({ text }) => text.includes('"n":2}\r\n\r\n'));
    expect(bodyOf(client)).toBe(
      `${attachedFrame}event: app_terminated_event\r\ndata: {"eventType":"app_terminated_event","n":1}\r\n\r\n` +
        'event: deployment_success\r\ndata: {"eventType":"deployment_success","n":2}\r\n\r\n',
    );
  });

  it('tells the others, and tells of the leaving', async () => {
    const api = await listeningApi();
    const first = await attached(api);
    const second = await attached(api);
    await first.until(({ text }) => text.split('event: event_stream_attached').length === 3);
    expect(bodyOf(second)).toBe(attachedFrame);
    second.socket.destroy();
    await first.until(({ text }) => text.includes('event: event_stream_detached'));
    expect(api.front.published.map(({ eventType }) => eventType)).toEqual([
      'event_stream_attached',
      'event_stream_attached',
      'event_stream_detached',
    ]);
    expect(await api.metrics.renderPrometheus()).toContain('marathon_http_event_streams_active_gauge 1\n');
  });

  it('gives types that Marathon lacks only to readers that name them, or that know of ids', async () => {
    const api = await listeningApi();
    const plain = await attached(api);
    const naming = await attached(api, '?event_type=alarm_event');
    const withIds = await attached(api, '?ids=true');
    api.front.deliver(event('alarm_event', 1), event('deployment_success', 2));
    await plain.until(({ text }) => text.includes('"n":2'));
    await withIds.until(({ text }) => text.includes('"n":2'));
    await naming.until(({ text }) => text.includes('"n":1'));
    expect(plain.text).not.toContain('alarm_event');
    expect(withIds.text).toContain('event: alarm_event\r\n');
    expect(naming.text).not.toContain('deployment_success');
  });

  it('listens to the hub from the start, so that its log has no hole, and beats only while there are readers', async () => {
    const api = await listeningApi();
    // The streams, and the list of changed apps (`since=`).
    const own = 2;
    expect([api.front.readers.size, api.clock.pending()]).toEqual([own, 0]);
    const client = await attached(api);
    expect(api.clock.pending()).toBe(1);
    const left = new Promise((resolve) => {
      const publish = api.front.events.publish;
      Object.assign(api.front.events, {
        publish: (published: Parameters<typeof publish>[0]) => {
          publish(published);
          setImmediate(resolve);
        },
      });
    });
    client.socket.destroy();
    await left;
    expect([api.front.readers.size, api.clock.pending()]).toEqual([own, 0]);
  });

  it('filters by exact type, its own attachment included', async () => {
    const api = await listeningApi();
    const client = await attached(api, '?event_type=deployment_success&event_type=deployment_info&plan-format=light');
    api.front.deliver(event('app_terminated_event', 1));
    api.front.deliver(event('deployment_info', 2), event('app_terminated_event', 3), event('deployment_success', 4));
    await client.until(({ text }) => text.includes('"n":4'));
    expect(bodyOf(client).match(/"n":\d/g)).toEqual(['"n":2', '"n":4']);
  });

  it('takes a list with commas for one name, which no type has', async () => {
    const api = await listeningApi();
    const commas = await attached(
      api,
      '?event_type=deployment_success,deployment_info&event_type=app_terminated_event',
    );
    api.front.deliver(event('deployment_info', 1), event('deployment_success', 2), event('app_terminated_event', 3));
    await commas.until(({ text }) => text.includes('"n":3'));
    expect(bodyOf(commas).match(/"n":\d/g)).toEqual(['"n":3']);
  });

  it.each([
    ['?ids=true', ''],
    ['?since=1.0', ''],
    ['?since=', ''],
    ['', '\r\nLast-Event-ID: 1.0'],
  ])('writes id lines for those who ask (%s%s)', async (query, more) => {
    const api = await listeningApi();
    const client = await attached(api, query, `Accept: text/event-stream${more}`);
    api.front.deliver(event('app_terminated_event', 1));
    await client.until(({ text }) => text.includes('"n":1}\r\n\r\n'));
    expect(bodyOf(client)).toBe(
      `${attachedFrame}id: 1.1\r\nevent: app_terminated_event\r\ndata: {"eventType":"app_terminated_event","n":1}\r\n\r\n`,
    );
  });

  it('beats every 10 s with a bare line end', async () => {
    const api = await listeningApi();
    const client = await attached(api);
    await client.until(() => bodyOf(client) === attachedFrame);
    api.clock.advance(heartbeatMs * 2);
    await client.until(() => bodyOf(client) === `${attachedFrame}\r\n\r\n`);
  });

  it.each(['Accept: application/json', 'Accept: */*', 'X: y'])('answers 406 to %s', async (headers) => {
    const { port } = await listeningApi();
    const client = new RawClient(port, get('', `${headers}\r\nConnection: close`));
    await client.until(({ closed }) => closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 406 [\s\S]*\{"message":"Not Acceptable"\}$/);
  });

  it('takes a list of types that contains the stream’s', async () => {
    const api = await listeningApi();
    const client = await attached(api, '/', 'Accept: application/json;q=0.5, text/event-stream');
    expect(client.text).toMatch(/^HTTP\/1\.1 200/);
  });

  it('writes nothing more to a reader that does not read, cuts it at last, and no other one notices', async () => {
    const api = await listeningApi();
    const slow = await attached(api);
    slow.socket.pause();
    const fast = await attached(api);
    const size = 1024 * 1024;
    const deliver = async (n: number): Promise<void> => {
      api.front.deliver(event('app_terminated_event', n, size));
      await fast.until(({ text }) => text.includes(`"n":${n},`) && text.endsWith('\r\n\r\n'));
      fast.text = '';
    };
    // What the kernel takes for a reader that does not read is some megabytes.
    for (let n = 1; n <= 32; n += 1) await deliver(n);
    const shown = await api.metrics.renderPrometheus();
    expect(shown).toContain('marathon_http_event_streams_fell_behind_counter 1\n');
    expect(shown).toContain('marathon_http_event_streams_behind_gauge 1\n');
    for (let beat = 0; beat <= maxStalledBeats; beat += 1) {
      api.clock.advance(heartbeatMs);
      await fast.until(({ text }) => text.length >= 2 * (beat + 1));
    }
    await fast.until(({ text }) => text.includes('event: event_stream_detached'));
    const cut = api.lines.find(({ event: name }) => name === 'http.event-stream.cut');
    expect(cut).toMatchObject({ level: 'warn', fields: { remoteAddress: '127.0.0.1' } });
    expect(cut?.fields['backlogBytes']).toBeGreaterThan(maxBacklogBytes);
    expect(cut?.fields['backlogBytes']).toBeLessThan(maxBacklogBytes + 2 * size);
    expect(fast.closed).toBe(false);
  });

  it('ends all streams when leadership is lost, and takes new ones', async () => {
    const api = await listeningApi();
    const client = await attached(api);
    api.server.closeEventStreams();
    await client.until(({ closed }) => closed);
    const again = await attached(api);
    expect(again.text).toMatch(/^HTTP\/1\.1 200/);
  });

  it('ends all streams when the server closes, silent WebSocket clients included', async () => {
    const api = await listeningApi();
    const client = await attached(api);
    const silent = new RawClient(
      api.port,
      'GET /v2/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await silent.until(({ text }) => text.includes('event_stream_attached'));
    await api.server.close();
    await client.until(({ closed }) => closed);
    await silent.until(({ closed }) => closed);
    expect(silent.text).toContain('the server stops');
  });
});

describe('frames', () => {
  const formats = eventFormats('test', eventJson);

  it('show the app of an api_post_event as answers do', () => {
    const stored = { eventType: 'api_post_event', clientIp: 'x', uri: '/v2/apps', appDefinition: fakeApp('/web') };
    const data = (logged: object): Record<string, Record<string, unknown>> => {
      const frame = formats.sse.frame({ type: 'api_post_event', json: JSON.stringify(logged) }).toString();
      return JSON.parse(frame.slice(frame.indexOf('data: ') + 6));
    };
    const shown = data(stored);
    expect(shown['appDefinition']).toMatchObject({ id: '/web', cmd: 'sleep 1000', labels: {} });
    expect(shown['appDefinition']).not.toHaveProperty('constraints');
    expect(data(shown)).toEqual(shown);
    expect(data({ ...stored, appDefinition: { id: '/web' } })['appDefinition']).toEqual({ id: '/web' });
  });

  it('are remembered up to a number of bytes, and the newest one always', () => {
    const bounded = eventFormats('light', ({ json }) => json);
    const { sse } = bounded;
    const [large, huge] = [maxFrameBytes / 2, maxFrameBytes * 2];
    const first = event('app_terminated_event', 1, large);
    const frame = sse.frame(first);
    // Compared by identity alone: to show what differs in megabytes takes a minute.
    expect(sse.frame(first) === frame).toBe(true);
    expect(sse.keptBytes()).toBe(frame.length);
    const next = event('app_terminated_event', 2, large);
    sse.frame(next);
    expect(sse.keptBytes()).toBe(frame.length);
    expect(sse.frame(first) === frame).toBe(false);
    const last = event('app_terminated_event', 3, huge);
    const lastFrame = sse.frame(last);
    expect(sse.frame(last) === lastFrame).toBe(true);
    expect(keptFrameBytes([bounded])).toBeGreaterThanOrEqual(huge);
    sse.frame(next);
    expect(sse.keptBytes()).toBe(frame.length);
  });

  it('are built once for each event and format', () => {
    const one = event('app_terminated_event', 1);
    expect(formats.sse.frame(one)).toBe(formats.sse.frame(one));
    expect(formats.socket.frame(one)).not.toBe(formats.sse.frame(one));
  });

  it.each([
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 255, 255]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('carry a WebSocket payload of %i bytes', (length, head) => {
    const frame = textFrame('x'.repeat(length));
    expect([...frame.subarray(0, head.length)]).toEqual(head);
    expect(frame.length).toBe(head.length + length);
  });
});

describe('a WebSocket on /v2/events', () => {
  const open = async (
    port: number,
    path = '/v2/events',
    options = {},
  ): Promise<{ socket: WebSocket; messages: string[] }> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
    const messages: string[] = [];
    socket.on('message', (data) => messages.push(String(data)));
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return { socket, messages };
  };
  const message = (socket: WebSocket): Promise<string> =>
    new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
  const closed = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) => socket.once('close', (code) => resolve(code)));

  it('carries each event as one JSON text frame, with the same filter', async () => {
    const api = await listeningApi();
    const { socket, messages } = await open(api.port, '//v2/events/?event_type=deployment_success');
    const next = message(socket);
    const large = event('deployment_success', 2, 70_000);
    api.front.deliver(event('app_terminated_event', 1), large);
    expect(await next).toBe(large.json);
    expect(messages).toEqual([large.json]);
    const gone = closed(socket);
    socket.close();
    await gone;
  });

  it('ignores texts of clients, and closes on binary frames and on those that are too large', async () => {
    const api = await listeningApi();
    const { socket: other } = await open(api.port);
    const refused = closed(other);
    other.send(Buffer.from([1, 2, 3]));
    expect(await refused).toBe(1003);
    const { socket } = await open(api.port);
    socket.send('hello');
    const next = message(socket);
    api.front.deliver(event('deployment_success', 1));
    await next;
    const code = closed(socket);
    socket.send(Buffer.alloc(1024 * 1024));
    expect(await code).toBe(1009);
  });

  it('pings every 30 s and drops those who do not answer', async () => {
    const api = await listeningApi();
    const { socket } = await open(api.port, '/v2/events', { autoPong: false });
    const pinged = new Promise((resolve) => socket.once('ping', resolve));
    api.clock.advance(heartbeatMs * 3);
    await pinged;
    const code = closed(socket);
    api.clock.advance(heartbeatMs * 3);
    expect(await code).toBe(1006);
  });

  it('is refused on other paths and when it is no handshake', async () => {
    const { port } = await listeningApi();
    await expect(open(port, '/v2/apps')).rejects.toThrow('404');
    const client = new RawClient(
      port,
      'GET /v2/events HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    await client.until((one) => one.closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 400 [\s\S]*\{"message":/);
  });
});
