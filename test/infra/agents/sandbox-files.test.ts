/** Files of tasks from a scripted master and agent: where they are found, and what becomes of agents that do not behave. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SandboxFiles, SandboxPlace } from '../../../src/actors/ports.ts';
import { maxAnswerBytes } from '../../../src/infra/agents/agent-http.ts';
import { masterPlace } from '../../../src/infra/agents/master-place.ts';
import { bytesPerSecond, maxDownloads, maxQuestions, ReadGate } from '../../../src/infra/agents/read-gate.ts';
import { createSandboxFiles } from '../../../src/infra/agents/sandbox-files.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { createMetricsRegistry } from '../../../src/infra/metrics/registry.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const frameworkId = 'f-0000';
const place: SandboxPlace = { taskId: 'run.1', agentId: 'm-S0', executorIds: ['run.1'] };
const root = `/frameworks/${frameworkId}/executors/run.1/runs/latest`;

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL, body: string) => void;

/** A master and its one agent, at one address, as the local cluster has them; `answer` comes first. */
async function cluster(options: { answer?: Handler; version?: string; tls?: { key: string; cert: string } } = {}) {
  const asked: { path: string; authorization: string | undefined; body: string }[] = [];
  const sockets = new Set<Socket>();
  const content = new Map([[`${root}/stdout`, Buffer.from('hello\n')]]);
  const state = { pid: '', isRegistered: true };
  const json = (response: ServerResponse, value: unknown): void => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://x');
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization, body });
      options.answer?.(request, response, url, body);
      if (response.writableEnded || response.destroyed || response.headersSent) return;
      const path = url.searchParams.get('path') ?? '';
      if (url.pathname === '/master/slaves') {
        const slave = {
          id: 'm-S0',
          pid: state.pid,
          hostname: 'localhost',
          port: 1,
          version: options.version ?? '1.11.0',
        };
        json(response, { slaves: state.isRegistered ? [slave] : [], recovered_slaves: [] });
      } else if (url.pathname === '/files/browse') {
        const below = [...content.keys()].filter((name) => name.startsWith(`${path}/`));
        if (below.length === 0) response.writeHead(404).end();
        else
          json(
            response,
            below.map((name) => ({
              path: name,
              size: 6,
              mtime: 5.0,
              mode: '-rw-r--r--',
              uid: 'u',
              gid: 'g',
              nlink: 1,
            })),
          );
      } else if (url.pathname === '/files/download') {
        const found = content.get(path);
        response.writeHead(found ? 200 : 404, found ? { 'Content-Length': found.length } : {}).end(found);
      } else if (url.pathname === '/slave(1)/api/v1') {
        const { path: name, offset, length } = JSON.parse(body).read_file;
        const found = content.get(name);
        if (found === undefined) response.writeHead(404).end();
        else
          json(response, {
            type: 'READ_FILE',
            read_file: { size: found.length, data: found.subarray(offset, offset + length).toString('base64') },
          });
      } else response.writeHead(404).end('404 Not Found.');
    });
  };
  const server = options.tls ? createTlsServer(options.tls, handle) : createServer(handle);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  state.pid = `slave(1)@127.0.0.1:${port}`;
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  onTestFinished(close);
  return { port, address: `127.0.0.1:${port}`, asked, content, state, close, sockets };
}

function filesOf(
  address: string | (() => string | undefined),
  more: Partial<Parameters<typeof createSandboxFiles>[0]> & { readonly master1?: string } = {},
): SandboxFiles {
  const { master1 = 'h:1', ...options } = more;
  const addressOf = typeof address === 'string' ? () => address : address;
  const files = createSandboxFiles({
    clock: systemClock,
    metrics: createMetricsRegistry({ clock: systemClock, withProcess: false }),
    master: () => {
      const at = addressOf();
      return at === undefined ? undefined : masterPlace(at, master1, options.tls !== undefined);
    },
    frameworkId: () => frameworkId,
    authorization: undefined,
    tls: undefined,
    ...options,
  });
  onTestFinished(() => files.close());
  return files;
}

