import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ProbeResult } from '../../../src/actors/ports.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { createProber } from '../../../src/infra/prober.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';

/** With its thread, since what is asked for crosses its border. */
const proberOfTest = () =>
  createProber({ clock: systemClock, logger: createSilentLogger(), metrics: createSilentMetrics() });

/** Serves short, long, endless and broken answers by path. */
async function probe(path: string, bodyBytes: number | undefined, timeoutMs = 120_000): Promise<ProbeResult> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    if (request.url === '/short') response.writeHead(503).end('cold: grün');
    else if (request.url === '/long') response.end('x'.repeat(100_000));
    else if (request.url === '/empty') response.end();
    else if (request.url === '/stuck') response.write('half');
    else response.write('half', () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const prober = proberOfTest();
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
    const nobody = {
      protocol: 'HTTP',
      host: '127.0.0.1',
      port: 1,
      path: '/',
      timeoutMs: 120_000,
      bodyBytes: 1,
    } as const;
    const prober = proberOfTest();
    onTestFinished(() => prober.close());
    expect(await new Promise((resolve) => prober.probe(nobody, resolve))).toEqual({
      type: 'failed',
      cause: 'ECONNREFUSED',
    });
  });

  it('leaves the body where it is unless it is asked for', async () => {
    expect(await probe('/short', undefined)).toEqual({ type: 'answered', status: 503 });
    expect(await probe('/stuck', undefined)).toEqual({ type: 'answered', status: 200 });
  });

  it('brings an empty body along as one', async () => {
    expect(await probe('/empty', 100)).toMatchObject({ type: 'answered', status: 200, body: '' });
  });
});
