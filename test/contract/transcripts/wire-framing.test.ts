/** Recording 01b: the bytes of an event stream themselves, and several requests on one connection. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type LocalMesos, startLocalMesos } from '../../../src/local-mesos/cluster.ts';

const undo: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function cluster(): Promise<LocalMesos> {
  const workDir = await mkdtemp(join(tmpdir(), 'framing-'));
  undo.push(() => rm(workDir, { recursive: true, force: true }));
  const started = await startLocalMesos({ port: 0, agents: 1, simulate: true, workDir, attributes: 'rack:größe→1' });
  undo.push(() => started.close());
  return started;
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  undo.push(() => {
    socket.destroy();
  });
  return socket;
}

/** Reads until what has come satisfies. */
function readUntil(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const look = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const text = bytes.toString('latin1');
      if (!enough(text)) return;
      socket.off('data', look);
      resolve(text);
    };
    socket.on('data', look);
    socket.on('close', () => reject(new Error(`closed after ${bytes.toString('latin1')}`)));
  });
}

function post(body: object, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  return [
    'POST /api/v1/scheduler HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    ...headers,
    `Content-Length: ${Buffer.byteLength(text)}`,
    '',
    text,
  ].join('\r\n');
}

const subscribe = {
  type: 'SUBSCRIBE',
  subscribe: { framework_info: { user: 'root', name: 'probe', roles: ['*'], capabilities: [{ type: 'MULTI_ROLE' }] } },
};

it.each([[[]], [['Accept-Encoding: gzip']]])(
  'every record is one chunk of length, line feed and compact JSON, never compressed (%j)',
  async (headers) => {
    const socket = open((await cluster()).port);
    socket.write(post(subscribe, headers));
    const text = await readUntil(socket, (seen) => seen.includes('"OFFERS"') && seen.endsWith('}\r\n'));
    const [head = '', ...rest] = text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toMatch(/Transfer-Encoding: chunked/i);
    expect(head).toMatch(/Mesos-Stream-Id: [0-9a-f-]{36}/);
    expect(head).not.toMatch(/Content-Encoding/i);
    const types: string[] = [];
    let body = rest.join('\r\n\r\n');
    while (body !== '') {
      const [, size = '', length = ''] = /^([0-9a-f]+)\r\n(\d+)\n/.exec(body) ?? [];
      const record = body.slice(size.length + 2 + length.length + 1, size.length + 2 + Number.parseInt(size, 16));
      expect(record).toHaveLength(Number(length));
      const event = JSON.parse(Buffer.from(record, 'latin1').toString()) as { type: string };
      expect(JSON.stringify(event)).toBe(Buffer.from(record, 'latin1').toString());
      types.push(event.type);
      body = body.slice(size.length + 2 + Number.parseInt(size, 16) + 2);
    }
    expect(types[0]).toBe('SUBSCRIBED');
    expect(types.slice(1).sort()).toEqual(['HEARTBEAT', 'OFFERS']);
  },
);

it('the connection lives on after an error, for the next request', async () => {
  const socket = open((await cluster()).port);
  for (let i = 0; i < 2; i++) {
    socket.write(post({}));
    const text = await readUntil(socket, (seen) => seen.includes('present'));
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain("Failed to validate scheduler::Call: Expecting 'type' to be present");
  }
});