const whole = { offset: 0, length: 1_000 };
const read = (files: SandboxFiles, path = 'stdout') => files.read(place, path, whole);

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe('files of a task', () => {
  it('are found by the master, the agent and the names that Mesos gives to sandboxes', async () => {
    const mesos = await cluster();
    const files = filesOf(mesos.address);
    const part = await files.read(place, 'stdout', { offset: 1, length: 3 });
    expect(part.ok && [Buffer.from(part.value.data).toString(), part.value.size]).toEqual(['ell', 6]);
    expect(await files.browse(place, '')).toEqual({
      ok: true,
      value: [{ path: 'stdout', size: 6, modifiedMs: 5_000, mode: '-rw-r--r--', user: 'u', group: 'g', links: 1 }],
    });
    const download = await files.download(place, 'stdout');
    expect(download.ok && download.value.size).toBe(6);
    expect(download.ok && (await bytesOf(download.value.chunks)).toString()).toBe('hello\n');
    // What was found once is not asked for again.
    expect(mesos.asked.filter(({ path }) => path.startsWith('/master/slaves')).map(({ path }) => path)).toEqual([
      '/master/slaves?slave_id=m-S0',
    ]);
    expect(mesos.asked.filter(({ path }) => path.includes('browse'))).toHaveLength(2);
  });

  it('of any bytes come as they are', async () => {
    const mesos = await cluster();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    mesos.content.set(`${root}/stdout`, bytes);
    const part = await read(filesOf(mesos.address));
    expect(part.ok && Buffer.from(part.value.data).equals(bytes)).toBe(true);
  });

  it('of a custom executor are found under its name', async () => {
    const mesos = await cluster();
    mesos.content.set(`/frameworks/${frameworkId}/executors/marathon-run.1/runs/latest/stdout`, Buffer.from('x'));
    mesos.content.delete(`${root}/stdout`);
    const part = await filesOf(mesos.address).read(
      { ...place, executorIds: ['run.1', 'marathon-run.1'] },
      'stdout',
      whole,
    );
    expect(part.ok && Buffer.from(part.value.data).toString()).toBe('x');
  });

  it('of agents before 1.5 are found in their state, whether the executor is alive or not', async () => {
    for (const executors of ['executors', 'completed_executors']) {
      const directory = '/var/lib/mesos/slaves/m-S0/frameworks/f/executors/run.1/runs/c';
      const mesos = await cluster({
        version: '1.4.3',
        answer: (_request, response, url) => {
          if (url.pathname !== '/slave(1)/state') return;
          const framework = { id: frameworkId, [executors]: [{ id: 'other' }, { id: 'run.1', directory }] };
          response.end(JSON.stringify({ frameworks: [{ id: 'x' }], completed_frameworks: [framework] }));
        },
      });
      mesos.content.set(`${directory}/stdout`, Buffer.from('old'));
      const part = await read(filesOf(mesos.address));
      expect(part.ok && Buffer.from(part.value.data).toString()).toBe('old');
    }
  });

  it('carry the credentials of the link, to the master and to the agent', async () => {
    const mesos = await cluster();
    await read(filesOf(mesos.address, { authorization: 'Basic cDpz' }));
    expect(mesos.asked.length).toBeGreaterThan(2);
    for (const { authorization } of mesos.asked) expect(authorization).toBe('Basic cDpz');
  });

  it('are read over TLS with the authority of the link, and not from whom that does not vouch for', async () => {
    const alt = [
      { type: 7, ip: '127.0.0.1' },
      { type: 2, value: 'localhost' },
    ] as const;
    const pems = await generate([{ name: 'commonName', value: 'agents' }], {
      keySize: 2048,
      extensions: [{ name: 'subjectAltName', altNames: [...alt] as never }],
    });
    const mesos = await cluster({ tls: { key: pems.private, cert: pems.cert } });
    const trusting = filesOf(mesos.address, { tls: { ca: pems.cert } });
    expect((await read(trusting)).ok).toBe(true);
    const strict = filesOf(mesos.address, { master1: `https://${mesos.address}` });
    expect(await read(strict)).toMatchObject({ ok: false, error: { kind: 'away' } });
  });
});

