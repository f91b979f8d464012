import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProbeRequest, ProbeResult, Prober } from '../../../src/actors/ports.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { maxOutstanding } from '../../../src/infra/prober/wire.ts';
import { createProber, type ProberOptions } from '../../../src/infra/prober.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';
import { answering, deadPort, type Target, target, tlsTarget } from './targets.ts';

const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function start(more: Partial<ProberOptions> = {}) {
  const logger = createSilentLogger();
  const metrics = createSilentMetrics();
  const prober = createProber({ clock: systemClock, logger, metrics, ...more });
  closing.push(() => prober.close());
  return { prober, logger, metrics };
}

async function kept(made: Promise<Target>): Promise<Target> {
  const one = await made;
  closing.push(one.close);
  return one;
}

const probe = (prober: Prober, request: Partial<ProbeRequest> & { readonly port: number }): Promise<ProbeResult> =>
  new Promise((resolve) =>
    prober.probe({ protocol: 'HTTP', host: '127.0.0.1', path: '/', timeoutMs: 120_000, ...request }, resolve),
  );

describe('The prober', () => {
  it('tells the status of HTTP, and asks as it should', async () => {
    const { prober } = start();
    const { port, received } = await kept(target(answering('HTTP/1.1 503 Unavailable\r\n\r\n')));
    expect(await probe(prober, { port, path: '/health?x=1' })).toEqual({ type: 'answered', status: 503 });
    expect(received()).toBe(
      `GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: ultramarathon\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
    );
  });

  it('opens a connection for each probe', async () => {
    const { prober } = start();
    let connections = 0;
    const { port } = await kept(
      target((socket) => {
        connections++;
        answering('HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n')(socket);
      }),
    );
    for (let i = 0; i < 3; i++) await probe(prober, { port });
    expect(connections).toBe(3);
  });

  // deviation(different): interim HTTP answers (1xx but 101) to a health check
  //   Marathon: the first answer counts
  //   here: the final answer counts, if one comes
  //   why: they announce it
  it('tells 101 as it is, and waits for what follows another 1xx (V116)', async () => {
    const { prober } = start();
    const upgrading = await kept(target(answering('HTTP/1.1 101 Switching Protocols\r\n\r\n')));
    const hinting = await kept(target(answering('HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n')));
    const onlyHinting = await kept(target(answering('HTTP/1.1 103 Early Hints\r\n\r\n')));
    expect(await probe(prober, upgrading)).toEqual({ type: 'answered', status: 101 });
    expect(await probe(prober, hinting)).toEqual({ type: 'answered', status: 200 });
    expect(await probe(prober, { port: onlyHinting.port, timeoutMs: 5_000 })).toEqual({
      type: 'answered',
      status: 103,
    });
  });

  it('accepts any certificate over HTTPS', async () => {
    const { prober } = start();
    const { port } = await kept(tlsTarget(answering('HTTP/1.1 200 OK\r\n\r\n')));
    expect(await probe(prober, { port, protocol: 'HTTPS' })).toEqual({ type: 'answered', status: 200 });
    expect(await probe(prober, { port, protocol: 'HTTP' })).toMatchObject({ type: 'failed' });
  });

  it('is content with a connection over TCP', async () => {
    const { prober } = start();
    const { port } = await kept(target(() => {}));
    expect(await probe(prober, { port, protocol: 'TCP' })).toEqual({ type: 'answered' });
    expect(await probe(prober, { port: await deadPort(), protocol: 'TCP' })).toEqual({
      type: 'failed',
      cause: 'ECONNREFUSED',
    });
  });

  it('asks IPv6 addresses, bare or in brackets, and host names', async () => {
    const { prober } = start();
    const six = await kept(target(answering('HTTP/1.1 200 OK\r\n\r\n'), '::1'));
    for (const host of ['::1', '[::1]']) {
      expect(await probe(prober, { port: six.port, host })).toEqual({ type: 'answered', status: 200 });
    }
    expect(six.received()).toContain(`Host: [::1]:${six.port}\r\n`);
    const four = await kept(target(answering('HTTP/1.1 200 OK\r\n\r\n')));
    expect(await probe(prober, { port: four.port, host: 'localhost' })).toEqual({ type: 'answered', status: 200 });
  });

  it('fails with the cause: refused, hung up, not HTTP', async () => {
    const { prober } = start();
    const rude = await kept(target((socket) => socket.once('data', () => socket.end())));
    const other = await kept(target((socket) => socket.write('SSH-2.0-x\r\n')));
    expect(await probe(prober, { port: await deadPort() })).toEqual({ type: 'failed', cause: 'ECONNREFUSED' });
    expect(await probe(prober, rude)).toEqual({ type: 'failed', cause: 'connection closed without an answer' });
    expect(await probe(prober, other)).toEqual({ type: 'failed', cause: 'the answer is not HTTP/1' });
  });

  it('answers a burst of 2,000 in full', async () => {
    const { prober, metrics } = start();
    const { port } = await kept(target(answering('HTTP/1.1 200 OK\r\n\r\n')));
    const results = await Promise.all(Array.from({ length: 2_000 }, () => probe(prober, { port })));
    expect(new Set(results.map((r) => JSON.stringify(r)))).toEqual(new Set(['{"type":"answered","status":200}']));
    expect(metrics.gauged('health-checks.prober.outstanding')).toBe(0);
  });
});

const badWorker = (code: string): URL => pathToFileURL(`/dev/null/${encodeURIComponent(code)}`);
const workerOf = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
const header = "import { parentPort } from 'node:worker_threads';";

describe('A prober in trouble', () => {
  it('says that it did not ask what its thread took along, counts it, and starts another', async () => {
    const once = `${header}
      import { threadId } from 'node:worker_threads';
      parentPort.on('message', (requests) => {
        if (requests.some((r) => r[4] === '/boom')) throw new Error('boom');
        parentPort.postMessage(requests.map((r) => [r[0], 'answered', 200]));
      });`;
    const { prober, metrics, logger } = start({ workerFile: workerOf(once) });
    const port = 1;
    expect(await probe(prober, { port, path: '/boom' })).toMatchObject({ type: 'notAsked' });
    expect(await probe(prober, { port, path: '/fine' })).toEqual({ type: 'answered', status: 200 });
    expect(metrics.counted('health-checks.prober.restarts')).toBe(1);
    expect(logger.of('prober.lost')).toHaveLength(1);
  });

  it('answers even if no thread can be started, less and less often', async () => {
    const { prober, metrics } = start({ workerFile: badWorker('nothing') });
    for (let i = 0; i < 3; i++) expect(await probe(prober, { port: 1 })).toMatchObject({ type: 'notAsked' });
    expect(metrics.counted('health-checks.prober.restarts')).toBe(3);
  });

  it('replaces a thread that hangs', async () => {
    const hung = `${header}
      parentPort.on('message', (requests) => { if (requests.some((r) => r[4] === '/hang')) for (;;); });`;
    const { prober, logger } = start({ workerFile: workerOf(hung), hungAfterMs: 200 });
    expect(await probe(prober, { port: 1, path: '/hang', timeoutMs: 50 })).toMatchObject({ type: 'notAsked' });
    expect(String(logger.of('prober.lost')[0]?.cause)).toContain('does not answer');
  });

  it('turns away what exceeds the bound instead of gathering it', async () => {
    const silent = `${header} parentPort.on('message', () => {});`;
    const { prober } = start({ workerFile: workerOf(silent) });
    for (let i = 0; i < maxOutstanding; i++) {
      prober.probe({ protocol: 'TCP', host: '127.0.0.1', port: 1, path: '', timeoutMs: 60_000 }, () => {});
    }
    expect(await probe(prober, { port: 1 })).toEqual({ type: 'notAsked', reason: 'too many probes are open' });
  });

  it('calls nobody after it was closed', async () => {
    const { prober } = start();
    const { port } = await kept(target(() => {}));
    let answers = 0;
    prober.probe({ protocol: 'HTTP', host: '127.0.0.1', port, path: '/', timeoutMs: 20 }, () => answers++);
    prober.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answers).toBe(0);
  });
});
