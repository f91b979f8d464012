import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ProbeResult, Prober } from '../../src/actors/ports.ts';
import { withBodies } from '../../src/infra/body-probe.ts';

/** What the others are left to. */
const plain: Prober = { probe: (_, done) => done({ type: 'answered', status: 299 }), close: () => {} };

/** Serves short, long, endless and broken answers by path. */
async function probe(path: string, bodyBytes: number | undefined, timeoutMs = 2_000): Promise<ProbeResult> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    if (request.url === '/short') response.writeHead(503).end('cold: grün');
    else if (request.url === '/long') response.end('x'.repeat(100_000));
    else if (request.url === '/stuck') response.write('half');
    else response.write('half', () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const prober = withBodies(plain);
  onTestFinished(() => {
    prober.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const request = { protocol: 'HTTP', host: '127.0.0.1', port, path, timeoutMs } as const;
  return new Promise((resolve) => prober.probe(bodyBytes === undefined ? request : { ...request, bodyBytes }, resolve));
}

describe('A probe that wants the body', () => {
  it('brings it along with its type', async () => {
    expect(await probe('/short', 1_000)).toEqual({
      type: 'answered',
      status: 503,
      contentType: 'text/plain',
      body: 'cold: grün',
    });
  });

  it('cuts what is too long', async () => {
    expect(await probe('/long', 100)).toMatchObject({ status: 200, body: 'x'.repeat(100) });
  });

  it('waits for it no longer than the time-out', async () => {
    expect(await probe('/stuck', 100, 100)).toMatchObject({ type: 'failed' });
  });

  it('says so if it breaks off', async () => {
    expect(await probe('/broken', 100)).toMatchObject({ type: 'failed' });
  });

  it('says so if nobody listens, or nothing can be sent', async () => {
    expect(await probe('/not sendable', 100)).toMatchObject({ type: 'failed' });
    const nobody = { protocol: 'HTTP', host: '127.0.0.1', port: 1, path: '/', timeoutMs: 1_000, bodyBytes: 1 } as const;
    const prober = withBodies(plain);
    onTestFinished(() => prober.close());
    expect(await new Promise((resolve) => prober.probe(nobody, resolve))).toEqual({
      type: 'failed',
      cause: 'ECONNREFUSED',
    });
  });

  it('leaves to others what wants no body', async () => {
    expect(await probe('/stuck', undefined)).toEqual({ type: 'answered', status: 299 });
  });

  it('is given up when the prober is closed', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const prober = withBodies(plain);
    const request = { protocol: 'HTTP', host: '127.0.0.1', port, path: '/', timeoutMs: 60_000, bodyBytes: 1 } as const;
    const answer = new Promise((resolve) => prober.probe(request, resolve));
    await new Promise((resolve) => server.once('request', resolve));
    prober.close();
    expect(await answer).toEqual({ type: 'failed', cause: 'given up' });
    server.closeAllConnections();
    server.close();
  });
});