describe('an agent that does not behave', () => {
  const failureOf = async (files: SandboxFiles, path = 'stdout') => {
    const part = await read(files, path);
    if (part.ok) throw new Error('it behaved');
    return part.error;
  };

  it('away, unknown to the master, or without a master: says so', async () => {
    expect(await failureOf(filesOf(() => undefined))).toMatchObject({
      kind: 'away',
      reason: expect.stringMatching(/no connection to Mesos/),
    });
    const mesos = await cluster();
    mesos.state.isRegistered = false;
    expect(await failureOf(filesOf(mesos.address))).toMatchObject({
      kind: 'away',
      reason: expect.stringMatching(/m-S0 is not registered/),
    });
    mesos.state.isRegistered = true;
    mesos.state.pid = 'slave(1)@127.0.0.1:1';
    expect(await failureOf(filesOf(mesos.address))).toMatchObject({
      kind: 'away',
      reason: expect.stringMatching(/127.0.0.1:1 cannot be asked: ECONNREFUSED/),
    });
    mesos.close();
    expect(await failureOf(filesOf(mesos.address))).toMatchObject({
      kind: 'away',
      reason: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  it('that comes back at another address is found there', async () => {
    const mesos = await cluster();
    const files = filesOf(mesos.address);
    mesos.state.pid = 'slave(1)@127.0.0.1:1';
    expect((await failureOf(files)).kind).toBe('away');
    mesos.state.pid = `slave(1)@${mesos.address}`;
    expect((await read(files)).ok).toBe(true);
  });

  it.each([
    [{ pathname: '/files/browse', status: 404 }, 'notFound', /has no sandbox of task run.1/],
    [{ pathname: '/slave(1)/api/v1', status: 404 }, 'notFound', /no such file/],
    [
      { pathname: '/slave(1)/api/v1', status: 400, body: 'Cannot read a directory.\n' },
      'refused',
      /^Cannot read a directory.$/,
    ],
    [{ pathname: '/slave(1)/api/v1', status: 401 }, 'away', /refuses this server's credentials/],
    [{ pathname: '/slave(1)/api/v1', status: 403 }, 'away', /credentials/],
    [{ pathname: '/slave(1)/api/v1', status: 500 }, 'away', /answered 500/],
    [{ pathname: '/slave(1)/api/v1', status: 302, location: 'http://127.0.0.1:1/' }, 'away', /answered 302/],
    [{ pathname: '/slave(1)/api/v1', status: 503, body: 'Agent has not finished recovery' }, 'away', /answered 503/],
    [{ pathname: '/files/browse', status: 403 }, 'away', /credentials/],
    // The master has lost its lead, and the link has not heard of it yet.
    [{ pathname: '/master/slaves', status: 307, location: '//127.0.0.1:1/master/slaves' }, 'away', /answered 307/],
    [{ pathname: '/slave(1)/api/v1', status: 200, body: 'nonsense' }, 'away', /not JSON/],
    [{ pathname: '/slave(1)/api/v1', status: 200, body: 'null' }, 'away', /no answer to the question/],
    [
      { pathname: '/slave(1)/api/v1', status: 200, body: '{"read_file":{"size":"x"}}' },
      'away',
      /no answer to the question/,
    ],
    [{ pathname: '/files/browse', status: 200, body: 'x'.repeat(maxAnswerBytes + 1) }, 'away', /more than/],
    [{ pathname: '/master/slaves', status: 200, body: '[]' }, 'away', /not registered/],
    [{ pathname: '/master/slaves', status: 200, body: '{"slaves":[{"id":"m-S0","pid":7}]}' }, 'away', /not registered/],
  ] as const)('%j is %s', async (said, kind, reason) => {
    const mesos = await cluster({
      answer: (_request, response, url) => {
        if (url.pathname !== said.pathname) return;
        response.writeHead(said.status, 'location' in said ? { Location: said.location } : {});
        response.end('body' in said ? said.body : '');
      },
    });
    const error = await failureOf(filesOf(mesos.address));
    expect(error.kind).toBe(kind);
    expect(error.reason).toMatch(reason);
  });

  it('that is silent is given up', async () => {
    const mesos = await cluster({
      answer: (_request, response, url) => {
        if (url.pathname === '/slave(1)/api/v1') response.writeHead(200).flushHeaders();
      },
    });
    const clock = createVirtualClock();
    const files = filesOf(mesos.address, { clock });
    const asked = failureOf(files);
    while (!mesos.asked.some(({ path }) => path.startsWith('/slave(1)'))) await new Promise((r) => setTimeout(r, 5));
    // The answer has begun, and does not go on.
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(11_000);
    expect(await asked).toMatchObject({ kind: 'away' });
  });

  it('that closes kept connections is asked again on a new one', async () => {
    const mesos = await cluster();
    const files = filesOf(mesos.address);
    await read(files);
    for (let i = 0; i < 5; i++) {
      for (const socket of mesos.sockets) socket.resetAndDestroy();
      expect((await read(files)).ok).toBe(true);
    }
  });

  it('that breaks a download off does not make it look complete', async () => {
    const mesos = await cluster({
      answer: (_request, response, url) => {
        if (url.pathname !== '/files/download') return;
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('half', () => response.destroy());
      },
    });
    const download = await filesOf(mesos.address).download(place, 'stdout');
    if (!download.ok) throw new Error(download.error.reason);
    await expect(bytesOf(download.value.chunks)).rejects.toThrow();
  });
});

describe('limits', () => {
  it('of downloads: places are given back when they end or are given up', async () => {
    const mesos = await cluster();
    const files = filesOf(mesos.address);
    const open = await Promise.all(Array.from({ length: maxDownloads }, () => files.download(place, 'stdout')));
    expect(open.every(({ ok }) => ok)).toBe(true);
    expect(await files.download(place, 'stdout')).toMatchObject({ ok: false, error: { kind: 'busy' } });
    const [first, second] = open;
    if (first?.ok) await bytesOf(first.value.chunks);
    if (second?.ok) second.value.cancel();
    expect((await files.download(place, 'stdout')).ok).toBe(true);
    expect((await files.download(place, 'none')).ok).toBe(false);
    expect((await files.download(place, 'stdout')).ok).toBe(true);
  });

  it('of questions: so many at a time, in the order of asking', async () => {
    const gate = new ReadGate(createVirtualClock());
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const all = Array.from({ length: maxQuestions + 3 }, (_, n) =>
      gate.ask(async () => {
        begun.push(n);
        await new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await Promise.resolve();
    expect([begun.length, gate.running, gate.waiting]).toEqual([maxQuestions, maxQuestions, 3]);
    while (ends.length > 0) {
      for (const end of ends.splice(0)) end();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
    await Promise.all(all);
    expect(begun).toEqual(all.map((_, n) => n));
    expect([gate.running, gate.waiting]).toEqual([0, 0]);
  });

  it('of bytes in a second, over all readers', async () => {
    const clock = createVirtualClock();
    const gate = new ReadGate(clock);
    const size = 64 * 1024;
    let read = 0;
    const reader = async (): Promise<void> => {
      for (;;) {
        await gate.ask(async () => {
          read += size;
          gate.took(size);
        });
      }
    };
    for (let i = 0; i < 20; i++) void reader();
    const seconds = 10;
    for (let t = 0; t < seconds * 100; t++) {
      clock.advance(10);
      for (let i = 0; i < 400; i++) await Promise.resolve();
    }
    expect(read / seconds).toBeGreaterThan(bytesPerSecond * 0.5);
    // And what was saved up.
    expect(read / seconds).toBeLessThan(bytesPerSecond * 1.5);
  });
});

describe('the place of the master', () => {
  it.each([
    ['10.0.0.1:5050', '10.0.0.1:5050', false, { host: '10.0.0.1', port: 5050, tls: false, prefix: '/master' }],
    ['10.0.0.1:5050', 'https://10.0.0.1:5050', false, { tls: true }],
    ['10.0.0.1:5050', 'https://10.0.0.1:5050/mesos', false, { tls: true, prefix: '/mesos/master' }],
    ['10.0.0.2:5050', 'https://10.0.0.1:5050', false, { host: '10.0.0.2', tls: true, prefix: '/master' }],
    ['10.0.0.1:5050', 'zk://h:2181/mesos', false, { tls: false }],
    ['10.0.0.1:5050', 'zk://h:2181/mesos', true, { tls: true }],
    ['[::1]:5050', 'zk://h:2181/mesos', false, { host: '::1', port: 5050 }],
    ['10.0.0.1:80', 'http://10.0.0.1', false, { port: 80, tls: false }],
  ])('%s of %s (certificates: %s)', (address, configured, hasCertificates, expected) => {
    expect(masterPlace(address, configured, hasCertificates)).toMatchObject(expected);
  });
});
