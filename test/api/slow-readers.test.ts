/** Readers that do not take their answers: what they hold is bounded, and nobody else pays for it. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { SlowReaders } from '../../src/api/slow-readers.ts';
import { ask, RawClient, testApi } from './support/api-server.ts';

const MiB = 1024 * 1024;

/** A server that answers `/stalled` and `/read` with the same bytes, or with bytes of their own behind `?own`. */
async function serving(limit: number) {
  const { metrics } = testApi();
  const readers = new SlowReaders({ metrics, limit });
  const shared = [Buffer.alloc(8 * MiB, 'a'), Buffer.alloc(8 * MiB, 'b')];
  const answered: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const buffers = request.url?.includes('own') ? shared.map((buffer) => Buffer.from(buffer)) : shared;
    response.writeHead(200, { 'Content-Length': 16 * MiB });
    response.cork();
    response.write(buffers[0]);
    response.end(buffers[1]);
    response.uncork();
    readers.wrote(response, buffers);
    answered.push(response);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { readers, metrics, answered, port: (server.address() as AddressInfo).port };
}

/** A client that asks and never reads. */
async function stall(port: number, path: string, isAnswered: () => boolean): Promise<RawClient> {
  const client = new RawClient(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  client.socket.pause();
  while (!isAnswered()) await new Promise((resolve) => setImmediate(resolve));
  return client;
}

it('cuts off the slowest readers when what they hold is too much, and lets others finish', async () => {
  const { readers, metrics, answered, port } = await serving(40 * MiB);
  for (let i = 1; i <= 5; i += 1) await stall(port, '/stalled?own', () => answered.length === i);
  expect(readers.heldBytes).toBeLessThanOrEqual(40 * MiB);
  expect(answered.map((response) => response.destroyed)).toEqual([true, true, true, false, false]);
  const read = await ask(port, { path: '/read' });
  expect(read.body).toHaveLength(16 * MiB);
  expect(metrics.renderJson()).toMatch(/"marathon\.http\.answers\.cut-off\.counter":\{"count":[345]\}/);
});

it('counts what many wait for once, and nothing when they are gone', async () => {
  const { readers, answered, port } = await serving(40 * MiB);
  const clients: RawClient[] = [];
  for (let i = 1; i <= 6; i += 1) clients.push(await stall(port, '/stalled', () => answered.length === i));
  expect(answered.some((response) => response.destroyed)).toBe(false);
  expect(readers.heldBytes).toBe(16 * MiB);
  for (const { socket } of clients) socket.destroy();
  while (readers.heldBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(answered.every((response) => response.destroyed)).toBe(true);
});
