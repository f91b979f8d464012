/** `--http_max_concurrent_requests`: no more requests at once than that, and the others are told to come again. */
import { describe, expect, it } from 'vitest';
import { ask, listeningApi, RawClient } from './support/api-server.ts';

const half = 'POST /v2/apps HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{';
const stream = 'GET /v2/events HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n';

async function limited(maxConcurrentRequests: number) {
  const api = await listeningApi({ maxConcurrentRequests });
  const gauges = () => JSON.parse(api.metrics.renderJson()).gauges;
  const taken = (): number => gauges()['marathon.http.requests.slots.taken.gauge'].value;
  const until = async (count: number): Promise<void> => {
    while (taken() !== count) await new Promise((resolve) => setImmediate(resolve));
  };
  const ping = () => ask(api.port, { path: '/ping' });
  return { ...api, taken, until, ping };
}

describe('With as many requests under way as may be', () => {
  it('another one is refused with a time to come again, and counted', async () => {
    const { port, until, ping, metrics } = await limited(2);
    new RawClient(port, half);
    new RawClient(port, half);
    await until(2);
    const refused = await ping();
    expect([refused.status, refused.headers['retry-after'], JSON.parse(refused.body)]).toEqual([
      503,
      '1',
      { message: 'Too many concurrent requests! Allowed: 2.' },
    ]);
    expect(refused.headers).not.toHaveProperty('marathon-write-outcome');
    const write = await ask(port, { method: 'DELETE', path: '/v2/apps/web' });
    expect([write.status, write.headers['marathon-write-outcome']]).toEqual([503, 'refused']);
    expect(JSON.parse(metrics.renderJson()).counters['marathon.http.requests.turned-away.counter'].count).toBe(2);
  });

  it('a slot is free again when its request is answered, or its client gone', async () => {
    const { port, until, ping } = await limited(1);
    const slow = new RawClient(port, half);
    await until(1);
    expect((await ping()).status).toBe(503);
    slow.socket.write('}');
    await slow.until(({ text }) => text.startsWith('HTTP/1.1 422'));
    await until(0);
    expect((await ping()).status).toBe(200);
    const gone = new RawClient(port, half);
    await until(1);
    gone.socket.destroy();
    await until(0);
    expect((await ping()).status).toBe(200);
  });

  it('event streams hold no slot', async () => {
    const { port, until, ping } = await limited(1);
    const reader = new RawClient(port, stream);
    await reader.until(({ text }) => text.startsWith('HTTP/1.1 200'));
    await until(0);
    expect((await ping()).status).toBe(200);
  });
});

describe('Without a limit', () => {
  it('nobody is refused and nothing is counted', async () => {
    const { port, metrics } = await listeningApi();
    for (let i = 0; i < 20; i += 1) new RawClient(port, half);
    expect((await ask(port, { path: '/ping' })).status).toBe(200);
    expect(metrics.renderJson()).not.toContain('slots');
  });
});
